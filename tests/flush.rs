//! What a flush frees, from which thread, and what it costs where there is nothing to do.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;

mod common;

use common::{Counted, scaled};
use kovan::{Collector, Handle, Mode, Region, Robust};

fn retire<M: Mode>(handle: &Handle<M>, drops: &Arc<AtomicUsize>, times: usize) {
    for _ in 0..times {
        let guard = handle.pin();
        unsafe { guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(drops))))) };
    }
}

/// Flushes until nothing changes. Returns what is left.
fn flush_all<M: Mode>(handle: &Handle<M>) -> u64 {
    loop {
        let before = handle.collector().stats();
        handle.flush();
        let after = handle.collector().stats();
        if (before.freed, before.unreclaimed()) == (after.freed, after.unreclaimed()) {
            return after.unreclaimed();
        }
    }
}

/// Runs `body` beside threads that have pinned once, and sleep until it is over.
fn beside_sleepers<M: Mode>(collector: &Collector<M>, count: usize, body: impl FnOnce()) {
    let (ready, wait) = channel();
    thread::scope(|scope| {
        let over: Vec<_> = (0..count)
            .map(|_| {
                let (end, over) = channel::<()>();
                let ready = ready.clone();
                scope.spawn(move || {
                    let handle = collector.register();
                    drop(handle.pin());
                    ready.send(()).unwrap();
                    let _ = over.recv(); // Until `end` is dropped.
                });
                end
            })
            .collect();
        (0..count).for_each(|_| wait.recv().unwrap());
        body();
        drop(over);
    });
}

#[test]
fn nothing_is_left_while_others_sleep() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let mut made = 0;
        beside_sleepers(&collector, 8, || {
            let (one, two) = (collector.register(), collector.register());
            for round in 0..scaled(100) {
                // Less than a batch, one, one and a bit, and more than a backlog of them.
                let count = [1, 64, 65, 2000][round % 4];
                retire(&one, &drops, count);
                made += count;
                if round % 2 == 0 {
                    // By another thread than the one that has retired, which has to hand it in.
                    one.flush_pending();
                    assert_eq!(flush_all(&two), 0, "round {round}");
                } else {
                    assert_eq!(flush_all(&one), 0, "round {round}");
                }
                assert_eq!(drops.load(SeqCst), made, "round {round}");
            }
        });
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn one_flush_frees_what_nobody_holds() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        beside_sleepers(&collector, 8, || {
            let handle = collector.register();
            retire(&handle, &drops, 5000);
            handle.flush();
            assert_eq!(drops.load(SeqCst), 5000);
        });
    }
    case::<Region>();
    case::<Robust>();
}

/// A thread that leaves while guards are there leaves its nodes to those that flush later.
#[test]
fn what_threads_have_left_is_freed() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let reader = collector.register();
        let place = AtomicPtr::new(Box::into_raw(Box::new(Counted(Arc::clone(&drops)))));
        let guard = reader.pin();
        let loaded = guard.protect(&place, SeqCst);
        for _ in 0..20 {
            thread::scope(|scope| {
                scope.spawn(|| retire(&collector.register(), &drops, 100)).join().unwrap();
            });
        }
        unsafe { guard.retire(loaded) };
        let other = collector.register();
        assert!(flush_all(&other) > 0);
        drop(guard);
        reader.flush_pending(); // The one that the guard has retired.
        assert_eq!(flush_all(&other), 0);
        assert_eq!(drops.load(SeqCst), 2001);
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn two_threads_may_flush_at_once() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        beside_sleepers(&collector, 4, || {
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let handle = collector.register();
                        for round in 0..scaled(500) {
                            retire(&handle, &drops, round % 70);
                            handle.flush();
                        }
                    });
                }
            });
            let handle = collector.register();
            assert_eq!(flush_all(&handle), 0);
        });
        assert_eq!(collector.stats().retired, drops.load(SeqCst) as u64);
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn pending_nodes_are_handed_in_and_nothing_is_done_without_them() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let handle = collector.register();
        let reader = collector.register();
        beside_sleepers(&collector, 1, || {
            // What waits at a sleeping thread is for `flush`.
            let guard = reader.pin();
            retire(&handle, &drops, 64 * 3);
            drop(guard);
            assert_eq!(collector.stats().open, 0);
            let before = collector.stats();
            (0..100).for_each(|_| handle.flush_pending());
            assert_eq!(collector.stats(), before, "it did something without an open batch");
            // One node that is pending is handed in.
            retire(&handle, &drops, 1);
            assert_eq!(collector.stats().open, 1);
            handle.flush_pending();
            let after = collector.stats();
            assert_eq!((after.open, after.drains), (0, before.drains));
            assert_eq!(flush_all(&handle), 0);
        });
        // Alone, it frees what it hands in.
        drop(reader);
        let before = drops.load(SeqCst);
        retire(&handle, &drops, 1);
        handle.flush_pending();
        handle.flush_pending();
        assert_eq!(flush_all(&handle), 0);
        assert_eq!(drops.load(SeqCst), before + 1);
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn statistics_are_exact_when_nobody_works() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for count in [100, 1000, 10_000] {
                let (collector, drops) = (&collector, &drops);
                scope.spawn(move || {
                    let handle = collector.register();
                    retire(&handle, drops, count);
                    handle.flush();
                    retire(&handle, drops, 10);
                });
            }
            // Never does a look show more freed than retired.
            let looker = scope.spawn(|| {
                while !stop.load(SeqCst) {
                    let stats = collector.stats();
                    assert!(stats.freed <= stats.retired, "{stats:?}");
                    if stats.retired == 11_130 {
                        stop.store(true, SeqCst);
                    }
                }
            });
            looker.join().unwrap();
        });
        let handle = collector.register();
        let stats = collector.stats();
        assert_eq!((stats.retired, stats.open, stats.pinned), (11_130, 0, 0));
        assert_eq!(stats.freed, drops.load(SeqCst) as u64);
        assert_eq!(stats.threads, 1);
        assert_eq!(flush_all(&handle), 0);
        assert_eq!(drops.load(SeqCst), 11_130);
    }
    case::<Region>();
    case::<Robust>();
}

