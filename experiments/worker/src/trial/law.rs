//! Keys that are not all alike: by Zipf's law, or some of them hot.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use kovan_harness::random::{Permutation, WyRand};
use rand_core::TryRng;
use rand_distr::{Distribution, Zipf};

use super::alias::Alias;

/// The most numbers that have a table, of 8 bytes each. More are computed, draw by draw.
const MOST: u64 = 1 << 20;

/// A law by which numbers below a count are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Law {
    pub(super) kind: Kind,
    pub(super) count: u64,
    /// The permutation of this seed spreads the numbers; without one, the lower ones are the frequent ones.
    pub(super) spread: Option<u64>,
}

/// Which numbers are frequent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Number r comes as often as 1 / (r + 1)^theta says.
    Zipf {
        /// The exponent.
        theta: f64,
    },
    /// So many numbers get this share of 2^32 draws, and all others the rest.
    Hot {
        /// How many.
        hot: u64,
        /// What they get.
        draws: u64,
    },
}

/// Draws by a law.
pub(super) enum Drawn {
    /// Numbers come from a table that all threads share.
    Table(Arc<Alias>),
    /// A formula computes each number: 120 ns for Zipf's law, which is little beside operations on so many keys.
    Computed {
        /// The formula.
        formula: Formula,
        /// How many numbers there are.
        count: u64,
        /// What spreads them.
        spread: Option<Permutation>,
    },
}

/// Draws numbers that are not spread yet.
pub(super) enum Formula {
    /// Rejection from the inverse of a law that is near.
    Zipf(Zipf<f64>),
    /// So many hot numbers, which get this share of 2^32 draws.
    Hot(u64, u64),
}

/// A stream of random numbers, as the library of distributions wants it.
struct Random<'a>(&'a mut WyRand);

impl TryRng for Random<'_> {
    type Error = Infallible;

    #[allow(clippy::cast_possible_truncation)] // The upper half fits.
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.0.next_u64() >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.0.next_u64().to_le_bytes()[..part.len()]);
        }
        Ok(())
    }
}

impl Law {
    /// What draws by this law: from a table where there is room for one.
    pub(super) fn drawn(self) -> Drawn {
        if self.count <= MOST { Drawn::Table(self.shared()) } else { self.computed() }
    }

    /// The table of this law. There is one in a process, for as many of its threads as ask.
    fn shared(self) -> Arc<Alias> {
        static ALL: Mutex<Vec<(Law, Arc<Alias>)>> = Mutex::new(Vec::new());
        // A list of finished tables, whoever panicked while it made one.
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, table)) = all.iter().find(|(law, _)| *law == self) {
            return Arc::clone(table);
        }
        let table = Arc::new(self.table());
        all.push((self, Arc::clone(&table)));
        table
    }

    fn table(self) -> Alias {
        let spread = self.permutation();
        let mut weights = vec![0.0; usize::try_from(self.count).expect("at most MOST")];
        for number in 0..self.count {
            let place = spread.as_ref().map_or(number, |spread| spread.at(number));
            weights[usize::try_from(place).expect("below the count")] = self.weight(number);
        }
        Alias::new(weights)
    }

    /// How often a number comes, in any unit.
    #[allow(clippy::cast_precision_loss)] // Exact below 2^53.
    fn weight(self, number: u64) -> f64 {
        match self.kind {
            Kind::Zipf { theta } => ((number + 1) as f64).powf(-theta),
            Kind::Hot { hot, .. } if hot >= self.count => 1.0,
            Kind::Hot { hot, draws } if number < hot => draws as f64 / hot as f64,
            Kind::Hot { hot, draws } => ((1 << 32) - draws) as f64 / (self.count - hot) as f64,
        }
    }

    #[allow(clippy::cast_precision_loss)] // Exact below 2^53.
    fn computed(self) -> Drawn {
        let Self { kind, count, .. } = self;
        let formula = match kind {
            Kind::Zipf { theta } => {
                let zipf = Zipf::new(count as f64, theta);
                Formula::Zipf(zipf.expect("the exponent is positive, which specs are checked for"))
            }
            Kind::Hot { hot, draws } => Formula::Hot(hot, draws),
        };
        Drawn::Computed { formula, count, spread: self.permutation() }
    }

    fn permutation(self) -> Option<Permutation> {
        self.spread.map(|seed| Permutation::new(seed, self.count))
    }
}

