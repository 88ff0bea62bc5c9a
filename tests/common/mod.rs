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

/// Returns how many times longer than usual a run is to be: `KOVAN_STRESS`, or 1.
pub(crate) fn stress() -> usize {
    std::env::var("KOVAN_STRESS").ok().and_then(|stress| stress.parse().ok()).unwrap_or(1)
}

/// Returns a length that `KOVAN_STRESS` multiplies.
pub(crate) fn scaled(length: usize) -> usize {
    length * stress()
}

/// Lets one test of a process run at a time: those that use the default collector, or count what is
/// alive.
#[must_use]
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
