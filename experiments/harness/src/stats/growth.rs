//! Tests whether unreclaimed nodes grow without end.

use super::location::median;
use super::{CONFIDENCE, Interval, theil_sen};

/// Below this share of retired nodes that stay, garbage is flat.
pub const FLAT: f64 = 0.01;
/// Above this share, garbage is linear in what is retired.
pub const LINEAR: f64 = 0.5;
/// The most blocks that a series is cut into.
const BLOCKS: usize = 32;

/// How unreclaimed nodes grow with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Less than 1 % of what is retired stays; a series that falls is flat too.
    Flat,
    /// More than 50 % of what is retired stays.
    Linear,
    /// The interval reaches over one of these limits, or is between them.
    Inconclusive,
}

/// A growth class and what it is decided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The class.
    pub growth: Growth,
    /// The share of retired nodes that stay unreclaimed, with its interval of 95 %.
    pub share: Interval,
}

/// Returns the class of a series of samples `(seconds, nodes)`, given how many nodes are retired per
/// second. The share is the slope of Theil and Sen over that rate, and all of its interval must be on one
/// side of a limit.
///
/// Samples every few milliseconds resemble their neighbours, and count as independent in that interval.
/// Up to 32 blocks of consecutive samples therefore give one point each: the median of their times and
/// that of their nodes. An interval of 10 s then has blocks of 0.3 s. Garbage that rises and falls more
/// slowly than a few blocks can still look like a trend; a longer window helps.
///
/// Returns `None` for fewer than five samples, or for five that differ too little in time; for a number
/// that is not finite; and for a rate that is not above zero.
pub fn trend(samples: &[(f64, f64)], retired_per_second: f64) -> Option<Trend> {
    if !(retired_per_second.is_finite() && retired_per_second > 0.0) {
        return None;
    }
    let slope = theil_sen::line(&blocks(samples)?, CONFIDENCE)?.slope;
    let share = slope.map(|slope| slope / retired_per_second)?;
    let growth = if share.high < FLAT {
        Growth::Flat
    } else if share.low > LINEAR {
        Growth::Linear
    } else {
        Growth::Inconclusive
    };
    Some(Trend { growth, share })
}

/// Returns one point per block of samples in the order of time, or `None` if a median has none.
fn blocks(samples: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let mut samples = samples.to_vec();
    samples.sort_by(|one, two| one.0.total_cmp(&two.0));
    let count = samples.len().min(BLOCKS);
    let start = |block: usize| block * samples.len() / count;
    let point = |block: usize| {
        let block = &samples[start(block)..start(block + 1)];
        let times: Vec<f64> = block.iter().map(|sample| sample.0).collect();
        let nodes: Vec<f64> = block.iter().map(|sample| sample.1).collect();
        Some((median(&times)?, median(&nodes)?))
    };
    (0..count).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples every 5 ms for 10 s.
    fn series(nodes: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..2000).map(|at| f64::from(at) * 0.005).map(|time| (time, nodes(time))).collect()
    }

    fn class(samples: &[(f64, f64)]) -> Option<Growth> {
        trend(samples, 1e6).map(|trend| trend.growth)
    }

    #[test]
    fn classes_of_plain_series() {
        assert_eq!(class(&series(|_| 0.0)), Some(Growth::Flat));
        assert_eq!(class(&series(|time| 500.0 - time)), Some(Growth::Flat));
        assert_eq!(class(&series(|time| 1e6 * time)), Some(Growth::Linear));
        assert_eq!(class(&series(|time| 0.2e6 * time)), Some(Growth::Inconclusive));
        // The limits themselves belong to neither class.
        assert_eq!(class(&series(|time| 0.0099e6 * time)), Some(Growth::Flat));
        assert_eq!(class(&series(|time| 0.0101e6 * time)), Some(Growth::Inconclusive));
        assert_eq!(class(&series(|time| 0.499e6 * time)), Some(Growth::Inconclusive));
        assert_eq!(class(&series(|time| 0.501e6 * time)), Some(Growth::Linear));
        // Garbage that is freed in bursts.
        assert_eq!(class(&series(|time| 1e6 * (time % 0.37))), Some(Growth::Flat));
        assert_eq!(class(&series(|time| 1e6 * (time % 0.01))), Some(Growth::Flat));
    }

    #[test]
    fn the_share_is_the_slope_over_the_rate() {
        let share = trend(&series(|time| 7.0 + 3e5 * time), 1e6).unwrap().share;
        assert!((share.estimate - 0.3).abs() < 1e-9 && share.high - share.low < 1e-9);
    }

    #[test]
    fn blocks_cover_every_sample_once() {
        let mut samples = series(|time| time);
        samples.reverse();
        let points = blocks(&samples).unwrap();
        assert_eq!(points.len(), BLOCKS);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        // 2000 samples in 32 blocks of 62 or 63: the last has the numbers 1937 to 1999.
        assert!((points[31].1 - 1968.0 * 0.005).abs() < 1e-9);
        assert_eq!(blocks(&samples[..7]).unwrap().len(), 7);
    }

    #[test]
    fn what_has_no_trend() {
        let samples = series(|time| time);
        assert_eq!(class(&samples[..4]), None);
        assert!(class(&samples[..5]).is_some());
        assert_eq!(class(&[]), None);
        assert_eq!(class(&[(1.0, 5.0); 100]), None);
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(trend(&samples, rate), None);
        }
        for bad in [(f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            let mut samples = samples.clone();
            samples[1000] = bad;
            assert_eq!(class(&samples), None);
        }
    }
}
