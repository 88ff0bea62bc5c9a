//! What a user can ask of a collector besides pin, load and retire.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::thread;

mod common;

use common::Counted;
use kovan::{Builder, Collector, Free, Guard, Handle, Mode, Owned, Region, Robust, Stats};

fn retire<M: Mode>(handle: &Handle<M>, drops: &Arc<AtomicUsize>, times: usize) {
    for _ in 0..times {
        let guard = handle.pin();
        unsafe { guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(drops))))) };
    }
}

#[test]
fn stats_are_exact_after_a_flush() {
    let collector = Collector::<Region>::new();
    assert_eq!(collector.stats(), Stats::default());
    let drops = Arc::new(AtomicUsize::new(0));
    let (one, two) = (collector.register(), collector.register());
    let guard = two.pin();
    retire(&one, &drops, 100);
    one.flush();
    let stats = collector.stats();
    assert_eq!((stats.retired, stats.freed, stats.unreclaimed()), (100, 0, 100));
    assert_eq!((stats.slots, stats.pinned), (2, 1));
    drop(guard);
    one.try_quiesce().unwrap();
    let stats = collector.stats();
    assert_eq!((stats.freed, stats.pinned, stats.drains), (100, 0, 1));
    assert_eq!(drops.load(SeqCst), 100);
}

#[test]
fn counts_outlive_their_threads() {
    let collector = Collector::<Robust>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    for round in 1..=3 {
        thread::scope(|scope| {
            scope.spawn(|| retire(&collector.register(), &drops, 10)).join().unwrap()
        });
        assert_eq!(collector.stats().retired, 10 * round);
        assert_eq!(collector.stats().unreclaimed(), 0);
    }
    assert_eq!(collector.stats().slots, 1);
}

#[cfg(feature = "std")]
#[test]
fn quiesce_says_what_is_left() {
    let collector = Collector::<Region>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let (one, two) = (collector.register(), collector.register());
    let _guard = two.pin();
    retire(&one, &drops, 7);
    let left = one.quiesce(std::time::Duration::from_millis(10)).unwrap_err();
    assert_eq!((left.unreclaimed(), left.pinned), (7, 1));
}

#[test]
fn a_batch_is_as_large_as_was_asked_for() {
    let drops = Arc::new(AtomicUsize::new(0));
    for (asked, batch) in [(0, 1), (1, 1), (5, 5)] {
        let collector = Collector::<Region>::builder().batch(asked).build();
        let handle = collector.register();
        retire(&handle, &drops, batch - 1);
        assert_eq!(collector.stats().retired, 0, "batch of {asked}");
        retire(&handle, &drops, 1);
        assert_eq!(collector.stats().retired, batch as u64, "batch of {asked}");
    }
}

/// Nodes that one `pin` frees after a long section has ended.
fn freed_by_one_pin(free: Free) -> usize {
    let collector = Collector::<Region>::builder().free(free).build();
    let drops = Arc::new(AtomicUsize::new(0));
    let (reader, writer) = (collector.register(), collector.register());
    let guard = reader.pin();
    retire(&writer, &drops, 64 * 1000);
    drop(guard);
    let before = drops.load(SeqCst);
    drop(reader.pin());
    drops.load(SeqCst) - before
}

#[test]
fn a_pin_frees_an_eighth_of_what_waits_unless_asked_to() {
    assert!(freed_by_one_pin(Free::Amortised(2)) <= 64 * 126);
    assert!(freed_by_one_pin(Free::AtOnce) >= 64 * 900);
}

