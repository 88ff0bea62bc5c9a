//! `guard-count`: one count of all guards, as a baseline: what the obvious way costs.
//!
//! Who begins a guard adds one to a word of the domain, and who ends it takes one away. If that leaves nobody
//! inside, nobody can hold what this thread unlinked before, and it frees that.
//!
//! All guards write one cache line, and where threads are inside all the time, one or the other, nothing is ever
//! freed. McKenney shows it among the toys that teach RCU (*Is Parallel Programming Hard, And, If So, What Can You Do
//! About It?*, app. B.3, simple counter-based RCU).
//!
//! Deviation. There the updater waits until the count is zero. Here it keeps what it retired until it ends a guard as
//! the last one inside, so nothing waits.

use std::cell::Cell;
use std::sync::Arc;

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::Parameters;
use crate::parts::limbo::{Erased, Garbage, Limbo, Orphans};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// The nodes that make a sweep due: all that wait are freed whenever it is possible.
const EACH: usize = 1;

/// The scheme `guard-count`.
#[derive(Debug, Default)]
pub struct GuardCount {
    inside: Arc<AtomicUsize>,
    orphans: Arc<Orphans<()>>,
}

/// A thread's retired nodes.
#[derive(Debug)]
pub struct Local {
    inside: Arc<AtomicUsize>,
    /// Guards of this thread that live; the outermost is counted in `inside`.
    nested: Cell<usize>,
    limbo: Limbo<()>,
}

impl Local {
    #[inline]
    fn enter(&self) {
        let nested = self.nested.get();
        self.nested.set(nested + 1);
        if nested == 0 {
            // Acquire: pairs with the release of `leave`, for all changes are in one release sequence. Where it left
            // nobody inside, the unlinks of what is freed then are before our loads. Else it saw that we are inside.
            self.inside.fetch_add(1, Ordering::Acquire);
        }
    }

    /// Ends a guard. Returns whether nobody holds any more what is in limbo.
    #[inline]
    fn leave(&self) -> bool {
        let nested = self.nested.get() - 1;
        self.nested.set(nested);
        // Release: our loads are before the frees of the last one, and our unlinks before the loads of those who come.
        // Acquire: the last one has the uses of all others before its frees.
        nested == 0 && self.inside.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Ends a guard, and frees what is in limbo if a sweep is due, or is `wanted` anyway, and nobody holds it.
    #[inline]
    fn leave_and_sweep(&self, wanted: bool) {
        // What others left is taken over before this thread leaves: it was unlinked before, too.
        let due = self.limbo.adopt();
        if self.leave() && (due || wanted) {
            // SAFETY: all in limbo was unlinked before the count was zero, as `leave` says.
            unsafe { self.limbo.sweep(EACH, |_| false) };
        }
    }

    fn scan(&self) {
        self.enter();
        self.leave_and_sweep(true);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // Guards that were forgotten stay counted, as they may still be used.
        self.limbo.depart(|| self.scan());
    }
}

/// A critical section.
#[derive(Debug)]
pub struct Guard<'l>(&'l Local);

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.leave_and_sweep(false);
    }
}

// SAFETY: 1: see `leave`; a sweep removes each node from limbo before it frees it. 2: sweeps run when guards end,
// in `flush` and in the drop of locals; the rest is freed with the orphans, in the drop of the domain. 3: the limbo is
// not borrowed while nodes are freed.
unsafe impl Reclaimer for GuardCount {
    const FACTS: Facts = Facts {
        name: "guard-count",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "McKenney, Is Parallel Programming Hard, And, If So, What Can You Do About It?, \
                app. B.3 (simple counter-based RCU)",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[],
        constants: "",
        bound: "unbounded: nothing is freed while any guard lives",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    type Header = ();
    type Local = Local;
    type Guard<'l> = Guard<'l>;
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        Self::default()
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Local {
        let limbo = Limbo::new(&self.orphans, EACH);
        Local { inside: Arc::clone(&self.inside), nested: Cell::default(), limbo }
    }
    #[inline]
    fn header(&self, _: &Local) {}
    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> Guard<'l> {
        local.enter();
        Guard(local)
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Local) {}

    #[inline]
    fn protect<T>(
        _: &Guard<'_>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        // Acquire: pairs with the publication of the node.
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_>, node: *mut Node<T, ()>) {
        // Whether a sweep is due is asked when the guard ends.
        guard.0.limbo.push(Garbage { node: Erased::new(node), stamp: () });
    }

    fn flush(&self, local: &Local) {
        local.scan();
    }
}

// SAFETY: nothing that is unlinked during a guard, or before it and still held, is freed before it ends.
unsafe impl GuardProtection for GuardCount {}
// SAFETY: as above: that holds of all nodes, however they were reached.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for GuardCount {}
