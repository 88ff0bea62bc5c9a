//! Random streams, shuffles and hashes that are the same on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014): seeds the other streams and shuffles.
#[derive(Clone, Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    /// A stream from a seed; every seed is good.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next value.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Fisher-Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// A place in a list of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(scale(self.next_u64(), length as u64)).unwrap_or(0)
    }

    /// Returns the numbers below this one in a random order.
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..count).collect();
        self.shuffle(&mut order);
        order
    }
}

/// Where the stream of a (seed, thread, purpose) begins.
fn begin(seed: u64, thread: u64, purpose: u64) -> u64 {
    let mut mix = SplitMix::new(seed ^ thread.rotate_left(32) ^ purpose.rotate_left(56));
    mix.next_u64();
    mix.next_u64()
}

/// wyrand (Wang Yi, wyhash, version final 4; the generator of the crate `fastrand`), for what a worker draws in its
/// measured loop. A state is the one before plus a constant, so that a draw does not wait for the draw before: two draws
/// take half of the time that they take from [`XorShift`].
#[derive(Clone, Debug)]
pub struct WyRand(u64);

impl WyRand {
    /// An independent stream for each (seed, thread, purpose).
    #[must_use]
    pub fn stream(seed: u64, thread: u64, purpose: u64) -> Self {
        Self(begin(seed, thread, purpose))
    }

    /// The next value.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x2d35_8dcc_aa6c_78a5);
        let product = u128::from(self.0) * u128::from(self.0 ^ 0x8bb8_4b93_962e_acc9);
        low(product) ^ low(product >> 64)
    }

    /// The lower half of the next value.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        lower(self.next_u64())
    }

    /// A value below `range`.
    #[inline]
    pub fn below(&mut self, range: u64) -> u64 {
        scale(self.next_u64(), range)
    }
}

/// xorshift64* (Vigna 2016): a few cycles per value, for checks and micro-benchmarks.
#[derive(Clone, Debug)]
pub struct XorShift(u64);

impl XorShift {
    /// An independent stream for each (seed, thread, purpose).
    #[must_use]
    pub fn stream(seed: u64, thread: u64, purpose: u64) -> Self {
        // Zero is the one state that xorshift never leaves.
        Self(begin(seed, thread, purpose) | 1)
    }

    /// The next value.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// The higher 48 bits of the next value: the lowest ones vary less.
    #[inline]
    pub fn next_u48(&mut self) -> u64 {
        self.next_u64() >> 16
    }

    /// A value below `range`.
    #[inline]
    pub fn below(&mut self, range: u64) -> u64 {
        scale(self.next_u64(), range)
    }

    /// A place in a list of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}

/// The lower half of 64 random bits. It is as good as independent of what [`scale`] makes of the same bits: no value below
/// `range` changes the odds of a half by more than `range` in 2<sup>32</sup>.
#[inline]
#[must_use]
pub fn lower(random: u64) -> u32 {
    (random & u64::from(u32::MAX)) as u32
}

/// Maps 64 random bits below `range` without a division.
#[inline]
#[must_use]
pub fn scale(random: u64, range: u64) -> u64 {
    low((u128::from(random) * u128::from(range)) >> 64)
}

/// The lower half.
#[inline]
#[allow(clippy::cast_possible_truncation)] // That is what it is for.
fn low(number: u128) -> u64 {
    number as u64
}

/// A shuffle of the numbers below a range, without a list of them: what a run needs for itself must not
/// grow with its keys. Four rounds that mix as many bits as the range has, each of which can be undone;
/// what falls outside of the range goes round again (cycle walking: Black & Rogaway, *Ciphers with
/// Arbitrary Finite Domains*, CT-RSA 2002).
#[derive(Clone, Debug)]
pub struct Permutation {
    keys: [u64; 4],
    bits: u32,
    range: u64,
}

impl Permutation {
    /// The shuffle of a seed.
    pub fn new(seed: u64, range: u64) -> Self {
        let mut mix = SplitMix::new(seed);
        let bits = u64::BITS - range.saturating_sub(1).max(1).leading_zeros();
        Self { keys: [(); 4].map(|()| mix.next_u64()), bits, range }
    }

    /// The number at a place below the range.
    #[inline]
    pub fn at(&self, place: u64) -> u64 {
        assert!(place < self.range, "a place below the range");
        let mut number = self.mix(place);
        while number >= self.range {
            number = self.mix(number);
        }
        number
    }

    #[inline]
    fn mix(&self, number: u64) -> u64 {
        let mask = u64::MAX >> (u64::BITS - self.bits);
        self.keys.iter().fold(number, |number, key| {
            let product = ((number ^ key) & mask).wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask;
            product ^ (product >> (self.bits / 2).max(1))
        })
    }
}

/// FNV-1a: stable over versions and machines.
pub fn fnv(bytes: &[u8]) -> u64 {
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
    fn wyrand_is_the_one_that_was_published() {
        let mut stream = WyRand(42);
        // Computed with whole numbers of any length from the definition in wyhash.h.
        let known = [0xca71_d87c_7698_3989, 0x7e5b_a615_5208_5fc6, 0xcdf1_01e3_bab8_8b9f];
        assert_eq!([(); 3].map(|()| stream.next_u64()), known);
        assert_eq!(WyRand(42).next_u32(), 0x7698_3989);
    }

    /// The workers' streams of keys and of choices: neither tells anything of the other, nor of the draw before.
    #[test]
    fn draws_of_two_streams_are_independent() {
        const SIDES: usize = 16;
        const DRAWS: usize = 100_000;
        let (mut keys, mut choices) = (WyRand::stream(1, 0, 1), WyRand::stream(1, 0, 2));
        let (mut both, mut next) = ([[0_u32; SIDES]; SIDES], [[0_u32; SIDES]; SIDES]);
        let mut last = 0;
        for _ in 0..DRAWS {
            let key = keys.below(SIDES as u64) as usize;
            let choice = (choices.next_u32() >> 28) as usize;
            both[key][choice] += 1;
            next[last][key] += 1;
            last = key;
        }
        let wanted = (DRAWS / SIDES / SIDES) as f64;
        for counts in [both, next] {
            let off =
                counts.iter().flatten().map(|count| (f64::from(*count) - wanted).powi(2) / wanted);
            let chi: f64 = off.sum();
            // 255 degrees of freedom: 0.001 of all streams are below 190, and as many above 330.
            assert!((190.0..330.0).contains(&chi), "{chi}");
        }
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
    fn an_order_has_each_index_once() {
        let mut mix = SplitMix::new(1);
        for n in [0, 1, 2, 100] {
            let mut order = mix.order(n);
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_order_of_three_comes_up_equally_often() {
        let (mut counts, mut mix) = ([0_u32; 27], SplitMix::new(1));
        for _ in 0..6000 {
            let order = mix.order(3);
            counts[order[0] * 9 + order[1] * 3 + order[2]] += 1;
        }
        let seen: Vec<_> = counts.into_iter().filter(|count| *count > 0).collect();
        // Six orders, a thousand of each, standard deviation 29.
        assert_eq!(seen.len(), 6);
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
    }

    #[test]
    fn numbers_have_48_bits_and_all_of_them_vary() {
        let mut stream = XorShift::stream(1, 0, 0);
        let (all, any) = (0..1000)
            .map(|_| stream.next_u48())
            .fold((!0, 0), |(all, any), number| (all & number, any | number));
        assert_eq!((all, any), (0, (1 << 48) - 1));
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
