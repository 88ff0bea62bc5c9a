//! Every pair against a structure of the standard library, on one thread.

mod common;

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Random, every_pair, scaled};
use kovan_pairs::{ErasedPair, Operations};
use kovan_structures::{Kind, restarts};

/// What the structure should do.
enum Oracle {
    Map(BTreeSet<u64>),
    Stack(Vec<u64>),
    Queue(VecDeque<u64>),
}

impl Oracle {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Map => Self::Map(BTreeSet::new()),
            Kind::Stack => Self::Stack(Vec::new()),
            Kind::Queue => Self::Queue(VecDeque::new()),
        }
    }

    fn insert(&mut self, key: u64) -> bool {
        match self {
            Self::Map(map) => return map.insert(key),
            Self::Stack(stack) => stack.push(key),
            Self::Queue(queue) => queue.push_back(key),
        }
        true
    }

    fn remove(&mut self, key: u64) -> Option<u64> {
        match self {
            Self::Map(map) => map.take(&key),
            Self::Stack(stack) => stack.pop(),
            Self::Queue(queue) => queue.pop_front(),
        }
    }

    fn contains(&self, key: u64) -> bool {
        match self {
            Self::Map(map) => map.contains(&key),
            Self::Stack(stack) => !stack.is_empty(),
            Self::Queue(queue) => !queue.is_empty(),
        }
    }

    fn scan(&self, from: u64, count: u64) -> Option<Vec<u64>> {
        let Self::Map(map) = self else { return None };
        Some(map.range(from..).take(count as usize).copied().collect())
    }

    fn contents(&self) -> Vec<u64> {
        match self {
            Self::Map(map) => map.iter().copied().collect(),
            Self::Stack(stack) => stack.iter().rev().copied().collect(),
            Self::Queue(queue) => queue.iter().copied().collect(),
        }
    }
}

/// One operation, which must say what the oracle says.
fn step(on: &dyn Operations, oracle: &mut Oracle, random: &mut Random, keys: u64) {
    let key = random.below(keys);
    match random.below(9) {
        0..3 => assert_eq!(on.insert(key), oracle.insert(key)),
        3..6 => assert_eq!(on.remove(key), oracle.remove(key)),
        6 => assert_eq!(on.contains(key), oracle.contains(key)),
        7 => {
            let (count, mut seen) = (random.below(5), Vec::new());
            if on.scan(key, count, &mut |key| seen.push(key)) {
                assert_eq!(Some(seen), oracle.scan(key, count));
            } else {
                assert!(seen.is_empty(), "it said that it has no order");
            }
        }
        _ => {
            let mut called = 0;
            on.hold_inside(key, &mut || {
                called += 1;
                // Operations nest: they take shields of their own.
                assert_eq!(on.contains(key), oracle.contains(key));
            });
            assert_eq!(called, 1);
        }
    }
}

fn against_oracle(pair: &ErasedPair, seed: u64, keys: u64, buckets: usize) {
    let facts = pair.structure;
    let mut subject = pair.make(buckets);
    let mut oracle = Oracle::new(facts.kind);
    let mut random = Random::new(seed);
    let before = restarts();
    for _ in 0..scaled(20) {
        let worker = subject.join();
        for _ in 0..1_000 {
            worker.pinned(&mut |on| step(on, &mut oracle, &mut random, keys));
        }
        drop(worker);
        let mut contents = subject.contents();
        if facts.kind == Kind::Map {
            contents.sort_unstable();
        }
        assert_eq!(contents, oracle.contents());
        let (live, keys) = (subject.totals().live(), contents.len() as u64);
        assert!(facts.nodes.with_keys(keys).contains(&live), "{live} for {keys} keys");
    }
    assert_eq!(restarts(), before, "nobody else was there");
    let [dropped, end] = subject.finish();
    assert_eq!(dropped.live(), 0);
    assert!(end.freed == end.retired || !pair.scheme.frees_on_drop, "{end:?}");
    assert_eq!(end.panicked, 0);
}

#[test]
fn few_keys() {
    every_pair(|pair| against_oracle(pair, 1, 4, 1));
}

#[test]
fn many_keys() {
    every_pair(|pair| against_oracle(pair, 2, 300, 50));
}

/// What an operation of a map must say where a map has it.
fn what_maps_have(pair: &ErasedPair) {
    let subject = pair.make(4);
    let worker = subject.join();
    let is_map = pair.structure.kind == Kind::Map;
    worker.pinned(&mut |on| {
        assert_eq!(on.put(5, 1), is_map.then_some(None));
        let retired = subject.totals().retired;
        assert_eq!(on.put(5, 2), is_map.then_some(Some(1)));
        assert_eq!(subject.totals().retired > retired, is_map, "what was replaced is retired");
        assert_eq!(on.put(5, 3), is_map.then_some(Some(2)));
        let is_sorted = is_map && !pair.structure.name.starts_with("hash-map");
        let mut seen = Vec::new();
        assert_eq!(on.scan(0, 9, &mut |key| seen.push(key)), is_sorted);
        assert_eq!(seen, if is_sorted { vec![5] } else { Vec::new() });
    });
    assert_eq!(pair.structure.restarts, is_map, "it has traversals");
}

#[test]
fn maps_put_and_sorted_ones_scan() {
    every_pair(what_maps_have);
}

fn guards_of_other_domains_panic(pair: &ErasedPair) {
    let subject = pair.make(4);
    let panics = |operation: &dyn Fn(&dyn Operations)| {
        let run = || subject.join_another().pinned(&mut |on| operation(on));
        catch_unwind(AssertUnwindSafe(run)).is_err()
    };
    assert!(panics(&|on| {
        let _ = on.insert(1);
    }));
    assert!(panics(&|on| {
        let _ = on.remove(1);
    }));
    assert!(panics(&|on| {
        let _ = on.contains(1);
    }));
    assert!(panics(&|on| on.hold_inside(1, &mut || ())));
}

#[test]
fn guards_of_other_domains_are_refused() {
    every_pair(guards_of_other_domains_panic);
}
