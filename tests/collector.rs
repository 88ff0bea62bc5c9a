//! What a collector promises, in both modes. Each test is one that a published crate once failed.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;

mod common;

use common::Counted;
use kovan::{Collector, Guard, Handle, Mode, Owned, Region, Robust};

/// Nodes per batch, as in `src/batch.rs`.
const BATCH: usize = 64;

macro_rules! in_both_modes {
    ($($name:ident)*) => {
        mod region {
            $(#[test] fn $name() { super::$name::<super::Region>(); })*
        }
        mod robust {
            $(#[test] fn $name() { super::$name::<super::Robust>(); })*
        }
    };
}
in_both_modes! {
    idle_threads_hold_a_bounded_number_of_nodes
    an_inner_guard_does_not_end_the_outer_one
    retirement_without_a_guard_does_not_pile_up
    a_batch_may_mix_types
    flush_under_a_live_guard_frees_nothing_of_it
    a_panicking_destructor_is_heard_and_the_rest_is_freed
    a_guard_may_outlive_its_handle
    a_thread_may_exit_while_its_slot_is_drained
    a_long_chain_of_retiring_destructors_does_not_recurse
}

fn retire_counted<M: Mode>(guard: &Guard<M>, drops: &Arc<AtomicUsize>) {
    let value = Owned::new(Counted(Arc::clone(drops)), guard).into_raw();
    unsafe { guard.retire_owned(value) };
}

fn idle_threads_hold_a_bounded_number_of_nodes<M: Mode>() {
    const IDLE: usize = 32;
    let collector = Collector::<M>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let (release, wait) = channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let (ready, all_ready) = channel();
    thread::scope(|scope| {
        for _ in 0..IDLE {
            let (collector, ready, wait) = (&collector, ready.clone(), Arc::clone(&wait));
            scope.spawn(move || {
                let handle = collector.register();
                drop(handle.pin());
                ready.send(()).unwrap();
                // Idle until the others are done: whoever holds the lock waits, the rest queue.
                let _ = wait.lock().unwrap().recv();
            });
        }
        for _ in 0..IDLE {
            all_ready.recv().unwrap();
        }
        let handle = collector.register();
        let mut held = Vec::new();
        for round in 1..=4 {
            for _ in 0..50_000 {
                retire_counted(&handle.pin(), &drops);
            }
            held.push(round * 50_000 - drops.load(SeqCst));
        }
        drop(release);
        // A backlog of 32 batches until a drain, and the same again for bad luck.
        assert!(held.iter().all(|&held| held <= 64 * BATCH), "held over time: {held:?}");
    });
}

fn an_inner_guard_does_not_end_the_outer_one<M: Mode>() {
    let collector = Collector::<M>::new();
    let (reader, writer) = (collector.register(), collector.register());
    let drops = Arc::new(AtomicUsize::new(0));
    let node = Box::into_raw(Box::new(Counted(Arc::clone(&drops))));
    let cell = AtomicPtr::new(node);

    let outer = reader.pin();
    assert_eq!(outer.protect(&cell, SeqCst), node);
    drop(reader.pin());
    {
        let guard = writer.pin();
        cell.store(std::ptr::null_mut(), SeqCst);
        unsafe { guard.retire(node) };
    }
    for _ in 0..100 {
        writer.pin().flush();
        drop(reader.pin());
    }
    assert_eq!(drops.load(SeqCst), 0);
    drop(outer);
    drop(reader.pin());
    drop(writer.pin());
    // A robust collector has retired it again in place of holding its batch.
    writer.flush();
    assert_eq!(drops.load(SeqCst), 1);
}

fn retirement_without_a_guard_does_not_pile_up<M: Mode>() {
    let collector = Collector::<M>::new();
    let handle = collector.register();
    let drops = Arc::new(AtomicUsize::new(0));
    drop(handle.pin());
    for made in 1..=10_000 {
        // The guard of the retirement is gone before the flush.
        retire_counted(&handle.pin(), &drops);
        handle.flush();
        assert!(made - drops.load(SeqCst) <= 2, "{made} retired");
    }
}

fn a_batch_may_mix_types<M: Mode>() {
    let collector = Collector::<M>::new();
    let handle = collector.register();
    let drops = Arc::new(AtomicUsize::new(0));
    for i in 0..10 * BATCH {
        let guard = handle.pin();
        unsafe {
            match i % 3 {
                0 => guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))),
                1 => guard.retire(Box::into_raw(Box::new(vec![Counted(Arc::clone(&drops))]))),
                _ => guard.retire(Box::into_raw(Box::new((1_u8, Counted(Arc::clone(&drops)))))),
            }
        }
    }
    drop(handle);
    assert_eq!(drops.load(SeqCst), 10 * BATCH);
}

fn flush_under_a_live_guard_frees_nothing_of_it<M: Mode>() {
    let collector = Collector::<M>::new();
    let handle = collector.register();
    let drops = Arc::new(AtomicUsize::new(0));
    let guard = handle.pin();
    let node = Box::into_raw(Box::new(Counted(Arc::clone(&drops))));
    let cell = AtomicPtr::new(node);
    assert_eq!(guard.protect(&cell, SeqCst), node);
    unsafe { guard.retire(node) };
    for _ in 0..10 {
        guard.flush();
        handle.flush();
    }
    assert_eq!(drops.load(SeqCst), 0);
    drop(guard);
    handle.flush();
    drop(handle.pin());
    assert_eq!(drops.load(SeqCst), 1);
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a destructor that panics, as the test wants");
    }
}

