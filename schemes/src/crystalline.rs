//! `crystalline`: Crystalline-L (Nikolaev & Ravindran, DISC 2021; PLDI 2024).
//!
//! Hyaline-1S with several reservations per thread, each with its own list and era. Here each
//! shield has one. It protects what it loaded last, so when it moves to a later era it acknowledges
//! its list: a reader that goes on and on inside one guard, with few shields, holds no more than
//! one that stopped. The price is the strength: a shield that moves on gives up the pointer that
//! it protected before, so this is a pointer scheme, and its guard protects nothing.
//!
//! Deviations: reservations come in chunks, as shields need them, and end with the shield, not with
//! the operation. A drain is one exchange, where the reference implementation has an exchange by
//! "inactive" and a store of "empty", which where entries are pushed by exchanges (Crystalline-W)
//! can overwrite one, whose batch then leaks. For batches see `parts/batch.rs`.

use std::cell::RefCell;
use std::sync::Arc;

use crate::canary;
use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::batch::{self, Batcher, List, Ready, Reservation};
use crate::parts::era::{self, Births, Clock, alive_in_an_era};
use crate::parts::limbo::Erased;
use crate::parts::pool::{Cells, Pool};
use crate::reclaimer::Reclaimer;
use crate::sync::{AtomicPtr, Ordering};

/// The scheme `crystalline`.
#[derive(Debug)]
pub struct Crystalline {
    reservations: Arc<Cells<Reservation>>,
    ready: Arc<Ready>,
    clock: Arc<Clock>,
    parameters: Parameters,
}

/// A thread's reservations and open batch.
pub struct Local {
    pool: Pool<Reservation>,
    /// Lists of shields that were dropped: shields have nowhere to count what they would free.
    ended: RefCell<Vec<List>>,
    births: Births,
    batcher: Batcher,
    all: Arc<Cells<Reservation>>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

impl Local {
    #[inline]
    fn acknowledge_ended(&self) {
        if !self.ended.borrow().is_empty() {
            self.acknowledge_all_ended();
        }
    }

    #[cold]
    fn acknowledge_all_ended(&self) {
        let mut ended = self.ended.take();
        for list in ended.drain(..) {
            self.batcher.ready.acknowledge(list);
        }
        // The empty one is kept for its capacity, unless destructors ended more meanwhile.
        let mut more = self.ended.borrow_mut();
        if more.is_empty() {
            *more = ended;
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // Ended already, but for those of shields that were forgotten.
        let mut ended = self.ended.borrow_mut();
        self.pool.each(|reservation| ended.push(reservation.deactivate()));
        drop(ended);
        self.acknowledge_ended();
        self.batcher.place(true, self.all.cells());
    }
}

/// A critical section: when it ends, what its shields held is acknowledged.
#[derive(Debug)]
pub struct Guard<'l>(&'l Local);

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.acknowledge_ended();
    }
}

/// A reservation on loan from its thread's pool. Two words, as traversals swap shields at each step: with three,
/// loads overlap stores of other words, which stalls the processor, and a list has half of its throughput.
#[derive(Debug)]
pub struct Shield<'l> {
    reservation: &'l Reservation,
    local: &'l Local,
}

impl Shield<'_> {
    /// Moves to an era, which gives up what it protected, and frees it if nobody else holds it.
    #[inline]
    fn renew(&self, era: u64) {
        let list = self.reservation.restart();
        self.reservation.renew(era);
        self.local.batcher.ready.acknowledge(list);
        // Also for those that make a shield for each load inside one guard.
        self.local.acknowledge_ended();
    }
}

impl Drop for Shield<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.reservation.is_active() {
            let list = self.reservation.deactivate();
            if !list.is_empty() {
                self.local.ended.borrow_mut().push(list);
            }
        }
        self.local.pool.give(self.reservation);
    }
}

// SAFETY: 1: a batch is freed once, by its last acknowledgement, which a shield gives when it moves
// on or ends; `parts/batch.rs` says why no shield that may hold a node of it is missed. 2: batches
// are freed when protecting, which is declared, when guards end, when retiring, flushing and when
// locals drop. 3: no borrow is held then.
unsafe impl Reclaimer for Crystalline {
    const FACTS: Facts = Facts {
        name: "crystalline",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "Nikolaev & Ravindran, A family of fast and memory efficient lock- and wait-free \
                reclamation, PLDI 2024 (Crystalline-L; brief announcement DISC 2021)",
        strength: Strength::Pointer,
        load: Progress::LockFree,
        retire: Progress::LockFree,
        robust: Robustness { stalled: true, long_reader: true },
        parameters: &[batch::BATCH, Parameter { source: batch::ERAS, ..era::FREQUENCY }],
        constants: "",
        bound: "H G B (L + N (E + 2)) + N (2 B + X), H = N K shields, \
                B = H rounded up to a multiple of batch, E = era_frequency",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: true,
    };
    const PROTECT_FREES: bool = true;
    type Header = u64;
    type Local = Local;
    type Guard<'l> = Guard<'l>;
    type Shield<'l> = Shield<'l>;

    fn new(parameters: &Parameters) -> Self {
        let (reservations, ready, clock) = (Arc::default(), Arc::default(), Arc::default());
        Self { reservations, ready, clock, parameters: parameters.clone() }
    }

    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        // Any thread may be off the processor at any time, and then each of its shields holds the
        // nodes that are as old as its era: those alive when it stopped, and the births of all
        // handles until the era moved on. Each may be alone in its batch.
        let shields = input.all_handles() * input.shields;
        Some(batch::bound(input, parameters, shields, alive_in_an_era(input, parameters)))
    }

    unsafe fn register(&self) -> Local {
        Local {
            pool: Pool::new(&self.reservations),
            ended: RefCell::default(),
            births: Births::new(&self.clock, &self.parameters),
            batcher: Batcher::new(&self.ready, &self.parameters),
            all: Arc::clone(&self.reservations),
        }
    }

    #[inline]
    fn header(&self, local: &Local) -> u64 {
        local.births.next()
    }
    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> Guard<'l> {
        Guard(local)
    }

    #[inline]
    fn shield<'l>(&'l self, local: &'l Local) -> Shield<'l> {
        Shield { reservation: local.pool.take(), local }
    }

    #[inline]
    fn protect<T>(
        _: &Guard<'_>,
        shield: &mut Shield<'_>,
        source: &AtomicPtr<Node<T, u64>>,
        _: usize,
    ) -> *mut Node<T, u64> {
        loop {
            // Before the read of the era: whoever published the node knew an era not before its
            // birth, so neither is the one that we read after seeing it.
            let seen = source.load(Ordering::Acquire);
            canary::pause();
            let now = shield.local.births.now();
            if shield.reservation.is_in(now) {
                return seen;
            }
            shield.renew(now);
        }
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_>, node: *mut Node<T, u64>) {
        // SAFETY: the caller's clauses: the node is alive.
        let birth = unsafe { (*node).header };
        if guard.0.batcher.add(Erased::new(node), birth) {
            guard.0.batcher.place(false, self.reservations.cells());
        }
    }

    fn flush(&self, local: &Local) {
        local.acknowledge_ended();
        local.batcher.place(true, self.reservations.cells());
    }
}
