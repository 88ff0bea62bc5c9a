//! What programs for the published crate of this name use besides: embedded headers, which nothing
//! here needs, and functions for boxes.

use alloc::boxed::Box;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

use crate::default::{announce_era, retire_entry};
use crate::mode::{DefaultMode, Mode};
use crate::node::{Entry, Reclaimable, RetiredNode, era};

impl RetiredNode {
    /// Returns a header that is made now.
    ///
    /// The guards that this thread has or gets from [`pin`](crate::pin) hold the node from here on if
    /// the feature `robust` is on, however the node is published: a store, unlike an exchange, does
    /// not tell the guard what it publishes. That ends with the thread's thread-local values.
    #[must_use]
    #[inline]
    pub fn new() -> Self {
        let birth = era::now();
        if DefaultMode::ROBUST {
            announce_era(birth);
        }
        Self::born(birth)
    }
}

/// Retires a node whose end is [`Reclaimable::dealloc`], in the default collector.
///
/// # Safety
/// As clause 1 of [`retire_node`], with `dealloc` in place of the box's drop.
pub unsafe fn retire_reclaimable<T: Reclaimable + 'static>(pointer: *mut T) {
    // SAFETY: the caller's clauses.
    unsafe { retire_entry(Entry::reclaimable(pointer)) };
}

/// Boxes a value and returns its pointer.
#[must_use]
pub fn alloc_node<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Allocates memory for a boxed value.
#[must_use]
pub fn alloc_node_uninit<T>() -> *mut MaybeUninit<T> {
    Box::into_raw(Box::new_uninit())
}

/// Drops a boxed value at once.
///
/// # Safety
/// `node` came from [`alloc_node`], has its value, and nobody uses it from here on.
pub unsafe fn drop_node<T>(node: *mut T) {
    // SAFETY: the caller's clause.
    drop(unsafe { Box::from_raw(node) });
}

/// Frees the memory of a boxed value without dropping the value.
///
/// # Safety
/// `node` came from [`alloc_node`] or [`alloc_node_uninit`], and nobody uses it from here on.
pub unsafe fn free_node<T>(node: *mut T) {
    // SAFETY: the caller's clause; the layout is the same.
    drop(unsafe { Box::from_raw(node.cast::<MaybeUninit<T>>()) });
}

/// Retires a boxed value that begins with a [`RetiredNode`], in the default
/// collector. Where the feature `robust` is on, a guard that has loaded anything since the header was
/// made holds it; with [`retire`](crate::retire), one that has loaded this node.
///
/// # Safety
/// 1. As [`retire`](crate::retire), but those who may still use it need not have loaded it by its own
///    address, if the header was made before they could load what they use.
/// 2. `T` is `#[repr(C)]`, and its first field is a [`RetiredNode`].
#[inline]
pub unsafe fn retire_node<T: 'static>(node: *mut T) {
    // SAFETY: the caller's clauses.
    unsafe { retire_entry(Entry::headed(node)) };
}

/// An owned node that was not published yet, or is not any more.
pub struct NodeBox<T>(Box<T>);

impl<T> NodeBox<T> {
    /// Boxes a value.
    pub fn new(value: T) -> Self {
        Self(Box::new(value))
    }

    /// Gives up ownership, to publish the node.
    #[must_use]
    pub fn into_raw(this: Self) -> *mut T {
        Box::into_raw(this.0)
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// `node` came from [`NodeBox::into_raw`] or [`alloc_node`], and nobody else uses it.
    #[must_use]
    pub unsafe fn from_raw(node: *mut T) -> Self {
        // SAFETY: the caller's clause.
        Self(unsafe { Box::from_raw(node) })
    }
}

impl<T> Deref for NodeBox<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T> DerefMut for NodeBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
impl<T: fmt::Debug> fmt::Debug for NodeBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value on cache lines of its own: 128 bytes, since processors fetch lines in pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(128))]
pub struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    /// Pads a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}
impl<T> Deref for CachePadded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T> DerefMut for CachePadded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
impl<T> From<T> for CachePadded<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
