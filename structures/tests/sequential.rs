//! Every pair against a structure of the standard library, on one thread.

mod common;

use std::collections::{BTreeSet, VecDeque};

use common::{Random, every_pair, scaled};
use kovan_schemes::{Domain, Reclaimer};
use kovan_structures::registry::{self, DispatchError, Visitor};
use kovan_structures::{Kind, Structure, restarts};

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

#[derive(Clone)]
struct AgainstOracle {
    seed: u64,
    keys: u64,
    buckets: usize,
}

impl Visitor for AgainstOracle {
    type Output = ();

    fn visit<R: Reclaimer, S: Structure<R>>(self) {
        let domain = Domain::<R>::new();
        let meter = domain.meter();
        let handle = domain.register();
        let mut structure = S::new(&domain, self.buckets);
        let mut oracle = Oracle::new(S::FACTS.kind);
        let mut random = Random::new(self.seed);
        let before = restarts();
        for step in 0..scaled(20_000) {
            let guard = handle.pin();
            let key = random.below(self.keys);
            match random.below(9) {
                0..3 => assert_eq!(structure.insert(&guard, key), oracle.insert(key)),
                3..6 => assert_eq!(structure.remove(&guard, key), oracle.remove(key)),
                6 => assert_eq!(structure.contains(&guard, key), oracle.contains(key)),
                7 => {
                    let (count, mut seen) = (random.below(5), Vec::new());
                    if structure.scan(&guard, key, count, &mut |key| seen.push(key)) {
                        assert_eq!(Some(seen), oracle.scan(key, count));
                    } else {
                        assert!(seen.is_empty(), "it said that it has no order");
                    }
                }
                _ => {
                    let mut called = 0;
                    structure.hold_inside(&guard, key, &mut || {
                        called += 1;
                        // Operations nest: they take shields of their own.
                        assert_eq!(structure.contains(&guard, key), oracle.contains(key));
                    });
                    assert_eq!(called, 1);
                }
            }
            drop(guard);
            if step % 1_000 == 0 {
                let mut contents = structure.contents();
                if S::FACTS.kind == Kind::Map {
                    contents.sort_unstable();
                }
                assert_eq!(contents, oracle.contents());
                let (live, keys) = (meter.totals().live(), contents.len() as u64);
                assert!(S::FACTS.nodes.with_keys(keys).contains(&live), "{live} for {keys} keys");
            }
        }
        assert_eq!(restarts(), before, "nobody else was there");
        drop(structure);
        assert_eq!(meter.totals().live(), 0);
        drop((handle, domain));
        let totals = meter.totals();
        assert!(totals.freed == totals.retired || !R::FACTS.frees_on_drop, "{totals:?}");
        assert_eq!(totals.panicked, 0);
    }
}

#[test]
fn few_keys() {
    every_pair(&AgainstOracle { seed: 1, keys: 4, buckets: 1 });
}

#[test]
fn many_keys() {
    every_pair(&AgainstOracle { seed: 2, keys: 300, buckets: 50 });
}

#[derive(Clone)]
struct ForeignGuard;

impl Visitor for ForeignGuard {
    type Output = ();

    fn visit<R: Reclaimer, S: Structure<R>>(self) {
        let (domain, other) = (Domain::<R>::new(), Domain::<R>::new());
        let structure = S::new(&domain, 4);
        let panics = |operation: &dyn Fn(&S, &kovan_schemes::Guard<'_, R>)| {
            let run = || {
                let handle = other.register();
                operation(&structure, &handle.pin());
            };
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err()
        };
        assert!(panics(&|s, guard| {
            let _ = s.insert(guard, 1);
        }));
        assert!(panics(&|s, guard| {
            let _ = s.remove(guard, 1);
        }));
        assert!(panics(&|s, guard| {
            let _ = s.contains(guard, 1);
        }));
        assert!(panics(&|s, guard| s.hold_inside(guard, 1, &mut || ())));
    }
}

#[test]
fn guards_of_other_domains_are_refused() {
    every_pair(&ForeignGuard);
}

#[derive(Clone)]
struct Nothing;

impl Visitor for Nothing {
    type Output = ();
    fn visit<R: Reclaimer, S: Structure<R>>(self) {}
}

#[test]
fn dispatch_agrees_with_the_matrix() {
    for pair in registry::matrix() {
        let result = registry::dispatch::<u64, _>(pair.scheme, pair.structure, Nothing);
        let refused = DispatchError::Refused { reason: pair.reason };
        assert_eq!(result, if pair.allowed { Ok(()) } else { Err(refused) });
    }
}

#[test]
fn errors_list_what_there_is() {
    let scheme = registry::dispatch::<u64, _>("rcu", "hash-map", Nothing).unwrap_err().to_string();
    assert!(scheme.contains("\"rcu\"") && scheme.contains("hazard-pointer"), "{scheme}");
    let structure = registry::dispatch::<u64, _>("epoch", "tree", Nothing).unwrap_err().to_string();
    assert!(structure.contains("\"tree\"") && structure.contains("ms-queue"), "{structure}");
    let refused = registry::dispatch::<u64, _>("hazard-pointer", "harris-list", Nothing);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("unlinked") && !refused.contains('\n'), "{refused}");
}

/// What an operation of a map must say where a map has it.
#[derive(Clone)]
struct WhatMapsHave;

impl Visitor for WhatMapsHave {
    type Output = ();

    fn visit<R: Reclaimer, S: Structure<R>>(self) {
        let domain = Domain::<R>::new();
        let structure = S::new(&domain, 4);
        let handle = domain.register();
        let guard = handle.pin();
        let is_map = S::FACTS.kind == Kind::Map;
        assert_eq!(structure.put(&guard, 5, 1), is_map.then_some(None));
        let retired = domain.meter().totals().retired;
        assert_eq!(structure.put(&guard, 5, 2), is_map.then_some(Some(1)));
        assert_eq!(
            domain.meter().totals().retired > retired,
            is_map,
            "what was replaced is retired"
        );
        assert_eq!(structure.put(&guard, 5, 3), is_map.then_some(Some(2)));
        let is_sorted = is_map && !S::FACTS.name.starts_with("hash-map");
        let mut seen = Vec::new();
        assert_eq!(structure.scan(&guard, 0, 9, &mut |key| seen.push(key)), is_sorted);
        assert_eq!(seen, if is_sorted { vec![5] } else { Vec::new() });
        assert_eq!(S::FACTS.restarts, is_map, "it has traversals");
    }
}

#[test]
fn maps_put_and_sorted_ones_scan() {
    every_pair(&WhatMapsHave);
}
