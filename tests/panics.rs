//! Panics of destructors: nothing is lost, nothing is half done, and the panic comes back at a flush.
#![cfg(feature = "std")] // Nothing catches them without.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

mod common;

use common::{Counted, turn};
use kovan::{Atom, AtomOption, Collector, Handle, Mode, Region, Robust};

/// What a destructor throws: its number.
struct Thrown(usize);

/// Throws its number when it is dropped, without a message.
struct Bomb(usize);

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new(Thrown(self.0)));
    }
}

/// Calls `body`, which must not panic, and returns what the next flush throws.
fn thrown_after(body: impl FnOnce()) -> Option<usize> {
    assert!(catch_unwind(AssertUnwindSafe(body)).is_ok(), "the panic of another's destructor");
    let flushed = catch_unwind(kovan::flush);
    flushed.err().map(|thrown| thrown.downcast::<Thrown>().unwrap().0)
}

/// Bombs that the next calls of this thread set off: a long guard has held them.
fn armed(count: usize) {
    let bombs = Atom::new(None);
    let long = bombs.load();
    for number in 1..=count {
        bombs.store(Some(Bomb(number)));
    }
    bombs.store(None);
    drop(long);
}

/// Safe code only: the destructors of other values panic in the calls that replace and remove.
#[test]
fn what_is_replaced_and_removed_is_dropped_though_other_destructors_panic() {
    let _turn = turn();
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = || Counted(Arc::clone(&drops));
    let calls: [(&str, &dyn Fn()); 7] = [
        ("Removed::drop", &|| drop(AtomOption::some(counted()).take())),
        ("Atom::store", &|| {
            let atom = Atom::new(None);
            atom.store(Some(counted()));
            atom.store(None);
        }),
        ("Atom::swap", &|| drop(Atom::new(Some(counted())).swap(None))),
        ("Atom::rcu", &|| Atom::new(Some(counted())).rcu(|_| None)),
        ("Atom::compare_and_swap", &|| {
            let atom = Atom::new(Some(counted()));
            assert!(atom.compare_and_swap(&atom.load(), None).is_ok());
        }),
        ("AtomOption::store_none", &|| AtomOption::some(counted()).store_none()),
        ("retire", &|| unsafe { kovan::retire(Box::into_raw(Box::new(counted()))) }),
    ];
    for (name, call) in calls {
        let before = drops.load(SeqCst);
        armed(64 * 8);
        let mut thrown = 0;
        for round in 1..=200 {
            thrown += usize::from(thrown_after(call).is_some());
            armed(64);
            // The next flush drops what this round has retired, if a panic did not lose it.
            let _ = catch_unwind(kovan::flush);
            let _ = catch_unwind(kovan::flush);
            assert_eq!(drops.load(SeqCst) - before, round, "{name}");
        }
        assert!(thrown > 0, "{name}: no destructor has panicked");
    }
    while catch_unwind(kovan::flush).is_err() {}
}

/// Retirements and pins that set off many of them: none of the calls panics, the flush throws the
/// first, once, and every destructor has run.
#[test]
fn the_first_panic_comes_back_from_the_next_flush() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let handle = collector.register();
        let drops = Arc::new(AtomicUsize::new(0));
        let retire = |handle: &Handle<M>, number| {
            let guard = handle.pin();
            unsafe { guard.retire(Box::into_raw(Box::new(Bomb(number)))) };
            unsafe { guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
        };
        for number in 1..=1000 {
            let called = catch_unwind(AssertUnwindSafe(|| retire(&handle, number)));
            assert!(called.is_ok(), "retirement {number}");
        }
        let freed = collector.stats().freed;
        assert!(freed > 500, "nothing was freed before the flush: {freed}");
        let thrown = catch_unwind(AssertUnwindSafe(|| handle.flush())).unwrap_err();
        // The nodes of the first batch are freed first, the newest of them at the front.
        assert!((1..=32).contains(&thrown.downcast::<Thrown>().unwrap().0), "not the first");
        for _ in 0..3 {
            handle.flush();
        }
        assert_eq!((drops.load(SeqCst), collector.stats().unreclaimed()), (1000, 0));
    }
    case::<Region>();
    case::<Robust>();
}

/// A flush while the thread unwinds keeps silent, since a second panic would abort.
#[test]
fn no_panic_comes_back_while_the_thread_unwinds() {
    struct Flushes(Handle<Region>);
    impl Drop for Flushes {
        fn drop(&mut self) {
            self.0.flush();
            self.0.flush_pending();
        }
    }
    let collector = Collector::<Region>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let flushes = Flushes(collector.register());
    for _ in 0..10 {
        let guard = flushes.0.pin();
        unsafe { guard.retire(Box::into_raw(Box::new(Bomb(1)))) };
        unsafe { guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
    }
    let thrown = catch_unwind(AssertUnwindSafe(move || {
        let _flushes = flushes;
        resume_unwind(Box::new("its own"));
    }));
    assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&"its own"));
    assert_eq!((drops.load(SeqCst), collector.stats().unreclaimed()), (10, 0));
}

/// The panic ends with its thread.
#[test]
fn a_thread_that_leaves_takes_its_panic_along() {
    let _turn = turn();
    let drops = Arc::new(AtomicUsize::new(0));
    let leaves = {
        let drops = Arc::clone(&drops);
        thread::spawn(move || {
            for number in 0..100 {
                let counted = Counted(Arc::clone(&drops));
                unsafe { kovan::retire(Box::into_raw(Box::new((counted, Bomb(number))))) };
            }
        })
    };
    assert!(leaves.join().is_ok());
    kovan::flush();
    assert_eq!(drops.load(SeqCst), 100);
    kovan::flush();
}
