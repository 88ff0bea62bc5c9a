//! Intervals of statistics that have no formula for one: from how the statistic varies when values are
//! drawn anew from those that were measured.
//!
//! Efron, *Better Bootstrap Confidence Intervals*, JASA 82(397), 1987: the interval BCa, which corrects
//! percentiles for bias and for a spread that changes with the value. The acceleration is that of the
//! jackknife (Efron & Tibshirani, *An Introduction to the Bootstrap*, 1993, section 14.3).

use super::location::{middle, quantile_of_sorted};
use super::{Interval, normal, real, tail};
use crate::random::SplitMix;

/// The fewest values of a sample: from 8 values 6435 different samples can be drawn, but from 5 only 126,
/// too few for percentiles near an end.
const FEWEST_VALUES: usize = 8;
/// The fewest resamples (Efron & Tibshirani 1993, section 14.3).
const FEWEST_RESAMPLES: usize = 1000;

/// How values are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Resampling {
    /// How often a sample is drawn, at least 1000. With 10,000 an end of the interval of 95 % moves by about
    /// 1 % of the width from seed to seed.
    pub resamples: usize,
    /// The seed: the same one gives the same interval.
    pub seed: u64,
    /// The confidence asked for.
    pub confidence: f64,
}

/// Returns the interval BCa of a statistic, in the unit of the statistic, which may reorder the values
/// that it is given. The confidence is approximate: the smaller and the more skewed a sample, the less
/// often does its interval hold the true value.
///
/// Returns `None` for fewer than 8 values or 1000 resamples, and for values that are not finite; where the
/// statistic is not finite for a resample, or the same for all of them, so that nothing is known of its
/// spread; where it is above or below that of all resamples; and where the correction asks for a
/// percentile that the resamples do not resolve.
pub fn interval(
    sample: &[f64],
    statistic: impl Fn(&mut [f64]) -> f64,
    how: Resampling,
) -> Option<Interval> {
    Bootstrap { samples: [sample], statistic: |[sample]: &mut [Vec<f64>; 1]| statistic(sample) }
        .interval(how)
}

/// Returns how many times as large the median of A is as that of B, with its interval BCa, for samples that
/// were measured apart. Values that were measured side by side belong to [`super::pairs::ratio`], whose
/// interval is far narrower where blocks differ. Returns `None` as [`interval`] does, for either sample,
/// and for a value that is not above zero.
pub fn ratio_of_medians(a: &[f64], b: &[f64], how: Resampling) -> Option<Interval> {
    let statistic = |[a, b]: &mut [Vec<f64>; 2]| median_in_place(a) / median_in_place(b);
    let positive = a.iter().chain(b).all(|value| *value > 0.0);
    positive.then(|| Bootstrap { samples: [a, b], statistic }.interval(how))?
}

/// Returns the median, and leaves the values sorted. There must be a value.
pub fn median_in_place(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    middle(values)
}

/// A statistic of one or more samples, each of which is drawn anew by itself.
struct Bootstrap<'a, const N: usize, F> {
    samples: [&'a [f64]; N],
    statistic: F,
}

