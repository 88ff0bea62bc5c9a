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

/// A pointer loaded under a guard, and protected as long as the guard lives.
pub struct Shared<'g, T> {
    pointer: *mut T,
    guard: PhantomData<&'g T>,
}

impl<T> Atomic<T> {
    /// From a raw pointer, as of [`Box::into_raw`](alloc::boxed::Box::into_raw), or null.
    #[must_use]
    pub const fn new(pointer: *mut T) -> Self {
        Self { pointer: AtomicPtr::new(pointer) }
    }

    /// A null pointer.
    #[must_use]
    pub const fn null() -> Self {
        Self::new(ptr::null_mut())
    }

    /// Loads the pointer; what it points to is protected while the guard lives.
    ///
    /// Wait-free. In [`Region`](crate::Region) mode exactly one atomic load of `order`, and the
    /// protection covers all that can be reached from it. In [`Robust`](crate::Robust) mode the
    /// era is read besides, and the protection covers what is loaded from a place that is still
    /// reachable: **not** a pointer that is read out of an unlinked node.
    ///
    /// # Panics
    /// If `order` is `Release` or `AcqRel`, as [`AtomicPtr::load`].
    #[inline(always)]
    pub fn load<'g, M: Mode>(&self, order: Ordering, guard: &'g Guard<M>) -> Shared<'g, T> {
        Shared::of(guard.protect(&self.pointer, order))
    }

    /// Stores a pointer. What was there is not retired.
    ///
    /// # Panics
    /// If `order` is `Acquire` or `AcqRel`, as [`AtomicPtr::store`].
    #[inline]
    pub fn store(&self, new: Shared<'_, T>, order: Ordering) {
        self.pointer.store(new.pointer, order);
    }

    /// Loads the pointer without the check of the robust mode: what it points to is protected only
    /// if it cannot be retired before the guard ends.
    ///
    /// # Safety
    /// The caller does not use the pointer otherwise.
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

    /// Replaces the pointer and returns the old one, which the caller may then retire; in
    /// [`Robust`](crate::Robust) mode the guard does not protect it from there on. At least
    /// acquire, because a retired value's destructor reads it.
    #[inline]
    pub fn swap<'g, M: Mode>(
        &self,
        new: Shared<'_, T>,
        order: Ordering,
        _guard: &'g Guard<M>,
    ) -> Shared<'g, T> {
        Shared::of(self.pointer.swap(new.pointer, acquiring(order)))
    }

    /// Replaces the pointer if it is `current`; returns what was there.
    ///
    /// # Errors
    /// What was there instead; in [`Robust`](crate::Robust) mode it is not protected.
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
        _guard: &'g Guard<M>,
    ) -> Result<Shared<'g, T>, Shared<'g, T>> {
        self.pointer
            .compare_exchange(current.pointer, new.pointer, acquiring(success), failure)
            .map(Shared::of)
            .map_err(Shared::of)
    }

    /// As [`compare_exchange`](Self::compare_exchange), but may fail for no reason.
    ///
    /// # Errors
    /// As there, and it panics for the same orderings.
    #[inline]
    pub fn compare_exchange_weak<'g, M: Mode>(
        &self,
        current: Shared<'_, T>,
        new: Shared<'_, T>,
        success: Ordering,
        failure: Ordering,
        _guard: &'g Guard<M>,
    ) -> Result<Shared<'g, T>, Shared<'g, T>> {
        self.pointer
            .compare_exchange_weak(current.pointer, new.pointer, acquiring(success), failure)
            .map(Shared::of)
            .map_err(Shared::of)
    }
}

impl<'g, T> Shared<'g, T> {
    const fn of(pointer: *mut T) -> Self {
        Self { pointer, guard: PhantomData }
    }

    /// The null pointer.
    #[must_use]
    pub const fn null() -> Self {
        Self::of(ptr::null_mut())
    }

    /// A pointer to publish.
    ///
    /// # Safety
    /// `pointer` is null or points to a `T` that stays valid for `'g`.
    #[must_use]
    pub const unsafe fn from_raw(pointer: *mut T) -> Self {
        Self::of(pointer)
    }

    /// The raw pointer.
    #[must_use]
    pub const fn as_raw(&self) -> *mut T {
        self.pointer
    }

    /// Whether it is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.pointer.is_null()
    }

    /// The value, or `None` for null.
    ///
    /// # Safety
    /// 1. It was loaded (in [`Robust`](crate::Robust) mode, by [`Atomic::load`]) under the guard of
    ///    `'g`, a guard of the collector that it is retired in, from a place that satisfies the
    ///    guard's [`Mode`]; or it cannot be retired before `'g` ends.
    /// 2. Nobody has a mutable reference to it.
    #[must_use]
    pub const unsafe fn as_ref(&self) -> Option<&'g T> {
        // SAFETY: the caller's clauses.
        unsafe { self.pointer.as_ref() }
    }

    /// The value.
    ///
    /// # Safety
    /// As [`as_ref`](Self::as_ref), and it is not null.
    #[must_use]
    pub const unsafe fn deref(&self) -> &'g T {
        // SAFETY: the caller's clauses.
        unsafe { &*self.pointer }
    }

    /// The value, or `None` for null.
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
