//! Numbers by weights, in constant time and without a branch (Walker, *An Efficient Method for Generating Discrete Random
//! Variables with General Distributions*, ACM TOMS 3(3), 1977; the construction is that of Vose, *A Linear Algorithm for
//! Generating Random Numbers with a Given Distribution*, IEEE TSE 17(9), 1991).
//!
//! `WeightedAliasIndex` of `rand_distr` is the same method, but it draws twice for each number and branches on what it
//! has drawn, which no processor can predict. That took 12 ns of each operation that is measured, a fifth of a short one.

use kovan_harness::random::WyRand;

/// Draws numbers below its length.
#[derive(Debug)]
pub(super) struct Alias(Box<[Column]>);

/// One column of the table: a number, which has the lower part of it, and another, which has the rest.
#[derive(Clone, Copy, Debug)]
struct Column {
    /// The share of the number, of 2<sup>32</sup>. A column that is all of one number has that one as the other.
    own: u32,
    other: u32,
}

/// The height of a column.
const HEIGHT: f64 = (1_u64 << 32) as f64;

impl Alias {
    /// The table of these weights, of which at least one is positive and none negative. Each number's share is exact to
    /// 2<sup>-32</sup> of a column.
    #[allow(clippy::cast_precision_loss)] // At most 2^32 numbers.
    pub(super) fn new(mut weights: Vec<f64>) -> Self {
        let places = 0..u32::try_from(weights.len()).expect("numbers of 32 bits");
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        for weight in &mut weights {
            *weight /= mean;
        }
        let mut columns: Vec<_> = places.clone().map(|own| Column { own: 0, other: own }).collect();
        let (mut low, mut high): (Vec<_>, Vec<_>) =
            places.partition(|place| weights[*place as usize] < 1.0);
        while let (Some(place), Some(giver)) = (low.pop(), high.last().copied()) {
            let share = weights[place as usize];
            columns[place as usize] = Column { own: in_column(share), other: giver };
            let rest = &mut weights[giver as usize];
            *rest -= 1.0 - share;
            if *rest < 1.0 {
                high.pop();
                low.push(giver);
            }
        }
        // What is left in either list is a whole column, but for rounding.
        Self(columns.into())
    }

    /// Draws a number. One random number is both the column, by its upper part, and the height in it.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // The halves of a product.
    pub(super) fn next(&self, random: &mut WyRand) -> u64 {
        let product = u128::from(random.next_u64()) * self.0.len() as u128;
        let (place, height) = ((product >> 64) as usize, (product as u64 >> 32) as u32);
        let Column { own, other } = self.0[place];
        std::hint::select_unpredictable(height < own, place as u64, other.into())
    }
}

/// A share of a column, below one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It is below 2^32, and not negative.
fn in_column(share: f64) -> u32 {
    (share * HEIGHT) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of all draws that each number has in a table.
    fn shares(table: &Alias) -> Vec<f64> {
        let mut shares = vec![0.0; table.0.len()];
        for (place, Column { own, other }) in table.0.iter().enumerate() {
            let own = f64::from(*own) / HEIGHT;
            shares[place] += own / table.0.len() as f64;
            shares[*other as usize] += (1.0 - own) / table.0.len() as f64;
        }
        shares
    }

    #[test]
    fn each_number_has_the_share_of_its_weight() {
        let zipf: Vec<f64> = (1..=1000).map(|rank| f64::from(rank).powf(-0.99)).collect();
        for weights in
            [vec![1.0], vec![3.0; 7], vec![0.0, 1.0, 0.0], vec![1.0, 2.0, 3.0, 1e-9], zipf]
        {
            let sum: f64 = weights.iter().sum();
            let shares = shares(&Alias::new(weights.clone()));
            for (weight, share) in weights.iter().zip(&shares) {
                assert!((weight / sum - share).abs() < 1e-9, "{weight} of {sum}: {share}");
            }
        }
    }

    #[test]
    fn numbers_come_by_their_shares() {
        let table = Alias::new(vec![1.0, 2.0, 5.0]);
        let (mut random, mut counts) = (WyRand::stream(7, 0, 1), [0_u32; 3]);
        for _ in 0..80_000 {
            counts[usize::try_from(table.next(&mut random)).expect("below 3")] += 1;
        }
        // The greatest standard deviation is 137.
        let off = |count: u32, wanted| count.abs_diff(wanted) < 500;
        assert!(
            off(counts[0], 10_000) && off(counts[1], 20_000) && off(counts[2], 50_000),
            "{counts:?}"
        );
    }
}
