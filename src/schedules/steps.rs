//! Step counts: every call of every operation stays below its bound of `docs/PROTOCOL.md`,
//! "Progress", whatever the other threads do. A loop that others could keep going shows here.
//!
//! Destructors are not counted: those of these programs touch no atomic of the library.

use std::collections::BTreeMap;
use std::prelude::v1::*;
use std::println;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::check;
use super::starve::starved;
use super::world::{Node, World};
use crate::barrier;
use crate::guard::ROUNDS;
use crate::sync::counted::{Steps, steps};
use crate::sync::{AtomicPtr, Ordering};
use crate::{Free, Guard, Handle, Mode, Region, Robust};

/// Schedules of each kind for each program and mode.
const SCHEDULES: usize = 400;
/// Operations of each thread that keeps the others busy; enough to outlast any call.
const PRESSURE: usize = 400;

/// An acknowledged link: a load and a swap of `next`, a subtraction.
const LINK: usize = 3;
/// A batch that no guard holds any more, on its way home: `head` and `backlog` of the slot there; a
/// push; the addition.
const FREE_BATCH: usize = 2 + PUSH + 1;
/// Swap, exchange, connection, `backlog`; an exchange that is undone has a fence, `held` and another
/// exchange instead of the connection.
const PUSH: usize = 6;
/// Taking the own lists: `backlog`, `head`, a fence, `held` twice.
const TAKE: usize = 5;
/// After a pin or a flush: the count of what was freed, and `BUSY`.
const AFTER: usize = 3;
/// The beginning of an outermost section, before a list is taken: `pins` twice, `barrier::light`, `head`.
const ENTER: usize = 4;
/// A checked load that finds its era published: the pointer, the clock.
const CHECK: usize = 2;
/// A round of a load whose era moved; one less to give up.
const ROUND: usize = 4;
/// A drain: a look at `pins`, the lock twice; `held` twice and handed over; `head` twice and handed
/// over; `backlog`.
const DRAIN: usize = 3 + (2 + HAND_OVER) + (2 + HAND_OVER) + 1;
/// The barrier, `pins`; the count of drains, or `held`, a fence and two exchanges.
const HAND_OVER: usize = 6;
/// A slot in a flush: `head`, `era`; a push; a drain.
const SLOT: usize = 2 + PUSH + DRAIN;
/// A closed batch but for its slots: the count of what was retired, a fence, `slots`, the clock,
/// `pins`, the addition.
const CLOSE: usize = 7 + FREE_BATCH;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    QuietPin,
    NestedPin,
    Pin,
    PinAndFree,
    RegionLoad,
    RobustLoad,
    NestedDrop,
    Drop,
    Refresh,
    Birth,
    RetireOnly,
    RetireAndFlush,
    Flush,
    Leave,
}

impl Call {
    /// The most steps that a call may take, where there are so many slots, if it acknowledges so
    /// many links, of so many batches the last one.
    fn bound(self, slots: usize, links: usize, batches: usize) -> usize {
        let close = CLOSE + SLOT * slots;
        let all_links = LINK * links + FREE_BATCH * batches;
        match self {
            Self::QuietPin => ENTER,
            Self::NestedPin | Self::RegionLoad | Self::Birth => 1,
            Self::Pin => ENTER + TAKE + (AFTER - 2) + all_links,
            // Once before its destructors, and once after them; `pins` in between.
            Self::PinAndFree => 2 * (ENTER + TAKE) + 1 + AFTER + all_links,
            Self::RobustLoad => CHECK + ROUND * ROUNDS + (ROUND - 1),
            Self::NestedDrop | Self::RetireOnly => 0,
            Self::Drop => 2,
            Self::Refresh => {
                Self::Drop.bound(slots, 0, 0) + Self::PinAndFree.bound(slots, links, batches)
            }
            Self::RetireAndFlush => 1 + close + (AFTER - 1) + all_links,
            Self::Flush => 2 + TAKE + 2 * close + (AFTER - 1) + all_links,
            // `pins`; a round that closes the open batches, one that runs destructors and one that
            // finds nothing; `owned`.
            Self::Leave => 1 + 3 * TAKE + 2 * close + (AFTER - 1) + 1 + all_links,
        }
    }
}

/// The call with the most steps, and the one closest to its bound.
#[derive(Clone, Copy, Debug)]
struct Extremes {
    calls: usize,
    most: Sample,
    closest: Sample,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    steps: usize,
    bound: usize,
    links: usize,
}

/// What was seen in all executions of a test.
type Seen = Mutex<BTreeMap<Call, Extremes>>;

/// A thread whose calls are measured.
struct Measured<'w, M: Mode> {
    world: &'w World<M>,
    seen: &'w Seen,
    /// Whether the scheduler may starve its calls.
    victim: bool,
}

