//! Every pair under four threads: what each thread did must add up.

mod common;

use std::sync::Barrier;
use std::thread;

use common::{Random, every_pair, scaled};
use kovan_schemes::{Domain, Reclaimer};
use kovan_structures::registry::Visitor;
use kovan_structures::{Kind, Structure, restarts};

const THREADS: u64 = 4;

/// Checks the balance of nodes after the structure is gone, and after the domain is.
fn check_balance<R: Reclaimer, S>(domain: Domain<R>, structure: S) {
    let meter = domain.meter();
    let before = meter.totals();
    drop(structure);
    let after = meter.totals();
    assert_eq!(after.live(), 0, "all nodes were retired or dropped: {after:?}");
    assert_eq!(after.dropped, before.dropped + before.live(), "{before:?} {after:?}");
    drop(domain);
    let end = meter.totals();
    assert_eq!(end.allocated, end.retired + end.dropped, "{end:?}");
    assert!(end.freed <= end.retired, "{end:?}");
    assert!(end.freed == end.retired || !R::FACTS.frees_on_drop, "{end:?}");
}

/// Checks that what was removed was unlinked and retired, all of it, once the threads are done.
fn check_live<R: Reclaimer, S: Structure<R>>(domain: &Domain<R>, keys: usize) {
    let live = domain.meter().totals().live();
    let expected = S::FACTS.nodes.with_keys(keys as u64);
    assert!(expected.contains(&live), "{live} nodes for {keys} keys, not {expected:?}");
}

/// Insertions and removals of each key.
#[derive(Clone)]
struct Balance {
    keys: u64,
}

impl Visitor for Balance {
    type Output = ();

    fn visit<R: Reclaimer, S: Structure<R>>(self) {
        if S::FACTS.kind != Kind::Map {
            return;
        }
        let domain = Domain::<R>::new();
        let mut structure = S::new(&domain, (self.keys / 4) as usize);
        let start = Barrier::new(THREADS as usize);
        let work = |thread: u64| {
            let handle = domain.register();
            let mut random = Random::new(thread + 1);
            let mut net = vec![0_i64; self.keys as usize];
            start.wait();
            for _ in 0..scaled(60_000) {
                let guard = handle.pin();
                let key = random.below(self.keys);
                match random.below(16) {
                    0..6 => net[key as usize] += i64::from(structure.insert(&guard, key)),
                    6..12 => {
                        if let Some(removed) = structure.remove(&guard, key) {
                            assert_eq!(removed, key);
                            net[key as usize] -= 1;
                        }
                    }
                    12..15 => {
                        let _ = structure.contains(&guard, key);
                    }
                    _ => structure.hold_inside(&guard, key, &mut thread::yield_now),
                }
            }
            net
        };
        let nets: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || work(t))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let contents = structure.contents();
        for key in 0..self.keys {
            let net: i64 = nets.iter().map(|net| net[key as usize]).sum();
            let present = contents.iter().filter(|&&k| k == key).count();
            assert_eq!(net, present as i64, "key {key}: inserted minus removed, and present");
            assert!(present < 2, "key {key} is there {present} times");
        }
        check_live::<R, S>(&domain, contents.len());
        check_balance(domain, structure);
    }
}

#[test]
fn keys_add_up() {
    every_pair(&Balance { keys: 64 });
}

#[test]
fn contended_keys_add_up() {
    every_pair(&Balance { keys: 3 });
}

/// Each value that was pushed comes out once, and from a queue in the order of its producer.
#[derive(Clone)]
struct Transfer;

/// The producer in the high half, its counter in the low one.
fn split(value: u64) -> (usize, u64) {
    ((value >> 32) as usize, value & u64::from(u32::MAX))
}

impl Visitor for Transfer {
    type Output = ();

    fn visit<R: Reclaimer, S: Structure<R>>(self) {
        if S::FACTS.kind == Kind::Map {
            return;
        }
        let domain = Domain::<R>::new();
        let mut structure = S::new(&domain, 0);
        let pushes = scaled(40_000);
        let start = Barrier::new(THREADS as usize);
        let work = |thread: u64| {
            let handle = domain.register();
            let mut random = Random::new(thread + 1);
            let mut popped = Vec::new();
            let mut pushed = 0;
            start.wait();
            while pushed < pushes {
                let guard = handle.pin();
                match random.below(16) {
                    0..8 => {
                        assert!(structure.insert(&guard, thread << 32 | pushed));
                        pushed += 1;
                    }
                    8..15 => popped.extend(structure.remove(&guard, 0)),
                    _ => structure.hold_inside(&guard, 0, &mut thread::yield_now),
                }
            }
            assert!(S::FACTS.restarts || restarts() == 0, "it said that it never restarts");
            popped
        };
        let mut taken: Vec<Vec<u64>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || work(t))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let left = structure.contents();
        check_live::<R, S>(&domain, left.len());
        taken.push(left);
        if S::FACTS.kind == Kind::Queue {
            for consumer in &taken {
                let mut next = [0; THREADS as usize];
                for (producer, counter) in consumer.iter().copied().map(split) {
                    assert!(counter >= next[producer], "out of the order of its producer");
                    next[producer] = counter + 1;
                }
            }
        }
        let mut all = taken.concat();
        all.sort_unstable();
        let expected: Vec<_> =
            (0..THREADS).flat_map(|t| (0..pushes).map(move |counter| t << 32 | counter)).collect();
        assert!(all == expected, "{} values went in, {} came out", expected.len(), all.len());
        check_balance(domain, structure);
    }
}

#[test]
fn values_arrive_once_and_in_order() {
    every_pair(&Transfer);
}
