//! `ebr-list`: epochs with one list of retired nodes per thread, the baseline of era schemes.
//!
//! This is the scheme that is called EBR, RCU or Epoch in the measurements of four papers: interval-based
//! reclamation (PPoPP 2018), WFE (PPoPP 2020), Hyaline (PLDI 2021) and Crystalline (PLDI 2024). A guard
//! reserves the epoch of its begin, and thereby all later ones: it is `ibr` with the interval [e, ∞). A
//! node is freed when the epoch of its retirement is before all reservations.
//!
//! A scan walks the whole list of its thread, also the nodes that the last scan has kept. This is on
//! purpose and must stay so: while one guard lasts, each scan walks all that was retired since, so the
//! costs grow with the square of the length of a preemption. Hyaline's paper names this as the reason
//! why its EBR falls behind (footnote 5: it "has to place all retired nodes in one per-thread list").
//! Schemes with bags, as `debra` and `epoch`, free a bag without a look at its nodes, and a list in the
//! order of retirement could stop at the first node that it keeps.
//!
//! Why a free is sound. Let R be a guard that reserved the epoch e, and n a node that was retired in the
//! epoch r. A full fence stands between the reservation and the loads of R, another between the unlink
//! of n and both the read of r and the later reads of the reservations.
//!
//! 1. If the fence of R is first, r is at least e, as R read e before its fence. Each scan that may free
//!    n sees the reservation of R, or what R stored later with release: then R has ended, and its uses
//!    come before the free. While a scan sees e, it keeps n.
//! 2. If the fence of the retirement is first, the loads of R see the unlink. R does not come to n, nor
//!    by other unlinked nodes: what n was reachable through was unlinked before n was retired.
//!
//! How R came to n does not matter in 1, so the strength is `region`.
//!
//! Deviations from the artefacts: the epoch moves after every 128 allocations of a thread (in the papers
//! after 110 or 150 times the number of threads); a scan is due after max(128, N) retirements (in the
//! papers after 30 or 120); the lists are growing arrays; a retirement has a fence, which the artefacts
//! leave to the exchange that unlinks; guards nest; a thread that leaves passes its list on.

use std::cell::Cell;
use std::sync::Arc;

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::era::{self, Clock, Thread};
use crate::parts::limbo::{Erased, Orphans};
use crate::parts::slots::{Lease, Slots};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence};

/// An epoch after all others: nothing is reserved.
const NEVER: u64 = u64::MAX;

const PARAMETERS: [Parameter; 2] = [
    era::FREQUENCY,
    Parameter {
        description: "A thread scans its whole list when it has this many new nodes. By default, it is \
                      the larger of 128 and the number of threads. A value that is set is exact.",
        ..era::THRESHOLD
    },
];

/// The epoch that a thread reserves, with all later ones.
#[derive(Debug)]
struct Reservation(AtomicU64);

impl Default for Reservation {
    fn default() -> Self {
        Self(AtomicU64::new(NEVER))
    }
}

/// The scheme `ebr-list`.
#[derive(Debug)]
pub struct EbrList {
    clock: Arc<Clock>,
    reservations: Arc<Slots<Reservation>>,
    /// The nodes of threads that left, each with the epoch of its retirement.
    orphans: Arc<Orphans<u64>>,
    parameters: Parameters,
}

/// A thread's reservation and retired nodes.
#[derive(Debug)]
pub struct Local {
    thread: Thread<u64>,
    reservation: Lease<Reservation>,
    reservations: Arc<Slots<Reservation>>,
    /// Guards that nest.
    depth: Cell<usize>,
}

/// A guard, which is the thread's reservation.
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
            // Release: pairs with the acquire of a scan. Our uses come before its free.
            self.local.reservation.0.store(NEVER, Ordering::Release);
        }
    }
}

impl Local {
    #[inline]
    fn reserve(&self) {
        let epoch = self.thread.clock.now();
        // Release: a scan that reads this, and not the end of the last guard, may free what that held.
        self.reservation.0.store(epoch, Ordering::Release);
        // Between the reservation and the loads of the guard; pairs with `Clock::retirement`: see the
        // head of this file.
        fence(Ordering::SeqCst);
    }

    #[cold]
    fn scan(&self) {
        let read = || {
            // Acquire: pairs with the releases of those who left.
            let epochs = self.reservations.iter().map(|epoch| epoch.0.load(Ordering::Acquire));
            let least = epochs.min().unwrap_or(NEVER);
            move |retired: &u64| *retired >= least
        };
        // SAFETY: 1: `read` reads them. 2: see the head of this file.
        unsafe { self.thread.sweep(self.reservations.len(), read) };
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // It is already, unless a guard was forgotten.
        self.reservation.0.store(NEVER, Ordering::Release);
        self.thread.end_births(|clock| clock.step(clock.now()));
        self.thread.depart(|| self.scan());
    }
}

// SAFETY: 1: the head of this file. 2: scans run in `retire`, `flush` and the drop of locals; the
// rest is freed with the orphans, in the drop of the domain. 3: no borrow is held meanwhile.
unsafe impl Reclaimer for EbrList {
    const FACTS: Facts = Facts {
        name: "ebr-list",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "Fraser, Practical lock-freedom, 2004, sec. 5.2.3; as the baseline of Wen et al., \
                Interval-based memory reclamation, PPoPP 2018",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &PARAMETERS,
        constants: "",
        bound: "unbounded: one stalled thread holds all that is retired",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    const UNPIN_FREES: bool = false;
    type Header = ();
    type Local = Local;
    type Guard<'l> = Guard<'l>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        let (clock, reservations, orphans) = (Arc::default(), Arc::default(), Arc::default());
        Self { clock, reservations, orphans, parameters: parameters.clone() }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Local {
        Local {
            thread: Thread::new(&self.clock, &self.orphans, &self.parameters),
            reservation: self.reservations.acquire(),
            reservations: Arc::clone(&self.reservations),
            depth: Cell::new(0),
        }
    }
    #[inline]
    fn header(&self, local: &Local) {
        local.thread.birth(|clock| clock.step(clock.now()));
    }

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> Guard<'l> {
        if local.depth.replace(local.depth.get() + 1) == 0 {
            local.reserve();
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
        let thread = &guard.local.thread;
        if thread.push(Erased::new(node), thread.clock.retirement()) {
            guard.local.scan();
        }
    }

    fn flush(&self, local: &Local) {
        local.scan();
    }
}

// SAFETY: a node that was reachable in a guard's life is retired in an epoch that the guard reserved.
unsafe impl GuardProtection for EbrList {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for EbrList {}
