//! `wfe`: hazard eras whose loads are wait-free (after Nikolaev & Ravindran).
//!
//! A load of [`hazard-eras`](crate::schemes::HazardEras) starts again when the clock moved in
//! between, which others may make happen for ever. Here those who move the clock help.
//!
//! Deviation. In the paper a helper reads the pointer on behalf of the reader. Here the source may
//! move or be dropped as soon as the reader has returned, so nobody reads another thread's source.
//! Instead a reservation is an interval `first..=last`, and a reader that failed 16 times marks it
//! *pending*. Who wants to move the clock from e to e + 1 first raises the last era of every pending
//! reservation to e + 1. While it is pending, a reservation so covers whatever can be born.
//!
//! A pending load takes these steps, and no loop: it reserves the present era and marks it (1);
//! fences (2); reads the clock, c (3); raises its last era to c + 1 (4); fences (5); reads the
//! pointer (6); reads its last era (7), and stores it without the mark (8).
//!
//! Why that is sound. Let b be the birth of the node that (6) read.
//!
//! 1. An advance that read a clock of c + 1 or more read it, and fenced, after (2): else (3) would
//!    have seen that clock. So it sees the mark of (1), or what came after it.
//! 2. If b > c + 1, the advance to b was such a one. It did not see the end (8) of this load, or (6)
//!    would precede the birth. So it raised the last era to b, or saw it there, before the birth.
//!    Who unlinks and retires the node comes after its birth, and its scans see at least b.
//! 3. If b <= c + 1, the last era was c + 1 or more before (5). If (6) missed the unlink, the fence of
//!    the retirement follows (5), and its scans see at least c + 1.
//! 4. The first era was read from the clock before (2), so the node retires in it or later, and the
//!    scans see it; see `Clock::retirement`.
//! 5. (7) sees at least b by 2 or 3, so (8) keeps the node covered. A helper that is late cannot
//!    change an unmarked reservation: it exchanges the whole word. A later load reserves anew, with
//!    a fence of its own, since the last era may be one that no fence of this thread followed.
//!
//! Steps. A load ends after 16 tries and a pending one; in (4) the exchange is lost at most to those
//! N advancers that read an older clock, once to each, since all others raise it far enough. For
//! the same reason an advance tries at most N + 2 times at each reservation.
//!
//! The price: a thread that stops in the middle of a pending load holds what is retired from then
//! on, without bound. (In the paper a helper would finish that load.) And a load that was pending
//! reserves each era that passed meanwhile, until its shield is used again. The bound leaves both
//! out. A pending load needs the clock to move in each of 16 tries.

use std::sync::Arc;

use crate::canary;
use crate::facts::{BoundInput, Facts, Progress, Robustness};
use crate::hazard_eras;
use crate::node::Node;
use crate::parameters::Parameters;
use crate::parts::era::{Clock, Life, Thread};
use crate::parts::limbo::Orphans;
use crate::parts::pool::{Cells, Pool};
use crate::reclaimer::Reclaimer;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence};

/// A first era after all last ones: the reservation is empty.
const NEVER: u64 = u64::MAX;

/// The mark of a pending reservation. The last era is above it.
const PENDING: u64 = 1;

/// The eras of a shield.
#[derive(Debug, Default)]
struct Reservation {
    first: AtomicU64,
    /// `era << 1`, or with the mark.
    last: AtomicU64,
}

impl Reservation {
    /// Raises the last era to at least `era`, while the reservation is pending.
    fn raise(&self, era: u64) {
        let mut last = self.last.load(Ordering::Acquire);
        while last & PENDING != 0 && last >> 1 < era {
            // Release: comes before the step of the clock for whoever sees either. Acquire: if this
            // fails because the load has ended, that load comes before the step.
            let raised = era << 1 | PENDING;
            match self.last.compare_exchange(last, raised, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(other) => last = other,
            }
        }
    }

    /// Reserves one era. Release: our uses of the node held before come before its free.
    #[inline]
    fn set(&self, era: u64, mark: u64) {
        self.last.store(era << 1 | mark, Ordering::Release);
        self.first.store(era, Ordering::Release);
    }

    fn interval(&self) -> (u64, u64) {
        // Acquire: pairs with the releases of those who moved on.
        (self.first.load(Ordering::Acquire), self.last.load(Ordering::Acquire) >> 1)
    }
}

/// The scheme `wfe`.
pub type Wfe = Scheme<16>;
/// For tests: every load is pending at once.
pub type WfePending = Scheme<0>;

/// The scheme, with a number of tries before a load becomes pending.
#[derive(Debug)]
pub struct Scheme<const TRIES: usize> {
    clock: Arc<Clock>,
    reservations: Arc<Cells<Reservation>>,
    orphans: Arc<Orphans<Life>>,
    parameters: Parameters,
}

/// A thread's reservations and retired nodes.
#[derive(Debug)]
pub struct Local {
    thread: Thread,
    pool: Pool<Reservation>,
}

/// A reservation on loan from its thread's pool.
#[derive(Debug)]
pub struct Shield<'l> {
    reservation: &'l Reservation,
    pool: &'l Pool<Reservation>,
}

impl Drop for Shield<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: our uses of the node come before its free by a scan that reads this.
        self.reservation.first.store(NEVER, Ordering::Release);
        self.pool.give(self.reservation);
    }
}

impl Local {
    /// Moves the clock, for pending loads first.
    #[cold]
    fn advance(&self, clock: &Clock) {
        let era = clock.now();
        // Between the read of the clock and of the marks; pairs with (2).
        fence(Ordering::SeqCst);
        for reservation in self.pool.all().cells() {
            reservation.raise(era + 1);
        }
        clock.step(era);
    }

