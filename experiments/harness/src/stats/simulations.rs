//! How often the intervals are right, and the verdicts, on measurements whose truth is known.
//!
//! All seeds are fixed: a test gives the same numbers on every machine.

use super::bootstrap::{self, Resampling};
use super::growth::{self, Growth};
use super::pairs::{self, Verdict};
use super::{CONFIDENCE, Interval, normal, real, sign, signed_rank, theil_sen};
use crate::random::SplitMix;

/// Trials of a comparison; the standard deviation of a share near 0.95 is 1.1 %.
const TRIALS: u64 = 400;
/// Trials of a coverage; the standard deviation of a share near 0.95 is 0.5 %.
const MANY: u64 = 2000;

/// A value of the standard normal distribution.
fn deviate(random: &mut SplitMix) -> f64 {
    // The top 26 bits, as the middle between two multiples of 2^-26: neither 0 nor 1.
    let bits = u32::try_from(random.next_u64() >> 38).unwrap_or(0);
    normal::quantile((f64::from(bits) + 0.5) / f64::from(1 << 26))
}

/// The share of seeds for which a trial holds.
fn share(trials: u64, mut trial: impl FnMut(&mut SplitMix) -> bool) -> f64 {
    let mut held = 0;
    for seed in 0..trials {
        held += usize::from(trial(&mut SplitMix::new(seed)));
    }
    real(held) / real(usize::try_from(trials).unwrap_or(usize::MAX))
}

/// Throughputs of A and B in blocks. The machine drifts by 20 % between blocks; single measurements have
/// log-normal noise of 2 %; A has so many times the throughput of B.
fn blocks(random: &mut SplitMix, blocks: usize, ratio: f64) -> Vec<(f64, f64)> {
    let block = |_| {
        let level = 4e7 * (0.2 * deviate(random)).exp();
        let a = ratio * level * (0.02 * deviate(random)).exp();
        (a, level * (0.02 * deviate(random)).exp())
    };
    (0..blocks).map(block).collect()
}

/// The verdict of the interval of the ratio of medians, as if A and B were not measured side by side.
fn unpaired_excludes_one(pairs: &[(f64, f64)], seed: u64) -> bool {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let how = Resampling { resamples: 1000, seed, confidence: CONFIDENCE };
    !bootstrap::ratio_of_medians(&a, &b, how).expect("an interval").contains(1.0)
}

#[test]
fn a_scheme_beside_itself_is_a_tie() {
    for (count, least) in [(6, 0.94), (10, 0.93), (15, 0.93), (60, 0.93)] {
        let tie = |random: &mut SplitMix| {
            pairs::verdict(&blocks(random, count, 1.0)) == Some(Verdict::Tie)
        };
        let ties = share(TRIALS, tie);
        assert!(ties >= least, "{ties} of {count} blocks");
    }
}

#[test]
fn a_slow_down_of_five_per_cent_is_found() {
    for (ratio, expected) in [(0.95, Verdict::Slower), (1.0 / 0.95, Verdict::Faster)] {
        let found =
            |random: &mut SplitMix| pairs::verdict(&blocks(random, 15, ratio)) == Some(expected);
        assert!(share(TRIALS, found) > 0.95, "{expected:?}");
    }
}

#[test]
fn drift_hides_a_slow_down_where_blocks_are_not_paired() {
    let found = share(TRIALS, |random| {
        let pairs = blocks(random, 15, 0.95);
        unpaired_excludes_one(&pairs, random.next_u64())
    });
    assert!(found < 0.2, "{found}");
}

#[test]
fn equivalence_takes_more_than_a_tie() {
    let within = |random: &mut SplitMix, count, ratio| {
        let interval = pairs::ratio(&blocks(random, count, ratio)).expect("an interval");
        interval.is_within(0.97, 1.0 / 0.97)
    };
    assert!(share(TRIALS, |random| within(random, 20, 1.0)) > 0.95);
    assert!(share(TRIALS, |random| within(random, 6, 1.0)) < 0.7);
    assert!(share(TRIALS, |random| within(random, 20, 0.97)) < 0.05);
}

/// The share of samples that have an interval, and one that holds the true value.
fn coverage(
    values: usize,
    truth: f64,
    draw: fn(&mut SplitMix) -> f64,
    interval: impl Fn(&[f64], u64) -> Option<Interval>,
) -> f64 {
    share(MANY, |random| {
        let sample: Vec<f64> = (0..values).map(|_| draw(random)).collect();
        interval(&sample, random.next_u64()).is_some_and(|interval| interval.contains(truth))
    })
}

fn log_normal(random: &mut SplitMix) -> f64 {
    deviate(random).exp()
}

fn exponential(random: &mut SplitMix) -> f64 {
    -normal::cdf(deviate(random)).ln()
}