impl<const N: usize, F: Fn(&mut [Vec<f64>; N]) -> f64> Bootstrap<'_, N, F> {
    fn interval(&self, how: Resampling) -> Option<Interval> {
        let tail = tail(how.confidence)?;
        let usable = |sample: &&[f64]| {
            sample.len() >= FEWEST_VALUES && sample.iter().all(|value| value.is_finite())
        };
        if !self.samples.iter().all(usable) || how.resamples < FEWEST_RESAMPLES {
            return None;
        }
        let estimate = self.of(&mut self.samples.map(<[f64]>::to_vec))?;
        let drawn = self.draw(how)?;
        if drawn.first() == drawn.last() {
            return None;
        }
        let bias = normal::quantile(share_below(&drawn, estimate));
        let acceleration = self.acceleration()?;
        let end = |tail: f64| {
            let level = level(bias, acceleration, normal::quantile(tail))?;
            let resolved = level.min(1.0 - level) * real(drawn.len()) >= 1.0;
            resolved.then(|| quantile_of_sorted(&drawn, level))
        };
        Interval::new(estimate, end(tail)?, end(1.0 - tail)?, how.confidence)
    }

    /// Returns the statistic, or `None` if it is not finite.
    fn of(&self, samples: &mut [Vec<f64>; N]) -> Option<f64> {
        Some((self.statistic)(samples)).filter(|value| value.is_finite())
    }

    /// Returns the statistic of each resample in rising order, or `None` if one is not finite.
    fn draw(&self, how: Resampling) -> Option<Vec<f64>> {
        let mut random = SplitMix::new(how.seed);
        let mut drawn = self.samples.map(<[f64]>::to_vec);
        let mut resample = || {
            for (to, from) in drawn.iter_mut().zip(self.samples) {
                to.fill_with(|| from[random.index(from.len())]);
            }
            self.of(&mut drawn)
        };
        let mut values = (0..how.resamples).map(|_| resample()).collect::<Option<Vec<f64>>>()?;
        values.sort_unstable_by(f64::total_cmp);
        Some(values)
    }

    /// Returns how fast the spread changes with the statistic, from its values without one value at a time:
    /// a sixth of their skewness. Returns 0 where leaving one out changes nothing, as often with a median.
    fn acceleration(&self) -> Option<f64> {
        let (mut cubes, mut squares) = (0.0, 0.0);
        for which in 0..N {
            let n = real(self.samples[which].len());
            let without = self.without_one(which)?;
            let mean = without.iter().sum::<f64>() / n;
            let influences = without.iter().map(|value| (mean - value) * (n - 1.0) / n);
            for influence in influences {
                cubes += influence.powi(3);
                squares += influence.powi(2);
            }
        }
        Some(if squares == 0.0 { 0.0 } else { cubes / (6.0 * squares.powf(1.5)) })
    }

    /// Returns the statistic without each of the values of a sample in turn.
    fn without_one(&self, which: usize) -> Option<Vec<f64>> {
        let leave_out = |at: usize| {
            let mut samples = self.samples.map(<[f64]>::to_vec);
            samples[which].remove(at);
            self.of(&mut samples)
        };
        (0..self.samples[which].len()).map(leave_out).collect()
    }
}

/// Returns the share of sorted values below an estimate; equal ones count half.
fn share_below(sorted: &[f64], estimate: f64) -> f64 {
    let below = sorted.partition_point(|value| *value < estimate);
    let not_above = sorted.partition_point(|value| *value <= estimate);
    (real(below) + real(not_above)) / 2.0 / real(sorted.len())
}

