//! Medians of rounds, with intervals.

use std::fmt;

/// The median; the values are sorted. Not a number if there are none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Ranks, from both ends, of an interval that holds the median of the distribution with at least
/// 95 % (all of the values, if they are too few for that).
#[must_use]
pub fn interval_rank(n: usize) -> usize {
    let mut below = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let (mut term, mut rank) = (below, 0);
    while 2.0 * below <= 0.05 && 2 * rank + 2 < n {
        rank += 1;
        term *= (n - rank + 1) as f64 / rank as f64;
        below += term;
    }
    rank.saturating_sub(1)
}

/// The median of some rounds, and an interval that holds the median of the distribution with at
/// least 95 %. Formats as `median (low–high)`, with the precision asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Summary {
    /// Summarises at least one value.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        let median = median(&mut values);
        let rank = interval_rank(values.len());
        Self { median, low: values[rank], high: values[values.len() - 1 - rank] }
    }

    /// Summarises the ratios of the rounds.
    #[must_use]
    pub fn of_ratios(numerators: &[f64], denominators: &[f64]) -> Self {
        Self::of(numerators.iter().zip(denominators).map(|(n, d)| n / d).collect())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, low, high } = self;
        let digits = f.precision().unwrap_or(2);
        write!(f, "{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Summary, interval_rank, median};

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&mut [3.0]), 3.0);
        assert_eq!(median(&mut [5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn ranks_are_those_of_the_sign_test() {
        // Conover, Practical Nonparametric Statistics, table of the binomial distribution: with
        // 6 values the extremes hold the median with 96.9 %; with 9 the second from each end does
        // with 96.1 %; with 15 the fourth with 96.5 %; with 25 the eighth with 95.7 %.
        for (n, from_the_end) in [(1, 1), (3, 1), (5, 1), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3)]
        {
            assert_eq!(interval_rank(n) + 1, from_the_end, "of {n}");
        }
        assert_eq!(interval_rank(15) + 1, 4);
        assert_eq!(interval_rank(25) + 1, 8);
    }

    #[test]
    fn an_interval_is_around_its_median() {
        let nine: Vec<_> = (1..=9).rev().map(f64::from).collect();
        let summary = Summary::of(nine.clone());
        assert_eq!(summary, Summary { median: 5.0, low: 2.0, high: 8.0 });
        assert_eq!(format!("{summary:.0}"), "5 (2–8)");
        let twice: Vec<_> = nine.iter().map(|value| value * 2.0).collect();
        let same = Summary { median: 2.0, low: 2.0, high: 2.0 };
        assert_eq!(Summary::of_ratios(&twice, &nine), same);
    }
}
