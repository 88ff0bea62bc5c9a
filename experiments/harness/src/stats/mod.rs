//! Statistics for measurements: estimates that outliers do not move, with intervals that need no
//! assumption about the shape of the noise.
//!
//! | question | function | source |
//! |---|---|---|
//! | What is a typical value? | [`location::median`], [`location::quantile`] | Hyndman & Fan 1996, type 7 |
//! | What is a typical ratio? | [`location::geometric_mean`] | |
//! | How far are values from the typical one? | [`location::median_absolute_deviation`] | Hampel 1974 |
//! | How well is the median known? | [`sign::median_interval`] | Conover 1999, section 3.2 |
//! | How well is another statistic known? | [`bootstrap::interval`] | Efron 1987 |
//! | How many times as large is A, measured apart from B? | [`bootstrap::ratio_of_medians`] | Efron 1987 |
//! | How many times as large is A, measured beside B? | [`pairs::ratio`] | Hodges & Lehmann 1963 |
//! | Is A faster than B? | [`pairs::verdict`] | the same |
//! | Are A and B the same for all that matters? | [`Interval::is_within`] | Schuirmann 1987 |
//! | Can chance alone explain differences? | [`sign::test`], [`signed_rank::test`] | Conover 1999, sections 3.4 and 5.7 |
//! | How large is a difference? | [`signed_rank::hodges_lehmann`] | Hodges & Lehmann 1963 |
//! | How fast does a series rise? | [`theil_sen::line`] | Sen 1968 |
//! | Does garbage grow without end? | [`growth::trend`] | Sen 1968 |
//! | Are there enough repeats? | [`Interval::is_narrow`] | Chow & Robbins 1965 |
//!
//! All functions are pure: the same values and the same seed give the same answer. A function returns
//! `None` where there are fewer values than its method needs, and where a value is infinite or not a
//! number. No function fills a gap with a guess.
//!
//! Every interval has two sides and is closed. Values count as independent; what each function assumes
//! beyond that is said where it is defined.

pub mod bootstrap;
#[cfg(test)]
mod cases;
pub mod growth;
pub mod location;
pub mod normal;
pub mod pairs;
pub mod sign;
pub mod signed_rank;
#[cfg(test)]
mod simulations;
pub mod theil_sen;

/// The confidence of intervals where the caller does not choose one.
pub const CONFIDENCE: f64 = 0.95;

/// An estimate and the range that holds the true value with a confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate, in the unit of the values.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The share of such intervals that hold the true value. Where the method is exact, this is what the
    /// interval attains, at least what was asked for; elsewhere it is what was asked for.
    pub confidence: f64,
}

impl Interval {
    /// Returns an interval of these numbers, or `None` if one is not finite or the ends are swapped.
    fn new(estimate: f64, low: f64, high: f64, confidence: f64) -> Option<Self> {
        let finite = [estimate, low, high].iter().all(|number| number.is_finite());
        (finite && low <= high).then_some(Self { estimate, low, high, confidence })
    }

    /// Applies a rising function to the estimate and both ends. Returns `None` if a result is not finite.
    fn map(self, rising: impl Fn(f64) -> f64) -> Option<Self> {
        Self::new(rising(self.estimate), rising(self.low), rising(self.high), self.confidence)
    }

    /// Returns whether the value is in the interval; both ends belong to it.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Returns whether all of the interval is between two limits. For the interval of a ratio and limits
    /// around 1 this is the test of equivalence by two one-sided tests (Schuirmann 1987), at half of the
    /// error that the interval allows. It tells "the same" from "not known", which [`pairs::verdict`]
    /// does not.
    pub fn is_within(&self, least: f64, most: f64) -> bool {
        least <= self.low && self.high <= most
    }

    /// Returns the width as a share of the estimate, or `None` if the estimate is zero.
    pub fn relative_width(&self) -> Option<f64> {
        Some((self.high - self.low) / self.estimate.abs()).filter(|width| width.is_finite())
    }

