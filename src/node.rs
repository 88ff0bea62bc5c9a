//! Retired nodes: where they are, and how each is freed.

use alloc::boxed::Box;

/// How the nodes of one type are freed, how many bytes each takes from its address on, and where its
/// birth is.
pub(crate) struct Kind {
    free: unsafe fn(*mut ()),
    size: usize,
    birth: Option<unsafe fn(*const ()) -> u64>,
}

/// One retired node.
pub(crate) struct Entry {
    pointer: *mut (),
    kind: &'static Kind,
}

impl Entry {
    /// Returns the entry of a boxed value, whose end is the drop of the box.
    #[inline(always)]
    pub(crate) fn boxed<T: 'static>(pointer: *mut T) -> Self {
        let kind = const { &Kind { free: drop_box::<T>, size: size_of::<T>(), birth: None } };
        Self { pointer: pointer.cast(), kind }
    }

    /// Returns the entry of a boxed value that begins with a [`RetiredNode`].
    #[inline(always)]
    pub(crate) fn headed<T: 'static>(pointer: *mut T) -> Self {
        let kind = const {
            &Kind { free: drop_box::<T>, size: size_of::<T>(), birth: Some(birth_in_front) }
        };
        Self { pointer: pointer.cast(), kind }
    }

    /// Returns the entry of a node whose end is [`Reclaimable::dealloc`].
    #[inline(always)]
    pub(crate) fn reclaimable<T: Reclaimable + 'static>(pointer: *mut T) -> Self {
        let kind = const {
            &Kind { free: dealloc::<T>, size: size_of::<T>(), birth: Some(birth_inside::<T>) }
        };
        Self { pointer: pointer.cast(), kind }
    }

    /// Returns the entry of a node without a header, whose end is [`Reclaimable::dealloc`]: nodes of
    /// models are protected by their addresses only, and not freed before the end.
    #[cfg(all(test, any(kovan_loom, kovan_shuttle)))]
    pub(crate) fn plain<T: Reclaimable + 'static>(pointer: *mut T) -> Self {
        let kind = const { &Kind { free: dealloc::<T>, size: size_of::<T>(), birth: None } };
        Self { pointer: pointer.cast(), kind }
    }

    /// Returns whether the node was there at `era`, as its header says; no for a node without one.
    ///
    /// # Safety
    /// The node is not freed during the call.
    pub(crate) unsafe fn was_born_by(&self, era: u64) -> bool {
        // SAFETY: the caller's clause; the function fits the pointer.
        self.kind.birth.is_some_and(|birth| unsafe { birth(self.pointer) } <= era)
    }

    /// Ends the node.
    ///
    /// # Safety
    /// No thread uses it any more, and it is ended once.
    #[inline(always)]
    pub(crate) unsafe fn free(self) {
        // SAFETY: the contract of `retire`: the function fits the pointer; the caller's clause.
        unsafe { (self.kind.free)(self.pointer) };
    }

    /// Returns whether the node has a header.
    #[inline(always)]
    pub(crate) fn has_birth(&self) -> bool {
        self.kind.birth.is_some()
    }

    /// Returns the addresses of the node's bytes; one address for a value without a size.
    pub(crate) fn addresses(&self) -> core::ops::Range<usize> {
        let start = self.pointer.addr();
        start..start.saturating_add(self.kind.size.max(1))
    }
}

/// # Safety
/// `pointer` came from `Box::<T>::into_raw` and is not used again.
unsafe fn drop_box<T>(pointer: *mut ()) {
    // SAFETY: the caller's clause.
    drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
}

/// # Safety
/// As [`Reclaimable::dealloc`].
unsafe fn dealloc<T: Reclaimable>(pointer: *mut ()) {
    // SAFETY: the caller's clause.
    unsafe { T::dealloc(pointer.cast()) };
}

/// # Safety
/// `pointer` points to a live value whose first field is a [`RetiredNode`].
unsafe fn birth_in_front(pointer: *const ()) -> u64 {
    // SAFETY: the caller's clause.
    unsafe { (*pointer.cast::<RetiredNode>()).birth }
}

/// # Safety
/// `pointer` points to a live `T`.
unsafe fn birth_inside<T: Reclaimable>(pointer: *const ()) -> u64 {
    // SAFETY: the caller's clause.
    unsafe { (*pointer.cast::<T>()).retired_node() }.birth
}

/// A node with its own way of being freed, for instance into a pool; see
/// [`retire_reclaimable`](crate::retire_reclaimable).
///
/// # Safety
/// 1. `dealloc` and `retired_node` do not panic.
/// 2. `retired_node` returns a header that was made before the node was published, and before any
///    memory that `dealloc` frees besides the node could be loaded.
pub unsafe trait Reclaimable: Sized {
    /// Returns the embedded header.
    fn retired_node(&self) -> &RetiredNode;
    /// Returns the embedded header.
    fn retired_node_mut(&mut self) -> &mut RetiredNode;
    /// Frees the node. Drops its box, if it is not overridden.
    ///
    /// # Safety
    /// `pointer` came from [`Box::into_raw`], or as the implementation says, and is not used again.
    unsafe fn dealloc(pointer: *mut Self) {
        // SAFETY: the caller's clause.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// The header of a node that stands for more than its own bytes.
///
/// No node needs one. [`retire_node`](crate::retire_node) and
/// [`retire_reclaimable`](crate::retire_reclaimable) read it in robust mode, where a guard protects
/// by the address that it has loaded. A node whose end also frees memory that readers have loaded by
/// other addresses (a table that is replaced as a whole, with the nodes that are still in it) is
/// safe there because of its header, which says when it was made: a guard that has loaded anything
/// since holds it. Make it before any of that memory can be loaded. It is aligned to 8 bytes, for
/// those that keep flags in the low bits of a node's address.
#[derive(Clone, Debug)]
#[repr(align(8))]
pub struct RetiredNode {
    birth: u64,
}

impl RetiredNode {
    /// Returns a header that is made in an era.
    pub(crate) const fn born(birth: u64) -> Self {
        Self { birth }
    }

    /// Returns a header that is made now.
    #[cfg(not(all(feature = "std", not(kovan_loom))))]
    #[must_use]
    pub fn new() -> Self {
        Self::born(era::now())
    }
}

impl Default for RetiredNode {
    fn default() -> Self {
        Self::new()
    }
}

/// The clock that births are read from. It moves with each batch that is published with a header in
/// it, so programs without headers do not pay for it.
pub(crate) mod era {
    use crate::sync::{AtomicU64, Ordering};

    #[cfg(not(any(kovan_loom, kovan_shuttle)))]
    static CLOCK: AtomicU64 = AtomicU64::new(1);
    #[cfg(kovan_shuttle)]
    shuttle::lazy_static! {
        static ref CLOCK: AtomicU64 = AtomicU64::new(1);
    }
    #[cfg(kovan_loom)]
    loom::lazy_static! {
        static ref CLOCK: AtomicU64 = AtomicU64::new(1);
    }

    /// Returns the era.
    #[inline]
    pub(crate) fn now() -> u64 {
        // Relaxed: a birth is read before its node is published, and a reader that acquires the
        // node reads an era at least as high, since one location does not go back.
        CLOCK.load(Ordering::Relaxed)
    }

    /// Begins the next era.
    pub(crate) fn advance() {
        // Relaxed: as above; a birth that is too low is only held longer.
        CLOCK.fetch_add(1, Ordering::Relaxed);
    }
}
