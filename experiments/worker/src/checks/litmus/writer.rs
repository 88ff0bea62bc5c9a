//! The thread that unlinks, retires and flushes.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kovan_harness::random::XorShift;
use kovan_schemes::{Atomic, Guard, Handle, Owned, Reclaimer, Shared};

use super::cold::{Cold, amount, choose, wait};
use super::place::{Mark, Place};
use super::tally::{DELAY, Tally};

/// Allocations that are a step of any era clock.
const STEP: usize = 140;
/// Flushes after a retirement, if the node is not freed before.
const FLUSHES: u64 = 6;

/// The source holds a node of a new era.
const YOUNG: u64 = 1;
/// The reader is in its guard before.
const INSIDE: u64 = 2;
/// The unlink is a store.
const PLAIN: u64 = 4;
/// The writer flushes in its guard first.
const EARLY: u64 = 8;
/// The writer has another retired node, so that a batch is begun.
const BEGUN: u64 = 16;
/// Both bits make a young node many eras younger: some schemes let slots be a few behind.
const FAR: u64 = 32 + 64;
/// All of them.
const MANNERS: u64 = 128;

/// The thread that unlinks.
pub(super) struct Writer<'a, R: Reclaimer> {
    place: &'a Place<R>,
    handle: Handle<R>,
    cold: &'a Cold,
    /// The number of the node in the source.
    number: Cell<u64>,
    /// A node that was unlinked and not retired yet, or null.
    elder: Atomic<Mark, R>,
    /// The delay of the unlink at which half of the loads get the old node.
    aim: u32,
}

impl<'a, R: Reclaimer> Writer<'a, R> {
    pub(super) fn new(place: &'a Place<R>, cold: &'a Cold) -> Self {
        let handle = place.domain.register();
        Self { place, handle, cold, number: Cell::new(0), elder: Atomic::null(), aim: DELAY }
    }

    pub(super) fn writes(mut self, seed: u64, length: Duration) -> Result<Tally> {
        let (place, began) = (self.place, Instant::now());
        let (mut random, mut ballast) = (XorShift::stream(seed, 0, 0), Vec::new());
        place.source.0.store(self.node(&self.handle.pin()), Release);
        let (mut tally, mut freed) = (Tally::default(), false);
        loop {
            let mut manner = random.below(MANNERS);
            if manner & YOUNG == 0 {
                // The era would be the same, so it would not be announced.
                manner &= !INSIDE;
            }
            let jitter = 1 << random.below(10);
            let stop = began.elapsed() >= length;
            place.orders.0.give(stop, manner & INSIDE != 0, jitter, &mut random);
            choose(&mut ballast, amount(&mut random), &mut random);
            place.meet();
            // Of the exchange before.
            let old = place.outcome.0.old.load(Relaxed);
            tally.old += u64::from(old);
            tally.freed += u64::from(freed && !old);
            let wrong = place.outcome.0.wrong.load(Relaxed);
            ensure!(
                !wrong,
                "a node was freed while a thread protected it, in exchange {} of this round",
                tally.exchanges
            );
            if stop {
                self.retire_all(&place.source.0);
                return Ok(tally);
            }
            self.aim = if old { self.aim.saturating_sub(4) } else { (self.aim + 4).min(8 * DELAY) };
            let delay = self.aim + random.below(jitter) as u32;
            freed = self.exchange(manner, delay, &ballast);
            tally.exchanges += 1;
        }
    }

    fn node<'g>(&self, guard: &Guard<'_, R>) -> Shared<'g, Mark, R> {
        self.number.set(self.number.get() + 1);
        let freed = Arc::clone(&self.place.freed.0);
        guard.alloc(Mark { number: self.number.get(), freed }).into_shared()
    }

    /// The writer's side of an exchange. Whether the old node was freed in it.
    fn exchange(&self, manner: u64, delay: u32, ballast: &[u32]) -> bool {
        let (place, has) = (self.place, |bit| manner & bit != 0);
        if has(INSIDE) {
            // The reader is in its guard.
            place.meet();
        }
        if has(YOUNG) {
            self.renew(if manner & FAR == FAR { 8 } else { 1 });
        }
        let number = self.number.get();
        let guard = self.handle.pin();
        if has(BEGUN) {
            let other = self.unnumbered(&guard).into_shared();
            // SAFETY: allocated in this domain, never published, retired once.
            unsafe { guard.retire(other) };
        }
        let old = place.source.0.load(Relaxed, &guard);
        place.old.0.0.store(old, Relaxed);
        place.old.0.1.store(number, Relaxed);
        let new = self.node(&guard);
        place.meet();
        wait(delay);
        self.cold.store(ballast);
        if has(PLAIN) {
            place.source.0.store(new, Release);
        } else {
            // Nobody else writes, so it does not fail.
            let _ = place.source.0.compare_exchange(old, new, &guard);
        }
        // SAFETY: allocated in this domain, unlinked just now by the only writer, retired once.
        unsafe { guard.retire(old) };
        if has(EARLY) {
            self.handle.flush();
        }
        drop(guard);
        let freed = || place.freed.0.load(Relaxed) >= number;
        for _ in 0..FLUSHES {
            self.handle.flush();
            if freed() {
                break;
            }
        }
        place.meet();
        if has(YOUNG) {
            self.retire_all(&self.elder);
        }
        freed()
    }

    /// Moves the eras on, and puts a node into the source that is born in the last. The one before
    /// is retired later: in one batch with the young one, it would make that seem old.
    fn renew(&self, eras: usize) {
        let guard = self.handle.pin();
        for _ in 0..eras * STEP {
            guard.discard(self.unnumbered(&guard));
        }
        self.elder.store(self.place.source.0.load(Relaxed, &guard), Relaxed);
        self.place.source.0.store(self.node(&guard), Release);
    }

    fn unnumbered(&self, guard: &Guard<'_, R>) -> Owned<Mark, R> {
        guard.alloc(Mark { number: 0, freed: Arc::clone(&self.place.freed.0) })
    }

    /// Retires what is in this place, and empties it.
    fn retire_all(&self, from: &Atomic<Mark, R>) {
        let guard = self.handle.pin();
        let node = from.load(Relaxed, &guard);
        from.store(Shared::null(), Release);
        // SAFETY: allocated in this domain; it was in this place only, or was unlinked from the source
        // before it came here; retired once, as the place is empty now.
        unsafe { guard.retire(node) };
    }
}
