//! What several tests share.
#![allow(dead_code)] // Each of them uses a part.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts its drops.
pub(crate) struct Counted(pub(crate) Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Returns how many times longer than usual a run is to be: `KOVAN_STRESS`, which may be a fraction, or 1.
pub(crate) fn stress() -> f64 {
    std::env::var("KOVAN_STRESS").ok().and_then(|stress| stress.parse().ok()).unwrap_or(1.0)
}

/// Returns a length that `KOVAN_STRESS` multiplies.
pub(crate) fn scaled(length: usize) -> usize {
    ((length as f64 * stress()) as usize).max(1)
}

/// Lets one test of a process run at a time: those that use the default collector, or count what is
/// alive.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers that look random, the same in every run (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns one that is less than `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// Flushes the default collector until `done`. Returns whether that was so in the end. Threads hand in
/// their last batch when they end, which may be after their scope.
#[cfg(feature = "std")]
pub(crate) fn flush_until(done: impl Fn() -> bool) -> bool {
    for _ in 0..10_000 {
        kovan::flush();
        if done() {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    done()
}

/// Numbers of nodes that a guard loads: they fit into the cells of a slot, just do not, fill its
/// first log, and many.
pub(crate) const LOADED: [usize; 5] = [1, 64, 65, 200, 5000];

/// After a few flushes nothing is left.
pub(crate) fn assert_all_freed(handle: &kovan::Handle<kovan::Robust>) {
    for _ in 0..4 {
        handle.flush();
    }
    assert_eq!(handle.collector().stats().unreclaimed(), 0);
}
