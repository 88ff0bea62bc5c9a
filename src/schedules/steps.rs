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
use crate::batch::CAPACITY;
use crate::guard::ROUNDS;
use crate::shields::CELLS;
use crate::sync::counted::{Steps, steps};
use crate::sync::{AtomicPtr, Ordering};
use crate::{Free, Guard, Handle, Mode, Region, RetiredNode, Robust};

/// Schedules of each kind for each program and mode.
const SCHEDULES: usize = 400;
/// Operations of each thread that keeps the others busy; enough to outlast any call.
const PRESSURE: usize = 400;

/// An acknowledged link: a load and a swap of `next`, a subtraction; or, on behalf of an owner, two
/// looks and a subtraction, or a look, `kept` and a subtraction.
const LINK: usize = 3;
/// Swap, exchange, connection.
const PUSH: usize = 3;
/// A push; `backlog` and the log's length; the addition.
const SEND: usize = PUSH + 2 + 1;
/// A batch that is added to the queue or taken out: what waits there is looked at, taken and stored.
const QUEUE: usize = 3;
/// A batch that no guard holds any more, on its way to its retirer: `head` and `backlog` of the slot
/// there; sent; added to the queue, taken out, and left to others if it is one too many.
const FREE_BATCH: usize = 2 + SEND + 2 * QUEUE + SEND;
/// A list that is put back, as the parcel of a batch that may be this thread's again at once.
const PUT_BACK: usize = SEND + FREE_BATCH;
/// Taking the own list: `backlog`, `fenced`, `head`, a fence; in robust mode the cells. What one pin
/// does not acknowledge is put back.
const TAKE: usize = 4 + PUT_BACK;
/// The beginning of an outermost section, before a list is taken: `pinned` twice, `barrier::light`,
/// `head`.
const ENTER: usize = 4;
/// The end of the section before destructors; the count of what was freed; its beginning, but for the
/// list; `SLOW_PATH`. A look at the queue.
const AROUND_DESTRUCTORS: usize = 1 + 2 + ENTER + 1 + QUEUE;
/// A robust load that finds its address and the era published: the pointer, a cell, the clock, the era.
const CHECK: usize = 4;
/// An address that is published: its cell twice, the log (`pinned`, an entry, `pinned`), its cell; the
/// era.
const ADDRESS: usize = 2 + 3 + 1 + 1;
/// A round of a load: the clock; an address, a barrier, the pointer; the clock.
const ROUND: usize = 1 + ADDRESS + 2 + 1;
/// The last round of a load: `pinned` twice, the clock; an address, a barrier, the pointer; the clock,
/// an address; `pinned` twice.
const LAST_ROUND: usize = 3 + ADDRESS + 2 + 1 + ADDRESS + 2;
/// The most entries of a log here: a section of these programs publishes no more addresses.
const LOGGED: usize = 32;
/// A log that takes the place of one: the old one, its entries; the generation twice; the new entries
/// and the log.
const GROW: usize = 1 + LOGGED + 2 + LOGGED + 1;
/// What a slot protects, read by another thread: `pinned`, the generation, the cells, the era,
/// `pinned`, the log and its entries, the generation.
const READ: usize = 2 + CELLS + 3 + LOGGED + 1;
/// A drain, but for what it finds: a look at the list and at `pinned`; `head`, the barrier, whether its
/// failure matters (twice), `pinned`.
const DRAIN: usize = 2 + 5;
/// What it finds: an owner outside, whose slot is made inactive, `backlog`, the count; or a list that
/// is put back.
const FOUND: usize = PUT_BACK;
/// Or an owner that holds what it has published: a link that is looked at in vain, a list put back,
/// `backlog`, the count.
const FOUND_INSIDE: usize = READ + 2 + PUT_BACK + 3;
/// A slot that a batch is pushed to, but for a drain: its local, `head`; a push; `backlog` and the log's
/// length.
const SLOT: usize = 2 + PUSH + 2;
/// A chunk of the registry: `owned`, the next one.
const CHUNK: usize = 2;
/// A node that is added to the open batch: the batch (once more if it is new: two stores), the cursor
/// twice, how many there are (2), the cursor.
const ADD: usize = 3 + 2 + 2 + 1;
/// A published batch but for its slots: how many nodes there are (2), the batch, two stores; the count
/// of what was retired, the era, a fence, `pinned`, the addition.
const PUBLISH: usize = 5 + 2 + 4 + FREE_BATCH;
/// Around the publication of a full batch: the own list, outside of guards (`pinned`, a look,
/// `backlog`, `head`); the orphans (a look, taken, the rest put back).
const AROUND_PUBLISH: usize = 4 + 5 + PUT_BACK;

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
    Header,
    RetireOnly,
    Retire,
    Flush,
    Leave,
}