/// Returns the percentile to take for one end (Efron 1987, equation 2.3), or `None` if the bias is infinite
/// or the acceleration so large that percentiles no longer rise with `z`.
fn level(bias: f64, acceleration: f64, z: f64) -> Option<f64> {
    let shifted = bias + z;
    let spread = 1.0 - acceleration * shifted;
    (bias.is_finite() && spread > 0.0).then(|| normal::cdf(bias + shifted / spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spatial perception of 26 neurologically impaired children: Efron & Tibshirani 1993, table 14.1.
    const SPATIAL: [f64; 26] = [
        48.0, 36.0, 20.0, 29.0, 42.0, 42.0, 20.0, 42.0, 22.0, 41.0, 45.0, 14.0, 6.0, 0.0, 33.0,
        28.0, 34.0, 4.0, 32.0, 24.0, 47.0, 41.0, 24.0, 26.0, 30.0, 41.0,
    ];

    fn how(confidence: f64) -> Resampling {
        Resampling { resamples: 20_000, seed: 1, confidence }
    }

    fn mean(values: &mut [f64]) -> f64 {
        values.iter().sum::<f64>() / real(values.len())
    }

    fn variance(values: &mut [f64]) -> f64 {
        let centre = mean(values);
        values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / real(values.len())
    }

    #[test]
    fn the_example_of_efron_and_tibshirani() {
        let variance = |[sample]: &mut [Vec<f64>; 1]| variance(sample);
        let bootstrap = Bootstrap { samples: [&SPATIAL[..]], statistic: variance };
        assert!((bootstrap.acceleration().unwrap() - 0.061).abs() < 0.0005);
        let interval = bootstrap.interval(how(0.9)).unwrap();
        assert!((interval.estimate - 171.5).abs() < 0.05);
        // Printed from 2000 resamples.
        assert!((interval.low - 115.8).abs() < 3.0, "{interval:?}");
        assert!((interval.high - 259.6).abs() < 3.0, "{interval:?}");
    }

    #[test]
    fn each_sample_accelerates_by_its_own_size() {
        // Leaving a value out of a mean moves it by the distance to the mean over n - 1.
        let influences = |sample: &[f64], sign: f64| -> Vec<f64> {
            let centre = mean(&mut sample.to_vec());
            sample.iter().map(|value| sign * (value - centre) / real(sample.len())).collect()
        };
        let (few, many) = (&SPATIAL[10..18], &SPATIAL[..]);
        let all = [influences(few, 1.0), influences(many, -1.0)].concat();
        let [squares, cubes] =
            [2, 3].map(|power| all.iter().map(|one| one.powi(power)).sum::<f64>());
        let difference = |[few, many]: &mut [Vec<f64>; 2]| mean(few) - mean(many);
        let bootstrap = Bootstrap { samples: [few, many], statistic: difference };
        let expected = cubes / squares.powf(1.5) / 6.0;
        assert!((bootstrap.acceleration().unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn levels_by_hand() {
        assert!((level(0.0, 0.0, -1.0).unwrap() - normal::cdf(-1.0)).abs() < 1e-15);
        assert!((level(0.1, 0.0, -1.0).unwrap() - normal::cdf(-0.8)).abs() < 1e-15);
        // (0.1 - 1) / (1 + 0.09) = -0.82569
        assert!((level(0.1, 0.1, -1.0).unwrap() - normal::cdf(0.1 - 0.9 / 1.09)).abs() < 1e-15);
        assert_eq!(level(0.0, 0.5, 2.0), None);
        assert_eq!(level(f64::INFINITY, 0.0, 1.0), None);
        assert_eq!(share_below(&[1.0, 2.0, 2.0, 3.0], 2.0), 0.5);
        assert_eq!(share_below(&[1.0, 2.0, 2.0, 3.0], 3.0), 0.875);
    }

    #[test]
    fn the_seed_decides() {
        let with = |seed| interval(&SPATIAL, mean, Resampling { seed, ..how(0.95) });
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
        let ends = [with(1).unwrap(), with(2).unwrap()];
        assert!((ends[0].low - ends[1].low).abs() < 0.02 * (ends[0].high - ends[0].low));
    }

    #[test]
    fn samples_that_say_nothing_of_their_spread_are_refused() {
        assert!(interval(&SPATIAL[..8], mean, how(0.95)).is_some());
        assert_eq!(interval(&SPATIAL[..7], mean, how(0.95)), None);
        assert_eq!(interval(&[3.0; 12], mean, how(0.95)), None);
        assert_eq!(interval(&SPATIAL, |_| 1.0, how(0.95)), None);
        assert_eq!(interval(&SPATIAL, |_| f64::NAN, how(0.95)), None);
        assert_eq!(interval(&SPATIAL, |values| 1.0 / (values[0] - 48.0), how(0.95)), None);
        assert_eq!(interval(&SPATIAL, mean, how(1.0)), None);
        let few = Resampling { resamples: 999, ..how(0.95) };
        assert_eq!(interval(&SPATIAL, mean, few), None);
        assert_eq!(interval(&SPATIAL, mean, Resampling { resamples: 1000, ..how(0.999_9) }), None);
        let mut bad = SPATIAL;
        bad[3] = f64::NAN;
        assert_eq!(interval(&bad, mean, how(0.95)), None);
    }

    #[test]
    fn a_median_that_no_single_value_moves_has_no_acceleration() {
        let ties = [1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 9.0, 9.0];
        let median = |[sample]: &mut [Vec<f64>; 1]| median_in_place(sample);
        let bootstrap = Bootstrap { samples: [&ties[..]], statistic: median };
        assert_eq!(bootstrap.acceleration(), Some(0.0));
        let interval = bootstrap.interval(how(0.95)).unwrap();
        assert_eq!((interval.estimate, interval.low), (5.0, 5.0));
        assert!(interval.high == 5.0 || interval.high == 9.0);
    }

    #[test]
    fn the_ratio_of_medians_turns_with_its_samples() {
        let double = SPATIAL.map(|value| 2.0 * value + 2.0);
        let single = SPATIAL.map(|value| value + 1.0);
        let there = ratio_of_medians(&double, &single, how(0.95)).unwrap();
        let back = ratio_of_medians(&single, &double, how(0.95)).unwrap();
        assert_eq!((there.estimate, back.estimate), (2.0, 0.5));
        assert!((there.low * back.high - 1.0).abs() < 0.05, "{there:?} {back:?}");
        assert_eq!(ratio_of_medians(&double, &SPATIAL, how(0.95)), None);
        assert_eq!(ratio_of_medians(&double[..7], &single, how(0.95)), None);
    }
}
