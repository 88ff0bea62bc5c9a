//! Trees whose operations collide, in destructors and between threads; snapshots under updates.

mod common;
#[path = "common/tree.rs"]
mod tree;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use common::{Random, for_each_kind, scaled};
use kovan_schemes::{Domain, Reclaimer, RegionProtection, schemes};
use kovan_structures::{Bonsai, EllenTree, NmTree};

use tree::Tree;

type Hook = Rc<dyn Fn()>;

thread_local! {
    /// What happens when a value is dropped, sometimes, unless it is happening.
    static AT_DROP: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static DROPS: Cell<u32> = const { Cell::new(0) };
}

/// A value whose destructor uses the tree: in a retirement, with the operation half done.
#[derive(Clone)]
struct Busy;

impl Drop for Busy {
    fn drop(&mut self) {
        // One in so many: an operation drops several values, of copies too, so if each began
        // another, there would be ever more to free.
        let drops = DROPS.get() + 1;
        DROPS.set(drops);
        if !drops.is_multiple_of(16) {
            return;
        }
        if let Some(hook) = AT_DROP.take() {
            hook();
            AT_DROP.set(Some(hook));
        }
    }
}

/// Insertions and removals of few keys, by one thread and by the destructors that it runs.
fn destructors_help<R: Reclaimer, T: Tree<u64, Busy, R>>() {
    println!("{} over {}", std::any::type_name::<T>(), R::FACTS.name);
    const KEYS: u64 = 6;
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let tree = Rc::new(T::new(&domain));
    let net: Rc<[Cell<i64>; KEYS as usize]> = Rc::default();
    let work = |seed| {
        let (domain, tree, net) = (domain.clone(), Rc::clone(&tree), Rc::clone(&net));
        let random = RefCell::new(Random::new(seed));
        let handle = domain.register();
        move || {
            let choice = random.borrow_mut().below(2 * KEYS);
            let (key, put) = (choice / 2, choice.is_multiple_of(2));
            let guard = handle.pin();
            let change = if put {
                i64::from(tree.put(&guard, key, Busy))
            } else {
                -i64::from(tree.take(&guard, &key))
            };
            let net = &net[key as usize];
            net.set(net.get() + change);
        }
    };
    AT_DROP.set(Some(Rc::new(work(1))));
    let outer = work(2);
    (0..scaled(30_000)).for_each(|_| outer());
    // Not `set`, which drops what it replaces while it is borrowed.
    drop(AT_DROP.take());
    drop(outer);
    let handle = domain.register();
    for key in 0..KEYS {
        let present = tree.has(&handle.pin(), &key);
        assert_eq!(net[key as usize].get(), i64::from(present), "key {key}");
    }
    drop((tree, handle, domain));
    let end = meter.totals();
    assert_eq!((end.live(), end.panicked), (0, 0));
    assert!(!R::FACTS.frees_on_drop || end.unreclaimed() == 0);
}

