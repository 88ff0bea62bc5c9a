//! Stores that take long.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use kovan_harness::random::XorShift;

/// Cold lines: more than a processor's own caches hold.
const LINES: usize = 1 << 18;

/// Memory of one thread that its caches do not hold.
pub(super) struct Cold(Vec<Line>);

#[derive(Default)]
#[repr(align(64))]
struct Line(AtomicU64);

impl Cold {
    pub(super) fn new() -> Self {
        // Written once, so that no page is missing later.
        Self((1..=LINES as u64).map(|at| Line(AtomicU64::new(at))).collect())
    }

    /// Fills the store buffer with so many stores that take long.
    pub(super) fn store(&self, places: &[u32]) {
        for at in places {
            self.0[*at as usize].0.store(1, Relaxed);
        }
    }
}

/// How many stores are to fill a store buffer; often none.
pub(super) fn amount(random: &mut XorShift) -> usize {
    [0, 0, 8, 24, 48][random.below(5) as usize]
}

/// Other cold lines.
pub(super) fn choose(ballast: &mut Vec<u32>, amount: usize, random: &mut XorShift) {
    ballast.clear();
    ballast.extend((0..amount).map(|_| random.below(LINES as u64) as u32));
}

/// A delay finer than the pause of a spin loop, which may be a hundred cycles.
pub(super) fn wait(turns: u32) {
    for turn in 0..turns {
        black_box(turn);
    }
}
