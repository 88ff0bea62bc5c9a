//! What people write without such a library: the read-heavy cell and a protected load over reference
//! counts.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;

/// A shared value that can be read and replaced.
pub trait Naive: Send + Sync + 'static {
    /// The name in tables.
    const NAME: &'static str;
    /// With a value.
    fn new() -> Self;
    /// Reads it.
    fn load(&self) -> u64;
    /// Replaces it.
    fn replace(&self, value: u64);
}

impl Naive for Mutex<Arc<u64>> {
    const NAME: &'static str = "Mutex<Arc>";
    fn new() -> Self {
        Mutex::new(Arc::new(0))
    }
    fn load(&self) -> u64 {
        *Arc::clone(&self.lock().unwrap_or_else(PoisonError::into_inner))
    }
    fn replace(&self, value: u64) {
        let new = Arc::new(value);
        *self.lock().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

impl Naive for RwLock<Arc<u64>> {
    const NAME: &'static str = "RwLock<Arc>";
    fn new() -> Self {
        RwLock::new(Arc::new(0))
    }
    fn load(&self) -> u64 {
        *Arc::clone(&self.read().unwrap_or_else(PoisonError::into_inner))
    }
    fn replace(&self, value: u64) {
        let new = Arc::new(value);
        *self.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

impl Naive for ArcSwap<u64> {
    const NAME: &'static str = "arc-swap";
    fn new() -> Self {
        ArcSwap::from_pointee(0)
    }
    fn load(&self) -> u64 {
        **ArcSwap::load(self)
    }
    fn replace(&self, value: u64) {
        self.store(Arc::new(value));
    }
}

/// A step of the cell of that name, or `None` if a naive value cannot do it.
#[must_use]
pub fn step<N: Naive>(cell: &str) -> Option<fn(&N, u64)> {
    match cell {
        "pin+load" => Some(|value, _| {
            black_box(value.load());
        }),
        "swap+retire" => Some(N::replace),
        "read-heavy 95/5" => Some(|value, random| {
            if random % 20 == 0 {
                value.replace(random);
            } else {
                black_box(value.load());
            }
        }),
        _ => None,
    }
}