/// Four threads at so few keys that most operations meet another, while what they removed is freed
/// as early as it can be.
fn threads_collide<R: Reclaimer, T: Tree<u64, Box<u64>, R> + Sync>() {
    println!("{} over {}", std::any::type_name::<T>(), R::FACTS.name);
    const KEYS: u64 = 5;
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let tree = T::new(&domain);
    let start = Barrier::new(4);
    let work = |seed| {
        let handle = domain.register();
        let mut random = Random::new(seed);
        let mut net = [0; KEYS as usize];
        start.wait();
        for step in 0..scaled(10_000) {
            let guard = handle.pin();
            let key = random.below(KEYS);
            match random.below(5) {
                0 | 1 => net[key as usize] += i64::from(tree.put(&guard, key, Box::new(key))),
                2 | 3 => net[key as usize] -= i64::from(tree.take(&guard, &key)),
                _ => _ = tree.has(&guard, &key),
            }
            drop(guard);
            if step % 8 == 0 {
                handle.flush();
            }
        }
        net
    };
    let nets: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (1..=4).map(|seed| scope.spawn(move || work(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let handle = domain.register();
    for key in 0..KEYS {
        let net: i64 = nets.iter().map(|net| net[key as usize]).sum();
        assert_eq!(net, i64::from(tree.has(&handle.pin(), &key)), "key {key}");
    }
    drop((tree, handle, domain));
    let end = meter.totals();
    assert_eq!((end.live(), end.panicked), (0, 0));
    assert!(!R::FACTS.frees_on_drop || end.unreclaimed() == 0);
}

/// A snapshot and its ranges, against a map of the standard library, under updates.
fn snapshots_stay<R: RegionProtection>() {
    let domain = Domain::<R>::new();
    let tree = Bonsai::<u64, u64, R>::new(&domain);
    let handle = domain.register();
    let (mut oracle, mut random) = (BTreeMap::new(), Random::new(3));
    for _ in 0..200 {
        let guard = handle.pin();
        let snapshot = tree.snapshot(&guard);
        let before = oracle.clone();
        for _ in 0..random.below(60) {
            let (key, value) = (random.below(100), random.next());
            if random.below(5) < 3 {
                let inserted = tree.insert(&guard, key, value);
                assert_eq!(inserted, !oracle.contains_key(&key));
                oracle.entry(key).or_insert(value);
            } else {
                assert_eq!(tree.remove(&guard, &key).map(|value| *value), oracle.remove(&key));
            }
        }
        handle.flush();
        assert_eq!(tree.len(&guard), oracle.len());
        assert_eq!((snapshot.len(), snapshot.is_empty()), (before.len(), before.is_empty()));
        assert!(snapshot.iter().eq(&before));
        let (low, high) = (random.below(100), random.below(100));
        let (low, high) = (low.min(high), low.max(high));
        assert!(snapshot.range(low..high).eq(before.range(low..high)));
        assert!(snapshot.range(low..=high).eq(before.range(low..=high)));
        assert!(snapshot.range(high..).eq(before.range(high..)));
    }
}

/// Snapshots are consistent: a writer keeps the sum of the values, moving them between keys by
/// one update each that a snapshot has or has not.
fn snapshots_are_atomic<R: RegionProtection>() {
    let domain = Domain::<R>::new();
    let tree = Bonsai::<u64, u64, R>::new(&domain);
    let done = AtomicU64::new(0);
    let start = Barrier::new(3);
    thread::scope(|scope| {
        let write = |offset: u64| {
            let handle = domain.register();
            start.wait();
            // A run of keys that moves on: the next is inserted before the first is removed.
            for first in 0..scaled(4_000) {
                let guard = handle.pin();
                assert!(tree.insert(&guard, (first + 8) * 2 + offset, first));
                if first >= 8 {
                    assert!(tree.remove(&guard, &(first * 2 + offset)).is_some());
                }
            }
            done.fetch_add(1, Relaxed);
        };
        scope.spawn(move || write(0));
        scope.spawn(move || write(1));
        let handle = domain.register();
        start.wait();
        while done.load(Relaxed) < 2 {
            let guard = handle.pin();
            let snapshot = tree.snapshot(&guard);
            for offset in [0, 1] {
                let run: Vec<_> =
                    snapshot.iter().map(|(key, _)| *key).filter(|k| k % 2 == offset).collect();
                assert!(run.len() <= 9, "{run:?}");
                assert!(run.windows(2).all(|pair| pair[0] + 2 == pair[1]), "{run:?}");
            }
            assert_eq!(snapshot.len(), snapshot.iter().count());
        }
    });
}

macro_rules! over_schemes {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn operations_of_destructors_help() {
            $(
                destructors_help::<schemes::$scheme, NmTree<_, _, _>>();
                destructors_help::<schemes::$scheme, EllenTree<_, _, _>>();
                destructors_help::<schemes::$scheme, Bonsai<_, _, _>>();
            )*
        }
        #[test]
        fn colliding_threads_add_up() {
            $(
                threads_collide::<schemes::$scheme, NmTree<_, _, _>>();
                threads_collide::<schemes::$scheme, EllenTree<_, _, _>>();
                threads_collide::<schemes::$scheme, Bonsai<_, _, _>>();
            )*
        }
    };
}
for_each_kind!(over_schemes [Epoch: region, Crystalline: pointer,]);

macro_rules! over_every_scheme {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn a_snapshot_does_not_change() {
            $(over_every_scheme!(@$strength snapshots_stay $scheme);)*
        }
        #[test]
        fn a_snapshot_is_of_one_time() {
            $(over_every_scheme!(@$strength snapshots_are_atomic $scheme);)*
        }
    };
    (@region $test:ident $scheme:ident) => { $test::<schemes::$scheme>() };
    (@$weaker:ident $test:ident $scheme:ident) => { () };
}
kovan_schemes::for_each_scheme!(over_every_scheme);
