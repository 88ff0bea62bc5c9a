//! Where the two threads meet, and the one that reads.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shield};

use super::cold::{Cold, amount, choose, wait};
use super::writer::Writer;
use super::{DELAY, Tally};
use crate::rng::XorShift;
use crate::threads::start;
use crate::verify::budget::or_abort;

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
    stop: AtomicBool,
    /// To be in the guard before, not to enter it.
    inside: AtomicBool,
    flush: AtomicBool,
    delay: AtomicU32,
    ballast: AtomicUsize,
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

    /// Exchanges in a new domain.
    pub(super) fn round(self, seed: u64, cold: &[Cold; 2], length: Duration) -> Result<Tally> {
        thread::scope(|scope| {
            start(scope, 1, || or_abort(|| self.reads(seed, &cold[0])));
            or_abort(|| Writer::new(&self, &cold[1]).writes(seed, length))
        })
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

    fn reads(&self, seed: u64, cold: &Cold) {
        let handle = self.domain.register();
        let mut random = XorShift::stream(seed, 1, 0);
        let mut ballast = Vec::new();
        let orders = &self.orders.0;
        loop {
            self.meet();
            if orders.stop.load(Relaxed) {
                return;
            }
            let delay = orders.delay.load(Relaxed);
            choose(&mut ballast, orders.ballast.load(Relaxed), &mut random);
            let wrong = if orders.inside.load(Relaxed) {
                let guard = handle.pin();
                let mut shield = guard.shield();
                // Whatever is there; only the era that this announces matters.
                guard.protect(&mut shield, &self.source.0);
                self.meet();
                self.meet();
                wait(delay);
                cold.store(&ballast);
                self.takes(&guard, &mut shield)
            } else {
                self.meet();
                wait(delay);
                cold.store(&ballast);
                let guard = handle.pin();
                let mut shield = guard.shield();
                self.takes(&guard, &mut shield)
            };
            if wrong {
                return self.meet();
            }
            if orders.flush.load(Relaxed) {
                handle.flush();
            }
        }
    }

    /// The reader's side of an exchange. Whether it was wronged.
    fn takes<'h>(&self, guard: &Guard<'h, R>, shield: &mut Shield<'h, R>) -> bool {
        let got = guard.protect(shield, &self.source.0);
        self.meet();
        let (node, number) = &self.old.0;
        // Compared only: if it was freed, nothing may be read from it.
        let old = got == node.load(Relaxed, guard);
        let wrong = old && self.freed.0.load(Acquire) >= number.load(Relaxed);
        self.outcome.0.old.store(old, Relaxed);
        self.outcome.0.wrong.store(wrong, Relaxed);
        wrong
    }
}
