//! What a header stands for stays as long as a guard of a robust collector that may have loaded it:
//! memory that readers load by other addresses than the node's own.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::SeqCst};

mod common;

use common::{LOADED, assert_all_freed};
use kovan::{Atomic, Collector, Guard, Handle, Reclaimable, RetiredNode, Robust, Shared};

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

/// A thread makes a header before it has a guard, or used the default collector at all; its next guard
/// holds the node, though a store has told it nothing.
#[cfg(all(feature = "robust", feature = "std"))]
#[test]
fn what_was_made_before_the_guard_and_is_published_by_a_store_stays() {
    use kovan::{pin, retire_node};
    use std::ptr::null_mut;
    use std::sync::Barrier;
    use std::thread;

    for used_before in [false, true] {
        // Eras pass before the node is made.
        for _ in 0..200 {
            unsafe { retire_node(Table::new(&[])) };
        }
        let (place, values) = (AtomicPtr::<Table>::new(null_mut()), values(1));
        let (published, retired) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            let maker = scope.spawn(|| {
                if used_before {
                    drop(pin());
                }
                let node = Table::new(&values);
                let guard = pin();
                place.store(node, SeqCst);
                published.wait();
                retired.wait();
                assert!(!values[0].freed.load(SeqCst), "freed under the guard of its maker");
                drop(guard);
            });
            published.wait();
            unsafe { retire_node(place.swap(null_mut(), SeqCst)) };
            for _ in 0..64 * 64 {
                unsafe { retire_node(Table::new(&[])) };
            }
            kovan::flush();
            kovan::flush();
            retired.wait();
            maker.join().unwrap();
        });
    }
}
