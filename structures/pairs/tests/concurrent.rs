//! Every pair under four threads: what each thread did must add up.

mod common;

use std::sync::Barrier;
use std::thread;

use common::{Random, every_pair, scaled};
use kovan_pairs::{ErasedPair, Subject};
use kovan_structures::{Kind, restarts};

const THREADS: u64 = 4;

/// Checks that what was removed was unlinked and retired, all of it, once the threads are done; and the balance
/// of nodes after the structure is gone, and after the domain is.
fn check_nodes(pair: &ErasedPair, subject: Box<dyn Subject>, keys: usize) {
    let before = subject.totals();
    let (live, expected) = (before.live(), pair.structure.nodes.with_keys(keys as u64));
    assert!(expected.contains(&live), "{live} nodes for {keys} keys, not {expected:?}");
    let [after, end] = subject.finish();
    assert_eq!(after.live(), 0, "all nodes were retired or dropped: {after:?}");
    assert_eq!(after.dropped, before.dropped + live, "{before:?} {after:?}");
    assert_eq!(end.allocated, end.retired + end.dropped, "{end:?}");
    assert!(end.freed <= end.retired, "{end:?}");
    assert!(end.freed == end.retired || !pair.scheme.frees_on_drop, "{end:?}");
}

/// Runs `work` on so many threads, which begin together; what each of them returns.
fn on_threads<T: Send>(work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS as usize);
    let run = |thread| {
        start.wait();
        work(thread)
    };
    let run = &run;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || run(t))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Insertions and removals of each key by one thread: insertions minus removals.
fn net_of_keys(subject: &dyn Subject, thread: u64, keys: u64) -> Vec<i64> {
    let worker = subject.join();
    let mut random = Random::new(thread + 1);
    let mut net = vec![0_i64; keys as usize];
    for _ in 0..scaled(15_000) {
        worker.pinned(&mut |on| {
            let key = random.below(keys);
            match random.below(64) {
                0..24 => net[key as usize] += i64::from(on.insert(key)),
                24..48 => {
                    if let Some(removed) = on.remove(key) {
                        assert_eq!(removed, key);
                        net[key as usize] -= 1;
                    }
                }
                48..63 => {
                    let _ = on.contains(key);
                }
                _ => on.hold_inside(key, &mut thread::yield_now),
            }
        });
    }
    net
}

fn keys_balance(pair: &ErasedPair, keys: u64) {
    if pair.structure.kind != Kind::Map {
        return;
    }
    let mut subject = pair.make((keys / 4) as usize);
    let nets = on_threads(|thread| net_of_keys(&*subject, thread, keys));
    let contents = subject.contents();
    for key in 0..keys {
        let net: i64 = nets.iter().map(|net| net[key as usize]).sum();
        let present = contents.iter().filter(|&&k| k == key).count();
        assert_eq!(net, present as i64, "key {key}: inserted minus removed, and present");
        assert!(present < 2, "key {key} is there {present} times");
    }
    check_nodes(pair, subject, contents.len());
}

#[test]
fn keys_add_up() {
    every_pair(|pair| keys_balance(pair, 64));
}

#[test]
fn contended_keys_add_up() {
    every_pair(|pair| keys_balance(pair, 3));
}

/// The producer in the high half, its counter in the low one.
fn split(value: u64) -> (usize, u64) {
    ((value >> 32) as usize, value & u64::from(u32::MAX))
}

/// Pushes so many values and pops some: what it popped.
fn push_and_pop(pair: &ErasedPair, subject: &dyn Subject, thread: u64, pushes: u64) -> Vec<u64> {
    let worker = subject.join();
    let mut random = Random::new(thread + 1);
    let mut popped = Vec::new();
    let mut pushed = 0;
    while pushed < pushes {
        worker.pinned(&mut |on| match random.below(64) {
            0..32 => {
                assert!(on.insert(thread << 32 | pushed));
                pushed += 1;
            }
            32..63 => popped.extend(on.remove(0)),
            _ => on.hold_inside(0, &mut thread::yield_now),
        });
    }
    assert!(pair.structure.restarts || restarts() == 0, "it said that it never restarts");
    popped
}

/// Each value that was pushed comes out once, and from a queue in the order of its producer.
fn values_arrive(pair: &ErasedPair) {
    if pair.structure.kind == Kind::Map {
        return;
    }
    let mut subject = pair.make(0);
    let pushes = scaled(10_000);
    let mut taken = on_threads(|thread| push_and_pop(pair, &*subject, thread, pushes));
    let left = subject.contents();
    let keys = left.len();
    taken.push(left);
    if pair.structure.kind == Kind::Queue {
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
    check_nodes(pair, subject, keys);
}

#[test]
fn values_arrive_once_and_in_order() {
    every_pair(values_arrive);
}
