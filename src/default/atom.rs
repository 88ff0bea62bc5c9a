//! Safe cells: a value that is read under a guard and replaced as a whole.

use alloc::boxed::Box;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr;

use crate::default::{pin, retire};
use crate::guard::Guard;
use crate::sync::{AtomicPtr, Ordering};

/// Returns a new value, to be published.
fn publishable<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes back what [`publishable`] gave.
///
/// # Safety
/// Nobody else uses it from here on, and it was not retired.
unsafe fn into_value<T>(value: *mut T) -> T {
    // SAFETY: the caller's clauses.
    *unsafe { Box::from_raw(value) }
}

/// A value that many threads read and some replace. Reading takes no lock and shares no counter.
///
/// ```
/// use kovan::Atom;
///
/// let config = Atom::new(vec!["a"]);
/// let seen = config.load();
/// config.store(vec!["a", "b"]);
/// assert_eq!((seen.len(), config.load().len()), (1, 2));
/// ```
pub struct Atom<T: Send + Sync + 'static> {
    option: AtomOption<T>,
}

/// An [`Atom`] that may be empty.
pub struct AtomOption<T: Send + Sync + 'static> {
    /// From [`publishable`], or null.
    value: AtomicPtr<T>,
    owned: PhantomData<T>,
}

/// A value as it was loaded. It stays until this guard is dropped, whatever happens to the [`Atom`].
/// It stays on its thread, and holds back reclamation as a [`Guard`] does.
pub struct AtomGuard<'a, T> {
    value: *const T,
    _guard: Guard,
    atom: PhantomData<&'a T>,
}

/// A value taken out of an [`Atom`]. Threads that loaded it before may still read it, so it is
/// dropped when this is, or later: the drop of this is a retirement.
pub struct Removed<T: Send + Sync + 'static> {
    value: *mut T,
    owned: PhantomData<T>,
}

/// A part of an [`Atom`]'s value; see [`Atom::map`].
pub struct AtomMap<'a, T: Send + Sync + 'static, R: ?Sized, F> {
    atom: &'a Atom<T>,
    project: F,
    part: PhantomData<fn() -> *const R>,
}

/// A part of a value as it was loaded through an [`AtomMap`].
pub struct AtomMapGuard<'a, T, R, F>
where
    T: Send + Sync + 'static,
    R: ?Sized,
    F: Fn(&T) -> &R,
{
    part: *const R,
    _whole: AtomGuard<'a, T>,
    project: PhantomData<F>,
}

impl<T: Send + Sync + 'static> Atom<T> {
    /// Returns a cell with a value.
    pub fn new(value: T) -> Self {
        Self { option: AtomOption::some(value) }
    }

    /// Returns the value. Ownership of the cell shows that nobody else can load it; guards of earlier
    /// loads cannot outlive it.
    pub fn into_inner(self) -> T {
        let value = self.option.value.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: `AtomGuard<'a>` borrows the atom, so none is left; the drop finds null.
        unsafe { into_value(value) }
    }

    /// Loads the value and protects it. Wait-free: a pin and a load.
    #[inline]
    pub fn load(&self) -> AtomGuard<'_, T> {
        self.option.load_any()
    }

    /// Returns a clone of the value.
    pub fn load_clone(&self) -> T
    where
        T: Clone,
    {
        self.peek(T::clone)
    }

    /// Calls `f` with the value and returns its result.
    #[inline]
    pub fn peek<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        f(&self.load())
    }

    /// Replaces the value. The old one is dropped when no guard can hold it. Wait-free: an
    /// allocation, a swap and a retirement.
    #[inline]
    pub fn store(&self, value: T) {
        drop(self.swap(value));
    }

    /// Replaces the value and returns the old one. Wait-free.
    #[inline]
    pub fn swap(&self, value: T) -> Removed<T> {
        Removed { value: self.option.replace(value), owned: PhantomData }
    }

    /// Replaces the value if it is still the one that `current` has: the same load or store, not
    /// an equal value (but all values of a type without a size are the same). Wait-free. Gives the new
    /// value, protected.
    ///
    /// # Errors
    /// `new`, if the value is another one by now.
    pub fn compare_and_swap<'a>(
        &'a self,
        current: &AtomGuard<'_, T>,
        new: T,
    ) -> Result<AtomGuard<'a, T>, T> {
        self.option.exchange(current.value.cast_mut(), new)
    }

    /// Replaces the value by what `f` makes of it; calls `f` again if another thread came first.
    /// Lock-free.
    pub fn rcu<F>(&self, mut f: F)
    where
        F: FnMut(&T) -> T,
    {
        loop {
            let current = self.load();
            if self.compare_and_swap(&current, f(&current)).is_ok() {
                return;
            }
        }
    }

    /// Returns a view of a part of the value.
    ///
    /// ```
    /// let pair = kovan::Atom::new((1, "one"));
    /// let name = pair.map(|pair| &pair.1);
    /// pair.store((2, "two"));
    /// assert_eq!(*name.load(), "two");
    /// ```
    pub fn map<'a, R: ?Sized + 'a, F>(&'a self, f: F) -> AtomMap<'a, T, R, F>
    where
        F: Fn(&T) -> &R,
    {
        AtomMap { atom: self, project: f, part: PhantomData }
    }
}

