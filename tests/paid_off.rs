//! What no guard holds becomes less, whoever has to free it: threads that only read, and destructors
//! that retire.
#![cfg(feature = "std")] // The default collector.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

mod common;

use common::{Counted, scaled, turn};
use kovan::{Atom, Collector, Guard, Mode, Region, Robust};

/// A thread that reads now and then, and retires nothing, takes what waits for it and gives it to those
/// that retire; also where more was retired in each of its sections than one pin takes.
#[test]
fn a_thread_that_seldom_reads_keeps_little() {
    // Not a multiple of what is pushed between two drains: so the reader takes what is left.
    for batches in [15, 1_215] {
        let waiting = seldom_read(batches, scaled(3_000) / batches + 10);
        println!("sections of {batches} batches: at most {waiting} batches wait at their ends");
        // What one section holds, and some besides.
        assert!(waiting <= 2 * batches + 128, "{batches}: {waiting}");
    }
}

/// Stores so many batches in each section of a reader. Returns how many batches wait at most.
fn seldom_read(batches: usize, rounds: usize) -> usize {
    let _turn = turn();
    let atom = Atom::new(0);
    let (read, written) = (Barrier::new(2), Barrier::new(2));
    (0..10).for_each(|_| kovan::flush());
    let before = kovan::collector().stats().unreclaimed();
    let mut most = 0;
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..rounds {
                let guard = atom.load();
                read.wait();
                written.wait();
                drop(guard);
            }
        });
        for round in 0..rounds {
            read.wait();
            for number in 0..64 * batches {
                atom.store(number + round);
            }
            most = most.max(kovan::collector().stats().unreclaimed().saturating_sub(before));
            written.wait();
        }
        reader.join().unwrap();
    });
    most.div_ceil(64) as usize
}

/// A node whose destructor retires others.
struct Root<M: Mode> {
    collector: Collector<M>,
    leaves: Vec<*mut Counted>,
}

impl<M: Mode> Drop for Root<M> {
    fn drop(&mut self) {
        let handle = self.collector.register();
        let guard = handle.pin();
        for &leaf in &self.leaves {
            unsafe { guard.retire(leaf) };
        }
    }
}

/// As [`Root`], in the default collector, whose functions find the thread's own registration.
struct DefaultRoot(Vec<*mut Counted>);

impl Drop for DefaultRoot {
    fn drop(&mut self) {
        for &leaf in &self.0 {
            unsafe { kovan::retire(leaf) };
        }
    }
}

/// What destructors retire is freed as it comes, up to 63 nodes for each value.
#[test]
fn destructors_that_retire_are_paid_for() {
    let _turn = turn();
    for leaves in [1, 2, 5, 20, 63] {
        let drops = Arc::new(AtomicUsize::new(0));
        let (mut most, mut made) = (0, 0);
        for _ in 0..scaled(100_000) / leaves {
            let leaf = || Box::into_raw(Box::new(Counted(Arc::clone(&drops))));
            let root = DefaultRoot((0..leaves).map(|_| leaf()).collect());
            made += leaves;
            unsafe { kovan::retire(Box::into_raw(Box::new(root))) };
            most = most.max(made - drops.load(SeqCst));
        }
        println!("{leaves} leaves of each: at most {most} wait");
        assert!(most <= 64 * leaves + 8_192, "{leaves} leaves: {most}");
        kovan::flush();
    }
}

/// Destructors that register, and so have a queue of their own, do not recurse without end.
#[test]
fn destructors_with_registrations_of_their_own_do_not_recurse() {
    fn case<M: Mode>() {
        let collector = Collector::<M>::builder().batch(1).build();
        let drops = Arc::new(AtomicUsize::new(0));
        let leaf = || Box::into_raw(Box::new(Counted(Arc::clone(&drops))));
        let roots = scaled(100_000);
        let reader = collector.register();
        let long = reader.pin();
        thread::scope(|scope| {
            scope.spawn(|| {
                let handle = collector.register();
                let guard = handle.pin();
                for _ in 0..roots {
                    let root = Root { collector: collector.clone(), leaves: vec![leaf()] };
                    unsafe { guard.retire(Box::into_raw(Box::new(root))) };
                }
            });
        });
        // They were left to others by now, or wait for this guard.
        drop(long);
        let guard: Guard<M> = reader.pin();
        for _ in 0..roots {
            unsafe { guard.retire(leaf()) };
        }
        drop(guard);
        for _ in 0..100 {
            reader.flush();
        }
        assert_eq!(drops.load(SeqCst), 2 * roots);
    }
    case::<Region>();
    case::<Robust>();
}
