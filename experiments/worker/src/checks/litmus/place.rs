//! Where the two threads meet.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
use std::thread;

use kovan_harness::random::XorShift;
use kovan_schemes::{Atomic, Domain, Reclaimer};

use super::cold::amount;
use super::tally::DELAY;

/// Turns of a wait before a thread gives up its processor.
const PATIENCE: u32 = 5000;

/// The payload, which says when it is dropped. (So the check touches no node that may be freed.)
pub(super) struct Mark {
    /// Grows from node to node; 0 for those that only move the eras or begin a batch.
    pub(super) number: u64,
    pub(super) freed: Arc<AtomicU64>,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.freed.fetch_max(self.number, Release);
    }
}

/// On cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Apart<T>(pub(super) T);

/// What the writer tells the reader before an exchange.
#[derive(Default)]
pub(super) struct Orders {
    pub(super) stop: AtomicBool,
    /// To be in the guard before, not to enter it.
    pub(super) inside: AtomicBool,
    pub(super) flush: AtomicBool,
    pub(super) delay: AtomicU32,
    pub(super) ballast: AtomicUsize,
}

impl Orders {
    pub(super) fn give(&self, stop: bool, inside: bool, jitter: u64, random: &mut XorShift) {
        self.stop.store(stop, Relaxed);
        self.inside.store(inside, Relaxed);
        self.flush.store(random.below(2) == 0, Relaxed);
        self.delay.store(DELAY + random.below(jitter) as u32, Relaxed);
        self.ballast.store(amount(random), Relaxed);
    }
}

/// What the reader tells the writer after it.
#[derive(Default)]
pub(super) struct Outcome {
    /// It got the node that was unlinked …
    pub(super) old: AtomicBool,
    /// … and that was freed under its eyes.
    pub(super) wrong: AtomicBool,
}

/// Where the two threads meet.
pub(super) struct Place<R: Reclaimer> {
    pub(super) domain: Domain<R>,
    pub(super) source: Apart<Atomic<Mark, R>>,
    /// The node to be unlinked, and its number.
    pub(super) old: Apart<(Atomic<Mark, R>, AtomicU64)>,
    /// The highest number of a dropped node.
    pub(super) freed: Apart<Arc<AtomicU64>>,
    arrived: Apart<AtomicUsize>,
    pub(super) orders: Apart<Orders>,
    pub(super) outcome: Apart<Outcome>,
}

impl<R: Reclaimer> Place<R> {
    pub(super) fn new() -> Self {
        Self {
            domain: Domain::new(),
            source: Apart(Atomic::null()),
            old: Apart((Atomic::null(), AtomicU64::new(0))),
            freed: Apart::default(),
            arrived: Apart::default(),
            orders: Apart::default(),
            outcome: Apart::default(),
        }
    }

    /// Waits for the other thread. Spins for long: both should leave at nearly the same time.
    pub(super) fn meet(&self) {
        // Acquire and release: what was done before is seen behind.
        let both = (self.arrived.0.fetch_add(1, AcqRel) / 2 + 1) * 2;
        let mut spins = 0_u32;
        while self.arrived.0.load(Acquire) < both {
            spins += 1;
            if spins > PATIENCE {
                // The other one may wait for this processor.
                thread::yield_now();
            }
        }
    }
}