    /// A load that each step of the clock waits for; the numbers are those of the head.
    #[cold]
    fn load_pending<T>(
        &self,
        reservation: &Reservation,
        source: &AtomicPtr<Node<T, u64>>,
    ) -> *mut Node<T, u64> {
        reservation.set(self.thread.clock.now(), PENDING); // 1
        fence(Ordering::SeqCst); // 2
        let now = self.thread.clock.now(); // 3
        reservation.raise(now + 1); // 4
        fence(Ordering::SeqCst); // 5
        let node = source.load(Ordering::Acquire); // 6
        let last = reservation.last.load(Ordering::Acquire); // 7
        reservation.last.store(last & !PENDING, Ordering::Release); // 8
        node
    }

    #[cold]
    fn scan(&self) {
        let reservations = self.pool.all();
        let intervals = reservations.cells().map(Reservation::interval);
        // SAFETY: see the heads of this file and of `hazard_eras.rs`.
        unsafe { self.thread.scan(reservations.count(), intervals) };
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.thread.end_births(|clock| self.advance(clock));
        self.thread.depart(|| self.scan());
    }
}

// SAFETY: 1: the head of this file. 2: scans run in `retire`, `flush` and the drop of locals; the
// rest is freed with the orphans, in the drop of the domain. 3: no borrow is held meanwhile.
unsafe impl<const TRIES: usize> Reclaimer for Scheme<TRIES> {
    const FACTS: Facts = Facts {
        name: "wfe",
        paper: "after Nikolaev & Ravindran, Universal wait-free memory reclamation, PPoPP 2020",
        load: Progress::WaitFree,
        constants: "tries=16",
        bound: if TRIES > 0 {
            "as hazard-eras, if no load is overtaken 16 times: \
             (2 N + 1) (R + 2 X) + (s + (2 N + 1) T) K (L + N (E + 2)), R = threshold, \
             or max(128, 14 N ceil(K / 14)) if it is not set, E = era_frequency"
        } else {
            "none: every load is pending, and those the bound leaves out"
        },
        robust: Robustness { stalled: TRIES > 0, long_reader: TRIES > 0 },
        ..hazard_eras::HazardEras::FACTS
    };
    const UNPIN_FREES: bool = false;
    type Header = u64;
    type Local = Local;
    type Guard<'l> = &'l Local;
    type Shield<'l> = Shield<'l>;

    fn new(parameters: &Parameters) -> Self {
        let (clock, reservations, orphans) = (Arc::default(), Arc::default(), Arc::default());
        Self { clock, reservations, orphans, parameters: parameters.clone() }
    }
    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        Self::FACTS.robust.stalled.then(|| hazard_eras::bound(input, parameters))
    }
    unsafe fn register(&self) -> Local {
        let pool = Pool::new(&self.reservations);
        Local { thread: Thread::new(&self.clock, &self.orphans, &self.parameters), pool }
    }
    #[inline]
    fn header(&self, local: &Local) -> u64 {
        local.thread.birth(|clock| local.advance(clock))
    }
    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> &'l Local {
        local
    }
    #[inline]
    fn shield<'l>(&'l self, local: &'l Local) -> Shield<'l> {
        Shield { reservation: local.pool.take(), pool: &local.pool }
    }

    #[inline]
    fn protect<T>(
        local: &&Local,
        shield: &mut Shield<'_>,
        source: &AtomicPtr<Node<T, u64>>,
        _: usize,
    ) -> *mut Node<T, u64> {
        let reservation = shield.reservation;
        let (mut published, last) =
            (reservation.first.load(Ordering::Relaxed), reservation.last.load(Ordering::Relaxed));
        if last >> 1 != published {
            // Empty, or left by a pending load: see 5 of the head.
            published = NEVER;
        }
        for _ in 0..TRIES {
            // Acquire: before the clock is read.
            let node = source.load(Ordering::Acquire);
            canary::pause();
            let now = local.thread.clock.now();
            if now == published {
                return node;
            }
            reservation.set(now, 0);
            // Between the reservation and the read of the pointer; pairs with `Clock::retirement`.
            fence(Ordering::SeqCst);
            published = now;
        }
        local.load_pending(reservation, source)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, local: &&Local, node: *mut Node<T, u64>) {
        // SAFETY: the caller's clauses.
        if unsafe { local.thread.retire(node) } {
            local.scan();
        }
    }

    fn flush(&self, local: &Local) {
        local.scan();
    }
}

#[cfg(all(test, not(kovan_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_overtake_a_pending_load() {
        let wfe = Wfe::new(&Parameters::default());
        // SAFETY: dropped before the domain, and after its shields.
        let local = unsafe { wfe.register() };
        let (pending, ended) = (wfe.shield(&local), wfe.shield(&local));
        pending.reservation.set(wfe.clock.now(), PENDING);
        ended.reservation.set(wfe.clock.now(), 0);
        for step in 1..=5 {
            let era = wfe.clock.now();
            local.advance(&wfe.clock);
            assert_eq!(wfe.clock.now(), era + 1);
            assert_eq!(pending.reservation.interval(), (1, 1 + step));
            assert_eq!(ended.reservation.interval(), (1, 1));
        }
        // A load leaves no mark, and what it reserved is ahead of the clock that it saw.
        let source = AtomicPtr::<Node<(), u64>>::default();
        local.load_pending(pending.reservation, &source);
        assert_eq!(pending.reservation.interval(), (6, 7));
        local.advance(&wfe.clock);
        assert_eq!(pending.reservation.interval(), (6, 7));
    }
}