impl<M: Mode> Measured<'_, M> {
    fn call<R>(&self, call: Call, body: impl FnOnce() -> R) -> R {
        self.call_that(body, |_| call)
    }

    /// Measures a call whose kind shows in what it does.
    fn call_that<R>(&self, body: impl FnOnce() -> R, kind: impl FnOnce(&R) -> Call) -> R {
        let measure = || {
            let before = steps();
            let result = body();
            (steps() - before, result)
        };
        let (steps, result) = if self.victim { starved(measure) } else { measure() };
        self.record(kind(&result), steps);
        result
    }

    fn record(&self, call: Call, Steps { all: steps, links, batches }: Steps) {
        // SAFETY: slots live as long as the collector.
        let slots = unsafe { self.world.collector.core().slots().as_ref() }.map_or(0, |s| s.len);
        let bound = call.bound(slots, links, batches);
        let sample = Sample { steps, bound, links };
        assert!(steps <= bound, "{call:?}: {sample:?} with {slots} slots");
        let mut seen = self.seen.lock().expect("no panic");
        let new = Extremes { calls: 0, most: sample, closest: sample };
        let extremes = seen.entry(call).or_insert(new);
        extremes.calls += 1;
        if steps > extremes.most.steps {
            extremes.most = sample;
        }
        if bound - steps < extremes.closest.bound - extremes.closest.steps {
            extremes.closest = sample;
        }
    }

    fn pin(&self, handle: &Handle<M>) -> Guard<M> {
        let freed = || handle.local().slot().freed.load(Ordering::Relaxed);
        let before = freed();
        self.call_that(
            || handle.pin(),
            |_| if freed() == before { Call::Pin } else { Call::PinAndFree },
        )
    }

    /// Replaces a node and retires the old one.
    fn replace(&self, handle: &Handle<M>, guard: &Guard<M>) {
        let birth = self.call(Call::Birth, || handle.birth_era());
        let new = self.world.node(birth, None);
        let old = self.world.place().swap(new, Ordering::AcqRel);
        let closed = || handle.local().slot().retired.load(Ordering::Relaxed);
        let before = closed();
        self.call_that(
            // SAFETY: unlinked above, once.
            || unsafe { self.world.retire(guard, old) },
            |()| if closed() == before { Call::RetireOnly } else { Call::RetireAndFlush },
        );
    }

    fn load(&self, guard: &Guard<M>, place: &AtomicPtr<Node<M>>) {
        let call = if M::ROBUST { Call::RobustLoad } else { Call::RegionLoad };
        self.call(call, || guard.protect(place, Ordering::Acquire));
    }

    /// Every operation, some rounds of them.
    fn every_call(&self) {
        let handle = self.world.collector.register();
        for _ in 0..3 {
            let mut guard = self.pin(&handle);
            self.load(&guard, &self.world.places[0]);
            let nested = self.call(Call::NestedPin, || handle.pin());
            self.load(&nested, &self.world.places[1]);
            self.call(Call::NestedDrop, || drop(nested));
            self.replace(&handle, &guard);
            self.call(Call::Refresh, || guard.refresh());
            self.load(&guard, &self.world.places[0]);
            self.replace(&handle, &guard);
            self.call(Call::Drop, || drop(guard));
            self.call(Call::Flush, || handle.flush());
        }
        self.call(Call::Leave, || drop(handle));
    }

    /// Pushes to all slots, moves the era and drains until the others are done.
    fn press(&self, done: &AtomicUsize, others: usize) {
        let handle = self.world.collector.register();
        for _ in 0..PRESSURE {
            if done.load(Relaxed) == others {
                break;
            }
            let guard = self.pin(&handle);
            self.replace(&handle, &guard);
            self.call(Call::Drop, || drop(guard));
        }
        self.call(Call::Leave, || drop(handle));
    }
}

/// Threads that make every call, beside a reader that stays in its section and a thread that is
/// subscribed and idle, while two others push to all slots, move the era and drain.
fn under_pressure<M: Mode>(batch: usize, victims: usize) {
    let seen = Arc::new(Seen::default());
    let all = Arc::clone(&seen);
    check(SCHEDULES, move || press_on::<M>(&all, batch, victims));
    println!("| call | calls | most steps | of | links in it | closest to its bound |");
    println!("|---|---|---|---|---|---|");
    for (call, Extremes { calls, most, closest }) in &*seen.lock().expect("no panic") {
        let Sample { steps, bound, links } = most;
        let near = (closest.steps, closest.bound);
        println!("| {call:?} | {calls} | {steps} | {bound} | {links} | {} of {} |", near.0, near.1);
    }
}

fn press_on<M: Mode>(seen: &Arc<Seen>, batch: usize, victims: usize) {
    let world = World::<M>::new(batch, Free::AtOnce);
    let done = Arc::new(AtomicUsize::new(0));
    let [sleeper, idle] = [(); 2].map(|()| world.collector.register());
    let asleep = sleeper.pin();
    drop(idle.pin());
    let measured = Measured { world: &world, seen, victim: false };
    if barrier::is_free() {
        drop(measured.call(Call::QuietPin, || idle.pin()));
    }
    let mut threads = Vec::new();
    for number in 0..victims + 2 {
        let (seen, done) = (Arc::clone(seen), Arc::clone(&done));
        threads.push(world.spawn(move |world| {
            let victim = number < victims;
            let measured = Measured { world, seen: &seen, victim };
            if victim {
                measured.every_call();
                done.fetch_add(1, Relaxed);
            } else {
                measured.press(&done, victims);
            }
        }));
    }
    for thread in threads.drain(..) {
        thread.join().expect("no panic");
    }
    drop((asleep, sleeper, idle));
    world.finish(threads);
}

macro_rules! pressures {
    ($($name:ident: $mode:ty, $batch:expr, $victims:expr;)*) => {
        $(#[test] fn $name() { under_pressure::<$mode>($batch, $victims); })*
    };
}
pressures! {
    region_every_retirement_flushes: Region, 1, 1;
    region_some_retirements_flush: Region, 3, 2;
    robust_every_retirement_flushes: Robust, 1, 1;
    robust_some_retirements_flush: Robust, 3, 2;
}
