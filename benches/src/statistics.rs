//! Medians of rounds, with intervals.

use std::fmt;

use kovan_harness::stats::{CONFIDENCE, location, sign};

/// Returns the median. Not a number if there are no values, or one is not finite.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    location::median(values).unwrap_or(f64::NAN)
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
    /// Summarises at least one value. Fewer than six values have no such interval; all of them are taken for it.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        if let Some(interval) = sign::median_interval(&values, CONFIDENCE) {
            return Self { median: interval.estimate, low: interval.low, high: interval.high };
        }
        values.sort_by(f64::total_cmp);
        Self { median: median(&values), low: values[0], high: values[values.len() - 1] }
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
    use super::{Summary, median};

    #[test]
    fn a_few_values_are_taken_as_they_are() {
        let summary = Summary::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(summary, Summary { median: 2.5, low: 1.0, high: 4.0 });
        assert_eq!(Summary::of(vec![3.0]), Summary { median: 3.0, low: 3.0, high: 3.0 });
        assert_eq!([median(&[3.0]), median(&[5.0, 1.0, 3.0])], [3.0, 3.0]);
        assert!(median(&[]).is_nan());
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
