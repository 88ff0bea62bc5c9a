//! `hazard-eras`: a hazard holds an era instead of an address (Ramalhete & Correia).
//!
//! A node carries the era of its birth, and gets the era of its retirement. A shield that
//! published an era protects a node that was alive in it, so it is written, and fenced, only when
//! the clock has moved since the shield's last load.
//!
//! Why a load is sound: the shield published e and fenced; then the pointer was read; then the
//! clock, still at e. The node was published before the pointer was read, so born in e or before.
//! If the read missed the unlink, the node's retirement is in e or later, and its scans see e: see
//! `Clock::retirement`.
//!
//! Deviations from the paper: the clock moves after so many allocations of a thread, not at each
//! retirement, as in the later measurements of Wen et al.; hazards come in chunks as shields need
//! them; a scan takes a snapshot, and looks each node up in it.

use std::sync::Arc;

use crate::canary;
use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::era::{self, Clock, Life, Thread};
use crate::parts::limbo::{self, Orphans};
use crate::parts::pool::{self, Cells, Pool};
use crate::reclaimer::Reclaimer;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence};

/// An era, or 0.
type Hazard = AtomicU64;

/// The parameters of schemes whose shields each reserve an era.
pub(crate) const PARAMETERS: [Parameter; 2] = [
    era::FREQUENCY,
    Parameter {
        description: "A thread scans when its list has this many new nodes. By default, it is the \
                      larger of 128 and C, the shields allocated: 14 ceil(K / 14) for each thread. A \
                      value that is set is exact.",
        ..era::THRESHOLD
    },
];

/// The scheme `hazard-eras`.
#[derive(Debug)]
pub struct HazardEras {
    clock: Arc<Clock>,
    hazards: Arc<Cells<Hazard>>,
    orphans: Arc<Orphans<Life>>,
    parameters: Parameters,
}

/// A thread's hazards and retired nodes.
#[derive(Debug)]
pub struct Local {
    thread: Thread,
    pool: Pool<Hazard>,
}

/// A hazard on loan from its thread's pool.
#[derive(Debug)]
pub struct Shield<'l> {
    hazard: &'l Hazard,
    pool: &'l Pool<Hazard>,
}

impl Drop for Shield<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: our uses of the node come before its free by a scan that reads this.
        self.hazard.store(0, Ordering::Release);
        self.pool.give(self.hazard);
    }
}

impl Local {
    #[cold]
    fn scan(&self) {
        let hazards = self.pool.all();
        // Acquire: pairs with the releases of those who moved on.
        let eras = hazards.cells().map(|hazard| hazard.load(Ordering::Acquire));
        // SAFETY: see the head of this file.
        unsafe { self.thread.scan(hazards.count(), eras.map(|era| (era, era))) };
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.thread.end_births(|clock| clock.step(clock.now()));
        self.thread.depart(|| self.scan());
    }
}

/// The bound of schemes whose shields each reserve an era.
pub(crate) fn bound(input: &BoundInput, parameters: &Parameters) -> u64 {
    let lists = limbo::lists(input.all_handles());
    let reservations = pool::count_for(input.all_handles(), input.shields);
    // A list keeps what was alive in the eras that its last scan saw, and what waits for the next. A node
    // is on one list. The eras of stalled handles are the same in all scans, those of running ones may
    // differ in each.
    let eras = (input.stalled + lists * input.handles) * input.shields;
    let kept = eras * era::alive_in_an_era(input, parameters);
    era::waiting(input, parameters, reservations) + kept
}

// SAFETY: 1: the head of this file. 2: scans run in `retire`, `flush` and the drop of locals; the
// rest is freed with the orphans, in the drop of the domain. 3: no borrow is held meanwhile.
unsafe impl Reclaimer for HazardEras {
    const FACTS: Facts = Facts {
        name: "hazard-eras",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "Ramalhete & Correia, Hazard Eras, SPAA 2017, sec. 3",
        strength: Strength::Pointer,
        load: Progress::LockFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: true, long_reader: true },
        parameters: &PARAMETERS,
        constants: "",
        bound: "(2 N + 1) (R + 2 X) + (s + (2 N + 1) T) K (L + N (E + 2)), R = threshold, \
                or max(128, 14 N ceil(K / 14)) if it is not set, E = era_frequency",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    const UNPIN_FREES: bool = false;
    type Header = u64;
    type Local = Local;
    type Guard<'l> = &'l Local;
    type Shield<'l> = Shield<'l>;

    fn new(parameters: &Parameters) -> Self {
        let (clock, hazards, orphans) = (Arc::default(), Arc::default(), Arc::default());
        Self { clock, hazards, orphans, parameters: parameters.clone() }
    }
    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        Some(bound(input, parameters))
    }
    unsafe fn register(&self) -> Local {
        let thread = Thread::new(&self.clock, &self.orphans, &self.parameters);
        Local { thread, pool: Pool::new(&self.hazards) }
    }
    #[inline]
    fn header(&self, local: &Local) -> u64 {
        local.thread.birth(|clock| clock.step(clock.now()))
    }
    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> &'l Local {
        local
    }
    #[inline]
    fn shield<'l>(&'l self, local: &'l Local) -> Shield<'l> {
        Shield { hazard: local.pool.take(), pool: &local.pool }
    }

    #[inline]
    fn protect<T>(
        local: &&Local,
        shield: &mut Shield<'_>,
        source: &AtomicPtr<Node<T, u64>>,
        _: usize,
    ) -> *mut Node<T, u64> {
        let mut published = shield.hazard.load(Ordering::Relaxed);
        loop {
            // Acquire: before the clock is read.
            let node = source.load(Ordering::Acquire);
            canary::pause();
            let now = local.thread.clock.now();
            if now == published {
                return node;
            }
            // Release: our uses of the node held before come before its free.
            shield.hazard.store(now, Ordering::Release);
            // Between the publication and the read of the pointer; pairs with the fence of
            // `Clock::retirement`.
            fence(Ordering::SeqCst);
            published = now;
        }
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, local: &&Local, node: *mut Node<T, u64>) {
        // SAFETY: the caller's clauses.
        if unsafe { local.thread.retire(node) } {
            local.scan();
        }
    }

    fn flush(&self, local: &Local) {
        local.scan();
    }
}
