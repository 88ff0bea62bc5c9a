//! What the ranks of differences tell beyond their signs.
//!
//! The differences are assumed to be symmetric about their median. Those of two measurements of one block
//! are, if both have noise of the same shape. Then the estimate is about as sharp as a mean where noise is
//! normal, and much sharper where it is not.

use super::location::middle;
use super::{Interval, most_out, normal, real, sorted, tail, whole};

/// The most values for which chances are exact; there is a normal approximation for more.
const EXACT: usize = 50;

/// Returns the estimate of Hodges and Lehmann, the median of the means of all pairs of values (each with
/// itself too), with its interval, in the unit of the values. Its ends are such means, chosen by Wilcoxon's
/// signed-rank distribution. Hodges & Lehmann, *Estimates of Location Based on Rank Tests*, Annals of
/// Mathematical Statistics 34(2), 1963; Conover, *Practical Nonparametric Statistics*, third edition,
/// 1999, section 5.7 for the interval.
///
/// The confidence is the one that is attained, exact up to 50 values and at least that where values are
/// equal. Returns `None` where even the least and the greatest value do not attain what was asked for:
/// for 0.95 it takes six values. Returns `None` also for a value that is not finite. It takes time and
/// memory for n(n + 1)/2 means.
pub fn hodges_lehmann(values: &[f64], confidence: f64) -> Option<Interval> {
    let values = sorted(values)?;
    let (out, attained) = ranks_out(values.len(), tail(confidence)?)?;
    let means = walsh_averages(&values);
    Interval::new(middle(&means), means[out], means[means.len() - 1 - out], attained)
}

/// Returns the means of all pairs of values, each with itself too, in rising order.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let pairs = values.iter().enumerate();
    let means =
        pairs.flat_map(|(at, one)| values[at..].iter().map(|two| f64::midpoint(*one, *two)));
    let mut means: Vec<f64> = means.collect();
    means.sort_unstable_by(f64::total_cmp);
    means
}

