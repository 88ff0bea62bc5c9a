//! Threads stop inside of a guard of a robust collector, while others replace and retire values in
//! each way that there is: what is alive stays a small number, and the same number.
//!
//! `KOVAN_STRESS` multiplies the length of each run, which is a tenth of a million replacements.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;

mod common;

use common::{scaled, turn};
use kovan::{
    Atomic, Collector, Guard, Handle, Mode, Owned, Reclaimable, RetiredNode, Robust, Shared,
};

/// Values that may be alive at any time, besides those that a guard has loaded.
const BOUND: usize = 4096;

fn replacements() -> usize {
    scaled(100_000)
}

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Counts what is alive.
struct Live;

impl Live {
    fn new() -> Self {
        LIVE.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, SeqCst);
    }
}

#[repr(C)]
struct Node {
    header: RetiredNode,
    live: Live,
}

impl Node {
    fn new() -> Self {
        Self { header: RetiredNode::new(), live: Live::new() }
    }
}

unsafe impl Reclaimable for Node {
    fn retired_node(&self) -> &RetiredNode {
        &self.header
    }
    fn retired_node_mut(&mut self) -> &mut RetiredNode {
        &mut self.header
    }
}

/// Values that threads load and replace.
trait World: Sync {
    /// What a thread needs.
    type Thread;
    fn enter(&self) -> Self::Thread;
    /// Replaces one value and retires it; the `number`th one, counted round.
    fn replace(&self, thread: &Self::Thread, number: usize);
    /// Loads every value under one guard, and calls `body` inside.
    fn hold(&self, thread: &Self::Thread, body: &mut dyn FnMut());
}

/// The most values that were alive in the first tenth of a run, in its last tenth, and ever.
#[derive(Debug, Default)]
struct Peaks {
    first: usize,
    last: usize,
    ever: usize,
}

impl Peaks {
    fn see(&mut self, at: usize, of: usize) {
        let live = LIVE.load(SeqCst);
        self.ever = self.ever.max(live);
        if at <= of / 10 {
            self.first = self.first.max(live);
        } else if at >= of - of / 10 {
            self.last = self.last.max(live);
        }
    }

    /// `held`: what guards have loaded.
    fn assert_bounded(&self, held: usize, what: &str) {
        println!("{what}: {self:?}");
        assert!(self.ever <= BOUND + held, "{what}: {self:?}");
        // Flat: the end is as the beginning, but for what comes and goes with the drains.
        assert!(self.last <= self.first + BOUND / 2, "{what}: grows: {self:?}");
    }
}

/// Runs `body` beside so many threads that hold all values of `world`.
fn beside_stalled<W: World>(world: &W, stalled: usize, body: impl FnOnce()) {
    let (ready, wait) = channel();
    thread::scope(|scope| {
        let over: Vec<_> = (0..stalled)
            .map(|_| {
                let (end, over) = channel::<()>();
                let ready = ready.clone();
                scope.spawn(move || {
                    world.hold(&world.enter(), &mut || {
                        ready.send(()).unwrap();
                        let _ = over.recv(); // Until `end` is dropped.
                    });
                });
                end
            })
            .collect();
        (0..stalled).for_each(|_| wait.recv().unwrap());
        body();
        drop(over);
    });
}

/// One thread replaces, beside stalled ones.
fn replaced_by_one<W: World>(what: &str, make: impl Fn() -> W, held: usize) {
    for stalled in [1, 2, 4] {
        let world = make();
        let mut peaks = Peaks::default();
        beside_stalled(&world, stalled, || {
            let thread = world.enter();
            for number in 1..=replacements() {
                world.replace(&thread, number);
                peaks.see(number, replacements());
            }
        });
        peaks.assert_bounded(held, &format!("{what}, {stalled} stalled"));
    }
}

/// Threads that leave after 20 replacements, beside a stalled one.
fn replaced_by_many<W: World>(what: &str, world: &W) {
    let mut peaks = Peaks::default();
    beside_stalled(world, 1, || {
        for life in 1..=replacements() / 20 {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let thread = world.enter();
                    (0..20).for_each(|number| world.replace(&thread, number));
                });
            });
            peaks.see(20 * life, replacements());
        }
    });
    peaks.assert_bounded(0, what);
}

/// Runs both, with one value, and the first one with a thousand: those are alive, and as many that were
/// loaded before they were replaced.
fn bounded<W: World>(what: &str, make: impl Fn(usize) -> W) {
    let _turn = turn();
    replaced_by_one(what, || make(1), 0);
    replaced_by_many(&format!("{what}, threads that leave"), &make(1));
    replaced_by_one(&format!("{what}, 1,000 loaded"), || make(1000), 2000);
    assert_eq!(LIVE.load(SeqCst), 0, "something was never freed");
}

