//! What is in the way of reclamation, and what there was of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use kovan_erased::{ErasedPair, Operations, Subject, Worker};
use kovan_harness::random::XorShift;
use kovan_lab_base::system::threads::start;
use kovan_schemes::{BoundInput, Totals};
use kovan_structures::Kind;

use super::super::budget::or_abort;

/// What is in the way of reclamation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adversary {
    /// Stopped inside a guard in mid-structure, with all protections set.
    Stalled,
    /// One guard, and look-ups without an end.
    LongReader,
    /// Workers leave after a few dozen operations, and others come.
    Churn,
    /// More workers than processors.
    Oversubscription,
    /// A worker has many handles, each of which did a little and is idle.
    IdleHandles,
    /// One guard, look-ups for half of the time, and then it is stopped.
    LooksThenStops,
    /// Stopped inside a guard twice: the second time there is much more in the structure.
    GrowsBetweenStalls,
}

pub(super) const ALL: [Adversary; 7] = [
    Adversary::Stalled,
    Adversary::LongReader,
    Adversary::Churn,
    Adversary::Oversubscription,
    Adversary::IdleHandles,
    Adversary::LooksThenStops,
    Adversary::GrowsBetweenStalls,
];
const KEYS: u64 = 48;
/// Operations of a worker that soon leaves.
const SHORT_LIFE: u64 = 50;
/// Threads under churn: two workers, and beside each the thread of its present life.
const CHURN_THREADS: u64 = 4;
/// Handles of a worker, and operations by each before the next one's.
const HANDLES: u64 = 40;
const EACH: u64 = 100;
/// Keys in a structure that has grown, at the most.
const MANY: u64 = 20_000;

impl Adversary {
    pub(super) fn workers(self) -> u64 {
        match self {
            Self::Oversubscription => 8,
            Self::GrowsBetweenStalls => 1,
            _ => 2,
        }
    }

    /// Handles of the workers together.
    fn handles(self) -> u64 {
        if self == Self::IdleHandles { self.workers() * HANDLES } else { self.workers() }
    }

    /// Handles stopped inside a guard, or that stay in one.
    fn stalled(self) -> u64 {
        match self {
            Self::Stalled | Self::LongReader | Self::LooksThenStops => 1,
            Self::GrowsBetweenStalls => 2,
            Self::Churn | Self::Oversubscription | Self::IdleHandles => 0,
        }
    }
}

/// The extremes of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Largest sample of unreclaimed nodes.
    pub(super) peak: u64,
    /// Retired since the adversary was there.
    pub(super) retired: u64,
    /// So many of those were unreclaimed at the end, with the adversary still there.
    pub(super) kept: u64,
    /// What the bound depends on, as it was.
    pub(super) input: BoundInput,
}

/// A round.
#[derive(Clone, Copy)]
pub(super) struct Round {
    pub(super) adversary: Adversary,
    pub(super) seed: u64,
    /// It lasts for the first time, and for the second at the most if that is not enough.
    pub(super) times: (Duration, Duration),
}

/// Runs workers against an adversary and samples the counters, until it is `enough`.
pub(super) fn run(
    pair: &ErasedPair,
    subject: &dyn Subject,
    round: Round,
    enough: impl Fn(&Seen) -> bool,
) -> Seen {
    let Round { adversary, times, .. } = round;
    let mut seen = Seen {
        input: BoundInput {
            handles: adversary.handles(),
            stalled: adversary.stalled(),
            shields: pair.structure.shields,
            ..BoundInput::default()
        },
        ..Seen::default()
    };
    fill(subject);
    if adversary == Adversary::GrowsBetweenStalls {
        return grow(subject, times.0, seen);
    }
    // Asking for the allocations costs more than an operation.
    let asks = depends_on_guards(pair, &seen.input);
    let place = &Place {
        subject,
        kind: pair.structure.kind,
        round,
        asks,
        allocated: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        leave: AtomicBool::new(false),
        there: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        let needs = adversary.workers() + adversary.stalled();
        if adversary.stalled() > 0 {
            start(scope, needs, move || or_abort(|| place.stay()));
            wait_for(&place.there);
        }
        let before = subject.totals();
        let threads: Vec<_> = (0..adversary.workers())
            .map(|thread| start(scope, needs, move || or_abort(|| place.work(thread))))
            .collect();
        place.sample(before, &mut seen, enough);
        place.stop.store(true, Relaxed);
        for thread in threads {
            let _ = thread.join();
        }
        // The adversary leaves last: until here it held what it holds.
        place.leave.store(true, Relaxed);
    });
    seen.input.allocated_in_guard = place.allocated.load(Relaxed);
    seen
}

/// Returns whether it matters for the bound what is allocated while guards load.
fn depends_on_guards(pair: &ErasedPair, input: &BoundInput) -> bool {
    pair.bound(input) != pair.bound(&BoundInput { allocated_in_guard: 1 << 20, ..*input })
}

fn fill(subject: &dyn Subject) {
    let worker = subject.join();
    for key in 0..KEYS / 2 {
        worker.pinned(&mut |on| {
            let _ = on.insert(key * 2);
        });
    }
}

