//! Collectors and handles.

use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use crate::barrier;
use crate::config::{Builder, Config};
use crate::guard::Guard;
use crate::local::Local;
use crate::mode::{DefaultMode, Mode};
use crate::registry::{Chunk, Place};

/// What the threads of a collector share.
pub(crate) struct Core {
    pub(crate) locals: Chunk,
    /// The slot of nobody: what threads that left could not free, and what threads have more of than
    /// they should, waits there for those that publish, pin, flush or leave.
    pub(crate) orphans: Local,
    pub(crate) config: Config,
}

impl Core {
    fn new(config: Config) -> Self {
        let core = Self { locals: Chunk::new(), orphans: Local::new(Place::NONE), config };
        // Nothing is in it yet; it takes batches from here on.
        core.orphans.slot.take_and_stay();
        core
    }

    /// Returns whether something waits in the slot of nobody.
    #[inline]
    pub(crate) fn has_orphans(&self) -> bool {
        self.orphans.slot.has_list()
    }
}

impl Drop for Core {
    /// Every local in use holds the core, so all have left, and nobody can hold a pointer. What is
    /// left: what a push left in a slot whose owner was just leaving, and orphans.
    fn drop(&mut self) {
        let nobody = Local::new(Place::NONE);
        for local in self.locals.all().chain([&self.orphans]) {
            nobody.inherit(local);
        }
        nobody.free_rest();
    }
}

/// A domain of reclamation: what is retired in it waits only for its own guards.
///
/// Clones are the same collector, and equal. All that was retired is freed at the latest when the
/// last handle, guard and clone is gone.
#[repr(transparent)]
pub struct Collector<M: Mode = DefaultMode> {
    core: Arc<Core>,
    mode: PhantomData<fn() -> M>,
}

/// A thread's registration with a [`Collector`]. It stays on its thread. Its end frees what no guard
/// holds: destructors run there, and their panics are discarded.
pub struct Handle<M: Mode = DefaultMode> {
    local: *const Local,
    mode: PhantomData<fn() -> M>,
}

impl<M: Mode> Collector<M> {
    /// Returns a new, empty collector.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder for a collector with other parameters than the default ones.
    pub const fn builder() -> Builder<M> {
        Builder::new()
    }

    pub(crate) fn with(config: Config) -> Self {
        barrier::detect();
        Self { core: Arc::new(Core::new(config)), mode: PhantomData }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn shared(&self) -> &Arc<Core> {
        &self.core
    }

    /// Returns the collector of a local whose handle or guard has the mode `M`.
    pub(crate) fn of(local: &Local) -> &Self {
        // SAFETY: `Collector` is `repr(transparent)` over the reference-counted core, besides a
        // field without a size.
        unsafe { &*core::ptr::from_ref(local.core()).cast::<Self>() }
    }

    /// Registers the calling thread. Register once per thread, not once per operation. Lock-free.
    /// Allocates where no place of a thread that has left is free.
    #[must_use]
    pub fn register(&self) -> Handle<M> {
        Handle { local: Local::register(Arc::clone(&self.core)), mode: PhantomData }
    }
}

impl<M: Mode> Handle<M> {
    /// Begins a critical section. Sections nest.
    ///
    /// Wait-free: a store and a load if nothing was published since the last section of this thread;
    /// else a swap, a fence, and a few steps per batch that waits. At most 64 destructors of values
    /// that became free run here; none of their panics ends the call.
    #[inline]
    pub fn pin(&self) -> Guard<M> {
        // SAFETY: the handle keeps its local alive.
        unsafe { Guard::pin(self.local) }
    }

    /// Frees all that no guard holds: see [`flush`](crate::flush), of this handle's collector.
    ///
    /// # Panics
    /// As [`flush`](crate::flush).
    pub fn flush(&self) {
        self.local().flush();
    }

    /// Hands in what this thread has retired: see [`flush_pending`](crate::flush_pending), of this
    /// handle's collector.
    ///
    /// # Panics
    /// As [`flush`](crate::flush).
    pub fn flush_pending(&self) {
        self.local().flush_pending();
    }

    /// Returns the collector.
    #[must_use]
    pub fn collector(&self) -> &Collector<M> {
        Collector::of(self.local())
    }

    #[inline(always)]
    pub(crate) fn local(&self) -> &Local {
        // SAFETY: the handle keeps its local alive.
        unsafe { &*self.local }
    }

    #[cfg(all(feature = "std", not(kovan_loom)))]
    pub(crate) fn into_local(self) -> *const Local {
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
impl<M: Mode> PartialEq for Collector<M> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}
impl<M: Mode> Eq for Collector<M> {}
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
