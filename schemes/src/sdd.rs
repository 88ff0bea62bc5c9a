//! `sdd`: epoch-based reclamation by the crate sdd, unmodified.
//!
//! Nodes are retired by its deferred closures. It has one collector per process, so another
//! domain's guard can hold this domain's nodes, and a domain that is dropped meanwhile cannot
//! wait for them: see `parts/process_wide.rs`. Its garbage belongs to threads: what a thread
//! retired is freed when that thread pins again, or after its exit by others.

use std::sync::atomic::{AtomicPtr, Ordering};

use ::sdd::Guard as Pin;

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::Parameters;
use crate::parts::home::{Collector, Home, PerThread, thread_locals};
use crate::parts::limbo::Erased;
use crate::parts::process_wide::{Joined, Pinned};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};

/// Epochs until a node that was retired now is freed, and one that has begun.
const EPOCHS: usize = 4;

/// The scheme `sdd`.
#[derive(Debug)]
pub struct Sdd {
    home: *const Home,
}

// SAFETY: a home is shared: members are its threads' own, the rest of it is atomic.
unsafe impl Send for Sdd {}
// SAFETY: as above.
unsafe impl Sync for Sdd {}

impl PerThread for Sdd {
    thread_locals!(Sdd);
}

impl Collector for Sdd {
    type Guard = Pin;

    #[inline]
    fn pin() -> Pin {
        Pin::new()
    }
    /// Turns the epochs over, unless a guard is in the way.
    fn flush() {
        for _ in 0..EPOCHS {
            let guard = Pin::new();
            // Also epochs that hold no garbage of this thread move on.
            guard.set_has_garbage();
            guard.accelerate();
        }
    }
}

impl Drop for Sdd {
    fn drop(&mut self) {
        // SAFETY: the locals are gone.
        unsafe { Home::close::<Self>(self.home) };
    }
}

// SAFETY: 1: a deferred closure runs once, after every guard that was there has ended; then the
// home frees the node. 2: the home frees in calls of this trait; for what is out when it closes
// see `frees_on_drop`. 3: the home frees outside of the crate's calls, and holds no borrow then.
unsafe impl Reclaimer for Sdd {
    const FACTS: Facts = Facts {
        name: "sdd",
        version: "sdd 4.8.11",
        paper: "after Fraser, Practical lock-freedom, 2004, sec. 5.2.3",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::LockFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[],
        constants: "pins_between_scans=128 epochs_until_free=3",
        bound: "unbounded: one stalled thread holds all that is retired",
        frees_on_drop: false,
        frees_meanwhile: true,
        frees_others: true,
    };
    type Header = ();
    type Local = Joined<Self>;
    type Guard<'l> = Pinned<'l, Self>;
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        Self { home: Home::new() }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Joined<Self> {
        Joined::new(self.home)
    }
    #[inline]
    fn header(&self, _: &Joined<Self>) {}

    #[inline]
    fn pin<'l>(&'l self, local: &'l Joined<Self>) -> Self::Guard<'l> {
        local.pin()
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Joined<Self>) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        _: &Self::Guard<'_>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Node<T, ()>) {
        let (home, node) = (self.home, Erased::new(node));
        guard.member().count_out();
        // SAFETY: counted out; the closure runs once, when no guard protects the node any more.
        guard.defer_execute(move || unsafe { Home::give_back(home, node) });
    }

    fn flush(&self, local: &Joined<Self>) {
        local.flush();
    }
}

// SAFETY: an epoch guard keeps every node from being freed that was not yet retired when it began.
unsafe impl GuardProtection for Sdd {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for Sdd {}
