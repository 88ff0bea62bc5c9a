//! `hyaline-1` and `hyaline-1s`: Hyaline (Nikolaev & Ravindran, PLDI 2021) with a slot per thread.
//!
//! A guard activates its thread's slot. Who retires a batch pushes it on each active slot, and the
//! slot's owner acknowledges it when its guard ends: see `parts/batch.rs`, also for deviations.
//! Hyaline-1S knows when nodes were born: a load makes sure that its slot carries the present era,
//! and a batch skips the slots whose era is before all its births. A thread that stopped then holds
//! what is as old as its era, and no more; but a guard that goes on moves with the eras, and
//! acknowledges nothing before its end.
//!
//! Deviations: slots are not a fixed number, and one era clock step comes with so many allocations
//! of a thread, whatever the number of threads.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::canary;
use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::batch::{self, Batcher, Ready, Reservation};
use crate::parts::era::{self, Births, Clock, born_in_an_era};
use crate::parts::limbo::Erased;
use crate::parts::slots::{Lease, Slots};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicPtr, Ordering};

/// The scheme `hyaline-1`.
pub type Hyaline1 = Scheme<NoEras>;
/// The scheme `hyaline-1s`.
pub type Hyaline1S = Scheme<Eras>;

/// Hyaline with or without eras.
#[derive(Debug)]
pub struct Scheme<V> {
    slots: Arc<Slots<Reservation>>,
    ready: Arc<Ready>,
    clock: Arc<Clock>,
    parameters: Parameters,
    variant: PhantomData<V>,
}

/// What the variants differ in.
pub trait Variant: Send + Sync + 'static {
    /// The facts.
    const FACTS: Facts;
    /// What a node keeps: its birth era, or nothing.
    type Header: Copy + Send + Sync + 'static;
    /// The header of a node that the thread is about to allocate.
    fn header(local: &Local<Self>) -> Self::Header
    where
        Self: Sized;
    /// The birth; 0 without eras.
    fn birth(header: Self::Header) -> u64;
    /// The bound.
    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64>;
    /// Loads `source` so that the slot of `local` protects the node behind it.
    fn protect<T>(local: &Local<Self>, source: &AtomicPtr<T>) -> *mut T
    where
        Self: Sized;
}

/// Every guard is waited for.
#[derive(Debug)]
pub struct NoEras;

/// Guards of eras before the births in a batch are skipped.
#[derive(Debug)]
pub struct Eras;

impl Variant for NoEras {
    const FACTS: Facts = Facts {
        name: "hyaline-1",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "Nikolaev & Ravindran, Snapshot-free, transparent, and robust memory reclamation \
                for lock-free data structures, PLDI 2021 (Hyaline-1)",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::LockFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[batch::BATCH],
        constants: "",
        bound: "unbounded: one stalled thread holds all that is retired",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: true,
    };
    type Header = ();
    #[inline]
    fn header(_: &Local<Self>) {}
    fn birth((): ()) -> u64 {
        0
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    #[inline]
    fn protect<T>(_: &Local<Self>, source: &AtomicPtr<T>) -> *mut T {
        source.load(Ordering::Acquire)
    }
}

impl Variant for Eras {
    const FACTS: Facts = Facts {
        name: "hyaline-1s",
        paper: "Nikolaev & Ravindran, Snapshot-free, transparent, and robust memory reclamation \
                for lock-free data structures, PLDI 2021 (Hyaline-1S)",
        strength: Strength::Guard,
        load: Progress::LockFree,
        robust: Robustness { stalled: true, long_reader: false },
        parameters: &[batch::BATCH, Parameter { source: batch::ERAS, ..era::FREQUENCY }],
        bound: "N (G B (L + A + N (E + 2)) + 2 B + X), B = N rounded up to a multiple of batch, \
                E = era_frequency",
        ..NoEras::FACTS
    };
    type Header = u64;

    #[inline]
    fn header(local: &Local<Self>) -> u64 {
        local.births.next()
    }
    fn birth(header: u64) -> u64 {
        header
    }

    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        // Any thread may be off the processor at any time, and then its guard holds, as a stalled one,
        // the nodes that are as old as its era: those alive while it loaded, and the births of all
        // handles until the era moved on. Each may be alone in its batch.
        let handles = input.all_handles();
        let held = input.live_in_guard() + born_in_an_era(input, parameters);
        Some(batch::bound(input, parameters, handles, held))
    }

