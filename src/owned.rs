//! Nodes that carry the era of their birth.

use alloc::boxed::Box;
use core::fmt;
use core::mem::offset_of;
use core::ops::{Deref, DerefMut};

use crate::guard::Guard;
use crate::mode::Mode;

#[repr(C)]
struct Born<T> {
    birth: u64,
    value: T,
}

/// A node that is not published yet, or is not any more: a boxed value and, in front of it, the era
/// of its birth. In [`Robust`](crate::Robust) mode a stalled thread then holds it only if it was
/// born before the stall; a plain box counts as oldest. One word per node.
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
pub struct Owned<T>(Box<Born<T>>);

impl<T> Owned<T> {
    /// A node born now, to be retired in the collector of `guard`.
    pub fn new<M: Mode>(value: T, guard: &Guard<M>) -> Self {
        Self(Box::new(Born { birth: guard.birth_era(), value }))
    }

    /// Gives up ownership, to publish the node: a pointer to the value. It ends by
    /// [`Guard::retire_owned`] or [`Owned::from_raw`], not by [`retire`](crate::retire): that is not
    /// where its allocation begins.
    #[must_use]
    pub fn into_raw(self) -> *mut T {
        let node = Box::into_raw(self.0);
        // SAFETY: in bounds of the allocation, and with its provenance.
        unsafe { &raw mut (*node).value }
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// `value` came from [`Owned::into_raw`], was not retired, and nobody else uses it.
    #[must_use]
    pub unsafe fn from_raw(value: *mut T) -> Self {
        // SAFETY: the caller's clauses.
        Self(unsafe { Box::from_raw(node_of(value)) })
    }

    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0.value
    }
}

/// # Safety
/// `value` came from [`Owned::into_raw`].
unsafe fn node_of<T>(value: *mut T) -> *mut Born<T> {
    // SAFETY: the value is this far from the beginning of its node.
    unsafe { value.byte_sub(offset_of!(Born<T>, value)).cast() }
}

impl<M: Mode> Guard<M> {
    /// Retires a node that was published by [`Owned::into_raw`].
    ///
    /// # Safety
    /// 1. As [`retire`](crate::retire), of this guard's collector, but for where it came from.
    /// 2. It came from [`Owned::into_raw`], of a node made under a guard of this collector.
    #[inline]
    pub unsafe fn retire_owned<T: 'static>(&self, value: *mut T) {
        unsafe fn free<T>(node: *mut ()) {
            // SAFETY: retired once, when nobody can use it any more.
            drop(unsafe { Box::from_raw(node.cast::<Born<T>>()) });
        }
        // SAFETY: the caller's clauses.
        unsafe {
            let node = node_of(value);
            self.retire_born(node.cast(), free::<T>, &raw const (*node).birth);
        }
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}
impl<T> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.value
    }
}
impl<T: fmt::Debug> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}