impl Drawn {
    /// Draws a number.
    #[inline]
    pub(super) fn next(&self, random: &mut WyRand) -> u64 {
        match self {
            Self::Table(table) => table.next(random),
            Self::Computed { formula, count, spread } => {
                let number = formula.next(*count, random);
                spread.as_ref().map_or(number, |spread| spread.at(number))
            }
        }
    }
}

impl Formula {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A whole number from 1 on.
    fn next(&self, count: u64, random: &mut WyRand) -> u64 {
        match *self {
            Self::Zipf(zipf) => (zipf.sample(&mut Random(random)) as u64).clamp(1, count) - 1,
            Self::Hot(hot, draws) if hot >= count || u64::from(random.next_u32()) < draws => {
                random.below(hot)
            }
            Self::Hot(hot, _) => hot + random.below(count - hot),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each of the first numbers, then all others together, would come, and did.
    fn chi_squared(observed: &[u64], expected: &[f64]) -> f64 {
        let off = observed.iter().zip(expected).map(|(seen, wanted)| {
            let off = *seen as f64 - wanted;
            off * off / wanted
        });
        off.sum()
    }

    /// How often numbers come in so many draws, from a table and by formula.
    fn both(law: Law, draws: u64) -> [Vec<u64>; 2] {
        let table = Drawn::Table(law.shared());
        [table, law.computed()].map(|drawn| {
            let mut random = WyRand::stream(7, 0, 1);
            let mut counts = vec![0; usize::try_from(law.count).expect("small")];
            for _ in 0..draws {
                counts[usize::try_from(drawn.next(&mut random)).expect("below the count")] += 1;
            }
            counts
        })
    }

    #[test]
    fn numbers_follow_zipfs_law() {
        let (count, draws, theta) = (1000_u32, 200_000, 0.99);
        let law = Law { kind: Kind::Zipf { theta }, count: count.into(), spread: None };
        let sum: f64 = (1..=count).map(|rank| f64::from(rank).powf(-theta)).sum();
        let mut expected: Vec<f64> =
            (1..=10).map(|rank| f64::from(rank).powf(-theta) / sum * draws as f64).collect();
        expected.push(draws as f64 - expected.iter().sum::<f64>());
        for counts in both(law, draws) {
            let mut observed = counts[..10].to_vec();
            observed.push(counts[10..].iter().sum());
            // 10 degrees of freedom: 29.6 is passed once in a thousand seeds.
            assert!(chi_squared(&observed, &expected) < 29.6, "{observed:?} {expected:?}");
        }
    }

    #[test]
    fn the_table_spreads_as_the_formula_does() {
        let (count, draws) = (500, 400_000);
        for kind in [Kind::Zipf { theta: 0.7 }, Kind::Hot { hot: 50, draws: 3 << 30 }] {
            let [table, computed] = both(Law { kind, count, spread: Some(3) }, draws);
            // Two samples of one law, 499 degrees of freedom: 602 is passed once in a thousand seeds.
            let chi: f64 = table
                .iter()
                .zip(&computed)
                .map(|(one, other)| (*one as f64 - *other as f64).powi(2) / (one + other) as f64)
                .sum();
            assert!(chi < 602.0, "{kind:?}: {chi}");
        }
    }

    #[test]
    fn hot_numbers_get_their_part_and_may_be_all() {
        let law = |hot| Law { kind: Kind::Hot { hot, draws: 9 << 28 }, count: 100, spread: None };
        for counts in both(law(10), 100_000) {
            // 9/16 of them, with a standard deviation of 157.
            let hot: u64 = counts[..10].iter().sum();
            assert!((55_700..56_800).contains(&hot), "{hot}");
        }
        for counts in both(law(100), 100_000) {
            let expected = vec![1000.0; 100];
            // 99 degrees of freedom: 149 is passed once in a thousand seeds.
            assert!(chi_squared(&counts, &expected) < 149.0, "{counts:?}");
        }
    }

    #[test]
    fn a_table_is_made_once_for_all_threads() {
        let law = Law { kind: Kind::Zipf { theta: 1.0 }, count: 9, spread: None };
        assert!(Arc::ptr_eq(&law.shared(), &law.shared()));
        assert!(!Arc::ptr_eq(&law.shared(), &Law { count: 8, ..law }.shared()));
        assert!(matches!(law.drawn(), Drawn::Table(_)));
        let many = Law { count: MOST + 1, ..law };
        assert!(matches!(many.drawn(), Drawn::Computed { .. }));
    }
}
