//! Tagged atomic pointers to nodes. The low bits of a pointer, free by alignment, are its tag.

use std::fmt;
use std::marker::PhantomData;
use std::mem::align_of;
use std::ptr;

use crate::canary;
use crate::domain::Guard;
use crate::node::Node;
use crate::reclaimer::Reclaimer;
use crate::sync::{self, AtomicPtr, Ordering};

type Raw<T, R> = *mut Node<T, <R as Reclaimer>::Header>;

/// An atomic pointer to a node, with a tag in its low bits.
pub struct Atomic<T, R: Reclaimer> {
    pub(crate) raw: AtomicPtr<Node<T, R::Header>>,
}

/// A node that no other thread has seen yet.
pub struct Owned<T, R: Reclaimer> {
    pub(crate) node: Box<Node<T, R::Header>>,
}

/// A pointer loaded under a guard, with its tag. It may be null, and it is protected only as the
/// scheme's strength says: [`deref`](Self::deref) is unsafe for that reason.
pub struct Shared<'g, T, R: Reclaimer> {
    raw: Raw<T, R>,
    guard: PhantomData<&'g Guard<'g, R>>,
}

/// The bits of a pointer to `Node<T, R>` that alignment leaves free.
#[must_use]
#[inline]
pub const fn tag_mask<T, R: Reclaimer>() -> usize {
    align_of::<Node<T, R::Header>>() - 1
}

impl<T, R: Reclaimer> Atomic<T, R> {
    /// A null pointer.
    #[must_use]
    #[cfg(not(kovan_loom))]
    #[inline]
    pub const fn null() -> Self {
        Self { raw: AtomicPtr::new(ptr::null_mut()) }
    }

    /// A null pointer. The atomics of models cannot be made in constants.
    #[must_use]
    #[cfg(kovan_loom)]
    #[inline]
    pub fn null() -> Self {
        Self { raw: AtomicPtr::new(ptr::null_mut()) }
    }

    /// A pointer that is not shared yet.
    #[must_use]
    #[inline]
    pub fn new(to: Shared<'_, T, R>) -> Self {
        Self { raw: AtomicPtr::new(to.raw) }
    }

    /// Loads without a shield. Under region schemes the guard protects the result; under the
    /// others it may only be compared.
    #[must_use]
    #[inline]
    pub fn load<'g>(&self, order: Ordering, _guard: &'g Guard<'_, R>) -> Shared<'g, T, R> {
        canary::pause();
        Shared::from_raw(self.raw.load(order))
    }

    /// Stores `to`.
    #[inline]
    pub fn store(&self, to: Shared<'_, T, R>, order: Ordering) {
        canary::at(canary::Place::Write);
        self.raw.store(to.raw, order);
    }

    /// Replaces `from`, tag included, by `to` (success acquire and release, failure acquire).
    ///
    /// # Errors
    /// The pointer that was there instead. It is not protected.
    #[inline]
    pub fn compare_exchange<'g>(
        &self,
        from: Shared<'_, T, R>,
        to: Shared<'_, T, R>,
        _guard: &'g Guard<'_, R>,
    ) -> Result<Shared<'g, T, R>, Shared<'g, T, R>> {
        canary::at(canary::Place::Write);
        self.raw
            .compare_exchange(from.raw, to.raw, Ordering::AcqRel, Ordering::Acquire)
            .map(Shared::from_raw)
            .map_err(Shared::from_raw)
    }

    /// The pointer, when no other thread can reach it: for a structure's own drop.
    #[must_use]
    pub fn load_exclusive(&mut self) -> Shared<'static, T, R> {
        Shared::from_raw(sync::get(&mut self.raw))
    }
}

impl<'g, T, R: Reclaimer> Shared<'g, T, R> {
    #[inline]
    pub(crate) const fn from_raw(raw: Raw<T, R>) -> Self {
        Self { raw, guard: PhantomData }
    }