/// The most nodes that one call of a thread that retires all the time frees, pins included.
#[test]
fn a_thread_that_retires_frees_as_much_four_by_four() {
    let collector = Collector::<Region>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let handle = collector.register();
    let mut most = 0;
    for _ in 0..64 * 20 {
        let before = drops.load(SeqCst);
        let guard = handle.pin();
        unsafe { guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
        drop(guard);
        most = most.max(drops.load(SeqCst) - before);
    }
    assert_eq!(most, 4, "not as documented: a group of four, and no burst");
    assert!(drops.load(SeqCst) > 64 * 17);
}

#[test]
fn what_a_reader_has_to_free_is_freed_by_its_pins() {
    let collector = Collector::<Region>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let (reader, writer) = (collector.register(), collector.register());
    let guard = reader.pin();
    retire(&writer, &drops, 64 * 1000);
    drop(guard);
    for _ in 0..60 {
        drop(reader.pin());
    }
    // A few went home to the writer, and wait for its next pins, as the last batch does.
    let by_reader = drops.load(SeqCst);
    assert!((64 * 980..64 * 1000).contains(&by_reader), "{by_reader}");
    for _ in 0..20 {
        drop(writer.pin());
    }
    assert!(drops.load(SeqCst) >= 64 * 995);
    writer.flush();
    assert_eq!(drops.load(SeqCst), 64 * 1000);
}

#[test]
fn refresh_lets_go_unless_another_guard_is_there() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let (reader, writer) = (collector.register(), collector.register());
        let mut outer = reader.pin();
        let mut inner = reader.pin();
        retire(&writer, &drops, 10);
        writer.flush();
        // Both are the thread's guards: neither may end the other's protection.
        assert!(!inner.refresh() && !outer.refresh());
        reader.flush();
        assert!(M::ROBUST || drops.load(SeqCst) == 0);
        drop(inner);
        assert!(outer.refresh());
        // It went home, to be freed by the thread that retired it.
        writer.flush();
        assert_eq!(drops.load(SeqCst), 10);
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn owned_nodes_are_dropped_once_however_they_end() {
    let drops = Arc::new(AtomicUsize::new(0));
    let collector = Collector::<Robust>::new();
    let handle = collector.register();
    // A value that is larger in alignment than the era before it.
    #[repr(align(64))]
    struct Wide(Counted);
    let make = || Owned::new(Wide(Counted(Arc::clone(&drops))), &handle.pin());
    drop(make());
    drop(make().into_inner());
    let raw = make().into_raw();
    assert_eq!(raw.addr() % 64, 0);
    let mut back = unsafe { Owned::from_raw(raw) };
    back.0.0 = Arc::clone(&drops);
    drop(back);
    assert_eq!(drops.load(SeqCst), 3);
    unsafe { handle.pin().retire_owned(make().into_raw()) };
    handle.try_quiesce().unwrap();
    assert_eq!(drops.load(SeqCst), 4);
}

#[test]
fn a_stalled_thread_holds_few_owned_nodes() {
    let drops = Arc::new(AtomicUsize::new(0));
    let collector = Collector::<Robust>::new();
    let (reader, writer) = (collector.register(), collector.register());
    let new = || Owned::new(Counted(Arc::clone(&drops)), &writer.pin()).into_raw();
    let place = AtomicPtr::new(new());
    let stalled = reader.pin();
    stalled.protect(&place, SeqCst);
    for _ in 0..50_000 {
        let old = place.swap(new(), SeqCst);
        unsafe { writer.pin().retire_owned(old) };
    }
    writer.flush();
    assert!(50_000 - drops.load(SeqCst) < 2000, "{} dropped", drops.load(SeqCst));
    drop(stalled);
    drop(unsafe { Owned::from_raw(place.into_inner()) });
}

#[test]
fn auto_traits_are_as_documented() {
    fn shared<T: Send + Sync>() {}
    fn plain<T: Copy + Send + Sync + Unpin>() {}
    shared::<Collector<Region>>();
    shared::<Collector<Robust>>();
    shared::<kovan::Atomic<u8>>();
    shared::<Builder<Region>>();
    plain::<Stats>();
    plain::<Free>();
    // Not `Send`: the compile-fail examples of the crate. Unwind safety matters to tests that
    // catch a panic with a guard in scope.
    fn named<T: std::fmt::Debug>() {}
    named::<Guard<Region>>();
    named::<Handle<Robust>>();
}