/// One handle stops, the structure grows, another handle stops, and all is removed.
fn grow(subject: &dyn Subject, length: Duration, mut seen: Seen) -> Seen {
    let began = Instant::now();
    let [first, second, writer] = [(); 3].map(|()| subject.join());
    // From the last key to the first one, as lists insert before all others then.
    let keys = || (KEYS..KEYS + MANY).rev().take_while(|_| began.elapsed() < length / 2);
    let mut least = KEYS + MANY;
    first.pinned(&mut |on| {
        on.hold_inside(0, &mut || {
            for key in keys() {
                writer.pinned(&mut |on| update(on, true, key));
                least = key;
            }
            seen.input.live = subject.totals().live();
            let before = subject.totals();
            second.pinned(&mut |on| {
                on.hold_inside(0, &mut || {
                    for key in (0..KEYS).chain(least..KEYS + MANY) {
                        writer.pinned(&mut |on| update(on, false, key));
                    }
                    writer.flush();
                    seen.take(before, subject.totals());
                });
            });
        });
    });
    seen
}

fn wait_for(flag: &AtomicBool) {
    while !flag.load(Relaxed) {
        thread::sleep(Duration::from_micros(100));
    }
}

fn update(on: &dyn Operations, insert: bool, key: u64) {
    if insert {
        let _ = on.insert(key);
    } else {
        let _ = on.remove(key);
    }
}

impl Seen {
    fn take(&mut self, before: Totals, now: Totals) {
        self.peak = self.peak.max(now.unreclaimed());
        self.input.live = self.input.live.max(now.live());
        self.retired = now.retired - before.retired;
        self.kept = now.unreclaimed().saturating_sub(before.unreclaimed());
    }
}

/// The place where the threads of a round meet.
struct Place<'a> {
    subject: &'a dyn Subject,
    kind: Kind,
    round: Round,
    /// If it is true, `allocated` is to be known.
    asks: bool,
    /// The most that was allocated during one guard.
    allocated: AtomicU64,
    stop: AtomicBool,
    leave: AtomicBool,
    there: AtomicBool,
}

impl Place<'_> {
    fn sample(&self, before: Totals, seen: &mut Seen, enough: impl Fn(&Seen) -> bool) {
        let (length, longest) = self.round.times;
        let began = Instant::now();
        loop {
            seen.take(before, self.subject.totals());
            let over = began.elapsed();
            if over >= length && (enough(seen) || over >= longest) {
                return;
            }
            thread::sleep(Duration::from_micros(300));
        }
    }

    /// A guard, and what was allocated from its begin to its last load, at most.
    fn pinned(&self, worker: &dyn Worker, inside: &mut dyn FnMut(&dyn Operations)) {
        let before = self.before();
        worker.pinned(inside);
        self.note(before);
    }

    fn before(&self) -> u64 {
        if self.asks { self.subject.totals().allocated } else { 0 }
    }

    fn note(&self, before: u64) {
        if self.asks {
            self.allocated.fetch_max(self.subject.totals().allocated - before, Relaxed);
        }
    }

    fn stay(&self) {
        let worker = self.subject.join();
        let before = self.before();
        let long = self.round.adversary != Adversary::Stalled;
        worker.pinned(&mut |on| {
            if long {
                self.look(on);
            }
            if self.round.adversary != Adversary::LongReader {
                on.hold_inside(KEYS / 2, &mut || {
                    self.note(before);
                    self.there.store(true, Relaxed);
                    wait_for(&self.leave);
                });
            }
        });
        if self.round.adversary == Adversary::LongReader {
            self.note(before);
        }
    }

    /// Look-ups under one guard.
    fn look(&self, on: &dyn Operations) {
        let stops = self.round.adversary == Adversary::LooksThenStops;
        let began = Instant::now();
        let mut key = 0;
        while !(self.leave.load(Relaxed) || stops && began.elapsed() > self.round.times.0 / 2) {
            let _ = on.contains(key % KEYS);
            self.there.store(true, Relaxed);
            key += 1;
        }
    }

    fn work(&self, thread: u64) {
        let mut random = XorShift::stream(self.round.seed, thread, 51);
        match self.round.adversary {
            Adversary::Churn => self.churn(&mut random),
            Adversary::IdleHandles => {
                let handles = [(); HANDLES as usize].map(|()| self.subject.join());
                while !self.stop.load(Relaxed) {
                    for worker in &handles {
                        self.operate(&**worker, EACH, &mut random);
                    }
                }
            }
            _ => self.operate(&*self.subject.join(), u64::MAX, &mut random),
        }
    }

    fn churn(&self, random: &mut XorShift) {
        while !self.stop.load(Relaxed) {
            let live = || self.operate(&*self.subject.join(), SHORT_LIFE, random);
            thread::scope(|scope| drop(start(scope, CHURN_THREADS, || or_abort(live)).join()));
        }
    }

    fn operate(&self, worker: &dyn Worker, life: u64, random: &mut XorShift) {
        for count in 0..life {
            if self.stop.load(Relaxed) {
                return;
            }
            let key = random.below(KEYS);
            // A stack and a queue stay short: in and out by turns.
            let map = self.kind == Kind::Map;
            let insert = if map { random.below(2) == 0 } else { count % 2 == 0 };
            self.pinned(worker, &mut |on| update(on, insert, key));
        }
    }
}