    /// Returns whether the relative width is at most the target: the rule to stop measuring.
    ///
    /// An interval that is computed anew after each repeat, until it is narrow, holds the true value a
    /// little less often than it says. The loss vanishes as the target shrinks (Chow & Robbins 1965,
    /// *On the Asymptotic Theory of Fixed-Width Sequential Confidence Intervals for the Mean*). A least
    /// number of repeats before the first look keeps it small.
    pub fn is_narrow(&self, target: f64) -> bool {
        self.relative_width().is_some_and(|width| width <= target)
    }
}

/// Returns the values in rising order, or `None` if there are none or one of them is not finite.
fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    let usable = !values.is_empty() && values.iter().all(|value| value.is_finite());
    let mut values = usable.then(|| values.to_vec())?;
    values.sort_unstable_by(f64::total_cmp);
    Some(values)
}

/// Returns half of the error that a confidence allows, the share outside of each end of an interval, or
/// `None` if the confidence is not above 0 and below 1.
fn tail(confidence: f64) -> Option<f64> {
    (confidence > 0.0 && confidence < 1.0).then_some((1.0 - confidence) / 2.0)
}

/// Returns how many order statistics an interval leaves out at each end: the most whose chance, of those for
/// at most 0, 1, 2, ..., is not above `tail`. Returns `None` if leaving out none is already too likely.
fn most_out(chances: &[f64], tail: f64) -> Option<usize> {
    // A confidence that is met exactly, such as 0.96875 by six values, must not fail by rounding.
    let allowed = |chance: &&f64| **chance <= tail * (1.0 + 1e-12);
    chances.iter().take_while(allowed).count().checked_sub(1)
}

/// Returns a number of things as a real number.
#[allow(clippy::cast_precision_loss)] // No list has 2^53 values.
fn real(count: usize) -> f64 {
    count as f64
}

/// Returns the whole part of a number, as a place in a list; of a negative one 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Casts saturate.
fn whole(number: f64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_refuse_what_is_not_finite_or_swapped() {
        assert!(Interval::new(1.0, 0.5, 2.0, 0.95).is_some());
        assert!(Interval::new(1.0, 1.0, 1.0, 0.95).is_some());
        assert_eq!(Interval::new(1.0, 2.0, 0.5, 0.95), None);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Interval::new(bad, 0.5, 2.0, 0.95), None);
            assert_eq!(Interval::new(1.0, bad, 2.0, 0.95), None);
            assert_eq!(Interval::new(1.0, 0.5, bad, 0.95), None);
        }
        let large = Interval::new(700.0, 690.0, 710.0, 0.95).unwrap();
        assert_eq!(large.map(f64::exp), None);
    }

    #[test]
    fn an_interval_holds_its_ends_and_knows_its_width() {
        let ratio = Interval::new(1.0, 0.98, 1.03, 0.95).unwrap();
        assert!(ratio.contains(0.98) && ratio.contains(1.03));
        assert!(!ratio.contains(0.979) && !ratio.contains(1.031));
        assert!(ratio.is_within(0.98, 1.03) && ratio.is_within(0.95, 1.05));
        assert!(!ratio.is_within(0.99, 1.05) && !ratio.is_within(0.95, 1.02));
        assert!(ratio.is_narrow(0.0501) && !ratio.is_narrow(0.0499));
        let below = Interval::new(-10.0, -11.0, -9.0, 0.95).unwrap();
        assert_eq!(below.relative_width(), Some(0.2));
        assert!(below.is_narrow(0.2));
        let zero = Interval::new(0.0, -1.0, 1.0, 0.95).unwrap();
        assert!(zero.relative_width().is_none() && !zero.is_narrow(1e9));
        let point = Interval::new(0.0, 0.0, 0.0, 0.95).unwrap();
        assert!(point.relative_width().is_none());
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        assert_eq!(sorted(&[3.0, -1.0, 2.0]), Some(vec![-1.0, 2.0, 3.0]));
        assert_eq!(sorted(&[]), None);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(sorted(&[1.0, bad, 2.0]), None);
        }
        for bad in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            assert_eq!(tail(bad), None);
        }
        assert_eq!(tail(0.5), Some(0.25));
    }
}
