//! How keys are drawn.

use kovan_harness::random::{WyRand, scale};
use kovan_lab_base::data::{Keys, Mix};

use super::law::{Drawn, Kind, Law};

/// Draws the keys of one worker.
pub(super) struct KeySource {
    /// What keys are drawn from that are not all alike.
    own: WyRand,
    /// The least key.
    first: u64,
    /// How many keys there are.
    count: u64,
    way: Way,
}

/// How the next key is found.
enum Way {
    Uniform,
    /// Keys that come by a law.
    Uneven(Drawn),
    Sequential(u64),
    /// The newest key of this worker, the step from each to the next, and how far back others are.
    Latest(u64, u64, Drawn),
}

impl KeySource {
    /// The source of a worker, the `nth` of so many `threads`, for a key range. Each seed has its own streams.
    pub(super) fn new(mix: &Mix, range: u64, seed: u64, nth: u32, threads: u32) -> Self {
        let place = |part: f64| share_of(range, part);
        let first = place(mix.from);
        let count = place(mix.to).saturating_sub(first).max(1);
        let law = |kind, spread| Law { kind, count, spread }.drawn();
        let zipf = Kind::Zipf { theta: mix.theta };
        let way = match mix.keys {
            Keys::Uniform => Way::Uniform,
            Keys::Zipf => Way::Uneven(law(zipf, Some(seed))),
            Keys::Hot => {
                let hot = share_of(count, mix.hot_keys).max(1);
                let draws = share_of(1 << 32, mix.hot_operations);
                Way::Uneven(law(Kind::Hot { hot, draws }, Some(seed)))
            }
            Keys::Sequential => Way::Sequential(count * u64::from(nth) / u64::from(threads.max(1))),
            // New keys are above the range, each worker's apart from the others'.
            Keys::Latest => {
                let newest = first + count + u64::from(nth);
                Way::Latest(newest, threads.max(1).into(), law(zipf, None))
            }
        };
        Self { own: WyRand::stream(seed, u64::from(nth), 1), first, count, way }
    }

    /// The least of keys that are all alike, and how many there are; none where they are not.
    pub(super) fn uniform(&self) -> Option<(u64, u64)> {
        matches!(self.way, Way::Uniform).then_some((self.first, self.count))
    }

    /// Draws keys that are not all alike. Where new keys are newest, `is_new` says of each in its turn whether it is one.
    #[inline(never)]
    pub(super) fn list(&mut self, keys: &mut [u64], mut is_new: impl FnMut() -> bool) {
        let depends = matches!(self.way, Way::Latest(..));
        for key in keys {
            *key = self.next(0, depends && is_new());
        }
    }

    /// The next key; where all are alike, by the upper bits of a random number. Where new keys are newest, `is_new` asks
    /// for one.
    #[inline]
    pub(super) fn next(&mut self, random: u64, is_new: bool) -> u64 {
        let Self { own, first, count, way } = self;
        match way {
            Way::Uniform => *first + scale(random, *count),
            Way::Uneven(drawn) => *first + drawn.next(own),
            Way::Sequential(next) => {
                let key = *first + *next;
                *next = (*next + 1) % *count;
                key
            }
            Way::Latest(newest, step, back) => {
                if is_new {
                    *newest += *step;
                    return *newest;
                }
                newest.saturating_sub(back.next(own) * *step).max(*first)
            }
        }
    }
}

/// A part of a number.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn share_of(number: u64, part: f64) -> u64 {
    // Exact below 2^53.
    (number as f64 * part).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each of the first ranks, then all others together, would come, and did.
    fn chi_squared(observed: &[u64], expected: &[f64]) -> f64 {
        observed
            .iter()
            .zip(expected)
            .map(|(seen, wanted)| {
                let off = *seen as f64 - wanted;
                off * off / wanted
            })
            .sum()
    }

    fn counts(mix: &Mix, range: u64, draws: u64) -> Vec<u64> {
        let mut keys = KeySource::new(mix, range, 7, 0, 1);
        let mut random = WyRand::stream(7, 0, 2);
        let mut counts = vec![0; usize::try_from(range).expect("small")];
        for _ in 0..draws {
            counts[usize::try_from(keys.next(random.next_u64(), false)).expect("in the range")] +=
                1;
        }
        counts
    }

    #[test]
    fn uniform_keys_are_all_alike() {
        let draws = 100_000;
        let counts = counts(&Mix::default(), 50, draws);
        let expected = vec![draws as f64 / 50.0; 50];
        // 49 degrees of freedom: 85.4 is passed once in a thousand seeds.
        assert!(chi_squared(&counts, &expected) < 85.4, "{counts:?}");
    }

    #[test]
    fn zipf_keys_follow_the_law_and_are_spread() {
        let (range, draws, theta) = (1000_u32, 200_000, 0.99);
        let mix = Mix { keys: Keys::Zipf, theta, ..Mix::default() };
        let by_key = counts(&mix, range.into(), draws);
        let mut sorted = by_key.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let sum: f64 = (1..=range).map(|rank| f64::from(rank).powf(-theta)).sum();
        let share = |rank: u32| f64::from(rank).powf(-theta) / sum;
        // The most frequent keys are far enough from each other that their order is that of their ranks.
        let mut observed: Vec<u64> = sorted[..10].to_vec();
        observed.push(draws - observed.iter().sum::<u64>());
        let mut expected: Vec<f64> = (1..=10).map(|rank| share(rank) * draws as f64).collect();
        expected.push(draws as f64 - expected.iter().sum::<f64>());
        // 10 degrees of freedom: 29.6 is passed once in a thousand seeds.
        assert!(chi_squared(&observed, &expected) < 29.6, "{observed:?} {expected:?}");
        let frequent = by_key.iter().position(|count| *count == sorted[0]);
        let next = by_key.iter().position(|count| *count == sorted[1]);
        assert!(
            frequent.zip(next).is_some_and(|(a, b)| a.abs_diff(b) > 1),
            "spread over the range"
        );
    }

    #[test]
    fn hot_keys_get_their_part() {
        let mix = Mix { keys: Keys::Hot, hot_keys: 0.1, hot_operations: 0.9, ..Mix::default() };
        let mut counts = counts(&mix, 100, 100_000);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let hot: u64 = counts[..10].iter().sum();
        assert!((89_000..91_000).contains(&hot), "{hot}");
    }

    #[test]
    fn parts_of_the_range_and_order_are_kept() {
        let mix = Mix { keys: Keys::Sequential, from: 0.5, to: 0.75, ..Mix::default() };
        let mut keys = KeySource::new(&mix, 8, 1, 0, 2);
        assert_eq!([(); 5].map(|()| keys.next(0, false)), [4, 5, 4, 5, 4]);
        let mix = Mix { keys: Keys::Latest, ..Mix::default() };
        let mut keys = KeySource::new(&mix, 8, 1, 1, 2);
        assert_eq!([keys.next(0, true), keys.next(0, true)], [11, 13], "each worker has its own");
        assert!((0..100).all(|_| keys.next(0, false) <= 13));
    }
}
