//! Random streams, shuffles and hashes that are the same on every machine.

pub(crate) use kovan_pairs::random::{SplitMix, XorShift};

/// A shuffle of the numbers below a range, without a list of them: what a run needs for itself must not
/// grow with its keys. Four rounds that mix as many bits as the range has, each of which can be undone;
/// what falls outside of the range goes round again (cycle walking: Black & Rogaway, *Ciphers with
/// Arbitrary Finite Domains*, CT-RSA 2002).
#[derive(Clone, Debug)]
pub(crate) struct Permutation {
    keys: [u64; 4],
    bits: u32,
    range: u64,
}

impl Permutation {
    /// The shuffle of a seed.
    pub(crate) fn new(seed: u64, range: u64) -> Self {
        let mut mix = SplitMix::new(seed);
        let bits = u64::BITS - range.saturating_sub(1).max(1).leading_zeros();
        Self { keys: [(); 4].map(|()| mix.next_u64()), bits, range }
    }

    /// The number at a place below the range.
    pub(crate) fn at(&self, place: u64) -> u64 {
        assert!(place < self.range, "a place below the range");
        let mut number = self.mix(place);
        while number >= self.range {
            number = self.mix(number);
        }
        number
    }

    fn mix(&self, number: u64) -> u64 {
        let mask = u64::MAX >> (u64::BITS - self.bits);
        self.keys.iter().fold(number, |number, key| {
            let product = ((number ^ key) & mask).wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask;
            product ^ (product >> (self.bits / 2).max(1))
        })
    }
}

/// FNV-1a: stable over versions and machines.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_of_known_text() {
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn streams_differ_and_stay_below_the_range() {
        let mut one = XorShift::stream(1, 0, 0);
        let mut two = XorShift::stream(1, 1, 0);
        let a: Vec<u64> = (0..100).map(|_| one.below(1000)).collect();
        let b: Vec<u64> = (0..100).map(|_| two.below(1000)).collect();
        assert_ne!(a, b);
        assert!(a.iter().chain(&b).all(|v| *v < 1000));
    }

    #[test]
    fn a_permutation_has_every_number_once_and_in_no_order() {
        for range in (1..300).chain([1000, 1024, 1025, 65_537]) {
            for seed in 1..=3 {
                let permutation = Permutation::new(seed, range);
                let numbers: Vec<u64> = (0..range).map(|place| permutation.at(place)).collect();
                let mut sorted = numbers.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..range).collect::<Vec<_>>(), "seed {seed}");
                let rises = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count() as u64;
                let half = 45 * range..=55 * range;
                assert!(range < 1000 || half.contains(&(100 * rises)), "{rises} of {range} rise");
            }
        }
        assert_ne!(Permutation::new(1, 1000).at(0), Permutation::new(2, 1000).at(0));
    }

    #[test]
    fn shuffle_keeps_all_items() {
        let mut items: Vec<u32> = (0..100).collect();
        SplitMix::new(7).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
