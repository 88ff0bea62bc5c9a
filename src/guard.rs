//! Guards: critical sections.

use alloc::boxed::Box;
use core::fmt;

use crate::batch::Entry;
use crate::local::Local;
use crate::mode::{DefaultMode, Mode};
use crate::sync::{AtomicPtr, Ordering, fence};

/// Rounds in which a checked load tries to meet a standing era before it escalates. Fewer in models.
pub(crate) const ROUNDS: usize = if cfg!(kovan_loom) {
    1
} else if cfg!(kovan_shuttle) {
    4
} else {
    16
};

/// A critical section. What is loaded under it stays allocated until it is dropped, as far as its
/// [`Mode`] says. It stays on its thread.
#[must_use = "a guard protects only while it lives"]
pub struct Guard<M: Mode = DefaultMode> {
    local: *const Local<M>,
}

impl<M: Mode> Guard<M> {
    /// # Safety
    /// A handle or another guard keeps `local` alive during the call.
    #[inline(always)]
    pub(crate) unsafe fn pin(local: *const Local<M>) -> Self {
        // The guard first: a destructor that runs in `enter` may panic.
        let guard = Self { local };
        guard.local().enter();
        guard
    }

    #[inline(always)]
    fn local(&self) -> &Local<M> {
        // SAFETY: a local stays until its handles and guards are gone, and this is a guard.
        unsafe { &*self.local }
    }

    /// Loads a pointer and protects what it points to. At least as strong as `order`.
    ///
    /// Wait-free: in [`Region`](crate::Region) mode one load; in [`Robust`](crate::Robust) mode
    /// one more load and a compare, and at most 16 rounds when the era moves.
    #[inline(always)]
    pub fn protect<T>(&self, source: &AtomicPtr<T>, order: Ordering) -> *mut T {
        if !M::ROBUST {
            return source.load(order);
        }
        // Acquire at least: the pointer before the era, so that the era read is not older than
        // the birth of the node; pairs with the publication of the node.
        let pointer = source.load(acquiring(order));
        // Acquire: pairs with the AcqRel step of the clock in `Local::birth_era`.
        let era = self.local().core().era.load(Ordering::Acquire);
        if self.local().published.get() == era {
            return pointer;
        }
        self.protect_anew(source, order, pointer, era)
    }

    /// Publishes the era and loads again until the era stands still; then gives up on eras until
    /// the guard ends.
    #[cold]
    fn protect_anew<T>(
        &self,
        source: &AtomicPtr<T>,
        order: Ordering,
        pointer: *mut T,
        mut era: u64,
    ) -> *mut T {
        if self.local().is_escalated() {
            return pointer;
        }
        for _ in 0..ROUNDS {
            self.local().publish(era);
            // SeqCst: the era before the load; pairs with the fence in `Local::close`. If ours is
            // first, the flush sees the era and pushes; if theirs is, the load sees the unlink.
            fence(Ordering::SeqCst);
            let pointer = source.load(acquiring(order));
            let now = self.local().core().era.load(Ordering::Acquire);
            if now == era {
                return pointer;
            }
            era = now;
        }
        self.local().escalate();
        fence(Ordering::SeqCst);
        source.load(acquiring(order))
    }

    /// The birth era to keep beside a node that is allocated now, for
    /// [`retire_with`](Self::retire_with); 0 in [`Region`](crate::Region) mode.
    #[inline]
    #[must_use]
    pub fn birth_era(&self) -> u64 {
        self.local().birth_era()
    }

    /// Retires a boxed value: it is dropped when no guard can hold it. Destructors of values that
    /// were retired earlier may run here.
    ///
    /// # Safety
    /// As [`retire`](crate::retire), of this guard's collector.
    #[inline]
    pub unsafe fn retire<T: 'static>(&self, pointer: *mut T) {
        // SAFETY: the caller's clauses; a birth of 0 is always right.
        unsafe { self.retire_with(pointer.cast(), drop_box::<T>, 0) };
    }

    /// Retires anything: `free(pointer)` is called once, when no guard can hold it.
    ///
    /// # Safety
    /// 1. As [`retire`](crate::retire), with `free` in place of the box's drop. It may run on any
    ///    thread.
    /// 2. `birth` is 0, or came from [`birth_era`](Self::birth_era) of this collector before the
    ///    pointer was published.
    #[inline]
    pub unsafe fn retire_with(&self, pointer: *mut (), free: unsafe fn(*mut ()), birth: u64) {
        self.local().retire(Entry { pointer, free }, birth);
    }

    /// [`retire_with`](Self::retire_with) for a node that holds its birth. In
    /// [`Robust`](crate::Robust) mode the birth is read one retirement later, or by a flush: where
    /// another thread made the node, its cache line is far away, and nobody waits for it then.
    ///
    /// # Safety
    /// 1. As [`retire_with`](Self::retire_with), but for its `birth`.
    /// 2. `birth` can be read until `free` is called, and holds what
    ///    [`birth_era`](Self::birth_era) of this collector gave before the pointer was published.
    #[inline]
    pub unsafe fn retire_born(
        &self,
        pointer: *mut (),
        free: unsafe fn(*mut ()),
        birth: *const u64,
    ) {
        let entry = Entry { pointer, free };
        if M::ROBUST {
            // SAFETY: clause 2.
            unsafe { self.local().retire_born(entry, birth) };
        } else {
            self.local().retire(entry, 0);
        }
    }

    /// Ends the critical section and begins another, without giving up the guard: what was loaded
    /// under it is not protected any more, and what waited for it can be freed. For long readers:
    /// call it between two operations. Under another guard of the same thread and collector it
    /// does nothing. Returns whether it did.
    ///
    /// Wait-free: the steps of a drop and a [`pin`](crate::Handle::pin).
    pub fn refresh(&mut self) -> bool {
        self.local().renew()
    }

    /// Closes the open batches of this thread, full or not. In [`Region`](crate::Region) mode, what
    /// this thread retired under this guard is freed after it.
    pub fn flush(&self) {
        self.local().flush_all();
    }
}

/// The erased drop of a box.
///
/// # Safety
/// `pointer` came from `Box::<T>::into_raw` and is not used again.
pub(crate) unsafe fn drop_box<T>(pointer: *mut ()) {
    // SAFETY: the caller's clause.
    drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
}

/// The ordering with acquire added.
#[inline(always)]
pub(crate) fn acquiring(order: Ordering) -> Ordering {
    match order {
        Ordering::Relaxed => Ordering::Acquire,
        Ordering::Release => Ordering::AcqRel,
        other => other,
    }
}

impl<M: Mode> Drop for Guard<M> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `pin` entered; the guard is not used again.
        unsafe { Local::leave(self.local) };
    }
}

impl<M: Mode> fmt::Debug for Guard<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("robust", &M::ROBUST).finish_non_exhaustive()
    }
}