fn a_panicking_destructor_is_heard_and_the_rest_is_freed<M: Mode>() {
    let collector = Collector::<M>::new();
    let handle = collector.register();
    let drops = Arc::new(AtomicUsize::new(0));
    {
        let guard = handle.pin();
        for _ in 0..10 {
            retire_counted(&guard, &drops);
        }
        unsafe { guard.retire(Box::into_raw(Box::new(Panics))) };
        for _ in 0..10 {
            retire_counted(&guard, &drops);
        }
    }
    let heard = catch_unwind(AssertUnwindSafe(|| handle.flush()));
    assert!(heard.is_err(), "the panic was swallowed");
    if cfg!(not(feature = "std")) {
        handle.flush(); // Nothing caught it, so the rest waits for the next call.
    }
    assert_eq!(drops.load(SeqCst), 20);
    // The collector works on.
    retire_counted(&handle.pin(), &drops);
    handle.flush();
    assert_eq!(drops.load(SeqCst), 21);
}

fn a_guard_may_outlive_its_handle<M: Mode>() {
    let collector = Collector::<M>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let handle = collector.register();
    let guard = handle.pin();
    retire_counted(&guard, &drops);
    drop(handle);
    drop(collector);
    retire_counted(&guard, &drops);
    assert_eq!(drops.load(SeqCst), 0);
    drop(guard);
    assert_eq!(drops.load(SeqCst), 2);
}

fn a_thread_may_exit_while_its_slot_is_drained<M: Mode>() {
    let collector = Collector::<M>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            // Retirers, that fill the slots of the others and try to drain them.
            scope.spawn(|| {
                let handle = collector.register();
                for _ in 0..60_000 {
                    retire_counted(&handle.pin(), &drops);
                    made.fetch_add(1, SeqCst);
                }
            });
        }
        for _ in 0..2 {
            // Threads that come, pin, idle for a moment, and go: their slots are reused.
            scope.spawn(|| {
                for _ in 0..300 {
                    let handle = collector.register();
                    drop(handle.pin());
                    thread::yield_now();
                    retire_counted(&handle.pin(), &drops);
                    made.fetch_add(1, SeqCst);
                }
            });
        }
    });
    drop(collector);
    assert_eq!(drops.load(SeqCst), made.load(SeqCst));
}

/// Retires the next of its chain when it is dropped.
struct Chain<M: Mode> {
    handle: *const Handle<M>,
    left: usize,
}

impl<M: Mode> Drop for Chain<M> {
    fn drop(&mut self) {
        if self.left > 0 {
            let next = Chain { handle: self.handle, left: self.left - 1 };
            // The handle outlives the chain, and everything stays on one thread.
            let handle = unsafe { &*self.handle };
            unsafe { handle.pin().retire(Box::into_raw(Box::new(next))) };
            handle.flush();
        }
    }
}

fn a_long_chain_of_retiring_destructors_does_not_recurse<M: Mode>() {
    let collector = Collector::<M>::new();
    let handle = collector.register();
    let chain = Chain { handle: &raw const handle, left: 100_000 };
    unsafe { handle.pin().retire(Box::into_raw(Box::new(chain))) };
    handle.flush();
    for _ in 0..100_000 {
        handle.flush();
    }
}

#[cfg(feature = "std")]
#[test]
fn a_thread_local_destroyed_late_may_still_pin() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let guard = kovan::pin();
            unsafe { guard.retire(Box::into_raw(Box::new(7))) };
            drop(kovan::pin());
        }
    }
    thread_local! {
        static LATE: Late = const { Late };
    }
    for first_pin in [true, false] {
        thread::spawn(move || {
            if first_pin {
                drop(kovan::pin());
            }
            LATE.with(|_| ());
            if !first_pin {
                drop(kovan::pin());
            }
        })
        .join()
        .unwrap();
    }
}

#[test]
fn a_stalled_robust_reader_holds_no_node_that_is_younger() {
    let collector = Collector::<Robust>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let (reader, writer) = (collector.register(), collector.register());
    let value = Box::into_raw(Box::new(1));
    let cell = AtomicPtr::new(value);
    let guard = reader.pin();
    assert_eq!(guard.protect(&cell, SeqCst), value);
    let mut held = Vec::new();
    for round in 1..=4 {
        for _ in 0..50_000 {
            retire_counted(&writer.pin(), &drops);
        }
        held.push(round * 50_000 - drops.load(SeqCst));
    }
    drop(guard);
    drop(unsafe { Box::from_raw(value) });
    assert!(held.iter().all(|&held| held <= 20 * BATCH), "held over time: {held:?}");
}

#[test]
fn auto_traits_are_as_documented() {
    fn shared<T: Send + Sync>() {}
    shared::<Collector<Region>>();
    shared::<Collector<Robust>>();
    shared::<kovan::Atomic<u8>>();
}
