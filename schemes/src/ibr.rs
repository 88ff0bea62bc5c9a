//! `ibr`: interval-based reclamation with two global epochs (2GE, Wen et al.).
//!
//! A guard reserves an interval of eras: from the era of its pin to the last that one of its loads
//! saw. A node is freed when no reserved interval meets its life. There are no shields.
//!
//! Why a load is sound: as in `hazard_eras.rs`, with the last era of the interval in the place of
//! the hazard. The first era only makes the interval longer.
//!
//! A guard that keeps loading keeps all that is retired meanwhile, since its interval grows at one
//! end only. So a stalled thread is bounded by what was alive while it loaded, before the stall.
//!
//! Deviations from the paper: the clock moves after so many allocations of a thread, whatever the
//! number of threads; guards nest.

use std::cell::Cell;
use std::sync::Arc;

use crate::canary;
use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::era::{self, Clock, Life, Thread};
use crate::parts::limbo::{self, Orphans};
use crate::parts::slots::{Lease, Slots};
use crate::reclaimer::{GuardProtection, Reclaimer};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence};

/// A first era after all last ones: the interval is empty.
const NEVER: u64 = u64::MAX;

/// The eras that a guard reserves.
#[derive(Debug, Default)]
struct Interval {
    first: AtomicU64,
    last: AtomicU64,
}

const PARAMETERS: [Parameter; 2] = [
    era::FREQUENCY,
    Parameter {
        description: "A thread scans when its list has this many new nodes. By default, it is the \
                      larger of 128 and the number of threads. A value that is set is exact.",
        ..era::THRESHOLD
    },
];

/// The scheme `ibr`.
#[derive(Debug)]
pub struct Ibr {
    clock: Arc<Clock>,
    intervals: Arc<Slots<Interval>>,
    orphans: Arc<Orphans<Life>>,
    parameters: Parameters,
}

/// A thread's interval and retired nodes.
#[derive(Debug)]
pub struct Local {
    thread: Thread,
    interval: Lease<Interval>,
    intervals: Arc<Slots<Interval>>,
    /// Guards that nest.
    depth: Cell<usize>,
}

/// A guard, which is the thread's interval.
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
            // Release: our uses come before a free by a scan that reads this, or the next pin's.
            self.local.interval.first.store(NEVER, Ordering::Release);
        }
    }
}

impl Local {
    #[inline]
    fn reserve(&self) {
        let now = self.thread.clock.now();
        // Release: a scan that reads these may free what earlier guards held.
        self.interval.last.store(now, Ordering::Release);
        self.interval.first.store(now, Ordering::Release);
        // Between the reservation and the loads of the guard; pairs with `Clock::retirement`. A
        // scan that our fence precedes sees both eras. Another may see one old and one new: then
        // the old guard has ended, and the loads of the new one see its unlinks.
        fence(Ordering::SeqCst);
    }

    #[cold]
    fn scan(&self) {
        // Acquire: pairs with the releases of those who left.
        let eras = self.intervals.iter().map(|interval| {
            (interval.first.load(Ordering::Acquire), interval.last.load(Ordering::Acquire))
        });
        // SAFETY: see the head of this file.
        unsafe { self.thread.scan(self.intervals.len(), eras) };
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // It is already, unless a guard was forgotten.
        self.interval.first.store(NEVER, Ordering::Release);
        self.thread.end_births(|clock| clock.step(clock.now()));
        self.thread.depart(|| self.scan());
    }
}

// SAFETY: 1: the head of this file. 2: scans run in `retire`, `flush` and the drop of locals; the
// rest is freed with the orphans, in the drop of the domain. 3: no borrow is held meanwhile.
unsafe impl Reclaimer for Ibr {
    const FACTS: Facts = Facts {
        name: "ibr",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "Wen, Izraelevitz, Cai, Beadle & Scott, Interval-based memory reclamation, \
                PPoPP 2018, sec. 3.3 (2GE)",
        strength: Strength::Guard,
        load: Progress::LockFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: true, long_reader: false },
        parameters: &PARAMETERS,
        constants: "",
        bound: "(2 N + 1) (R + 2 X) + (s + (2 N + 1) T) (3 L + A + 2 N (E + 2)), \
                R = threshold, or max(128, N) if it is not set, E = era_frequency",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    const UNPIN_FREES: bool = false;
    type Header = u64;
    type Local = Local;
    type Guard<'l> = Guard<'l>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        let (clock, intervals, orphans) = (Arc::default(), Arc::default(), Arc::default());
        Self { clock, intervals, orphans, parameters: parameters.clone() }
    }

    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        let lists = limbo::lists(input.all_handles());
        let waiting = era::waiting(input, parameters, input.all_handles());
        // An interval meets what was alive while its guard loaded, and besides in the rest of its first
        // era and of its last. As for hazard eras, the intervals of stalled handles are the same in all
        // scans.
        let intervals = input.stalled + lists * input.handles;
        let met = input.live_in_guard() + 2 * era::alive_in_an_era(input, parameters);
        Some(waiting + intervals * met)
    }

    unsafe fn register(&self) -> Local {
        Local {
            thread: Thread::new(&self.clock, &self.orphans, &self.parameters),
            interval: self.intervals.acquire(),
            intervals: Arc::clone(&self.intervals),
            depth: Cell::new(0),
        }
    }
    #[inline]
    fn header(&self, local: &Local) -> u64 {
        local.thread.birth(|clock| clock.step(clock.now()))
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
        guard: &Guard<'_>,
        (): &mut (),
        source: &AtomicPtr<Node<T, u64>>,
        _: usize,
    ) -> *mut Node<T, u64> {
        let local = guard.local;
        let mut last = local.interval.last.load(Ordering::Relaxed);
        loop {
            // Acquire: before the clock is read.
            let node = source.load(Ordering::Acquire);
            canary::pause();
            let now = local.thread.clock.now();
            if now == last {
                return node;
            }
            local.interval.last.store(now, Ordering::Release);
            // Between the reservation and the read of the pointer; pairs with `Clock::retirement`.
            fence(Ordering::SeqCst);
            last = now;
        }
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_>, node: *mut Node<T, u64>) {
        // SAFETY: the caller's clauses.
        if unsafe { guard.local.thread.retire(node) } {
            guard.local.scan();
        }
    }

    fn flush(&self, local: &Local) {
        local.scan();
    }
}

// SAFETY: the interval of a guard meets the life of every node that its loads found reachable.
unsafe impl GuardProtection for Ibr {}