/// Nodes of a collector of their own.
struct Own {
    collector: Collector<Robust>,
    places: Vec<Atomic<Node>>,
    retire: unsafe fn(&Guard<Robust>, *mut Node),
}

impl Own {
    fn new(count: usize, retire: unsafe fn(&Guard<Robust>, *mut Node)) -> Self {
        let handle = Collector::<Robust>::new().register();
        let node = |_| Atomic::new(Owned::new(Node::new(), &handle.pin()).into_raw());
        let places = (0..count).map(node).collect();
        Self { collector: handle.collector().clone(), places, retire }
    }
}

impl World for Own {
    type Thread = Handle<Robust>;
    fn enter(&self) -> Self::Thread {
        self.collector.register()
    }
    fn replace(&self, thread: &Self::Thread, number: usize) {
        let guard = thread.pin();
        let old = swap(&self.places[number % self.places.len()], Node::new(), &guard);
        unsafe { (self.retire)(&guard, old) };
    }
    fn hold(&self, thread: &Self::Thread, body: &mut dyn FnMut()) {
        let guard = thread.pin();
        self.places.iter().for_each(|place| _ = place.load(SeqCst, &guard));
        body();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let handle = self.collector.register();
        let guard = handle.pin();
        for place in &self.places {
            let last = place.swap(Shared::null(), SeqCst, &guard);
            unsafe { guard.retire(last.as_raw()) };
        }
    }
}

fn swap<T, M: Mode>(place: &Atomic<T>, new: T, guard: &Guard<M>) -> *mut T {
    let new = unsafe { Shared::from_raw(Box::into_raw(Box::new(new))) };
    place.swap(new, SeqCst, guard).as_raw()
}

#[test]
fn boxes() {
    bounded("retire", |count| Own::new(count, |guard, node| unsafe { guard.retire(node) }));
}

#[test]
fn owned_nodes() {
    bounded("retire_owned", |count| {
        Own::new(count, |guard, node| unsafe { guard.retire_owned(node) })
    });
}

#[test]
fn nodes_with_a_header() {
    bounded("retire_node", |count| {
        Own::new(count, |guard, node| unsafe { guard.retire_node(node) })
    });
}

#[test]
fn reclaimable_nodes() {
    bounded("retire_reclaimable", |count| {
        Own::new(count, |guard, node| unsafe { guard.retire_reclaimable(node) })
    });
}

/// The collector of `pin` and `retire`, if it is a robust one.
#[cfg(all(feature = "std", feature = "robust"))]
mod default_collector {
    use super::*;
    use kovan::{Atom, AtomOption, pin, retire, retire_node, retire_reclaimable};

    /// Values that are replaced by a function.
    struct By<T> {
        places: Vec<T>,
        load: fn(&T, &Guard),
        replace: fn(&T),
        last: fn(&T),
    }

    impl<T: Sync> World for By<T> {
        type Thread = ();
        fn enter(&self) {}
        fn replace(&self, _: &(), number: usize) {
            (self.replace)(&self.places[number % self.places.len()]);
        }
        fn hold(&self, _: &(), body: &mut dyn FnMut()) {
            let guard = pin();
            self.places.iter().for_each(|place| (self.load)(place, &guard));
            body();
        }
    }

    impl<T> Drop for By<T> {
        fn drop(&mut self) {
            self.places.iter().for_each(self.last);
            self.places.clear();
            assert!(common::flush_until(|| LIVE.load(SeqCst) == 0), "something was never freed");
        }
    }

    /// Atomic pointers to boxes, that are retired so.
    fn boxes(what: &str, replace: fn(&Atomic<Node>)) {
        bounded(what, |count| By {
            places: (0..count).map(|_| Atomic::new(Box::into_raw(Box::new(Node::new())))).collect(),
            load: |place, guard| _ = place.load(SeqCst, guard),
            replace,
            last: |place| {
                let last = place.swap(Shared::null(), SeqCst, &pin()).as_raw();
                unsafe { retire(last) };
            },
        });
    }

    #[test]
    fn boxes_by_a_function_and_by_a_guard() {
        boxes("default: retire", |place| unsafe { retire(swap(place, Node::new(), &pin())) });
        boxes("default: Guard::retire", |place| {
            let guard = pin();
            unsafe { guard.retire(swap(place, Node::new(), &guard)) };
        });
        boxes("default: Guard::retire_owned", |place| {
            let guard = pin();
            unsafe { guard.retire_owned(swap(place, Node::new(), &guard)) };
        });
    }