    /// The null pointer, untagged.
    #[must_use]
    #[inline]
    pub const fn null() -> Self {
        Self::from_raw(ptr::null_mut())
    }

    /// The address, without its tag.
    #[must_use]
    #[inline]
    pub(crate) fn node(self) -> Raw<T, R> {
        // The same as with `map_addr`, in fewer instructions: each step of a traversal waits for it.
        self.raw.wrapping_byte_sub(self.tag())
    }

    /// Returns whether the address is null, whatever its tag.
    #[must_use]
    #[inline]
    pub fn is_null(self) -> bool {
        self.node().is_null()
    }

    /// The tag.
    #[must_use]
    #[inline]
    pub fn tag(self) -> usize {
        self.raw.addr() & tag_mask::<T, R>()
    }

    /// The same address with another tag. Bits beyond the alignment are dropped.
    #[must_use]
    #[inline]
    pub fn with_tag(self, tag: usize) -> Self {
        Self::from_raw(
            self.raw.map_addr(|a| (a & !tag_mask::<T, R>()) | (tag & tag_mask::<T, R>())),
        )
    }

    /// The value; `None` for null.
    ///
    /// # Safety
    /// 1. The node is protected for all of `'a` (by a shield that still holds it, or by the guard
    ///    if the scheme is that strong), or is reachable by this thread alone.
    /// 2. Nobody holds a mutable reference to it; and `T` is `Sync`, or no other thread holds a reference.
    #[must_use]
    #[inline]
    pub unsafe fn deref<'a>(self) -> Option<&'a T> {
        canary::pause();
        canary::expect_link(self.node().addr());
        // SAFETY: clause 1: not freed; nodes come from `Box`, so aligned and initialised.
        let node = unsafe { self.node().as_ref() }?;
        node.tag.expect_readable();
        Some(&node.value)
    }

    /// Takes a node back that this thread alone can reach: one whose publication failed, or one
    /// of a structure being dropped.
    ///
    /// # Safety
    /// Not null, and no other thread has or can get this pointer.
    #[must_use]
    #[inline]
    pub unsafe fn into_owned(self) -> Owned<T, R> {
        // SAFETY: caller: exclusive, and it came from `Box::into_raw` by `Owned::into_shared`.
        Owned { node: unsafe { Box::from_raw(self.node()) } }
    }
}

impl<T, R: Reclaimer> Owned<T, R> {
    /// The pointer to publish. The node is leaked until it is retired or taken back.
    #[must_use]
    #[inline]
    pub fn into_shared<'g>(self) -> Shared<'g, T, R> {
        Shared::from_raw(Box::into_raw(self.node))
    }

    /// Frees the node, and returns its value. It is not counted: see
    /// [`Guard::take_back`](crate::Guard::take_back) and [`Domain::discard_with`](crate::Domain::discard_with).
    #[must_use]
    pub fn into_value(self) -> T {
        let node = *self.node;
        node.value
    }

    /// The value.
    #[must_use]
    #[inline]
    pub fn value(&self) -> &T {
        &self.node.value
    }

    /// The value, to change before publication.
    #[inline]
    pub fn value_mut(&mut self) -> &mut T {
        &mut self.node.value
    }
}

impl<T, R: Reclaimer> Clone for Shared<'_, T, R> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T, R: Reclaimer> Copy for Shared<'_, T, R> {}
impl<T, R: Reclaimer> PartialEq for Shared<'_, T, R> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.raw, other.raw)
    }
}
impl<T, R: Reclaimer> Eq for Shared<'_, T, R> {}

impl<T, R: Reclaimer> fmt::Debug for Shared<'_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("node", &self.node()).field("tag", &self.tag()).finish()
    }
}
impl<T, R: Reclaimer> fmt::Debug for Atomic<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Atomic").field(&self.raw).finish()
    }
}
impl<T, R: Reclaimer> fmt::Debug for Owned<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").finish_non_exhaustive()
    }
}
