//! Atomic pointers whose loads are protected by a guard.

use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use crate::guard::{Guard, acquiring};
use crate::mode::Mode;
use crate::sync::{AtomicPtr, Ordering};

/// An atomic pointer. It does not own what it points to: dropping it frees nothing.
pub struct Atomic<T> {
    pointer: AtomicPtr<T>,
}

/// A pointer with the lifetime of a guard. [`Atomic::load`] protects what it points to; the other
/// functions that return one say what they protect.
pub struct Shared<'g, T> {
    pointer: *mut T,
    guard: PhantomData<&'g T>,
}

impl<T> Atomic<T> {
    /// Returns an atomic that holds `pointer`, which is null or comes from
    /// [`Box::into_raw`](alloc::boxed::Box::into_raw).
    #[must_use]
    pub const fn new(pointer: *mut T) -> Self {
        Self { pointer: AtomicPtr::new(pointer) }
    }

    /// Returns an atomic that holds null.
    #[must_use]
    pub const fn null() -> Self {
        Self::new(ptr::null_mut())
    }

    /// Loads the pointer. What it points to is protected while the guard lives, if this place was
    /// reachable at the time of the load.
    ///
    /// Wait-free. At least acquire, so that what was written before the publication is seen. In
    /// [`Region`](crate::Region) mode exactly one atomic load, and the protection covers all that
    /// can be reached from it. In [`Robust`](crate::Robust) mode see [`Guard::protect`]; the
    /// protection does **not** cover a pointer that is read out of an unlinked node.
    ///
    /// # Panics
    /// If `order` is `Release` or `AcqRel`, as [`AtomicPtr::load`].
    #[inline(always)]
    pub fn load<'g, M: Mode>(&self, order: Ordering, guard: &'g Guard<M>) -> Shared<'g, T> {
        Shared::of(guard.protect(&self.pointer, order))
    }

    /// Stores a pointer. What was there is not retired. Wait-free: one store, at least release, so that
    /// who loads it sees what it points to.
    ///
    /// # Panics
    /// If `order` is `Acquire` or `AcqRel`, as [`AtomicPtr::store`].
    #[inline]
    pub fn store(&self, new: Shared<'_, T>, order: Ordering) {
        let order = if order == Ordering::Relaxed { Ordering::Release } else { order };
        self.pointer.store(new.pointer, order);
    }

    /// Loads the pointer as an [`AtomicPtr`] does. What it points to is protected only if it cannot
    /// be retired before the guard ends.
    ///
    /// # Safety
    /// The caller dereferences the result only if the node cannot be retired before the guard ends.
    ///
    /// # Panics
    /// If `order` is `Release` or `AcqRel`, as [`AtomicPtr::load`].
    #[inline]
    pub unsafe fn load_unprotected<'g, M: Mode>(
        &self,
        order: Ordering,
        _guard: &'g Guard<M>,
    ) -> Shared<'g, T> {
        Shared::of(self.pointer.load(order))
    }

    /// Replaces the pointer, and returns the old one, which the caller may then retire. The guard
    /// protects `new` from here on, and does not protect the old one, unless it had loaded it or has mode
    /// [`Region`](crate::Region). At least acquire and release: a retired value's destructor reads
    /// it, and who loads the new pointer reads what is there.
    ///
    /// Wait-free. In [`Robust`](crate::Robust) mode it publishes the new address first, as a load
    /// does, and may allocate.
    #[inline]
    pub fn swap<'g, M: Mode>(
        &self,
        new: Shared<'_, T>,
        order: Ordering,
        guard: &'g Guard<M>,
    ) -> Shared<'g, T> {
        guard.announce_aside(new.pointer);
        Shared::of(self.pointer.swap(new.pointer, publishing(order)))
    }

    /// Replaces the pointer if it is `current`, tag included. Returns what was there. The guard
    /// protects `new` from here on. At least acquire and release, and acquire where it fails.
    /// Wait-free, as [`swap`](Self::swap).
    ///
    /// # Errors
    /// What was there instead. The guard does not protect it, unless it has mode
    /// [`Region`](crate::Region).
    ///
    /// # Panics
    /// If `failure` is `Release` or `AcqRel`.
    #[inline]
    pub fn compare_exchange<'g, M: Mode>(
        &self,
        current: Shared<'_, T>,
        new: Shared<'_, T>,
        success: Ordering,
        failure: Ordering,
        guard: &'g Guard<M>,
    ) -> Result<Shared<'g, T>, Shared<'g, T>> {
        guard.announce(new.pointer);
        let (success, failure) = (publishing(success), acquiring(failure));
        self.pointer
            .compare_exchange(current.pointer, new.pointer, success, failure)
            .map(Shared::of)
            .map_err(Shared::of)
    }

    /// As [`compare_exchange`](Self::compare_exchange), but may fail for no reason.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// If `failure` is `Release` or `AcqRel`.
    #[inline]
    pub fn compare_exchange_weak<'g, M: Mode>(
        &self,
        current: Shared<'_, T>,
        new: Shared<'_, T>,
        success: Ordering,
        failure: Ordering,
        guard: &'g Guard<M>,
    ) -> Result<Shared<'g, T>, Shared<'g, T>> {
        guard.announce(new.pointer);
        let (success, failure) = (publishing(success), acquiring(failure));
        self.pointer
            .compare_exchange_weak(current.pointer, new.pointer, success, failure)
            .map(Shared::of)
            .map_err(Shared::of)
    }

    /// Replaces the pointer by what `update` makes of it, until no other thread comes in between or
    /// `update` gives `None`. Returns the pointer that was replaced. `update` is given pointers that
    /// the guard protects. Lock-free.
    ///
    /// # Errors
    /// The pointer for which `update` gave `None`, protected.
    ///
    /// # Panics
    /// If `fetch` is `Release` or `AcqRel`.
    #[inline]
    pub fn fetch_update<'g, M: Mode>(
        &self,
        set: Ordering,
        fetch: Ordering,
        guard: &'g Guard<M>,
        mut update: impl FnMut(Shared<'g, T>) -> Option<Shared<'g, T>>,
    ) -> Result<Shared<'g, T>, Shared<'g, T>> {
        loop {
            let now = self.load(fetch, guard);
            let Some(new) = update(now) else { return Err(now) };
            if self.compare_exchange_weak(now, new, set, Ordering::Relaxed, guard).is_ok() {
                return Ok(now);
            }
        }
    }
}

