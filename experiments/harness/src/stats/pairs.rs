//! Two schemes measured side by side, block by block.
//!
//! Both values of a block see the same slow quarter of an hour, so that it cancels in their ratio. What is
//! left is the noise of single measurements. Without pairing the drift between blocks hides differences
//! that are many times as large as that noise.

use super::{CONFIDENCE, Interval, signed_rank};

/// What paired measurements say of two schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The interval of the ratio holds 1: these measurements do not tell the two apart. That is not yet
    /// a proof that they are the same, for which there is [`Interval::is_within`].
    Tie,
    /// A's values are larger than B's.
    Faster,
    /// A's values are smaller than B's.
    Slower,
    /// There are fewer blocks than an interval needs, which is six.
    TooFew,
}

/// Returns how many times as large the first value of a pair is as the second, with the interval of 95 %:
/// the estimate of Hodges and Lehmann for the differences of logarithms, transformed back. Returns `None`
/// for fewer than six pairs, and for a value that is not finite or not above zero.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Interval> {
    log_ratio(pairs)?.map(f64::exp)
}

/// Returns the verdict on A from pairs of values of A and B, of which more is better, as of throughput.
/// For costs, such as nanoseconds or nodes, swap A and B. The interval of the ratio decides: the two are a
/// tie unless it excludes 1. So two schemes that are the same are told apart in at most 5 % of cases.
/// Returns `None` for a value that is not finite or not above zero.
pub fn verdict(pairs: &[(f64, f64)]) -> Option<Verdict> {
    if !pairs.iter().all(is_usable) {
        return None;
    }
    Some(match log_ratio(pairs) {
        None => Verdict::TooFew,
        Some(ratio) if ratio.low > 0.0 => Verdict::Faster,
        Some(ratio) if ratio.high < 0.0 => Verdict::Slower,
        Some(_) => Verdict::Tie,
    })
}

fn is_usable(pair: &(f64, f64)) -> bool {
    [pair.0, pair.1].iter().all(|value| value.is_finite() && *value > 0.0)
}

/// Returns the interval of the logarithm of the ratio.
fn log_ratio(pairs: &[(f64, f64)]) -> Option<Interval> {
    let logs = pairs.iter().map(|pair| is_usable(pair).then(|| pair.0.ln() - pair.1.ln()));
    signed_rank::hodges_lehmann(&logs.collect::<Option<Vec<f64>>>()?, CONFIDENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs with these percentages between them, in blocks that differ a hundred times.
    fn blocks(percent: &[f64]) -> Vec<(f64, f64)> {
        let block = |(at, percent): (i32, &f64)| {
            let level = 10_f64.powi(at % 3);
            (level * (1.0 + percent / 100.0), level)
        };
        (0..).zip(percent).map(block).collect()
    }

    #[test]
    fn the_interval_decides() {
        let decide = |percent: &[f64]| verdict(&blocks(percent));
        assert_eq!(decide(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), Some(Verdict::Faster));
        assert_eq!(decide(&[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]), Some(Verdict::Slower));
        assert_eq!(decide(&[-0.1, 2.0, 3.0, 4.0, 5.0, 6.0]), Some(Verdict::Tie));
        assert_eq!(decide(&[0.0; 9]), Some(Verdict::Tie));
        // An end at 1 does not exclude it.
        assert_eq!(decide(&[0.0, 2.0, 3.0, 4.0, 5.0, 6.0]), Some(Verdict::Tie));
        assert_eq!(decide(&[90.0, 91.0, 92.0, 93.0, 94.0]), Some(Verdict::TooFew));
        assert_eq!(decide(&[]), Some(Verdict::TooFew));
    }

    #[test]
    fn the_ratio_is_transformed_back() {
        let interval = ratio(&[(8.0, 4.0); 6]).unwrap();
        assert!((interval.estimate - 2.0).abs() < 1e-12);
        assert!((interval.low - 2.0).abs() < 1e-12 && (interval.high - 2.0).abs() < 1e-12);
        assert_eq!(interval.confidence, 0.96875);
        let interval = ratio(&blocks(&[-1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).unwrap();
        assert!((interval.low - 0.99).abs() < 1e-12 && (interval.high - 1.06).abs() < 1e-12);
        assert_eq!(ratio(&blocks(&[1.0; 5])), None);
    }

    #[test]
    fn values_without_a_logarithm_are_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            for pair in [(bad, 1.0), (1.0, bad)] {
                let mut pairs = blocks(&[1.0; 8]);
                pairs.push(pair);
                assert_eq!((ratio(&pairs), verdict(&pairs)), (None, None), "{bad}");
                assert_eq!(verdict(&[pair]), None, "{bad}");
            }
        }
        // The ratio overflows, the verdict does not.
        let far = [(f64::MAX, f64::MIN_POSITIVE); 6];
        assert_eq!((ratio(&far), verdict(&far)), (None, Some(Verdict::Faster)));
    }
}