    /// A backlog is drained by whoever makes it full, and that may always be the same thread.
    #[test]
    fn threads_that_take_turns_and_never_pin() {
        const THREADS: usize = 16;
        let _turn = turn();
        let world = By {
            places: vec![Atomic::new(Box::into_raw(Box::new(Node::new())))],
            load: |place, guard| _ = place.load(SeqCst, guard),
            replace: |_| unsafe { retire(Box::into_raw(Box::new(Node::new()))) },
            last: |place| unsafe { retire(place.swap(Shared::null(), SeqCst, &pin()).as_raw()) },
        };
        let rounds = replacements() / THREADS / 64;
        let (next, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        beside_stalled(&world, 1, || {
            thread::scope(|scope| {
                for me in 0..THREADS {
                    let (world, next, peak) = (&world, &next, &peak);
                    scope.spawn(move || {
                        for round in 0..rounds {
                            while next.load(SeqCst) != round * THREADS + me {
                                thread::yield_now();
                            }
                            (0..64).for_each(|number| world.replace(&(), number));
                            peak.fetch_max(LIVE.load(SeqCst), SeqCst);
                            next.fetch_add(1, SeqCst);
                        }
                    });
                }
            });
        });
        println!("{THREADS} threads that take turns and never pin: {peak:?} alive at most");
        assert!(peak.load(SeqCst) <= 2 * BOUND, "{peak:?}");
    }

    #[test]
    fn nodes_by_functions() {
        boxes("default: retire_node", |place| unsafe {
            retire_node(swap(place, Node::new(), &pin()));
        });
        boxes("default: retire_reclaimable", |place| unsafe {
            retire_reclaimable(swap(place, Node::new(), &pin()));
        });
    }

    #[test]
    fn atoms() {
        fn by(what: &str, replace: fn(&Atom<Node>)) {
            bounded(what, |count| By {
                places: (0..count).map(|_| Atom::new(Node::new())).collect(),
                load: |atom, _| assert_eq!(size_of_val(&atom.load().live), 0),
                replace,
                last: |_| (),
            });
        }
        by("Atom::store", |atom| atom.store(Node::new()));
        by("Atom::swap", |atom| drop(atom.swap(Node::new())));
        by("Atom::rcu", |atom| atom.rcu(|_| Node::new()));
    }

    #[test]
    fn atom_options() {
        fn by(what: &str, replace: fn(&AtomOption<Node>)) {
            bounded(what, |count| By {
                places: (0..count).map(|_| AtomOption::some(Node::new())).collect(),
                load: |atom, _| assert!(atom.load().is_some()),
                replace,
                last: |_| (),
            });
        }
        by("AtomOption::store_some", |atom| atom.store_some(Node::new()));
        by("AtomOption::take", |atom| {
            drop(atom.take());
            atom.store_some(Node::new());
        });
        by("AtomOption::rcu", |atom| atom.rcu(|_| Node::new()));
    }
}

/// A reader that keeps one guard and keeps loading holds what it has loaded, and no more. It loads as
/// many values as do not yet make its slot due for a drain the later.
#[test]
fn a_long_reader_holds_what_it_has_loaded() {
    const LOADS: usize = 1_000;
    let _turn = turn();
    let world = Own::new(1, |guard, node| unsafe { guard.retire(node) });
    let (over, loads) = (AtomicBool::new(false), AtomicUsize::new(0));
    let reads = AtomicBool::new(false);
    let mut worst = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let thread = world.enter();
            let guard = thread.pin();
            let mut last = world.places[0].load(SeqCst, &guard);
            reads.store(true, SeqCst);
            while !over.load(SeqCst) {
                if loads.load(SeqCst) < LOADS {
                    let now = world.places[0].load(SeqCst, &guard);
                    // Counted before it can be retired and missed.
                    loads.fetch_add(usize::from(now != last), SeqCst);
                    last = now;
                }
                thread::yield_now();
            }
        });
        while !reads.load(SeqCst) {
            thread::yield_now();
        }
        let thread = world.enter();
        for number in 0..replacements() {
            world.replace(&thread, number);
            let live = LIVE.load(SeqCst);
            worst = worst.max(live.saturating_sub(loads.load(SeqCst)));
        }
        over.store(true, SeqCst);
    });
    println!("a long reader: {loads:?} loads; besides them {worst} alive at most");
    assert!(worst <= BOUND, "{worst}");
}

