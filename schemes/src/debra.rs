//! `debra` and `debra-af`: epochs with the costs of reclamation spread over operations (Brown).
//!
//! A pin announces the epoch, with a fence; an unpin announces that the thread is quiescent, so a
//! thread between guards holds up nothing. Every 16th pin, by default, looks at one other thread's announcement,
//! and who has seen all of them pass in one epoch advances it. What is retired goes to one of
//! three bags, and the oldest is freed when a thread finds the epoch advanced.
//!
//! `debra-af` frees the nodes of a bag a few at a time, with later retirements.
//!
//! Deviations from the paper: no neutralising (that is DEBRA+, which needs signals and operations
//! that restart); bags are growing arrays, not lists of blocks; the second read of the epoch after
//! the announcement is ours: see `parts/epochs.rs`.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::epochs::{Epochs, Thread};
use crate::parts::every::Every;
use crate::parts::free::{self, Amortised, Free, Immediate};
use crate::parts::limbo::Erased;
use crate::parts::slots::Slot;
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Pins of a thread per announcement that it looks at.
const FREQUENCY: Parameter = Parameter {
    name: "pins_between_looks",
    unit: "pins",
    default: if cfg!(kovan_loom) { 1 } else { 16 },
    min: 1,
    max: 1_000_000,
    description: "A thread looks at the announcement of one other thread each time it has pinned this \
                  many times.",
    source: "Brown, Reclaiming memory for lock-free data structures, PODC 2015, sec. 4",
};

/// The scheme `debra`.
pub type Debra = Scheme<Immediate>;
/// The scheme `debra-af`.
pub type DebraAf = Scheme<Amortised>;

/// The scheme, with one of the free policies.
#[derive(Debug)]
pub struct Scheme<F> {
    epochs: Arc<Epochs>,
    parameters: Parameters,
    policy: PhantomData<fn() -> F>,
}

/// A thread's registration.
#[derive(Debug)]
pub struct Local<F: Free> {
    thread: Thread<F>,
    pins: Every,
    /// The epoch that other threads are looked at for, and the next record; null for the first.
    looking: Cell<(u64, *const Slot<AtomicU64>)>,
}

/// A guard, whose end makes the thread quiescent if it is the outermost.
#[derive(Debug)]
pub struct Guard<'l, F: Free> {
    local: &'l Local<F>,
}

impl<F: Free> Drop for Guard<'_, F> {
    #[inline]
    fn drop(&mut self) {
        if self.local.thread.leave() {
            self.local.thread.announce_nothing();
        }
    }
}

impl<F: Free> Local<F> {
    /// Looks at the next announcement, and advances the epoch after the last.
    #[cold]
    fn look(&self) {
        let thread = &self.thread;
        let epoch = thread.epoch();
        if thread.announced() != epoch {
            // The epoch was read after the fence of this pin. The next pin will do.
            return;
        }
        let (before, next) = self.looking.get();
        let next = if before == epoch { next } else { ptr::null() };
        // SAFETY: null or a slot of the domain's registry, which outlives this local.
        let Some(slot) = (unsafe { next.as_ref() }).or_else(|| thread.epochs.first()) else {
            return;
        };
        let mut next = ptr::from_ref(slot);
        if Epochs::passed(slot.value(), epoch) {
            next = slot.next().map_or(ptr::null(), ptr::from_ref);
            if next.is_null() {
                thread.epochs.clock.step(epoch);
            }
        }
        self.looking.set((epoch, next));
    }
}

// SAFETY: 1: `parts/epochs.rs`; each look comes after the fence of a pin that announced the epoch
// it is for. 2: nodes are freed when a guard begins, in `retire` and `flush` and in the drop of
// locals; the rest in the drop of the domain. 3: no borrow is held while nodes are freed.
unsafe impl<F: Free> Reclaimer for Scheme<F> {
    const FACTS: Facts = {
        let debra = Facts {
            name: "debra",
            version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
            paper: "Brown, Reclaiming memory for lock-free data structures, PODC 2015, sec. 4",
            strength: Strength::Region,
            load: Progress::WaitFree,
            retire: Progress::WaitFree,
            robust: Robustness { stalled: false, long_reader: false },
            parameters: &[FREQUENCY],
            constants: "bags=3",
            bound: "unbounded: one stalled thread holds all that is retired",
            frees_on_drop: true,
            frees_meanwhile: true,
            frees_others: false,
        };
        if F::AMORTISED {
            Facts {
                name: "debra-af",
                paper: "Brown, PODC 2015, sec. 4; Kim, Brown & Singh, Are your epochs too epic?, PPoPP 2024",
                parameters: &[FREQUENCY, free::PER_RETIREMENT],
                ..debra
            }
        } else {
            debra
        }
    };
    const UNPIN_FREES: bool = false;
    type Header = ();
    type Local = Local<F>;
    type Guard<'l> = Guard<'l, F>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        Self { epochs: Arc::default(), parameters: parameters.clone(), policy: PhantomData }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Local<F> {
        let thread = Thread::new(&self.epochs, F::new(&self.parameters));
        let pins = Every::new(self.parameters.value(&FREQUENCY));
        Local { thread, pins, looking: Cell::new((0, ptr::null())) }
    }
    #[inline]
    fn header(&self, _: &Local<F>) {}

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local<F>) -> Guard<'l, F> {
        if local.thread.enter() {
            local.thread.announce();
            if local.pins.count() {
                local.look();
            }
        }
        Guard { local }
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Local<F>) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        _: &Guard<'_, F>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_, F>, node: *mut Node<T, ()>) {
        guard.local.thread.retire(Erased::new(node));
    }

    fn flush(&self, local: &Local<F>) {
        local.thread.flush();
    }
}

// SAFETY: a node that was reachable in a guard's life is freed after the guard ends.
unsafe impl<F: Free> GuardProtection for Scheme<F> {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl<F: Free> RegionProtection for Scheme<F> {}
