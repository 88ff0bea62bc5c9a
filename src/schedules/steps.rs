//! Step counts: every call of every operation stays below its bound of `docs/PROTOCOL.md`,
//! "Progress", whatever the other threads do. A loop that others could keep going shows here.
//!
//! Destructors are not counted: those of these programs touch no atomic of the library.

use std::collections::BTreeMap;
use std::prelude::v1::*;
use std::println;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::bounds::{Call, Size};
use super::starve::starved;
use super::world::{Node, World};
use super::{check, once};
use crate::barrier;
use crate::local::Local;
use crate::node::Entry;
use crate::sync::counted::{Steps, steps};
use crate::sync::{AtomicPtr, Ordering};
use crate::{Free, Guard, Handle, Mode, Region, RetiredNode, Robust};

/// Schedules of each kind for each program and mode.
const SCHEDULES: usize = 400;
/// Operations of each thread that keeps the others busy; enough to outlast any call.
const PRESSURE: usize = 400;

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
    /// Says whether the scheduler may starve its calls.
    victim: bool,
    /// Nodes per batch.
    batch: usize,
}

impl<M: Mode> Measured<'_, M> {
    fn call<R>(&self, call: Call, body: impl FnOnce() -> R) -> R {
        self.call_that(None, body, |_| call)
    }

    /// Measures a call of a handle whose kind shows in the steps and in the nodes that it freed.
    fn call_that<R>(
        &self,
        handle: Option<&Handle<M>>,
        body: impl FnOnce() -> R,
        kind: impl FnOnce(usize) -> Call,
    ) -> R {
        let measure = || {
            let before = steps();
            let result = body();
            (steps() - before, result)
        };
        let freed = || handle.map_or(0, |h| h.local().counts.freed.load(Ordering::Relaxed));
        let before = freed();
        let (steps, result) = if self.victim { starved(measure) } else { measure() };
        let freed = (freed() - before) as usize;
        self.record(kind(freed), steps, freed);
        result
    }

    fn record(&self, call: Call, steps: Steps, freed: usize) {
        let slots = self.world.collector.core().locals.all().count();
        let batch = self.batch;
        let bound = call.bound(Size { slots, batch, steps, freed, robust: M::ROBUST });
        let sample = Sample { steps: steps.all, bound, links: steps.links };
        assert!(sample.steps <= bound, "{call:?}: {sample:?} with {slots} slots");
        let mut seen = self.seen.lock().expect("no panic");
        let new = Extremes { calls: 0, most: sample, closest: sample };
        let extremes = seen.entry(call).or_insert(new);
        extremes.calls += 1;
        if sample.steps > extremes.most.steps {
            extremes.most = sample;
        }
        if bound - sample.steps < extremes.closest.bound - extremes.closest.steps {
            extremes.closest = sample;
        }
    }

    fn pin(&self, handle: &Handle<M>) -> Guard<M> {
        // In robust mode a pin that has freed nothing may have retired again what it took.
        self.call_that(
            Some(handle),
            || handle.pin(),
            |freed| if freed == 0 && !M::ROBUST { Call::Pin } else { Call::PinAndFree },
        )
    }

    /// Replaces a node and retires the old one.
    fn replace(&self, handle: &Handle<M>, guard: &Guard<M>) {
        self.call(Call::Header, RetiredNode::new);
        let new = self.world.node(None);
        guard.announce(new);
        let old = self.world.place().swap(new, Ordering::AcqRel);
        let before = steps().sent;
        self.call_that(
            Some(handle),
            // SAFETY: unlinked above, once.
            || unsafe { self.world.retire(handle, old) },
            |freed| {
                if freed == 0 && steps().sent == before { Call::RetireOnly } else { Call::Retire }
            },
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
            self.call_that(Some(&handle), || guard.refresh(), |_| Call::Refresh);
            self.load(&guard, &self.world.places[0]);
            self.replace(&handle, &guard);
            self.call(Call::Drop, || drop(guard));
            self.call_that(Some(&handle), || handle.flush(), |_| Call::Flush);
        }
        self.leave(handle);
    }

    fn leave(&self, handle: Handle<M>) {
        let counts = std::ptr::from_ref(&handle.local().counts);
        // SAFETY: counts stay where they are until the collector goes.
        let freed = || unsafe { &*counts }.freed.load(Ordering::Relaxed) as usize;
        let (before, steps_before) = (freed(), steps());
        if self.victim {
            starved(|| drop(handle))
        } else {
            drop(handle)
        }
        self.record(Call::Leave, steps() - steps_before, freed() - before);
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
        self.leave(handle);
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
    let world = World::<M>::new(batch, Free::Amortised(2));
    let done = Arc::new(AtomicUsize::new(0));
    let [sleeper, idle] = [(); 2].map(|()| world.collector.register());
    let asleep = sleeper.pin();
    drop(idle.pin());
    let measured = Measured { world: &world, seen, victim: false, batch };
    if barrier::is_free() {
        drop(measured.call(Call::QuietPin, || idle.pin()));
    }
    let mut threads = Vec::new();
    for number in 0..victims + 2 {
        let (seen, done) = (Arc::clone(seen), Arc::clone(&done));
        threads.push(world.spawn(move |world| {
            let victim = number < victims;
            let measured = Measured { world, seen: &seen, victim, batch };
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

/// A pin acknowledges so many links of a long list, `PIN_LINKS` each time that it looks at it, and
/// leaves the rest.
#[test]
fn a_pin_leaves_the_rest_of_a_list() {
    once(|| {
        let world = World::<Region>::new(1, Free::Amortised(1));
        let [reader, writer] = [(); 2].map(|()| world.collector.register());
        let guard = reader.pin();
        for _ in 0..9 {
            let old = world.place().swap(world.node(None), Ordering::AcqRel);
            // SAFETY: unlinked above, once.
            unsafe { world.retire(&writer, old) };
        }
        drop(guard);
        let mut links = 0;
        for _ in 0..8 {
            let before = steps();
            drop(reader.pin());
            let pin = (steps() - before).links;
            // Two of its list, once more after destructors, and three of what it has left to others.
            assert!(pin <= 2 * 2 + 3, "{pin} links in one pin");
            links += pin;
        }
        assert!(links >= 9, "the rest is acknowledged by the next pins");
        drop((reader, writer));
        world.finish(Vec::new());
    });
}

/// A value whose destructor leaves more batches to free than a thread should have.
struct Piles(*const Local);

impl Drop for Piles {
    fn drop(&mut self) {
        // SAFETY: the handle of the program below keeps it.
        let local = unsafe { &*self.0 };
        local.enter();
        for _ in 0..30 {
            local.retire(Entry::boxed(Box::into_raw(Box::new(0_u8))));
        }
        // SAFETY: entered above.
        unsafe { Local::leave(self.0) };
        // Outside of the section, a retirement acknowledges the list of its own thread.
        local.retire(Entry::boxed(Box::into_raw(Box::new(0_u8))));
    }
}

/// What piled up in a destructor is left to other threads by many retirements, a few batches each.
#[test]
fn a_retirement_shares_a_few_batches() {
    once(|| {
        let world = World::<Region>::new(1, Free::Amortised(1));
        let handle = world.collector.register();
        let local = std::ptr::from_ref(handle.local());
        handle.local().retire(Entry::boxed(Box::into_raw(Box::new(Piles(local)))));
        for _ in 0..30 {
            let before = steps();
            handle.local().retire(Entry::boxed(Box::into_raw(Box::new(0_u8))));
            let steps = steps() - before;
            let size = Size { slots: 1, batch: 1, steps, freed: 1, robust: false };
            assert!(steps.all <= Call::Retire.bound(size), "{steps:?}");
        }
        drop(handle);
        world.finish(Vec::new());
    });
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