/// All that was handed in is freed, so there is nothing to wait for, though another thread has an
/// open batch.
#[cfg(feature = "std")]
#[test]
fn quiesce_ends_when_what_was_handed_in_is_freed() {
    fn case<M: Mode>() {
        // Of 63, since seven are freed at a time: the first batch is freed when the second has 57.
        let collector = Collector::<M>::builder().batch(63).build();
        let drops = Arc::new(AtomicUsize::new(0));
        let (one, two) = (collector.register(), collector.register());
        retire(&one, &drops, 63 + 57);
        let started = std::time::Instant::now();
        let timeout = std::time::Duration::from_secs(60);
        assert_eq!(two.quiesce(timeout), Ok(()));
        assert!(started.elapsed() < timeout / 2);
        assert_eq!((drops.load(SeqCst), collector.stats().open), (63, 57));
        assert_eq!(one.quiesce(timeout), Ok(()));
        assert_eq!(drops.load(SeqCst), 63 + 57);
    }
    case::<Region>();
    case::<Robust>();
}

/// A thread that has got many batches to free, and sleeps then: others free them.
#[test]
fn what_a_sleeping_thread_has_to_free_is_freed() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let (one, two) = (collector.register(), collector.register());
        let guard = one.pin();
        retire(&one, &drops, 64 * 100);
        drop(guard);
        drop(one.pin()); // It takes its list, frees one batch, and has the others still to free.
        assert!(drops.load(SeqCst) < 64 * 100);
        // What it has begun to free is its own.
        assert!(flush_all(&two) < 64);
        assert_eq!(flush_all(&one), 0);
        assert_eq!(drops.load(SeqCst), 64 * 100);
    }
    case::<Region>();
    case::<Robust>();
}

/// The same by the functions of the default collector.
#[cfg(feature = "std")]
#[test]
fn the_default_collector_is_flushed_from_any_thread() {
    let _turn = common::turn();
    let drops = Arc::new(AtomicUsize::new(0));
    let retire = |times| {
        for _ in 0..times {
            unsafe { kovan::retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
        }
    };
    beside_sleepers(kovan::collector(), 8, || {
        for round in 1..=scaled(100) {
            retire(100);
            kovan::flush_pending();
            thread::scope(|scope| {
                scope.spawn(|| (0..5).for_each(|_| kovan::flush())).join().unwrap();
            });
            assert_eq!(drops.load(SeqCst), 100 * round);
        }
    });
    // A thread without a registration does not get one by it.
    let threads = kovan::collector().stats().threads;
    thread::scope(|scope| {
        scope.spawn(|| {
            kovan::flush_pending();
            assert_eq!(kovan::collector().stats().threads, threads);
        });
    });
}
