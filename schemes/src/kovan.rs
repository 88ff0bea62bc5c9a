//! `kovan` and `kovan-robust`: the collectors of this workspace's library.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use ::kovan::{Collector, Guard, Handle, Mode, Region, Robust};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::{Node, Retired};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};

/// Nodes per batch (`kovan`'s `BATCH`).
const BATCH: u64 = 64;
/// Allocations of one thread per step of the era clock (`kovan`'s `ERA_FREQUENCY`).
const ERA_FREQUENCY: u64 = 128;
/// Eras a slot may be behind before its nodes are sorted apart (`kovan`'s `LAG`).
const LAG: u64 = 4;
/// Links on a slot between two drains of an idle one (`kovan`'s `BACKLOG`).
const BACKLOG: u64 = 32;
/// Batches that may wait to be freed before pins help (`kovan`'s `KEEP`).
const KEEP: u64 = 4;

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
    /// What a node keeps: its birth era, or nothing.
    type Header: Send + Sync + 'static;
    /// The header of a node born in `era`.
    fn header(era: u64) -> Self::Header;
    /// Where the birth era is in a header; null where there is none.
    fn birth(header: &Self::Header) -> *const u64;
    /// The bound.
    fn bound(input: &BoundInput) -> Option<u64>;
}

const FACTS: Facts = Facts {
    name: "kovan",
    version: concat!("kovan ", env!("CARGO_PKG_VERSION")),
    paper: "after Nikolaev & Ravindran, Hyaline, PLDI 2021 (Hyaline-1); see docs/PROTOCOL.md",
    strength: Strength::Region,
    load: Progress::WaitFree,
    reclaim: Progress::WaitFree,
    robust: Robustness { stalled: false, long_reader: false },
    parameters: "batch=64 backlog=32 away=8 keep=4 frees=2",
    bound: "unbounded: one stalled thread holds all that is retired",
    frees_on_drop: true,
};

impl Variant for Region {
    const FACTS: Facts = FACTS;
    type Header = ();
    fn header(_: u64) {}
    fn birth((): &()) -> *const u64 {
        ptr::null()
    }
    fn bound(_: &BoundInput) -> Option<u64> {
        None
    }
}

impl Variant for Robust {
    const FACTS: Facts = Facts {
        name: "kovan-robust",
        paper: "after Nikolaev & Ravindran, Hyaline, PLDI 2021 (Hyaline-1S); see docs/PROTOCOL.md",
        strength: Strength::Guard,
        robust: Robustness { stalled: true, long_reader: false },
        parameters: "batch=64 era_frequency=128 lag=4 backlog=32 away=8 keep=4 frees=2",
        bound: "2 N (L + 2 N B + (LAG + 1) N E + (2 BACKLOG + KEEP + 2) B), N = T + s threads",
        ..FACTS
    };
    type Header = u64;
    fn header(era: u64) -> u64 {
        era
    }
    fn birth(header: &u64) -> *const u64 {
        header
    }

    fn bound(input: &BoundInput) -> Option<u64> {
        // Every thread may be off the processor, and each then holds: the nodes alive when it
        // stopped, those of batches that were open or mixed while its lag was not yet seen, and
        // what an idle thread holds until it is drained, twice if the drain met it at work. The
        // same again may wait to be freed: pins free an eighth of what is above `KEEP`.
        let threads = input.threads + input.stalled;
        let mixed = 2 * threads * BATCH + (LAG + 1) * threads * ERA_FREQUENCY;
        Some(2 * threads * (input.live_at_stall + mixed + (2 * BACKLOG + KEEP + 2) * BATCH))
    }
}

// SAFETY: 1: `docs/PROTOCOL.md`; the free function counts and drops once. 2: collectors free when
// pinning, retiring, flushing and dropping a handle, all of them calls of this trait. 3: `kovan`
// keeps no borrow over a destructor.
unsafe impl<M: Variant> Reclaimer for Scheme<M> {
    const FACTS: Facts = M::FACTS;
    type Header = M::Header;
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
    fn header(&self, local: &Handle<M>) -> M::Header {
        M::header(local.birth_era())
    }
    #[inline]
    fn pin<'l>(&'l self, local: &'l Handle<M>) -> Guard<M> {
        local.pin()
    }
    fn shield<'l>(&'l self, _: &'l Handle<M>) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        guard: &Guard<M>,
        (): &mut (),
        source: &AtomicPtr<Node<T, M::Header>>,
        _: usize,
    ) -> *mut Node<T, M::Header> {
        guard.protect(source, Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<M>, node: *mut Node<T, M::Header>) {
        // SAFETY: the caller's clauses: the node is alive; its header holds the era of its birth.
        unsafe {
            let birth = M::birth(&(*node).header);
            guard.retire_born(node.cast(), Retired::<T, M::Header>::free, birth);
        }
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
