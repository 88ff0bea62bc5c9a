//! What a guard of a robust collector has loaded stays as long as the guard, however much is retired
//! and however often others look for what they can free.
//!
//! All nodes here say outside of themselves whether they were dropped, so a test that fails reads no
//! memory that was freed.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::thread;

mod common;

use common::{LOADED, assert_all_freed, scaled};
use kovan::{Atomic, Collector, Guard, Reclaimable, RetiredNode, Robust, Shared};

/// Set when something is dropped.
#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }
}

#[repr(C)]
struct Node {
    header: RetiredNode,
    before: u64,
    field: u64,
    dropped: Flag,
}

impl Node {
    fn new(dropped: &Flag) -> *mut Self {
        let header = RetiredNode::new();
        Box::into_raw(Box::new(Self { header, before: 1, field: 2, dropped: dropped.clone() }))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.dropped.0.store(true, SeqCst);
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

/// Nodes, the flags that outlive them, and where they can be loaded.
struct Nodes {
    nodes: Vec<*mut Node>,
    flags: Vec<Flag>,
}

impl Nodes {
    fn new(count: usize) -> Self {
        let flags: Vec<_> = (0..count).map(|_| Flag::default()).collect();
        Self { nodes: flags.iter().map(Node::new).collect(), flags }
    }

    fn dropped(&self) -> usize {
        self.flags.iter().filter(|flag| flag.is_set()).count()
    }
}

type Retire = unsafe fn(&Guard<Robust>, *mut Node);
const RETIRE: [Retire; 4] = [
    |guard, node| unsafe { guard.retire(node) },
    |guard, node| unsafe { guard.retire_owned(node) },
    |guard, node| unsafe { guard.retire_node(node) },
    |guard, node| unsafe { guard.retire_reclaimable(node) },
];

/// Lets `hold` load or publish each of many nodes through one guard, unlinks and retires all of them
/// in every way, and looks whether one is dropped before the guard ends.
fn stays(hold: impl Fn(&Guard<Robust>, &AtomicPtr<Node>)) {
    for (count, retire) in LOADED.into_iter().flat_map(|count| RETIRE.map(|way| (count, way))) {
        let collector = Collector::<Robust>::new();
        let (reader, writer) = (collector.register(), collector.register());
        let Nodes { nodes, flags } = Nodes::new(count);
        let places: Vec<_> = nodes.iter().map(|&node| AtomicPtr::new(node)).collect();
        let guard = reader.pin();
        places.iter().for_each(|place| hold(&guard, place));
        for place in &places {
            unsafe { retire(&writer.pin(), place.swap(null_mut(), SeqCst)) };
        }
        let filler = Flag::default();
        for round in 0..20 {
            for _ in 0..100 {
                unsafe { writer.pin().retire(Node::new(&filler)) };
            }
            writer.flush();
            let dropped = flags.iter().filter(|flag| flag.is_set()).count();
            assert_eq!(dropped, 0, "of {count}, in round {round}");
        }
        assert!(filler.is_set(), "nothing was freed at all");
        for &node in &nodes {
            assert_eq!(unsafe { ((*node).before, (*node).field) }, (1, 2));
        }
        drop(guard);
        assert_all_freed(&writer);
        assert!(flags.iter().all(Flag::is_set));
    }
}

#[test]
fn what_is_loaded_stays() {
    stays(|guard, place| assert!(!guard.protect(place, SeqCst).is_null()));
}

#[test]
fn what_is_loaded_with_a_tag_stays() {
    stays(|guard, place| {
        let marked = AtomicPtr::new(place.load(SeqCst).map_addr(|address| address | 5));
        assert_eq!(guard.protect(&marked, SeqCst).addr() & 7, 5);
        let node = unsafe { Shared::from_raw(place.load(SeqCst)) };
        let marked = Atomic::new(node.with_tag(3).as_raw());
        assert_eq!(marked.load(SeqCst, guard).tag(), 3);
    });
}

#[test]
fn a_node_stays_of_which_a_field_is_loaded() {
    stays(|guard, place| {
        let field = AtomicPtr::new(unsafe { &raw mut (*place.load(SeqCst)).field });
        assert_eq!(unsafe { *guard.protect(&field, SeqCst) }, 2);
    });
}

#[test]
fn what_the_guard_has_published_itself_stays() {
    for weak in [false, true] {
        stays(|guard, place| {
            let null = Shared::null();
            let (node, atomic) = (unsafe { Shared::from_raw(place.load(SeqCst)) }, Atomic::null());
            let done = if weak {
                (0..1000).any(|_| {
                    atomic.compare_exchange_weak(null, node, SeqCst, SeqCst, guard).is_ok()
                })
            } else {
                atomic.compare_exchange(null, node, SeqCst, SeqCst, guard).is_ok()
            };
            assert!(done);
        });
    }
    stays(|guard, place| {
        let node = unsafe { Shared::from_raw(place.load(SeqCst)) };
        Atomic::null().swap(node, SeqCst, guard);
    });
    stays(|guard, place| {
        let node = unsafe { Shared::from_raw(place.load(SeqCst)) };
        let published = Atomic::null().fetch_update(SeqCst, SeqCst, guard, |_| Some(node));
        assert!(published.is_ok());
    });
}

#[test]
fn what_is_loaded_under_an_inner_guard_stays_as_long_as_the_outer_one() {
    let collector = Collector::<Robust>::new();
    let (reader, writer) = (collector.register(), collector.register());
    let flag = Flag::default();
    let place = AtomicPtr::new(Node::new(&flag));
    let outer = reader.pin();
    reader.pin().protect(&place, SeqCst);
    unsafe { writer.pin().retire(place.swap(null_mut(), SeqCst)) };
    (0..10).for_each(|_| writer.flush());
    assert!(!flag.is_set());
    drop(outer);
    assert_all_freed(&writer);
}

/// Addresses that take each other's place again and again push the first one out of every memory
/// that forgets.
#[test]
fn what_was_loaded_first_stays_while_a_guard_goes_round() {
    let collector = Collector::<Robust>::new();
    let (reader, writer) = (collector.register(), collector.register());
    let first = Flag::default();
    let place = AtomicPtr::new(Node::new(&first));
    let others = Nodes::new(300);
    let guard = reader.pin();
    guard.protect(&place, SeqCst);
    unsafe { writer.pin().retire(place.swap(null_mut(), SeqCst)) };
    for round in 0..100 {
        for &other in &others.nodes {
            guard.protect(&AtomicPtr::new(other), SeqCst);
        }
        writer.flush();
        assert!(!first.is_set(), "in round {round}");
    }
    for &other in &others.nodes {
        unsafe { writer.pin().retire(other) };
    }
    (0..10).for_each(|_| writer.flush());
    assert_eq!((first.is_set(), others.dropped()), (false, 0));
    drop(guard);
    assert_all_freed(&writer);
    assert_eq!((first.is_set(), others.dropped()), (true, 300));
}

/// A guard that ends, and one that is renewed, hold nothing of what they held.
#[test]
fn what_earlier_sections_loaded_is_freed() {
    for renew in [false, true] {
        let collector = Collector::<Robust>::new();
        let (reader, writer) = (collector.register(), collector.register());
        let nodes = Nodes::new(500);
        let mut guard = reader.pin();
        for &node in &nodes.nodes {
            guard.protect(&AtomicPtr::new(node), SeqCst);
            unsafe { writer.pin().retire(node) };
        }
        writer.flush();
        assert_eq!(nodes.dropped(), 0);
        if renew {
            assert!(guard.refresh());
        } else {
            drop(guard);
            guard = reader.pin();
        }
        (0..4).for_each(|_| writer.flush());
        assert_eq!(nodes.dropped(), 500, "renewed: {renew}");
        drop(guard);
    }
}

/// A node of a run with many threads: who has its index can ask whether it was dropped.
#[repr(C)]
struct Indexed {
    header: RetiredNode,
    index: usize,
    dropped: Arc<Vec<AtomicBool>>,
}

impl Drop for Indexed {
    fn drop(&mut self) {
        self.dropped[self.index].store(true, SeqCst);
    }
}

#[test]
fn readers_and_writers_meet() {
    const PLACES: usize = 500;
    const WRITERS: usize = 2;
    let each = scaled(30_000);
    let dropped: Arc<Vec<_>> =
        Arc::new((0..PLACES + WRITERS * each).map(|_| AtomicBool::new(false)).collect());
    let made = AtomicUsize::new(0);
    let node = || {
        let index = made.fetch_add(1, SeqCst);
        let (header, dropped) = (RetiredNode::new(), Arc::clone(&dropped));
        Box::into_raw(Box::new(Indexed { header, index, dropped }))
    };
    let places: Vec<_> = (0..PLACES).map(|_| AtomicPtr::new(node())).collect();
    let collector = Collector::<Robust>::new();
    let writing = AtomicUsize::new(WRITERS);
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let handle = collector.register();
                for number in 0..each {
                    let guard = handle.pin();
                    let old = places[number * 7 % PLACES].swap(node(), SeqCst);
                    match number % 3 {
                        0 => unsafe { guard.retire_node(old) },
                        _ => unsafe { guard.retire(old) },
                    }
                    drop(guard);
                    if number % 300 == 0 {
                        handle.flush();
                    }
                }
                writing.fetch_sub(1, SeqCst);
            });
        }
        for seed in 1..=2 {
            let (collector, writing, places, dropped) = (&collector, &writing, &places, &dropped);
            scope.spawn(move || {
                let handle = collector.register();
                let mut random = common::Random(seed);
                let mut held = Vec::new();
                while writing.load(SeqCst) > 0 {
                    let guard = handle.pin();
                    for _ in 0..random.below(3 * PLACES) {
                        let node = guard.protect(&places[random.below(PLACES)], SeqCst);
                        held.push(unsafe { (*node).index });
                        if random.below(50) == 0 {
                            thread::yield_now();
                        }
                    }
                    for index in held.drain(..) {
                        assert!(!dropped[index].load(SeqCst), "dropped under a guard");
                    }
                }
            });
        }
    });
    let handle = collector.register();
    for place in places {
        unsafe { handle.pin().retire(place.into_inner()) };
    }
    assert_all_freed(&handle);
    assert!(dropped.iter().all(|dropped| dropped.load(SeqCst)));
}
