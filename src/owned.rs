//! Nodes before their publication.

use alloc::boxed::Box;
use core::fmt;
use core::ops::{Deref, DerefMut};

use crate::guard::Guard;
use crate::mode::Mode;

/// A node that is not published yet, or is not any more: a box. No collector asks for more.
///
/// ```
/// use kovan::{Collector, Owned, Robust};
/// use std::sync::atomic::{AtomicPtr, Ordering};
///
/// let handle = Collector::<Robust>::new().register();
/// let guard = handle.pin();
/// let place = AtomicPtr::new(Owned::new(1, &guard).into_raw());
/// assert_eq!(unsafe { *guard.protect(&place, Ordering::Acquire) }, 1);
/// let old = place.swap(std::ptr::null_mut(), Ordering::AcqRel);
/// unsafe { guard.retire_owned(old) };
/// ```
pub struct Owned<T>(Box<T>);

impl<T> Owned<T> {
    /// Returns a node. The guard is not needed, and stands here for programs that give one.
    pub fn new<M: Mode>(value: T, _guard: &Guard<M>) -> Self {
        Self(Box::new(value))
    }

    /// Gives up ownership, to publish the node: it ends as a box does that was given up by
    /// [`Box::into_raw`].
    #[must_use]
    pub fn into_raw(self) -> *mut T {
        Box::into_raw(self.0)
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// `value` came from [`Owned::into_raw`], was not retired, and nobody else uses it.
    #[must_use]
    pub unsafe fn from_raw(value: *mut T) -> Self {
        // SAFETY: the caller's clauses.
        Self(unsafe { Box::from_raw(value) })
    }

    /// Returns the value.
    #[must_use]
    pub fn into_inner(self) -> T {
        *self.0
    }
}

impl<M: Mode> Guard<M> {
    /// Retires a node: [`Guard::retire`].
    ///
    /// # Safety
    /// As [`retire`](crate::retire), of this guard's collector.
    #[inline]
    pub unsafe fn retire_owned<T: 'static>(&self, value: *mut T) {
        // SAFETY: the caller's clauses.
        unsafe { self.retire(value) };
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
impl<T: fmt::Debug> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
