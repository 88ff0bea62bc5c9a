//! What one call may cost: destructors that it runs, and time, whatever happened before.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

mod common;

use common::{Counted, scaled, stress};
use kovan::{Collector, Guard, Handle, Mode, Region, Robust};

/// Destructors that one pin runs at most: a batch.
const PER_PIN: usize = 64;
/// Destructors that one retirement runs at most: those of seven retirements together, of two batches.
const PER_RETIREMENT: usize = 14;

fn retire<M: Mode>(guard: &Guard<M>, drops: &Arc<AtomicUsize>) {
    unsafe { guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(drops))))) };
}

/// The most destructors that one of many calls runs.
fn most(drops: &AtomicUsize, calls: usize, mut call: impl FnMut()) -> usize {
    (0..calls)
        .map(|_| {
            let before = drops.load(SeqCst);
            call();
            drops.load(SeqCst) - before
        })
        .max()
        .unwrap_or(0)
}

/// Whatever piled up under one guard is freed in small steps: by the pins of the thread that held it,
/// and by the retirements of the thread that retired it.
#[test]
fn no_call_runs_a_burst_of_destructors_after_a_long_guard() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let (reader, writer) = (collector.register(), collector.register());
        let length = scaled(100_000);
        // Held by another thread's guard, and by the guard under which they are retired.
        for holder in [&reader, &writer] {
            let guard = holder.pin();
            let under = writer.pin();
            let by_retirements = most(&drops, length, || retire(&under, &drops));
            drop(under);
            drop(guard);
            assert!(by_retirements <= PER_RETIREMENT, "{by_retirements}");
            for thread in [&reader, &writer] {
                let by_pins = most(&drops, length / 32, || drop(thread.pin()));
                assert!(by_pins <= PER_PIN, "{by_pins} by one pin");
            }
            let guard = writer.pin();
            let by_retirements = most(&drops, length / 8, || retire(&guard, &drops));
            assert!(by_retirements <= PER_RETIREMENT, "{by_retirements} by one retirement");
        }
        for _ in 0..100 {
            writer.flush();
        }
        assert_eq!(collector.stats().unreclaimed(), 0);
    }
    case::<Region>();
    case::<Robust>();
}

/// A guard that is renewed, and a load of a cell, are pins.
#[cfg(feature = "std")]
#[test]
fn no_load_of_a_cell_runs_a_burst_of_destructors() {
    let _turn = common::turn();
    let drops = Arc::new(AtomicUsize::new(0));
    let atom = kovan::Atom::new(Counted(Arc::clone(&drops)));
    let long = atom.load();
    let length = scaled(100_000);
    let by_stores = most(&drops, length, || atom.store(Counted(Arc::clone(&drops))));
    drop(long);
    let by_loads = most(&drops, length / 32, || drop(atom.load()));
    assert!(by_stores <= PER_RETIREMENT && by_loads <= PER_PIN, "{by_stores}, {by_loads}");
    let by_stores = most(&drops, length, || atom.store(Counted(Arc::clone(&drops))));
    assert!(by_stores <= PER_RETIREMENT, "{by_stores}");
}

/// Registers so many times at once, as threads would, pins each time, and gives all up.
fn peak<M: Mode>(collector: &Collector<M>, registrations: usize) {
    let handles: Vec<_> = (0..registrations).map(|_| collector.register()).collect();
    handles.iter().for_each(|handle| drop(handle.pin()));
}

/// Threads that have left cost next to nothing: retirements take as long as in a collector that never
/// had them. After 1,000 of them within 1.3 times with `KOVAN_STRESS`; else, on a machine that others
/// may use, within 3, after ten times as many, too.
#[test]
fn retirements_cost_the_same_after_a_peak_of_threads() {
    const RETIREMENTS: usize = 10_000;
    fn time<M: Mode>(handle: &Handle<M>, drops: &Arc<AtomicUsize>) -> f64 {
        let started = Instant::now();
        (0..RETIREMENTS).for_each(|_| retire(&handle.pin(), drops));
        started.elapsed().as_secs_f64()
    }
    fn case<M: Mode>(registrations: usize, limit: f64) {
        let drops = Arc::new(AtomicUsize::new(0));
        let [fresh, after] = [1, registrations].map(|registrations| {
            let collector = Collector::<M>::new();
            peak(&collector, registrations);
            assert_eq!(collector.stats().threads, 0);
            collector.register()
        });
        // Side by side: what else the machine does befalls both.
        let mut ratios: Vec<_> =
            (0..41).map(|_| time(&after, &drops) / time(&fresh, &drops)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let median = ratios[ratios.len() / 2];
        println!("after {registrations} registrations retirements take {median:.2} times as long");
        assert!(median < limit, "{median} after {registrations} registrations");
    }
    let limit = if stress() > 1.0 { 1.3 } else { 3.0 };
    case::<Region>(1000, limit);
    case::<Robust>(1000, limit);
    case::<Region>(10_000, 3.0);
}
