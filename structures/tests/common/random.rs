//! Random sequences, and how long tests are.

/// A generator of test sequences: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Returns `iterations`, times the environment variable `KOVAN_STRESS`, which may be a fraction.
pub(crate) fn scaled(iterations: u64) -> u64 {
    let factor = std::env::var("KOVAN_STRESS").ok().and_then(|text| text.parse().ok());
    ((iterations as f64 * factor.unwrap_or(1.0)) as u64).max(1)
}
