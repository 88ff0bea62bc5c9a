//! Random streams that are the same on every machine.

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
            let other = scale(self.next_u64(), last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }
}

/// xorshift64* (Vigna 2016): a few cycles per value, for the measured loop.
#[derive(Clone, Debug)]
pub struct XorShift(u64);

impl XorShift {
    /// An independent stream for each (seed, thread, purpose).
    #[must_use]
    pub fn stream(seed: u64, thread: u64, purpose: u64) -> Self {
        let mut mix = SplitMix::new(seed ^ thread.rotate_left(32) ^ purpose.rotate_left(56));
        mix.next_u64();
        // Zero is the one state that xorshift never leaves.
        Self(mix.next_u64() | 1)
    }

    /// The next value.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
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

/// Maps 64 random bits below `range` without a division.
#[inline]
#[allow(clippy::cast_possible_truncation)] // The high half of a 128-bit product fits 64 bits.
fn scale(random: u64, range: u64) -> u64 {
    ((u128::from(random) * u128::from(range)) >> 64) as u64
}