/// A reader that keeps one guard, and loads the same values over and over, holds these and no more,
/// though its log is full all the time: their cells are too few.
#[test]
fn a_reader_that_goes_round_holds_what_it_has_loaded() {
    let _turn = turn();
    for values in [2, 12, 100, 500] {
        let world = Own::new(1 + values, |guard, node| unsafe { guard.retire(node) });
        let (over, ready) = (AtomicBool::new(false), AtomicBool::new(false));
        let mut worst = 0;
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let thread = world.enter();
                let guard = thread.pin();
                while !over.load(SeqCst) {
                    for place in &world.places[1..] {
                        place.load(SeqCst, &guard);
                    }
                    ready.store(true, SeqCst);
                }
            });
            while !ready.load(SeqCst) {
                thread::yield_now();
            }
            let thread = world.enter();
            for _ in 0..replacements() {
                // The first place only.
                world.replace(&thread, 0);
                worst = worst.max(LIVE.load(SeqCst));
            }
            over.store(true, SeqCst);
            reader.join().unwrap();
        });
        println!("a reader of {values} values: {worst} alive at most");
        assert!(worst <= BOUND / 2 + values, "{worst}");
    }
}

/// A writer that keeps one guard holds what it has loaded and published under it. It has done neither
/// here, since it replaces by the bare atomic.
#[test]
fn a_writer_under_one_guard_holds_a_bounded_number() {
    let _turn = turn();
    let collector = Collector::<Robust>::new();
    let handle = collector.register();
    let place = AtomicPtr::new(Box::into_raw(Box::new(Node::new())));
    let mut peaks = Peaks::default();
    let guard = handle.pin();
    for number in 1..=replacements() {
        let old = place.swap(Box::into_raw(Box::new(Node::new())), SeqCst);
        unsafe { guard.retire(old) };
        peaks.see(number, replacements());
    }
    peaks.assert_bounded(0, "a writer under one guard");
    // The same by `Atomic`, which publishes what it makes loadable: it holds all of it.
    let atomic = Atomic::new(place.into_inner());
    let before = LIVE.load(SeqCst);
    for _ in 0..10_000 {
        unsafe { guard.retire(swap(&atomic, Node::new(), &guard)) };
    }
    assert!(LIVE.load(SeqCst) >= before + 9_000);
    drop(guard);
    unsafe { handle.pin().retire(atomic.swap(Shared::null(), SeqCst, &handle.pin()).as_raw()) };
    drop(handle);
    drop(collector);
    assert_eq!(LIVE.load(SeqCst), 0);
}

/// Nodes that were there before a stall are retired one by one among younger ones, while another
/// reader looks now and then.
#[test]
fn old_nodes_among_young_ones_are_freed() {
    let _turn = turn();
    let node = || Box::into_raw(Box::new(Node::new()));
    let retire_node: unsafe fn(&Guard<Robust>, *mut Node) =
        |guard, node| unsafe { guard.retire_node(node) };
    for (way, retire) in [
        ("boxes", (|guard, node| unsafe { guard.retire(node) }) as unsafe fn(&Guard<Robust>, _)),
        ("headers", retire_node),
    ] {
        let world = Own::new(1, retire);
        let (cold, young) = (scaled(2000), 3000);
        let mut old: Vec<_> = (0..cold).map(|_| node()).collect();
        let mut fifo: VecDeque<_> = (0..young).map(|_| node()).collect();
        let mut peak = 0;
        beside_stalled(&world, 1, || {
            let (writer, reader) = (world.enter(), world.enter());
            let mut retired = 0;
            while let Some(one) = old.pop() {
                fifo.extend((0..63).map(|_| node()));
                let young: Vec<_> = fifo.drain(..63).collect();
                for node in young.into_iter().chain([one]) {
                    unsafe { retire(&writer.pin(), node) };
                    retired += 1;
                    if retired % 2000 == 0 {
                        _ = world.places[0].load(SeqCst, &reader.pin());
                    }
                }
                peak = peak.max(LIVE.load(SeqCst) - old.len() - fifo.len());
            }
        });
        println!("old among young, {way}: {peak} besides those that were not retired");
        // A header stands for all that is as old as it is: with headers the old ones are held.
        assert!(peak <= BOUND + if way == "headers" { cold + young } else { 0 }, "{peak}");
        let handle = world.enter();
        fifo.into_iter().for_each(|node| unsafe { handle.pin().retire(node) });
    }
    assert_eq!(LIVE.load(SeqCst), 0);
}