impl<T: Send + Sync + 'static> AtomOption<T> {
    /// Returns an empty cell.
    #[must_use]
    pub const fn none() -> Self {
        Self { value: AtomicPtr::new(ptr::null_mut()), owned: PhantomData }
    }

    /// Returns a cell with a value.
    pub fn some(value: T) -> Self {
        Self { value: AtomicPtr::new(publishable(value)), owned: PhantomData }
    }

    /// Loads the value, if there is one, and protects it. Wait-free: a pin and a load.
    #[inline]
    pub fn load(&self) -> Option<AtomGuard<'_, T>> {
        let loaded = self.load_any();
        (!loaded.value.is_null()).then_some(loaded)
    }

    #[inline]
    fn load_any(&self) -> AtomGuard<'_, T> {
        let guard = pin();
        let value = guard.protect(&self.value, Ordering::Acquire);
        AtomGuard { value, _guard: guard, atom: PhantomData }
    }

    /// Returns whether it is empty now.
    pub fn is_none(&self) -> bool {
        self.value.load(Ordering::Relaxed).is_null()
    }

    /// Returns whether it has a value now.
    pub fn is_some(&self) -> bool {
        !self.is_none()
    }

    /// Puts a value in. The old one is dropped when no guard can hold it. Wait-free.
    pub fn store_some(&self, value: T) {
        drop(Removed::new(self.replace(value)));
    }

    /// Empties it. Wait-free.
    pub fn store_none(&self) {
        drop(self.take());
    }

    /// Empties it and returns what was in it. Wait-free.
    pub fn take(&self) -> Option<Removed<T>> {
        Removed::new(self.value.swap(ptr::null_mut(), Ordering::AcqRel))
    }

    /// Puts a value in, or empties it, and returns what was in it. Wait-free.
    pub fn swap(&self, value: Option<T>) -> Option<Removed<T>> {
        match value {
            Some(value) => Removed::new(self.replace(value)),
            None => self.take(),
        }
    }

    /// Puts a value in if what is there is still what `current` has, or still nothing. Wait-free.
    /// Gives the new value, protected.
    ///
    /// # Errors
    /// `new`, if something else is there by now.
    pub fn compare_and_swap<'a>(
        &'a self,
        current: Option<&AtomGuard<'_, T>>,
        new: T,
    ) -> Result<AtomGuard<'a, T>, T> {
        self.exchange(current.map_or(ptr::null_mut(), |current| current.value.cast_mut()), new)
    }

    /// Puts in what `f` makes of what is there; calls `f` again if another thread came first.
    /// Lock-free.
    pub fn rcu(&self, mut f: impl FnMut(Option<&T>) -> T) {
        loop {
            let current = self.load();
            if self.compare_and_swap(current.as_ref(), f(current.as_deref())).is_ok() {
                return;
            }
        }
    }

    /// `current` is null, or protected by the caller, so that its address is not that of a younger
    /// value.
    fn exchange(&self, current: *mut T, new: T) -> Result<AtomGuard<'_, T>, T> {
        let guard = pin();
        let new = publishable(new);
        guard.announce(new);
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        if self.value.compare_exchange(current, new, success, failure).is_err() {
            // SAFETY: never published.
            return Err(unsafe { into_value(new) });
        }
        if !current.is_null() {
            // SAFETY: unlinked by the exchange, once.
            unsafe { guard.retire(current) };
        }
        Ok(AtomGuard { value: new, _guard: guard, atom: PhantomData })
    }

    /// Puts a value in. Returns the unlinked one, or null.
    #[inline]
    fn replace(&self, value: T) -> *mut T {
        self.value.swap(publishable(value), Ordering::AcqRel)
    }
}

impl<T: Send + Sync + 'static> Drop for AtomOption<T> {
    fn drop(&mut self) {
        let value = *self.value.get_mut();
        if !value.is_null() {
            // SAFETY: nobody can load it any more, and guards of loads borrow the cell.
            drop(unsafe { into_value(value) });
        }
    }
}

impl<T: Send + Sync + 'static> Removed<T> {
    fn new(value: *mut T) -> Option<Self> {
        if value.is_null() { None } else { Some(Self { value, owned: PhantomData }) }
    }

    /// Returns the value at once.
    ///
    /// # Safety
    /// No [`AtomGuard`] that could hold it is left, on any thread.
    #[must_use]
    pub unsafe fn into_inner_unchecked(self) -> T {
        let value = core::mem::ManuallyDrop::new(self).value;
        // SAFETY: unlinked, and the caller says that nobody reads it.
        unsafe { into_value(value) }
    }
}

impl<T: Send + Sync + 'static> Drop for Removed<T> {
    fn drop(&mut self) {
        // SAFETY: unlinked by the swap that made this; retired once, here.
        unsafe { retire(self.value) };
    }
}

impl<'a, T: Send + Sync + 'static, R: ?Sized, F> AtomMap<'a, T, R, F>
where
    F: Fn(&T) -> &R,
{
    /// Loads the part; the whole is protected with it.
    #[inline]
    pub fn load(&self) -> AtomMapGuard<'a, T, R, F> {
        let whole = self.atom.load();
        let part = ptr::from_ref((self.project)(&whole));
        AtomMapGuard { part, _whole: whole, project: PhantomData }
    }
}

impl<T> Deref for AtomGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: protected by the guard inside; `load` of an `AtomOption` gives none for null.
        unsafe { &*self.value }
    }
}
impl<T: Send + Sync + 'static> Deref for Removed<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: not retired before this is dropped.
        unsafe { &*self.value }
    }
}
impl<T: Send + Sync + 'static, R: ?Sized, F: Fn(&T) -> &R> Deref for AtomMapGuard<'_, T, R, F> {
    type Target = R;
    #[inline]
    fn deref(&self) -> &R {
        // SAFETY: a part of, or something that outlives, the value that the guard inside protects.
        unsafe { &*self.part }
    }
}

// SAFETY: the value is shared and may be dropped on any thread: `T: Send + Sync`.
unsafe impl<T: Send + Sync + 'static> Send for Removed<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync + 'static> Sync for Removed<T> {}