/// Returns how many means are left out at each end, the most whose chance is at most `tail`, and the
/// confidence that this attains. Returns `None` if leaving out none is already too likely.
fn ranks_out(values: usize, tail: f64) -> Option<(usize, f64)> {
    if values <= EXACT {
        let ranks: Vec<usize> = (1..=values).collect();
        let chances = sum_chances(&ranks);
        let out = most_out(&chances, tail)?;
        return Some((out, 1.0 - 2.0 * chances[out]));
    }
    let n = real(values);
    let (mean, deviation) = (n * (n + 1.0) / 4.0, (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt());
    // Half a rank is the correction of a normal distribution for one of whole numbers.
    let place = mean + normal::quantile(tail) * deviation - 0.5;
    let out = whole(place);
    let chance = normal::cdf((real(out) + 0.5 - mean) / deviation);
    (place >= 0.0).then_some((out, 1.0 - 2.0 * chance))
}

/// Returns the p value of Wilcoxon's signed-rank test (two-sided): the chance that the ranks of positive
/// and negative differences are as unequal as these, or more, if differences are symmetric about zero.
/// Wilcoxon, *Individual Comparisons by Ranking Methods*, Biometrics Bulletin 1(6), 1945.
///
/// Differences of zero are left out, and equal sizes share their mean rank. Up to 50 differences the
/// chance is exact, also for equal sizes; for more it is the normal approximation, whose variance takes
/// equal sizes into account. Returns `None` if no difference is left, or if one is not finite.
pub fn test(differences: &[f64]) -> Option<f64> {
    let mut left = sorted(differences)?;
    left.retain(|difference| *difference != 0.0);
    if left.is_empty() {
        return None;
    }
    left.sort_by(|one, two| one.abs().total_cmp(&two.abs()));
    let ranks = doubled_ranks(&left);
    let all: usize = ranks.iter().sum();
    let signed = left.iter().zip(&ranks);
    let plus: usize = signed.filter(|(value, _)| **value > 0.0).map(|(_, rank)| rank).sum();
    let less = plus.min(all - plus);
    let chance = if left.len() <= EXACT {
        sum_chances(&ranks)[less]
    } else {
        // The variance of a sum of ranks that are in or out by a coin; they are twice as large here.
        let variance: f64 = ranks.iter().map(|rank| real(*rank).powi(2) / 4.0).sum();
        normal::cdf((real(less) - real(all) / 2.0) / variance.sqrt())
    };
    Some((2.0 * chance).min(1.0))
}

/// Returns twice the rank of each value in a list that is sorted by size. Equal sizes share their mean
/// rank, which twice is a whole number.
fn doubled_ranks(by_size: &[f64]) -> Vec<usize> {
    let mut ranks = Vec::with_capacity(by_size.len());
    for same in by_size.chunk_by(|one, two| one.abs() == two.abs()) {
        let before = ranks.len();
        ranks.resize(before + same.len(), 2 * before + same.len() + 1);
    }
    ranks
}

/// Returns the chances that a sum of ranks is at most 0, 1, 2, ..., if each rank is in it or not by the
/// toss of a coin.
fn sum_chances(ranks: &[usize]) -> Vec<f64> {
    let mut chances = vec![0.0; ranks.iter().sum::<usize>() + 1];
    chances[0] = 1.0;
    for rank in ranks {
        for sum in (0..chances.len()).rev() {
            let with = sum.checked_sub(*rank).map_or(0.0, |without| chances[without]);
            chances[sum] = f64::midpoint(chances[sum], with);
        }
    }
    let mut below = 0.0;
    chances
        .iter()
        .map(|chance| {
            below += chance;
            below
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Depression before and after a tranquilizer: Hollander & Wolfe, *Nonparametric Statistical Methods*,
    /// second edition, 1999, table 3.1.
    const BEFORE: [f64; 9] = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
    #[allow(clippy::approx_constant)] // 3.14 is a measured value.
    const AFTER: [f64; 9] = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];

    fn depression() -> Vec<f64> {
        BEFORE.iter().zip(AFTER).map(|(before, after)| before - after).collect()
    }

    #[test]
    fn the_example_of_hollander_and_wolfe() {
        assert!((test(&depression()).unwrap() - 0.039_062_5).abs() < 1e-12);
        let interval = hodges_lehmann(&depression(), 0.95).unwrap();
        assert!((interval.estimate - 0.46).abs() < 1e-12);
        assert!((interval.low - 0.010).abs() < 1e-12 && (interval.high - 0.786).abs() < 1e-12);
        assert!((interval.confidence - 0.960_937_5).abs() < 1e-12);
    }

    #[test]
    fn sums_of_three_ranks_by_hand() {
        let expected = [1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 8.0].map(|ways: f64| ways / 8.0);
        assert_eq!(sum_chances(&[1, 2, 3]), expected);
        assert_eq!(doubled_ranks(&[1.0, -2.0, 2.0, 2.0, -5.0]), [2, 6, 6, 6, 10]);
    }

    #[test]
    fn critical_values_of_the_published_tables() {
        // n and the largest sum of ranks that is significant at 0.05 (two-sided).
        let table = [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (15, 25), (20, 52), (25, 89)];
        for (n, expected) in table.into_iter().chain([(30, 137), (50, 434)]) {
            assert_eq!(ranks_out(n, 0.025).unwrap().0, expected, "{n}");
        }
    }

    #[test]
    fn the_approximation_goes_on_where_exact_chances_end() {
        let ranks: Vec<usize> = (1..=60).collect();
        let chances = sum_chances(&ranks);
        let (out, confidence) = ranks_out(60, 0.025).unwrap();
        let exact = chances.iter().filter(|chance| **chance <= 0.025).count() - 1;
        assert!(out.abs_diff(exact) <= 1, "{out} {exact}");
        assert!((confidence - (1.0 - 2.0 * chances[out])).abs() < 5e-4);
        assert_eq!(ranks_out(51, 1e-30), None);
    }

    #[test]
    fn too_few_values_have_no_interval() {
        let values = [1.0, 5.0, 2.0, 8.0, 3.0, 9.0];
        assert_eq!(hodges_lehmann(&values[..5], 0.95), None);
        assert_eq!(hodges_lehmann(&[], 0.95), None);
        let interval = hodges_lehmann(&values, 0.95).unwrap();
        assert_eq!((interval.low, interval.high, interval.confidence), (1.0, 9.0, 0.96875));
        assert_eq!(hodges_lehmann(&values, f64::NAN), None);
        assert_eq!(hodges_lehmann(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, f64::NAN], 0.95), None);
        assert_eq!((test(&[]), test(&[0.0]), test(&[1.0, f64::NAN])), (None, None, None));
        assert_eq!(test(&[1.0, -1.0, 0.0]), Some(1.0));
    }
}
