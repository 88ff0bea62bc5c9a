//! Keeps what different threads write off each other's cache lines.

use std::ops::Deref;

/// Alone on its cache line and the neighbour that is prefetched with it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
