//! `kovan` and `kovan-robust`: the collectors of this workspace's library.

use std::sync::atomic::{AtomicPtr, Ordering};

use ::kovan::{Collector, Free, Guard, Handle, Mode, Region, Robust};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::{Node, Retired};
use crate::parameters::{Parameter, Parameters};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};

/// The most nodes of a batch (`kovan`'s `CAPACITY`).
const CAPACITY: u64 = 64;
/// Links on a slot between two drains (`kovan`'s `BACKLOG`).
const BACKLOG: u64 = 16;
/// Addresses that a thread publishes by place (`kovan`'s `CELLS`).
const CELLS: u64 = 64;

const BATCH: Parameter = Parameter {
    name: "batch",
    unit: "nodes",
    default: CAPACITY,
    min: 1,
    max: CAPACITY,
    description: "A thread passes its retired nodes on when it has this many.",
    source: "kovan's Builder::batch; Nikolaev & Ravindran, PLDI 2021 (Hyaline-1)",
};

const FREES: Parameter = Parameter {
    name: "frees",
    unit: "nodes (0: all)",
    default: 2,
    min: 0,
    max: CAPACITY,
    description: "A retirement frees one node for each batch that waits, but no more than this \
                  number; 0 frees all of them, in the call that finds them. With 1, what a stall \
                  piled up never shrinks.",
    source: "kovan's Builder::free; Kim, Brown & Singh, Are your epochs too epic?, PPoPP 2024",
};

/// The scheme `kovan`.
pub type Kovan = Scheme<Region>;
/// The scheme `kovan-robust`.
pub type KovanRobust = Scheme<Robust>;

/// A collector of `kovan`, in one of its modes.
#[derive(Debug)]
pub struct Scheme<M: Mode> {
    collector: Collector<M>,
}

/// What differs between the modes besides the collector.
pub trait Variant: Mode {
    /// The facts.
    const FACTS: Facts;
    /// The bound.
    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64>;
}

const FACTS: Facts = Facts {
    name: "kovan",
    version: concat!("kovan ", env!("CARGO_PKG_VERSION")),
    paper: "after Nikolaev & Ravindran, Hyaline, PLDI 2021 (Hyaline-1); see docs/PROTOCOL.md",
    strength: Strength::Region,
    load: Progress::WaitFree,
    retire: Progress::WaitFree,
    robust: Robustness { stalled: false, long_reader: false },
    parameters: &[BATCH, FREES],
    constants: "backlog=16 return_limit=8 kept=4",
    bound: "unbounded: one stalled thread holds all that is retired",
    frees_on_drop: true,
    frees_meanwhile: true,
    frees_others: true,
};

impl Variant for Region {
    const FACTS: Facts = FACTS;
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
}

impl Variant for Robust {
    const FACTS: Facts = Facts {
        name: "kovan-robust",
        paper: "after Nikolaev & Ravindran, Hyaline, PLDI 2021 (Hyaline-1), and Michael, hazard \
                pointers, TPDS 2004; see docs/PROTOCOL.md",
        strength: Strength::Guard,
        robust: Robustness { stalled: true, long_reader: false },
        constants: "backlog=16 cells=64 return_limit=8 kept=4",
        bound: "if X = 0 and frees is not 1: N (C + L + A) + 2 (T + 1) D B + N (2 J + 12) B, \
                C = 64 cells, B = batch, J = 16 batches between drains, \
                D = the larger of J and (L + A) / 64, rounded up to J",
        ..FACTS
    };

    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        // `docs/ADVERSARIES.md` says why. Each guard holds what it has published: its cells, and what
        // it has loaded, which is at most what was alive meanwhile. A slot is drained after so many
        // batches, later if its owner has loaded much. The rest is in the hands of the threads.
        // It depends on the values how much of what destructors retire is freed before a flush. And a
        // thread that frees no more than it retires keeps what it has taken over.
        if input.retired_in_destructors > 0 || parameters.value(&FREES) == 1 {
            return None;
        }
        let batch = parameters.value(&BATCH);
        let loaded = input.live_in_guard();
        let guards = input.all_handles() * (CELLS + loaded);
        // A drain is due after one batch for each `CAPACITY` addresses, however small the batches are.
        let due = loaded.div_ceil(CAPACITY).next_multiple_of(BACKLOG).max(BACKLOG);
        let in_hand = (2 * BACKLOG + 12) * batch;
        Some(guards + 2 * (input.handles + 1) * due * batch + input.all_handles() * in_hand)
    }
}

// SAFETY: 1: `docs/PROTOCOL.md`; the free function counts and drops once. 2: collectors free when
// pinning, retiring, flushing and dropping a handle, all of them calls of this trait. 3: `kovan`
// keeps no borrow over a destructor.
unsafe impl<M: Variant> Reclaimer for Scheme<M> {
    const FACTS: Facts = M::FACTS;
    type Header = ();
    type Local = Handle<M>;
    type Guard<'l> = Guard<M>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        let free = match parameters.value(&FREES) as usize {
            0 => Free::AtOnce,
            frees => Free::Amortised(frees),
        };
        let batch = parameters.value(&BATCH) as usize;
        Self { collector: Collector::builder().batch(batch).free(free).build() }
    }
    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        M::bound(input, parameters)
    }
    unsafe fn register(&self) -> Handle<M> {
        self.collector.register()
    }
    #[inline]
    fn header(&self, _: &Handle<M>) {}
    #[inline]
    fn pin<'l>(&'l self, local: &'l Handle<M>) -> Guard<M> {
        local.pin()
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Handle<M>) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        guard: &Guard<M>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        guard.protect(source, Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<M>, node: *mut Node<T, ()>) {
        // SAFETY: the caller's clauses. `Retired` is the node under another type, and dropping its
        // box counts the free.
        unsafe { guard.retire(node.cast::<Retired<T, ()>>()) };
    }

    fn flush(&self, local: &Handle<M>) {
        local.flush();
    }
}

// SAFETY: both modes protect what a guard loads from places still reachable.
unsafe impl<M: Variant> GuardProtection for Scheme<M> {}
// SAFETY: a region guard's slot takes every batch retired while it lives.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for Scheme<Region> {}
