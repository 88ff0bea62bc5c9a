//! What people write without such a library: a value behind a reference count, which a lock or
//! arc-swap hands out.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;

use crate::cells::Payload;

/// A shared value that can be read and replaced.
pub trait Counted<const WORDS: usize>: Send + Sync + 'static {
    /// The name in tables.
    const NAME: &'static str;
    /// Makes one with a value.
    fn new() -> Self;
    /// Reads the value.
    fn read_value(&self) -> u64;
    /// Replaces the value.
    fn replace_value(&self, value: u64);
}

fn counted<const WORDS: usize>(value: u64) -> Arc<Payload<WORDS>> {
    Arc::new(Payload::of(value))
}

impl<const WORDS: usize> Counted<WORDS> for Mutex<Arc<Payload<WORDS>>> {
    const NAME: &'static str = "Mutex<Arc>";
    fn new() -> Self {
        Mutex::new(counted(0))
    }
    fn read_value(&self) -> u64 {
        let value = Arc::clone(&self.lock().unwrap_or_else(PoisonError::into_inner));
        value.read()
    }
    fn replace_value(&self, value: u64) {
        let new = counted(value);
        *self.lock().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

impl<const WORDS: usize> Counted<WORDS> for RwLock<Arc<Payload<WORDS>>> {
    const NAME: &'static str = "RwLock<Arc>";
    fn new() -> Self {
        RwLock::new(counted(0))
    }
    fn read_value(&self) -> u64 {
        let value = Arc::clone(&self.read().unwrap_or_else(PoisonError::into_inner));
        value.read()
    }
    fn replace_value(&self, value: u64) {
        let new = counted(value);
        *self.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

impl<const WORDS: usize> Counted<WORDS> for ArcSwap<Payload<WORDS>> {
    const NAME: &'static str = "arc-swap";
    fn new() -> Self {
        ArcSwap::from(counted(0))
    }
    fn read_value(&self) -> u64 {
        self.load().read()
    }
    fn replace_value(&self, value: u64) {
        self.store(counted(value));
    }
}
