//! What the signs of differences tell: nothing is assumed of their distribution, not even symmetry.
//!
//! Conover, *Practical Nonparametric Statistics*, third edition, 1999: section 3.2 for the interval and
//! 3.4 for the test.

use super::location::middle;
use super::{Interval, most_out, real, sorted, tail};

/// Returns the median with its interval between two order statistics, in the unit of the values, with the
/// exact confidence that they attain. That is at least what was asked for, and more where values are
/// equal. Returns `None` where even the least and the greatest value do not attain it: for 0.95 it takes
/// six values. Returns `None` also for a value that is not finite.
pub fn median_interval(values: &[f64], confidence: f64) -> Option<Interval> {
    let values = sorted(values)?;
    let tail = tail(confidence)?;
    let chances = chances(values.len());
    let out = most_out(&chances, tail)?;
    let (low, high) = (values[out], values[values.len() - 1 - out]);
    Interval::new(middle(&values), low, high, 1.0 - 2.0 * chances[out])
}

/// Returns the chance that signs are as unequal as those of these differences, or more, if positive and
/// negative ones are alike likely (two-sided). Differences of zero count for neither. Returns `None` if
/// there is no other, or if one is not finite.
pub fn test(differences: &[f64]) -> Option<f64> {
    let differences = sorted(differences)?;
    let plus = differences.iter().filter(|difference| **difference > 0.0).count();
    let minus = differences.iter().filter(|difference| **difference < 0.0).count();
    let fewer = plus.min(minus);
    (plus + minus > 0).then(|| (2.0 * chances(plus + minus)[fewer]).min(1.0))
}

/// Returns the chance that of so many signs, which are alike likely, at most `fewer` are of the one kind (one-sided).
pub fn at_most(fewer: usize, all: usize) -> f64 {
    chances(all)[fewer.min(all)]
}

/// Returns the chances that of a number of fair coins at most 0, 1, 2, ... show heads. The weights start
/// at 1 in the middle, as the chance of no heads underflows from 1075 coins on.
fn chances(coins: usize) -> Vec<f64> {
    let mut weights = vec![1.0; coins + 1];
    for heads in (0..coins / 2).rev() {
        weights[heads] = weights[heads + 1] * real(heads + 1) / real(coins - heads);
    }
    for heads in coins / 2 + 1..=coins {
        weights[heads] = weights[coins - heads];
    }
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    weights
        .iter()
        .map(|weight| {
            sum += weight;
            sum / total
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(most: u32) -> Vec<f64> {
        (1..=most).map(f64::from).collect()
    }

    #[test]
    fn chances_are_pascals_triangle() {
        let rows = [&[1.0][..], &[1.0, 1.0], &[1.0, 2.0, 1.0], &[1.0, 3.0, 3.0, 1.0]];
        for (coins, row) in rows.into_iter().enumerate() {
            let sums = (1..=row.len()).map(|last| row[..last].iter().sum::<f64>());
            let expected = sums.map(|ways| ways / 2_f64.powi(i32::try_from(coins).unwrap()));
            let close = |(one, two): (&f64, f64)| (one - two).abs() < 1e-15;
            assert_eq!(chances(coins).len(), row.len());
            assert!(chances(coins).iter().zip(expected).all(close), "{coins}");
        }
        let many = chances(5000);
        assert!((many[2499] + many[2500] - 1.0).abs() < 1e-12 && many[0] == 0.0);
    }

    #[test]
    fn order_statistics_of_the_published_tables() {
        // n, the place of the lower end counted from 1, the confidence in per cent.
        let table = [(6, 1, 96.88), (8, 1, 99.22), (9, 2, 96.09), (10, 2, 97.85), (15, 4, 96.48)];
        for (n, place, confidence) in table.into_iter().chain([
            (20, 6, 95.86),
            (25, 8, 95.67),
            (11, 2, 98.83),
            (12, 3, 96.14),
        ]) {
            let interval = median_interval(&numbers(n), 0.95).unwrap();
            assert_eq!(interval.low, f64::from(place), "{n}");
            assert_eq!(interval.high, f64::from(n + 1 - place), "{n}");
            assert_eq!(interval.estimate, f64::from(n + 1) / 2.0);
            assert!((interval.confidence * 100.0 - confidence).abs() < 0.005, "{n}");
        }
    }

    #[test]
    fn too_few_values_have_no_interval() {
        for n in 0..6 {
            assert_eq!(median_interval(&numbers(n), 0.95), None, "{n}");
        }
        for confidence in [0.9, 0.9375] {
            let attained = median_interval(&numbers(5), confidence).unwrap().confidence;
            assert!((attained - 0.9375).abs() < 1e-15);
        }
        assert_eq!(median_interval(&numbers(7), 0.99), None);
        assert!(median_interval(&numbers(8), 0.99).is_some());
        assert_eq!(median_interval(&numbers(8), 1.0), None);
        let bad = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, f64::NAN];
        assert_eq!(median_interval(&bad, 0.95), None);
    }

    #[test]
    fn one_side_by_hand() {
        assert_eq!([at_most(0, 6), at_most(1, 4)], [1.0 / 64.0, 5.0 / 16.0]);
        assert_eq!([at_most(0, 0), at_most(9, 4)], [1.0, 1.0]);
    }

    #[test]
    fn signs_by_hand() {
        assert_eq!(test(&[1.0; 6]), Some(2.0 / 64.0));
        assert_eq!(test(&[1.0, 1.0, 1.0, -1.0, 0.0]), Some(10.0 / 16.0));
        assert_eq!(test(&[1.0, -1.0]), Some(1.0));
        assert_eq!(test(&[0.0, 0.0]), None);
        assert_eq!(test(&[]), None);
        assert_eq!(test(&[1.0, f64::INFINITY]), None);
    }
}