/// Returns the ordering with acquire and release added.
#[inline(always)]
fn publishing(order: Ordering) -> Ordering {
    if order == Ordering::SeqCst { order } else { Ordering::AcqRel }
}

impl<'g, T> Shared<'g, T> {
    const fn of(pointer: *mut T) -> Self {
        Self { pointer, guard: PhantomData }
    }

    /// Returns the null pointer.
    #[must_use]
    pub const fn null() -> Self {
        Self::of(ptr::null_mut())
    }

    /// Returns a pointer that can be published.
    ///
    /// # Safety
    /// `pointer` is null or points to a `T` that stays valid for `'g`.
    #[must_use]
    pub const unsafe fn from_raw(pointer: *mut T) -> Self {
        Self::of(pointer)
    }

    /// Returns the raw pointer.
    #[must_use]
    pub const fn as_raw(&self) -> *mut T {
        self.pointer
    }

    /// Returns whether it is null. A null pointer with a tag is not.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.pointer.is_null()
    }

    /// Returns the tag: the bits of the address that the alignment of `T` leaves free. Marks in them
    /// make a pointer another one for `compare_exchange`, as Harris's list needs (*A Pragmatic
    /// Implementation of Non-Blocking Linked-Lists*, DISC 2001).
    #[must_use]
    pub fn tag(&self) -> usize {
        self.pointer.addr() & (align_of::<T>() - 1)
    }

    /// Returns the same pointer with another tag. Bits of `tag` that the alignment of `T` does not
    /// leave free are dropped.
    #[must_use]
    pub fn with_tag(self, tag: usize) -> Self {
        let mask = align_of::<T>() - 1;
        Self::of(self.pointer.map_addr(|address| (address & !mask) | (tag & mask)))
    }

    /// Returns the value, or `None` for null.
    ///
    /// # Safety
    /// 1. It was loaded by [`Atomic::load`] through the guard of `'g`, a guard of the collector that
    ///    it is retired in, from a place that satisfies the guard's [`Mode`]; or it cannot be
    ///    retired before `'g` ends.
    /// 2. Nobody has a mutable reference to it; and `T` is `Sync`, or no other thread has a reference.
    /// 3. It has no tag.
    #[must_use]
    pub const unsafe fn as_ref(&self) -> Option<&'g T> {
        // SAFETY: the caller's clauses.
        unsafe { self.pointer.as_ref() }
    }

    /// Returns the value.
    ///
    /// # Safety
    /// As [`as_ref`](Self::as_ref), and it is not null.
    #[must_use]
    pub const unsafe fn deref(&self) -> &'g T {
        // SAFETY: the caller's clauses.
        unsafe { &*self.pointer }
    }

    /// Returns the value, or `None` for null.
    ///
    /// # Safety
    /// As [`as_ref`](Self::as_ref), and nobody else has a reference to it.
    pub const unsafe fn as_mut(&mut self) -> Option<&'g mut T> {
        // SAFETY: the caller's clauses.
        unsafe { self.pointer.as_mut() }
    }
}

impl<T> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Shared<'_, T> {}
impl<T> PartialEq for Shared<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.pointer, other.pointer)
    }
}
impl<T> Eq for Shared<'_, T> {}
impl<T> fmt::Debug for Shared<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&self.pointer).finish()
    }
}
impl<T> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Atomic").field(&self.pointer).finish()
    }
}
impl<T> Default for Atomic<T> {
    fn default() -> Self {
        Self::null()
    }
}
