//! Guards that move to other threads.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::thread;

use common::Counted;
use kovan::{Collector, Mode, Region, Robust};

/// A guard loads a value, moves, and protects it on the other thread; what it held is freed after it.
fn moves<M: Mode>() {
    let (collector, drops) = (Collector::<M>::new(), Arc::new(AtomicUsize::new(0)));
    let value = || Box::into_raw(Box::new(Counted(Arc::clone(&drops))));
    let cell = AtomicPtr::new(value());
    let guard = collector.pin_owned();
    assert!(!guard.protect(&cell, SeqCst).is_null(), "the first value");
    assert!(*guard.collector() == collector, "a guard knows its collector");

    let writer = collector.register();
    for _ in 0..1000 {
        let old = cell.swap(value(), SeqCst);
        unsafe { writer.pin().retire(old) };
    }
    (0..3).for_each(|_| writer.flush());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut guard = guard;
            assert!(drops.load(SeqCst) < 1000, "the guard holds the first value");
            assert!(guard.refresh(), "the only guard of its registration");
            (0..3).for_each(|_| guard.flush());
        });
    });
    (0..3).for_each(|_| writer.flush());
    assert_eq!(drops.load(SeqCst), 1000, "freed after the guard");
    assert_eq!(collector.stats().threads, 1, "the registration ended with the guard");
    drop(unsafe { Box::from_raw(cell.into_inner()) });
}

#[test]
fn a_region_guard_moves() {
    moves::<Region>();
}

#[test]
fn a_robust_guard_moves() {
    moves::<Robust>();
}
