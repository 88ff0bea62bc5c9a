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

use common::scaled;
use kovan::{Atomic, Collector, Guard, Handle, Reclaimable, RetiredNode, Robust, Shared};

/// Numbers of nodes that a guard loads: they fit into the cells of a slot, just do not, fill its
/// first log, and many.
const LOADED: [usize; 5] = [1, 64, 65, 200, 5000];

/// Whether something was dropped.
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

/// After a few flushes nothing is left.
fn assert_all_freed(handle: &Handle<Robust>) {
    for _ in 0..4 {
        handle.flush();
    }
    assert_eq!(handle.collector().stats().unreclaimed(), 0);
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

/// Memory that readers load, and that a header stands for. It is never freed, only said to be.
#[derive(Default)]
struct Value {
    freed: AtomicBool,
}

/// Stands for values that readers load by their own addresses.
#[repr(C)]
struct Table {
    header: RetiredNode,
    values: Vec<&'static Value>,
}

impl Table {
    /// Makes the header. The values can be loaded after it.
    fn new(values: &[&'static Value]) -> *mut Self {
        values.iter().for_each(|value| value.freed.store(false, SeqCst));
        Box::into_raw(Box::new(Self { header: RetiredNode::new(), values: values.to_vec() }))
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.values.iter().for_each(|value| value.freed.store(true, SeqCst));
    }
}

unsafe impl Reclaimable for Table {
    fn retired_node(&self) -> &RetiredNode {
        &self.header
    }
    fn retired_node_mut(&mut self) -> &mut RetiredNode {
        &mut self.header
    }
}

/// Values that live as long as the process, as the memory of a pool does.
fn values(count: usize) -> Vec<&'static Value> {
    static ALL: std::sync::Mutex<Vec<&'static Value>> = std::sync::Mutex::new(Vec::new());
    let mut all = ALL.lock().unwrap();
    (0..count).for_each(|_| all.push(Box::leak(Box::default())));
    all[all.len() - count..].to_vec()
}

fn place_of(value: &'static Value) -> AtomicPtr<Value> {
    AtomicPtr::new(std::ptr::from_ref(value).cast_mut())
}

type RetireTable = unsafe fn(&Guard<Robust>, *mut Table);
const RETIRE_TABLE: [RetireTable; 2] = [
    |guard, table| unsafe { guard.retire_node(table) },
    |guard, table| unsafe { guard.retire_reclaimable(table) },
];

/// Retires a table, and asserts that its values stay as long as `guard`.
fn assert_stays(
    guard: Guard<Robust>,
    writer: &Handle<Robust>,
    table: *mut Table,
    retire: RetireTable,
    values: &[&Value],
) {
    unsafe { retire(&writer.pin(), table) };
    for _ in 0..10 {
        writer.flush();
        let freed = values.iter().filter(|value| value.freed.load(SeqCst)).count();
        assert_eq!(freed, 0, "freed under a guard that has loaded them");
    }
    drop(guard);
    assert_all_freed(writer);
    assert!(values.iter().all(|value| value.freed.load(SeqCst)));
}

#[test]
fn what_a_header_stands_for_stays() {
    for (count, retire) in LOADED.into_iter().flat_map(|count| RETIRE_TABLE.map(|way| (count, way)))
    {
        let collector = Collector::<Robust>::new();
        let (reader, writer) = (collector.register(), collector.register());
        let values = values(count);
        let table = Table::new(&values);
        let guard = reader.pin();
        for value in &values {
            guard.protect(&place_of(value), SeqCst);
        }
        assert_stays(guard, &writer, table, retire, &values);
    }
}

/// A thread frees a table itself, outside of guards, and loads what is made anew in the same memory:
/// what it had published of the old one must not stand for the new one.
#[test]
fn what_a_header_stands_for_stays_in_memory_that_the_reader_knows() {
    for retire in RETIRE_TABLE {
        let collector = Collector::<Robust>::new();
        let (reader, writer) = (collector.register(), collector.register());
        let values = values(3);
        let places: Vec<_> = values.iter().map(|value| place_of(value)).collect();
        for _ in 0..3 {
            let table = Table::new(&values);
            let guard = reader.pin();
            places.iter().for_each(|place| assert!(!guard.protect(place, SeqCst).is_null()));
            unsafe { retire(&guard, table) };
            drop(guard);
            reader.flush();
            assert!(values.iter().all(|value| value.freed.load(SeqCst)));
        }
        let table = Table::new(&values);
        let guard = reader.pin();
        places.iter().for_each(|place| assert!(!guard.protect(place, SeqCst).is_null()));
        assert_stays(guard, &writer, table, retire, &values);
    }
}

/// Memory of which the reader knows the address may be freed at once, and not by way of the collector:
/// by whoever owns a structure alone, or because its publication has failed.
#[test]
fn what_a_header_stands_for_stays_in_memory_that_was_freed_at_once() {
    let load = |guard: &Guard<Robust>, value: &'static Value| {
        guard.protect(&place_of(value), SeqCst);
    };
    let fail_to_publish = |guard: &Guard<Robust>, value: &'static Value| {
        let new = unsafe { Shared::from_raw(place_of(value).into_inner()) };
        let atomic = Atomic::new(new.as_raw());
        assert!(atomic.compare_exchange(Shared::null(), new, SeqCst, SeqCst, guard).is_err());
    };
    let before: [fn(&Guard<Robust>, &'static Value); 2] = [load, fail_to_publish];
    for (retire, before) in RETIRE_TABLE.into_iter().flat_map(|way| before.map(|b| (way, b))) {
        let collector = Collector::<Robust>::new();
        let (reader, writer) = (collector.register(), collector.register());
        let values = values(3);
        let guard = reader.pin();
        values.iter().for_each(|value| before(&guard, value));
        drop(guard);
        // The clock is that of all collectors, and nothing is pushed to the slot of the reader.
        let clock = Collector::<Robust>::new().register();
        unsafe { clock.pin().retire_node(Table::new(&[])) };
        clock.flush();
        let table = Table::new(&values);
        let guard = reader.pin();
        values.iter().for_each(|value| load(&guard, value));
        assert_stays(guard, &writer, table, retire, &values);
    }
}

/// A guard that has loaded nothing for long publishes a value, whose header is younger than that.
#[test]
fn what_a_header_stands_for_stays_if_the_guard_has_published_it() {
    for (retire, load) in RETIRE_TABLE.into_iter().flat_map(|way| [(way, true), (way, false)]) {
        let collector = Collector::<Robust>::new();
        let (reader, writer) = (collector.register(), collector.register());
        let values = values(3);
        let guard = reader.pin();
        for _ in 0..5 {
            unsafe { writer.pin().retire_node(Table::new(&[])) };
            writer.flush();
        }
        let table = Table::new(&values);
        for value in &values {
            let (null, atomic) = (Shared::null(), Atomic::null());
            let value = unsafe { Shared::from_raw(std::ptr::from_ref(*value).cast_mut()) };
            assert!(atomic.compare_exchange(null, value, SeqCst, SeqCst, &guard).is_ok());
            if load {
                assert_eq!(atomic.load(SeqCst, &guard), value);
            }
        }
        assert_stays(guard, &writer, table, retire, &values);
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

/// A thread makes a header before it has a guard, or used the default collector at all; its next guard
/// holds the node, though a store has told it nothing.
#[cfg(all(feature = "robust", feature = "std"))]
#[test]
fn what_was_made_before_the_guard_and_is_published_by_a_store_stays() {
    use kovan::{pin, retire_node};
    for used_before in [false, true] {
        // Eras pass before the node is made.
        for _ in 0..200 {
            unsafe { retire_node(Node::new(&Flag::default())) };
        }
        let (place, dropped) = (AtomicPtr::<Node>::new(null_mut()), Flag::default());
        let (published, retired) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                if used_before {
                    drop(pin());
                }
                let node = Node::new(&dropped);
                let guard = pin();
                place.store(node, SeqCst);
                published.wait();
                retired.wait();
                assert!(!dropped.is_set(), "freed under the guard of its maker");
                drop(guard);
            });
            published.wait();
            unsafe { retire_node(place.swap(null_mut(), SeqCst)) };
            for _ in 0..64 * 64 {
                unsafe { retire_node(Node::new(&Flag::default())) };
            }
            kovan::flush();
            kovan::flush();
            retired.wait();
        });
    }
}