/// What the bound of a call depends on.
#[derive(Clone, Copy)]
struct Size {
    /// Places for threads, which are looked at in chunks.
    slots: usize,
    /// Nodes per batch.
    batch: usize,
    steps: Steps,
    /// Nodes that the call has freed.
    freed: usize,
    robust: bool,
}

impl Size {
    fn drain(self) -> usize {
        DRAIN + if self.robust { FOUND_INSIDE } else { FOUND }
    }

    fn publish(self) -> usize {
        let slots = (SLOT + self.drain()) * self.slots;
        PUBLISH + AROUND_PUBLISH + CHUNK * self.slots.div_ceil(4) + slots
    }

    fn take(self) -> usize {
        TAKE + if self.robust { CELLS } else { 0 }
    }

    /// Nodes that were taken to be freed, and are retired again.
    fn again(self, nodes: usize) -> usize {
        let nodes = if self.robust { nodes } else { 0 };
        nodes * (2 + ADD) + nodes.div_ceil(self.batch) * self.publish()
    }
}

impl Call {
    /// The most steps that a call may take.
    fn bound(self, size: Size) -> usize {
        let Steps { links, batches, sent, .. } = size.steps;
        // With each batch, a list may have travelled, and the rest of it is put back.
        let all_links = LINK * links + (FREE_BATCH + PUT_BACK + 2) * batches;
        match self {
            Self::QuietPin => ENTER,
            Self::NestedPin | Self::RegionLoad | Self::Header | Self::Drop => 1,
            Self::Pin => ENTER + size.take() + all_links,
            // Once before its destructors, and once after them.
            Self::PinAndFree => {
                Self::Pin.bound(size) + AROUND_DESTRUCTORS + size.take() + size.again(CAPACITY)
            }
            Self::RobustLoad => CHECK + ROUND * ROUNDS + LAST_ROUND + 2 * GROW,
            Self::NestedDrop => 0,
            Self::Refresh => Self::Drop.bound(size) + Self::PinAndFree.bound(size),
            // The queue may be emptier than its owner knows.
            Self::RetireOnly => 1 + ADD + QUEUE + 2,
            // At most two nodes that wait.
            Self::Retire => 1 + ADD + size.publish() + QUEUE + 2 + size.again(2) + all_links,
            // What waits is retired again in as many batches as it sends.
            Self::Flush => {
                size.publish()
                    + (size.drain() + 2) * size.slots
                    + QUEUE
                    + 2
                    + size.again(sent * size.batch)
                    + all_links
            }
            // A round at least for each node that it has freed; what is left is sent to the orphans.
            Self::Leave => {
                let round = 2 + size.publish() + QUEUE + 2 + 1;
                2 + (3 + size.freed) * round
                    + sent * (SEND + QUEUE)
                    + size.again(sent * size.batch)
                    + all_links
            }
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
        let published = || handle.local().counts.retired.load(Ordering::Relaxed);
        let before = published();
        self.call_that(
            Some(handle),
            // SAFETY: unlinked above, once.
            || unsafe { self.world.retire(handle, old) },
            |freed| {
                if freed == 0 && published() == before { Call::RetireOnly } else { Call::Retire }
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
    check(1, || {
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
            assert!(pin <= 2 * 2, "{pin} links in one pin");
            links += pin;
        }
        assert!(links >= 9, "the rest is acknowledged by the next pins");
        drop((reader, writer));
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
