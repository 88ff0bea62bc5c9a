//! Collectors and handles.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use crate::barrier;
use crate::batch;
use crate::config::{Builder, Config};
use crate::guard::Guard;
use crate::local::Local;
use crate::mode::{DefaultMode, Mode};
use crate::ready::Ready;
use crate::slot::Slot;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};
use crate::unwind::discard;

/// What the threads of a collector share: its fields, and those of its slots, are atomic or constant
/// after publication.
pub(crate) struct Core {
    /// Append-only list of slots.
    slots: AtomicPtr<Slot>,
    /// The era clock (robust mode). Starts at 1: a birth of 0 is older than every era.
    pub(crate) era: AtomicU64,
    pub(crate) config: Config,
}

impl Core {
    /// All slots that could be active before the caller's last fence.
    pub(crate) fn slots(&self) -> *const Slot {
        // Acquire: pairs with the Release of `add_slot`.
        self.slots.load(Ordering::Acquire)
    }

    /// The slots registered so far.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        // SAFETY: slots live as long as the core.
        let at = |slot: *const Slot| unsafe { slot.as_ref() };
        core::iter::successors(at(self.slots()), move |slot| at(slot.next))
    }

    /// A slot for the calling thread, reused if one is free. Lock-free; once per registration.
    pub(crate) fn own_slot(&self) -> *const Slot {
        self.iter().find(|slot| slot.try_own()).map_or_else(|| self.add_slot(), ptr::from_ref)
    }

    fn add_slot(&self) -> *const Slot {
        let mut next = self.slots.load(Ordering::Acquire);
        let slot = Box::into_raw(Box::new(Slot::new(next, 0)));
        loop {
            // SAFETY: `slot` is not published yet; `next` is a slot of this core.
            unsafe {
                (*slot).next = next;
                (*slot).len = next.as_ref().map_or(0, |n| n.len) + 1;
            }
            // Release: publishes the slot's fields; pairs with `slots`.
            match self.slots.compare_exchange(next, slot, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return slot,
                Err(now) => next = now,
            }
        }
    }
}

impl Drop for Core {
    /// Every local holds the core, so all have left: their batches were freed, by them or by
    /// others, but for what a push left in a slot whose owner was just leaving.
    fn drop(&mut self) {
        let ready = Ready::default();
        let mut slot = self.slots.load(Ordering::Relaxed);
        while !slot.is_null() {
            // SAFETY: slots came from `Box::into_raw` and nobody else is left.
            let mut last = unsafe { Box::from_raw(slot) };
            for list in last.remains() {
                // SAFETY: nobody is left that could use a pointer or take the list.
                unsafe { batch::acknowledge_all(list, |batch| ready.add(batch)) };
            }
            slot = last.next.cast_mut();
        }
        // A panicking destructor was reported by the hook, and ends here.
        discard(ready.free_all());
    }
}

/// A domain of reclamation: what is retired in it waits only for its own guards.
///
/// Clones are the same collector. All that was retired is freed at the latest when the last
/// handle, guard and clone is gone.
pub struct Collector<M: Mode = DefaultMode> {
    core: Arc<Core>,
    mode: PhantomData<fn() -> M>,
}

/// A thread's registration with a [`Collector`]. It stays on its thread.
pub struct Handle<M: Mode = DefaultMode> {
    local: *const Local<M>,
}

impl<M: Mode> Collector<M> {
    /// A new, empty collector.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A collector with other parameters than the default ones.
    pub const fn builder() -> Builder<M> {
        Builder::new()
    }

    pub(crate) fn with(config: Config) -> Self {
        barrier::detect();
        let (slots, era) = (AtomicPtr::new(ptr::null_mut()), AtomicU64::new(1));
        Self { core: Arc::new(Core { slots, era, config }), mode: PhantomData }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Registers the calling thread. Register once per thread, not once per operation.
    #[must_use]
    pub fn register(&self) -> Handle<M> {
        Handle { local: Local::register(Arc::clone(&self.core)) }
    }
}

impl<M: Mode> Handle<M> {
    /// Begins a critical section. Sections nest.
    ///
    /// Wait-free: a store and a load if nothing was retired since the last section; else a swap, a
    /// fence, and a few steps per batch that waits. Destructors of batches that became free run here.
    #[inline]
    pub fn pin(&self) -> Guard<M> {
        // SAFETY: the handle keeps its local alive.
        unsafe { Guard::pin(self.local) }
    }

    /// The birth era of a node allocated now; 0 in [`Region`](crate::Region) mode. See
    /// [`Guard::birth_era`].
    #[inline]
    #[must_use]
    pub fn birth_era(&self) -> u64 {
        self.local().birth_era()
    }

    /// Closes the open batches of this thread, full or not, and frees what can be freed.
    pub fn flush(&self) {
        self.local().flush_all();
    }

    #[inline]
    pub(crate) fn local(&self) -> &Local<M> {
        // SAFETY: the handle keeps its local alive.
        unsafe { &*self.local }
    }

    #[cfg(all(feature = "std", not(kovan_loom)))]
    pub(crate) fn into_local(self) -> *const Local<M> {
        core::mem::ManuallyDrop::new(self).local
    }
}

impl<M: Mode> Drop for Handle<M> {
    fn drop(&mut self) {
        // SAFETY: gives up this handle's reference, once.
        unsafe { Local::release(self.local) };
    }
}

impl<M: Mode> Clone for Collector<M> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), mode: PhantomData }
    }
}
impl<M: Mode> Default for Collector<M> {
    fn default() -> Self {
        Self::new()
    }
}
impl<M: Mode> fmt::Debug for Collector<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("robust", &M::ROBUST).finish_non_exhaustive()
    }
}
impl<M: Mode> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("robust", &M::ROBUST).finish_non_exhaustive()
    }
}
