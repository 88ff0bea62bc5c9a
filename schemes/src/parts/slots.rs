//! A registry of records, one per thread or more, that any thread reads without locks.
//!
//! It only grows: a released record is kept and reused, and freed with the registry.
//!
//! A scan may miss a record that is pushed meanwhile. That is as good as having read it before its
//! owner wrote to it: the owner pushes the record before the fence of its protection, and the scan
//! loads the head after its own, so whatever a scheme argues of the record holds of the list.

use crate::sync::{self, AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::iter;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

/// A record of the registry. Aligned, because neighbours must not share a pair of cache lines.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Slot<T> {
    value: T,
    used: AtomicBool,
    /// The slot that was pushed before. Never written after the push.
    next: *const Slot<T>,
}

/// The registry.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    head: AtomicPtr<Slot<T>>,
    len: AtomicUsize,
}

/// A slot in use. Its owner leaves the value as a scan may find it in an unused slot.
#[derive(Debug)]
pub(crate) struct Lease<T> {
    slot: NonNull<Slot<T>>,
    /// Keeps the slot allocated.
    _slots: Arc<Slots<T>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { head: AtomicPtr::default(), len: AtomicUsize::new(0) }
    }
}

impl<T: Default + Send + Sync + 'static> Slots<T> {
    /// A slot for the caller: an unused one as it was left, or a new one.
    ///
    /// Lock-free, and wait-free where an unused slot is found.
    pub(crate) fn acquire(self: &Arc<Self>) -> Lease<T> {
        let slot = self.reuse().unwrap_or_else(|| self.push());
        Lease { slot, _slots: Arc::clone(self) }
    }

    fn reuse(&self) -> Option<NonNull<Slot<T>>> {
        let free = |slot: &&Slot<T>| {
            // Acquire: pairs with the release by the last owner, whose writes come before ours.
            !slot.used.load(Ordering::Relaxed)
                && slot
                    .used
                    .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        };
        iter::successors(self.first(), |slot| slot.next()).find(free).map(NonNull::from)
    }

    fn push(&self) -> NonNull<Slot<T>> {
        // Counted first: who sees the slot sees a length that has it.
        self.len.fetch_add(1, Ordering::Relaxed);
        let mut head = self.head.load(Ordering::Relaxed);
        let slot = Box::into_raw(Box::new(Slot {
            value: T::default(),
            used: AtomicBool::new(true),
            next: head,
        }));
        // Release: pairs with the acquire of `first`. The successors were pushed by exchanges that
        // this one continues, so they are published with it.
        while let Err(other) =
            self.head.compare_exchange_weak(head, slot, Ordering::Release, Ordering::Relaxed)
        {
            head = other;
            // SAFETY: from `Box::into_raw` above, and not published yet.
            unsafe { (*slot).next = head };
        }
        // SAFETY: from `Box`, so not null.
        unsafe { NonNull::new_unchecked(slot) }
    }

    /// The slot pushed last.
    pub(crate) fn first(&self) -> Option<&Slot<T>> {
        // SAFETY: null or a slot, which is freed with `self` and by nothing before.
        unsafe { self.head.load(Ordering::Acquire).as_ref() }
    }

    /// The values of all slots, used or not. Lazy: the list is read when the first value is asked
    /// for, so behind a fence that the one who iterates has made before.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        iter::once_with(|| self.first())
            .flatten()
            .flat_map(|first| iter::successors(Some(first), |slot| slot.next()))
            .map(|slot| &slot.value)
    }

    /// How many slots there are, used or not. Not less than what the caller has seen.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }
}

impl<T> Slot<T> {
    /// The slot pushed before this one.
    pub(crate) fn next(&self) -> Option<&Self> {
        // SAFETY: null or a slot; slots of a registry live equally long.
        unsafe { self.next.as_ref() }
    }

    /// Its value.
    pub(crate) fn value(&self) -> &T {
        &self.value
    }
}

impl<T> Lease<T> {
    /// The slot in the list.
    #[inline]
    pub(crate) fn slot(&self) -> &Slot<T> {
        // SAFETY: the registry is kept alive by this lease, and frees no slot before.
        unsafe { self.slot.as_ref() }
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.slot().value
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        // Release: pairs with the acquire of the next owner.
        self.slot().used.store(false, Ordering::Release);
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        let mut slot = sync::get(&mut self.head);
        while !slot.is_null() {
            // SAFETY: pushed once, from `Box::into_raw`; exclusive, since leases and references
            // keep the registry alive.
            slot = unsafe { Box::from_raw(slot) }.next.cast_mut();
        }
    }
}

#[cfg(all(test, not(kovan_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_when_the_iteration_begins() {
        let slots = Arc::new(Slots::<u64>::default());
        let before = slots.iter();
        let lease = slots.acquire();
        assert_eq!(before.count(), 1);
        drop(lease);
    }
}
