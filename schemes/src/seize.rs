//! `seize`: Hyaline-1 by the crate seize, unmodified.
//!
//! Its guards are of threads, not of handles: all handles of a thread share one reservation, and a
//! guard inside another one of the same thread is nested in it. A batch has at least `batch`
//! entries; with more active threads than entries it grows, and each retirement tries again. What a
//! thread retired waits for its next retirements, or for those of a thread that gets its number
//! after its exit: a handle that is dropped flushes, so that little is left to that.
//!
//! The crate gives a thread's number away when the thread ends, and a guard that lives on then, in the
//! destructor of another thread-local value, would share its reservation with another thread. So a
//! thread may not end inside of a guard: that aborts. Later, guards and handles are refused.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering, compiler_fence, fence};

use ::seize::{Collector, Guard, LocalGuard};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::{Node, Retired};
use crate::parameters::{Parameter, Parameters};
use crate::parts::home::{PerThread, ended, thread_locals};
use crate::parts::limbo::Freeing;
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};

/// The entries of a batch.
const BATCH: Parameter = Parameter {
    name: "batch",
    unit: "nodes",
    default: 32,
    min: 1,
    max: 65_536,
    description: "A thread passes its retired nodes on when it has this many, and at least one for \
                  each active thread. By default, it is the larger of 32 and the number of \
                  processors, rounded up to a power of two. A value that is set is exact.",
    source: "the crate's Collector::batch_size; Nikolaev & Ravindran, PLDI 2021 (Hyaline-1)",
};

/// The scheme `seize`.
#[derive(Debug)]
pub struct Seize {
    collector: Arc<Collector>,
}

/// A thread's registration.
#[derive(Debug)]
pub struct Local {
    collector: Arc<Collector>,
    /// Its guards, counted among those of the thread as well.
    guards: Cell<usize>,
}

impl PerThread for Seize {
    thread_locals!(Seize);
}

impl Local {
    fn new(collector: &Arc<Collector>) -> Self {
        assert!(!ended::<Seize>(), "a handle in a thread that has ended");
        // In this order: thread-local values go in the reverse.
        drop(collector.enter());
        Seize::end().with(|_| ());
        Self { collector: Arc::clone(collector), guards: Cell::new(0) }
    }

    /// Counts a guard.
    #[inline]
    fn enter(&self) {
        assert!(!ended::<Seize>(), "a guard in a thread that has ended");
        Seize::inside().set(Seize::inside().get() + 1);
        self.guards.set(self.guards.get() + 1);
    }

    /// Counts guards that end.
    #[inline]
    fn leave(&self, guards: usize) {
        Seize::inside().set(Seize::inside().get() - guards);
        self.guards.set(self.guards.get() - guards);
    }

    fn flush(&self) {
        if !ended::<Seize>() {
            self.collector.enter().flush();
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // Not too deep: a chain of destructors that each drop a handle must not exhaust the stack.
        if let Some(_freeing) = Freeing::enter() {
            self.flush();
        }
        // Guards that were forgotten end with their handle. A thread that has ended had none.
        if !ended::<Seize>() {
            self.leave(self.guards.get());
        }
    }
}

/// A guard, counted by its registration.
#[derive(Debug)]
pub struct Pinned<'l> {
    guard: LocalGuard<'l>,
    local: &'l Local,
}

impl<'l> Deref for Pinned<'l> {
    type Target = LocalGuard<'l>;
    #[inline]
    fn deref(&self) -> &LocalGuard<'l> {
        &self.guard
    }
}

impl Drop for Pinned<'_> {
    #[inline]
    fn drop(&mut self) {
        self.local.leave(1);
    }
}

/// The shape that seize calls.
///
/// # Safety
/// The clauses of [`Retired::free`].
unsafe fn free<T>(node: *mut Retired<T, ()>, _: &Collector) {
    // SAFETY: caller.
    unsafe { Retired::<T, ()>::free(node.cast()) };
}

// SAFETY: 1: seize frees a retired pointer once, when every thread that was active then has left
// or refreshed; nobody refreshes here. 2: it frees when leaving, retiring, flushing, when a
// local drops, and when the collector does. 3: it resets its batch before it calls destructors, and takes no lock.
unsafe impl Reclaimer for Seize {
    const FACTS: Facts = Facts {
        name: "seize",
        version: "seize 0.5.1",
        paper: "after Nikolaev & Ravindran, Hyaline, PLDI 2021 (Hyaline-1)",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::LockFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[BATCH],
        constants: "",
        bound: "unbounded: one stalled thread holds all that is retired",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: true,
    };
    type Header = ();
    type Local = Local;
    type Guard<'l> = Pinned<'l>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        let mut collector = Collector::new();
        if parameters.is_set(&BATCH) {
            collector = collector.batch_size(parameters.value(&BATCH) as usize);
        }
        Self { collector: Arc::new(collector) }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Local {
        Local::new(&self.collector)
    }
    #[inline]
    fn header(&self, _: &Local) -> Self::Header {}

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> Pinned<'l> {
        local.enter();
        let guard = self.collector.enter();
        // Structures also load under the guard alone, with acquire, where seize loads SeqCst. With
        // membarrier, its own choice wherever there is one, that is no difference. Without, its
        // entering store is SeqCst: a full barrier on x86, where the compiler alone must be held
        // back; elsewhere a later acquire load may pass it. If the fence is first, retirers see
        // this thread active; if theirs is first, the loads see their unlinks.
        if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
        Pinned { guard, local }
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Local) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        guard: &Pinned<'_>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        guard.protect(source, Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Pinned<'_>, node: *mut Node<T, ()>) {
        // SAFETY: the caller's clauses; `Retired` is `repr(transparent)` over the node.
        unsafe { guard.defer_retire(node.cast(), free::<T>) };
    }

    fn flush(&self, local: &Local) {
        local.flush();
    }
}

// SAFETY: a batch waits for every thread that is active when it is retired.
unsafe impl GuardProtection for Seize {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for Seize {}
