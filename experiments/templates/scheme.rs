//! `template-scheme`: a reclamation scheme with grace periods, to be replaced by yours.
//!
//! It works as it stands. A guard reserves the epoch in which it begins. A retired node is stamped with
//! the epoch of its retirement. A scan frees the nodes whose stamp is before every reservation. The
//! comments that begin with REPLACE say which decision is the scheme's, and where yours goes.
//!
//! REPLACE: this head says what the scheme does, why freeing a node is sound, and where it deviates from
//! its paper. A reader must be able to check the argument against the code, as this one:
//!
//! Let R be a guard that reserved the epoch e, and n a node that was retired in the epoch r. A full fence
//! stands between the reservation and the loads of R, and another one between the unlink of n and both
//! the read of r and the later reads of reservations.
//!
//! 1. If the fence of R is first, r is at least e. Each later scan sees the reservation of R and keeps n,
//!    or it sees that R has ended, and then the uses of R come before the free.
//! 2. If the fence of the retirement is first, the loads of R see the unlink, so R cannot reach n.

use std::cell::Cell;
use std::sync::Arc;

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::era::Clock;
use crate::parts::limbo::{Erased, Garbage, Limbo, Orphans};
use crate::parts::slots::{Lease, Slots};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence};

/// The number of new nodes on a thread's list that make a scan due.
///
/// REPLACE: a number that experiments may vary is a parameter. The suite runs the scheme at both ends of
/// the range, and asks that the value has an effect.
const THRESHOLD: Parameter = Parameter {
    name: "threshold",
    unit: "nodes",
    default: if cfg!(kovan_loom) { 1 } else { 128 },
    min: 1,
    max: 1_000_000,
    description: "A thread scans its list when it has this many new nodes.",
    source: "none: a template of kovan-lab",
};

/// An epoch after all others, which stands for no reservation.
const NEVER: u64 = u64::MAX;

/// The epoch that a thread reserves, and which every scan reads.
///
/// REPLACE: what a thread publishes so that others do not free what it reads, as hazards or an interval.
#[derive(Debug)]
struct Reservation(AtomicU64);

impl Default for Reservation {
    fn default() -> Self {
        Self(AtomicU64::new(NEVER))
    }
}

/// What all threads of a domain share.
#[derive(Debug, Default)]
struct Shared {
    /// The epoch, on cache lines of its own.
    clock: Clock,
    /// One record for each thread. The list grows, and records are used again.
    reservations: Arc<Slots<Reservation>>,
    /// What threads that left could not free. It is freed with the domain at the latest.
    orphans: Arc<Orphans<u64>>,
}

/// The scheme `template-scheme`. A value is a domain: nothing is shared between two of them.
#[derive(Debug)]
pub struct TemplateScheme {
    shared: Arc<Shared>,
    threshold: usize,
}

/// A thread's registration, which stays on its thread.
#[derive(Debug)]
pub struct Local {
    shared: Arc<Shared>,
    reservation: Lease<Reservation>,
    /// The number of guards that nest.
    depth: Cell<usize>,
    /// The retired nodes of this thread, each with the epoch of its retirement.
    limbo: Limbo<u64>,
    threshold: usize,
}

/// A critical section.
#[derive(Debug)]
pub struct Guard<'l> {
    local: &'l Local,
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        let depth = self.local.depth.get() - 1;
        self.local.depth.set(depth);
        if depth == 0 {
            // Release: pairs with the acquire of a scan. Our uses come before its frees.
            self.local.reservation.0.store(NEVER, Ordering::Release);
        }
    }
}

impl Local {
    /// Frees the retired nodes of this thread that no guard can hold.
    ///
    /// REPLACE: the rule by which a node is safe to free.
    #[cold]
    fn scan(&self) {
        let Shared { clock, reservations, .. } = &*self.shared;
        // Moves the epoch, so that later guards hold nothing of what is on the list now.
        clock.step(clock.now());
        // Before the reservations are read, so that the fences of those who left come first, too.
        self.limbo.adopt();
        // Acquire: pairs with the release of a guard that ended.
        let epochs = reservations.iter().map(|epoch| epoch.0.load(Ordering::Acquire));
        let least = epochs.min().unwrap_or(NEVER);
        // SAFETY: a thread may hold a node only if its reservation is not after the node's stamp: see
        // the head of this file.
        unsafe { self.limbo.sweep(self.threshold, |garbage| garbage.stamp >= least) };
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // A guard that was forgotten has left its reservation.
        self.reservation.0.store(NEVER, Ordering::Release);
        self.limbo.depart(|| self.scan());
    }
}

// SAFETY: 1: the head of this file. 2: scans run in `retire`, in `flush` and in the drop of locals; the
// rest is freed with the orphans, in the drop of the domain. 3: no borrow is held while nodes are freed.
unsafe impl Reclaimer for TemplateScheme {
    // REPLACE: each fact is declared, and the conformance suite holds most of them against what it sees.
    const FACTS: Facts = Facts {
        name: "template-scheme",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "none: a template of kovan-lab",
        // As in the row of the registry.
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::WaitFree,
        // With `stalled: true`, `bound` returns a number, and no run may pass it.
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[THRESHOLD],
        constants: "",
        bound: "unbounded: one stalled thread holds all that is retired",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    /// The end of a guard frees nothing here. The default is true, which is always right and costs a little.
    const UNPIN_FREES: bool = false;
    /// REPLACE: what each node carries, for example the era of its birth; `header` makes it.
    type Header = ();
    type Local = Local;
    type Guard<'l> = Guard<'l>;
    /// REPLACE: what protects a single pointer. It has no size where the guard protects.
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        Self { shared: Arc::default(), threshold: parameters.value(&THRESHOLD) as usize }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        // REPLACE: the most unreclaimed nodes there can be; `None` where there is no bound.
        None
    }
    unsafe fn register(&self) -> Local {
        Local {
            shared: Arc::clone(&self.shared),
            reservation: self.shared.reservations.acquire(),
            depth: Cell::new(0),
            limbo: Limbo::new(&self.shared.orphans, self.threshold),
            threshold: self.threshold,
        }
    }
    #[inline]
    fn header(&self, _: &Local) {}

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> Guard<'l> {
        // Guards of one thread nest: only the outermost one reserves.
        if local.depth.replace(local.depth.get() + 1) == 0 {
            // Release: a scan that reads this may free what the last guard of this thread held.
            local.reservation.0.store(self.shared.clock.now(), Ordering::Release);
            // SeqCst: stands between the reservation and the loads of the guard. It pairs with the fence
            // in `Clock::retirement`: see the head of this file.
            fence(Ordering::SeqCst);
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
        // REPLACE: a pointer scheme publishes the pointer, without the bits of the mask in the last
        // argument, and reads `source` again.
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_>, node: *mut Node<T, ()>) {
        let stamp = self.shared.clock.retirement();
        if guard.local.limbo.push(Garbage { node: Erased::new(node), stamp }) {
            guard.local.scan();
        }
    }

    fn flush(&self, local: &Local) {
        local.scan();
    }
}

// REPLACE: these two are promises to structures. A `pointer` scheme has neither, a `guard` scheme the
// first one, a `region` scheme both.
// SAFETY: a node that was reachable in a guard's life is retired in an epoch that the guard reserved.
unsafe impl GuardProtection for TemplateScheme {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for TemplateScheme {}