    #[inline]
    fn protect<T>(local: &Local<Self>, source: &AtomicPtr<T>) -> *mut T {
        loop {
            // Before the read of the era: whoever published the node knew an era not before its
            // birth, so neither is the one that we read after seeing it.
            let seen = source.load(Ordering::Acquire);
            canary::pause();
            let now = local.births.now();
            if now == local.era.get() {
                return seen;
            }
            local.era.set(now);
            local.slot.renew(now);
        }
    }
}

/// A thread's slot and open batch.
#[derive(Debug)]
pub struct Local<V> {
    slot: Lease<Reservation>,
    /// The slot's era, as far as this owner knows.
    era: Cell<u64>,
    pins: Cell<usize>,
    births: Births,
    batcher: Batcher,
    slots: Arc<Slots<Reservation>>,
    variant: PhantomData<V>,
}

impl<V> Local<V> {
    fn leave(&self) {
        self.batcher.ready.acknowledge(self.slot.deactivate());
    }
}

impl<V> Drop for Local<V> {
    fn drop(&mut self) {
        // Inactive already, unless a guard was forgotten: nobody would acknowledge for it.
        self.leave();
        // So others' guards hold the batch, or nobody.
        self.batcher.place(true, self.slots.iter());
    }
}

/// A critical section.
#[derive(Debug)]
pub struct Guard<'l, V>(&'l Local<V>);

impl<V> Drop for Guard<'_, V> {
    #[inline]
    fn drop(&mut self) {
        let pins = self.0.pins.get() - 1;
        self.0.pins.set(pins);
        if pins == 0 {
            self.0.leave();
        }
    }
}

// SAFETY: 1: a batch is freed once, by its last acknowledgement, which a guard gives at its end;
// `parts/batch.rs` says why no guard that may hold a node of it is missed. 2: batches are freed
// when guards end, when retiring, flushing and when locals drop. 3: no borrow is held then.
unsafe impl<V: Variant> Reclaimer for Scheme<V> {
    const FACTS: Facts = V::FACTS;
    type Header = V::Header;
    type Local = Local<V>;
    type Guard<'l> = Guard<'l, V>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        let (slots, ready, clock) = (Arc::default(), Arc::default(), Arc::default());
        Self { slots, ready, clock, parameters: parameters.clone(), variant: PhantomData }
    }
    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        V::bound(input, parameters)
    }

    unsafe fn register(&self) -> Local<V> {
        Local {
            slot: self.slots.acquire(),
            era: Cell::new(0),
            pins: Cell::new(0),
            births: Births::new(&self.clock, &self.parameters),
            batcher: Batcher::new(&self.ready, &self.parameters),
            slots: Arc::clone(&self.slots),
            variant: PhantomData,
        }
    }

    #[inline]
    fn header(&self, local: &Local<V>) -> V::Header {
        V::header(local)
    }

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local<V>) -> Guard<'l, V> {
        if local.pins.get() == 0 {
            local.slot.activate();
        }
        local.pins.set(local.pins.get() + 1);
        Guard(local)
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Local<V>) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        guard: &Guard<'_, V>,
        (): &mut (),
        source: &AtomicPtr<Node<T, V::Header>>,
        _: usize,
    ) -> *mut Node<T, V::Header> {
        V::protect(guard.0, source)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(
        &self,
        guard: &Guard<'_, V>,
        node: *mut Node<T, V::Header>,
    ) {
        // SAFETY: the caller's clauses: the node is alive.
        let birth = V::birth(unsafe { (*node).header });
        if guard.0.batcher.add(Erased::new(node), birth) {
            guard.0.batcher.place(false, self.slots.iter());
        }
    }

    fn flush(&self, local: &Local<V>) {
        local.batcher.place(true, self.slots.iter());
    }
}

// SAFETY: without eras every active slot gets every batch; with them, loads raise the slot's era
// and nothing is acknowledged before the guard's end.
unsafe impl<V: Variant> GuardProtection for Scheme<V> {}
// SAFETY: every batch waits for every guard that was there; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for Scheme<NoEras> {}
