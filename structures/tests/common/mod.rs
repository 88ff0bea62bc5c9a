//! What the tests share.

use kovan_structures::registry::{self, Visitor};

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

/// `iterations`, times the environment variable `KOVAN_STRESS`.
pub(crate) fn scaled(iterations: u64) -> u64 {
    let factor = std::env::var("KOVAN_STRESS").ok().and_then(|text| text.parse().ok());
    iterations * factor.unwrap_or(1)
}

// Not every test file has a visitor.
#[allow(dead_code)]
/// Runs a visitor on every pair that is allowed, and says which one it is at.
pub(crate) fn every_pair<V: Visitor<Output = ()> + Clone>(visitor: &V) {
    let mut visited = 0;
    for pair in registry::matrix().iter().filter(|pair| pair.allowed) {
        println!("{} over {}", pair.structure, pair.scheme);
        registry::dispatch::<u64, _>(pair.scheme, pair.structure, visitor.clone()).unwrap();
        visited += 1;
    }
    // Every structure with every scheme that is strong enough for it.
    let schemes = kovan_schemes::registry::all();
    let strong = |needs| schemes.iter().filter(|scheme| scheme.strength >= needs).count();
    let expected: usize = registry::structures().iter().map(|facts| strong(facts.needs)).sum();
    assert_eq!(visited, expected);
    assert!(visited >= schemes.len());
}

/// Calls a macro with a scheme of each kind, and more: code for every scheme takes minutes to compile. One
/// protects a region; the others have intervals, hazards, eras and logged addresses.
#[allow(unused_macros, reason = "not every test file has it")]
macro_rules! for_each_kind {
    ($call:ident [$($more:tt)*] $($rest:tt)*) => {
        $call! {
            [
                Debra: region,
                Ibr: guard,
                HpNaive: pointer,
                HazardEras: pointer,
                KovanRobust: guard,
                $($more)*
            ] $($rest)*
        }
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use for_each_kind;
