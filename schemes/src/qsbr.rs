//! `qsbr`: quiescent-state-based reclamation, for guards.
//!
//! The scheme knows no critical sections: a thread says now and then that it holds nothing, and
//! what was retired before every thread said so is freed. Here the end of an outermost guard is
//! that quiescent state. A pin costs nothing, and an unpin one load, as long as the epoch stays.
//!
//! The price: between its guards a thread counts as active in the epoch it last announced. One that
//! is idle there holds up all reclamation, as one that is stopped in a guard does. It goes offline
//! by [`Handle::flush`](crate::Handle::flush), until its next pin; it starts offline.
//!
//! Deviations from Hart et al.: they leave it to the program to place quiescent states; the epoch
//! is checked after so many retirements of a thread; an announcement has no fence, for a third bag.

use std::sync::Arc;

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::epochs::{Epochs, Thread};
use crate::parts::every::Every;
use crate::parts::free::Immediate;
use crate::parts::limbo::Erased;
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicPtr, Ordering};

/// Retirements of a thread between its tries to advance the epoch.
const FREQUENCY: Parameter = Parameter {
    name: "retirements_between_advances",
    unit: "retirements",
    default: if cfg!(kovan_loom) { 1 } else { 64 },
    min: 1,
    max: 1_000_000,
    description: "A thread tries to advance the epoch each time it has retired this many nodes.",
    source: "none: Hart et al., JPDC 67(12), 2007, sec. 2.1, leave it to the program",
};

/// The scheme `qsbr`.
#[derive(Debug)]
pub struct Qsbr {
    epochs: Arc<Epochs>,
    frequency: u64,
}

/// A thread's registration.
#[derive(Debug)]
pub struct Local {
    thread: Thread<Immediate>,
    retirements: Every,
}

/// A guard, whose end is a quiescent state if it is the outermost.
#[derive(Debug)]
pub struct Guard<'l> {
    local: &'l Local,
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        let thread = &self.local.thread;
        if thread.leave() {
            let epoch = thread.epochs.clock.now();
            if epoch != thread.announced() {
                thread.announce_next(epoch);
            }
        }
    }
}

// SAFETY: 1: `parts/epochs.rs`: a section reaches from a quiescent state to the next, and covers
// each guard in it. 2: nodes are freed when a guard begins or ends and in `flush`; the rest in the
// drop of the domain. 3: no borrow is held while nodes are freed.
unsafe impl Reclaimer for Qsbr {
    const FACTS: Facts = Facts {
        name: "qsbr",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "Hart, McKenney, Brown & Walpole, JPDC 67(12), 2007, sec. 2.1",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[FREQUENCY],
        constants: "bags=3",
        bound: "unbounded: one thread that stalls, or idles without a flush, holds all",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    type Header = ();
    type Local = Local;
    type Guard<'l> = Guard<'l>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        Self { epochs: Arc::default(), frequency: parameters.value(&FREQUENCY) }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Local {
        let retirements = Every::new(self.frequency);
        Local { thread: Thread::new(&self.epochs, Immediate), retirements }
    }
    #[inline]
    fn header(&self, _: &Local) {}

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> Guard<'l> {
        if local.thread.enter() && local.thread.announced() == 0 {
            local.thread.announce();
        }
        Guard { local }
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Local) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        _: &Guard<'_>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_>, node: *mut Node<T, ()>) {
        guard.local.thread.retire(Erased::new(node));
        if guard.local.retirements.count() {
            self.epochs.try_advance();
        }
    }

    fn flush(&self, local: &Local) {
        local.thread.flush();
    }
}

// SAFETY: a node that was reachable in a guard's life is freed after the guard ends.
unsafe impl GuardProtection for Qsbr {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for Qsbr {}