#[test]
fn intervals_of_the_median_hold_it_on_skewed_samples() {
    for values in [6, 9, 10, 15, 31] {
        let interval = |sample: &[f64], _| sign::median_interval(sample, CONFIDENCE);
        let attained = interval(&vec![1.0; values], 0).expect("an interval").confidence;
        let held = coverage(values, 1.0, log_normal, interval);
        assert!((held - attained).abs() < 0.02, "{held} of {values}, not {attained}");
    }
}

#[test]
fn intervals_of_hodges_and_lehmann_hold_the_centre_of_symmetric_samples() {
    // The logarithm of the quotient of two exponential values: longer tails than a normal one has.
    let logistic = |random: &mut SplitMix| exponential(random).ln() - exponential(random).ln();
    for values in [6, 10, 15, 31, 60] {
        let interval = |sample: &[f64], _| signed_rank::hodges_lehmann(sample, CONFIDENCE);
        let sample: Vec<f64> = (0..u32::try_from(values).unwrap()).map(f64::from).collect();
        let attained = interval(&sample, 0).expect("an interval").confidence;
        for draw in [deviate, logistic] {
            let held = coverage(values, 0.0, draw, interval);
            assert!((held - attained).abs() < 0.02, "{held} of {values}, not {attained}");
        }
    }
}

#[test]
fn intervals_of_the_bootstrap_fall_short_by_a_few_per_cent_on_skewed_samples() {
    let mean = |values: &mut [f64]| values.iter().sum::<f64>() / real(values.len());
    let interval = |sample: &[f64], seed| {
        bootstrap::interval(
            sample,
            mean,
            Resampling { resamples: 1000, seed, confidence: CONFIDENCE },
        )
    };
    let held = coverage(30, 1.0, exponential, interval);
    assert!((0.91..0.97).contains(&held), "{held}");
    let median = |sample: &[f64], seed| {
        let how = Resampling { resamples: 1000, seed, confidence: CONFIDENCE };
        bootstrap::interval(sample, bootstrap::median_in_place, how)
    };
    let held = coverage(15, 1.0, log_normal, median);
    assert!((0.91..0.97).contains(&held), "{held}");
}

#[test]
fn intervals_of_slopes_hold_the_slope() {
    for count in [5_u32, 8, 20] {
        let held = share(MANY, |random| {
            let point = |at| (f64::from(at), 3.0 * f64::from(at) + log_normal(random));
            let points: Vec<(f64, f64)> = (0..count).map(point).collect();
            theil_sen::line(&points, CONFIDENCE).expect("a line").slope.contains(3.0)
        });
        assert!(held >= 0.93, "{held} of {count}");
    }
}

/// Samples every 5 ms for 10 s: nodes that grow by a share of a million retired per second, with noise
/// that is kept for about 50 ms, and bursts that free what has piled up for 20 ms.
fn series(random: &mut SplitMix, share: f64) -> Vec<(f64, f64)> {
    let mut noise = 0.0;
    let sample = |at: u32| {
        noise = 0.9 * noise + 2000.0 * deviate(random);
        let time = f64::from(at) * 0.005;
        (time, 50_000.0 + share * 1e6 * time + 1e6 * (time % 0.02) + noise)
    };
    (0..2000).map(sample).collect()
}

#[test]
fn growth_is_classed_as_it_is() {
    let cases = [
        (0.0, Growth::Flat),
        (0.009, Growth::Flat),
        // On a limit the interval decides for neither side.
        (0.01, Growth::Inconclusive),
        (0.03, Growth::Inconclusive),
        (0.4, Growth::Inconclusive),
        (0.5, Growth::Inconclusive),
        (0.51, Growth::Linear),
        (1.0, Growth::Linear),
    ];
    for (stays, expected) in cases {
        let right = share(50, |random| {
            let trend = growth::trend(&series(random, stays), 1e6).expect("a trend");
            trend.growth == expected
        });
        assert!(right >= 0.9, "{right} of {stays}");
    }
}

#[test]
fn blocks_keep_the_interval_of_a_series_honest() {
    let flat = |random: &mut SplitMix, blocked: bool| {
        let series = series(random, 0.0);
        let slope = if blocked {
            growth::trend(&series, 1e6).expect("a trend").share
        } else {
            // Points that are next to each other in time.
            theil_sen::line(&series[..150], CONFIDENCE).expect("a line").slope
        };
        slope.contains(0.0)
    };
    let held = [true, false].map(|blocked| share(TRIALS, |random| flat(random, blocked)));
    assert!(held[0] > 0.92 && held[1] < 0.7, "{held:?}");
}

#[test]
fn measuring_until_an_interval_is_narrow_costs_little_confidence() {
    let held = share(TRIALS, |random| {
        let pairs = blocks(random, 100, 1.0);
        let intervals = (10..=100).map(|count| pairs::ratio(&pairs[..count]).expect("an interval"));
        let mut intervals = intervals.skip_while(|interval| !interval.is_narrow(0.025));
        intervals.next().expect("a narrow interval").contains(1.0)
    });
    assert!(held > 0.91, "{held}");
}
