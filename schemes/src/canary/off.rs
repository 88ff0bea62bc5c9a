//! The checks when they are not compiled in: nothing.

use super::Place;

/// No tag.
#[derive(Debug)]
pub(crate) struct Tag;

impl Tag {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self
    }
    #[inline(always)]
    pub(crate) fn expect_readable(&self) {}
    #[inline(always)]
    pub(crate) fn retire(&self) {}
    #[inline(always)]
    pub(crate) fn expect_retired(&self) {}
    #[inline(always)]
    pub(crate) fn expect_alive(&self) {}
}

#[inline(always)]
pub(crate) fn expect_link(_: usize) {}
/// Does nothing: the feature `canary` is off.
#[inline(always)]
pub fn pause() {}
#[inline(always)]
pub(crate) fn at(_: Place) {}
#[inline(always)]
pub(crate) unsafe fn poison(_: *mut u8, _: usize) {}

/// Does nothing: the feature `canary` is off.
pub fn reuse(_: bool) {}

/// Does nothing: the feature `canary` is off.
pub fn jitter(_: u64, _: u32) {}

/// Runs `operation` alone: the feature `canary` is off.
///
/// # Safety
/// None: it is a function of builds with the feature that has clauses.
pub unsafe fn at_points<T>(_: &dyn Fn(Place), operation: impl FnOnce() -> T) -> T {
    operation()
}
