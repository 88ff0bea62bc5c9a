//! What programs for the published crate of this name use besides: embedded headers, which nothing
//! here needs, and functions for boxes.

use alloc::boxed::Box;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

use crate::batch::Entry;
use crate::default::{retire, retire_entry};

/// A header that other schemes of this family want in each node. Here nodes need none: it is an
/// ordinary, empty field, aligned like a pointer, for those that keep flags in the low bits of a
/// node's address.
#[derive(Clone, Debug, Default)]
pub struct RetiredNode([usize; 0]);

impl RetiredNode {
    /// A header.
    #[must_use]
    pub const fn new() -> Self {
        Self([])
    }
}

/// A node with its own way of being freed, for instance into a pool; see [`retire_reclaimable`].
///
/// # Safety
/// `dealloc` does not panic.
pub unsafe trait Reclaimable: Sized {
    /// The embedded header.
    fn retired_node(&self) -> &RetiredNode;
    /// The embedded header.
    fn retired_node_mut(&mut self) -> &mut RetiredNode;
    /// Frees the node: drops its box, if it is not overridden.
    ///
    /// # Safety
    /// `pointer` came from [`Box::into_raw`], or as the implementation says, and is not used again.
    unsafe fn dealloc(pointer: *mut Self) {
        // SAFETY: the caller's clause.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Retires a node whose end is [`Reclaimable::dealloc`], in the default collector.
///
/// # Safety
/// As [`retire`], with `dealloc` in place of the box's drop.
pub unsafe fn retire_reclaimable<T: Reclaimable + 'static>(pointer: *mut T) {
    unsafe fn free<T: Reclaimable>(pointer: *mut ()) {
        // SAFETY: retired once, when nobody can use it any more.
        unsafe { T::dealloc(pointer.cast()) };
    }
    // SAFETY: the caller's clauses.
    unsafe { retire_entry(Entry { pointer: pointer.cast(), free: free::<T> }) };
}

/// A boxed value, as a pointer.
#[must_use]
pub fn alloc_node<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Memory for a boxed value.
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

/// Retires a boxed value: [`retire`].
///
/// # Safety
/// As [`retire`].
pub unsafe fn retire_node<T: 'static>(node: *mut T) {
    // SAFETY: the caller's clauses.
    unsafe { retire(node) };
}

/// An owned node that was not published yet, or is not any more.
pub struct NodeBox<T>(Box<T>);

impl<T> NodeBox<T> {
    /// A node with a value.
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

    /// The value.
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
