//! `kovan` and `kovan-robust`: the collectors of this workspace's library.

use std::sync::atomic::{AtomicPtr, Ordering};

use ::kovan::{Collector, Guard, Handle, Mode, Region, Robust};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::{Node, Retired};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};

/// Nodes per batch (`kovan`'s `CAPACITY`).
const BATCH: u64 = 64;
/// Links on a slot between two drains (`kovan`'s `BACKLOG`).
const BACKLOG: u64 = 16;
/// Addresses that a thread publishes by place (`kovan`'s `CELLS`).
const CELLS: u64 = 64;

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
    fn bound(input: &BoundInput) -> Option<u64>;
}

const FACTS: Facts = Facts {
    name: "kovan",
    version: concat!("kovan ", env!("CARGO_PKG_VERSION")),
    paper: "after Nikolaev & Ravindran, Hyaline, PLDI 2021 (Hyaline-1); see docs/PROTOCOL.md",
    strength: Strength::Region,
    load: Progress::WaitFree,
    retire: Progress::WaitFree,
    robust: Robustness { stalled: false, long_reader: false },
    parameters: "batch=64 backlog=16 return_limit=8 kept=4 frees=2",
    bound: "unbounded: one stalled thread holds all that is retired",
    frees_on_drop: true,
    frees_meanwhile: true,
};

impl Variant for Region {
    const FACTS: Facts = FACTS;
    fn bound(_: &BoundInput) -> Option<u64> {
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
        parameters: "batch=64 backlog=16 cells=64 return_limit=8 kept=4 frees=2",
        bound: "if X = 0: N (C + L + A) + 2 (T + 1) D B + N (2 J + 12) B, C = 64 cells, B = 64, \
                J = 16 batches between drains, D = the larger of J and (L + A) / B, rounded up to J",
        ..FACTS
    };

    fn bound(input: &BoundInput) -> Option<u64> {
        // `docs/ADVERSARIES.md` says why. Each guard holds what it has published: its cells, and what
        // it has loaded, which is at most what was alive meanwhile. A slot is drained after so many
        // batches, later if its owner has loaded much. The rest is in the hands of the threads.
        // It depends on the values how much of what destructors retire is freed before a flush.
        if input.retired_in_destructors > 0 {
            return None;
        }
        let loaded = input.live_in_guard();
        let guards = input.all_handles() * (CELLS + loaded);
        let due = loaded.div_ceil(BATCH).next_multiple_of(BACKLOG).max(BACKLOG);
        let in_hand = (2 * BACKLOG + 12) * BATCH;
        Some(guards + 2 * (input.handles + 1) * due * BATCH + input.all_handles() * in_hand)
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

    fn new() -> Self {
        Self { collector: Collector::new() }
    }
    fn bound(input: &BoundInput) -> Option<u64> {
        M::bound(input)
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
