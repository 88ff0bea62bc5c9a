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
    let stats = collector.stats();
    assert_eq!((stats.retired, stats.freed, stats.open), (100, 0, 36), "one batch is handed in");
    assert_eq!((stats.unreclaimed(), stats.waiting()), (100, 64));
    one.flush();
    let stats = collector.stats();
    assert_eq!((stats.retired, stats.freed, stats.unreclaimed()), (100, 0, 100));
    assert_eq!((stats.open, stats.waiting()), (0, 100));
    assert_eq!((stats.threads, stats.pinned), (2, 1));
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
    assert_eq!(collector.stats().threads, 0);
}

#[cfg(feature = "std")]
#[test]
fn quiesce_says_what_is_left() {
    fn case<M: Mode>(left: u64) {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let (one, two) = (collector.register(), collector.register());
        let place = AtomicPtr::new(Box::into_raw(Box::new(Counted(Arc::clone(&drops)))));
        let guard = two.pin();
        let loaded = guard.protect(&place, SeqCst);
        retire(&one, &drops, 6);
        unsafe { one.pin().retire(loaded) };
        for _ in 0..3 {
            let stats = one.quiesce(std::time::Duration::from_millis(10)).unwrap_err();
            assert_eq!((stats.unreclaimed(), stats.waiting(), stats.pinned), (left, left, 1));
        }
        drop(guard);
        assert_eq!(one.try_quiesce(), Ok(()));
        assert_eq!(drops.load(SeqCst), 7);
    }
    case::<Region>(7);
    case::<Robust>(1);
}

#[test]
fn a_batch_is_as_large_as_was_asked_for_within_its_limits() {
    let drops = Arc::new(AtomicUsize::new(0));
    for (asked, batch) in [(0, 1), (1, 1), (5, 5), (63, 63), (64, 64), (65, 64), (usize::MAX, 64)] {
        let collector = Collector::<Region>::builder().batch(asked).build();
        let handle = collector.register();
        retire(&handle, &drops, batch - 1);
        assert_eq!(collector.stats().open, batch as u64 - 1, "batch of {asked}");
        retire(&handle, &drops, 1);
        assert_eq!(collector.stats().open, 0, "batch of {asked}");
        assert_eq!(collector.stats().waiting(), batch as u64, "batch of {asked}");
    }
}

/// A reader that has held back so many batches, and holds none any more; who retired them; and the
/// drops of their nodes.
fn after_a_long_guard(
    collector: &Collector<Region>,
    batches: usize,
) -> (Handle<Region>, Handle<Region>, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    let (reader, writer) = (collector.register(), collector.register());
    let guard = reader.pin();
    retire(&writer, &drops, 64 * batches);
    assert_eq!(drops.load(SeqCst), 0);
    drop(guard);
    (reader, writer, drops)
}

/// Batches that one look at the list of a pin acknowledges at most, as in `src/local/retire.rs`. A
/// pin that runs destructors looks before them and after them.
const PIN_LINKS: usize = 256;

#[test]
fn a_pin_frees_a_batch_unless_asked_for_all() {
    for (free, limits) in [
        (Free::Amortised(2), 1..=64),
        // A few of those that it acknowledges are returned to the thread that retired them.
        (Free::AtOnce, 64 * (PIN_LINKS - 16)..=64 * 2 * PIN_LINKS),
    ] {
        let collector = Collector::builder().free(free).build();
        let (reader, _writer, drops) = after_a_long_guard(&collector, 1000);
        for pin in 0..2 {
            let before = drops.load(SeqCst);
            drop(reader.pin());
            let freed = drops.load(SeqCst) - before;
            assert!(limits.contains(&freed), "{free:?}: pin {pin} has freed {freed}");
        }
    }
}

/// Destructors that one call runs, of a thread that retires all the time.
#[test]
fn a_thread_that_retires_frees_as_much_seven_by_seven() {
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
    assert_eq!(most, 7, "not as documented: a group of seven, and no burst");
    assert!(drops.load(SeqCst) > 64 * 17);
}

#[test]
fn what_a_reader_has_to_free_is_freed_by_its_pins() {
    const BATCHES: usize = 1000;
    let collector = Collector::<Region>::new();
    let (reader, writer, drops) = after_a_long_guard(&collector, BATCHES);
    for _ in 0..BATCHES + 10 {
        let before = drops.load(SeqCst);
        drop(reader.pin());
        assert!(drops.load(SeqCst) - before <= 64, "a burst");
    }
    // A few were returned to the writer, and wait for its next pins, as the last batch does.
    let by_reader = drops.load(SeqCst);
    assert!((64 * (BATCHES - 40)..64 * BATCHES).contains(&by_reader), "{by_reader}");
    for _ in 0..60 {
        drop(writer.pin());
    }
    writer.flush();
    assert_eq!(drops.load(SeqCst), 64 * BATCHES);
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
        // It was returned to the thread that retired it, to be freed there.
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
