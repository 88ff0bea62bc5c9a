//! What the trees alone have to get right: readers inside removed parts, help, balance, snapshots.

mod common;

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use common::{Random, scaled};
use kovan_schemes::{Domain, Guard, Reclaimer, RegionProtection, Strength, schemes};
use kovan_structures::{Bonsai, EllenTree, NmTree};

/// What the trees have in common.
trait Tree<K, V, R: Reclaimer>: 'static {
    fn new(domain: &Domain<R>) -> Self;
    fn put(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool;
    fn take(&self, guard: &Guard<'_, R>, key: &K) -> bool;
    fn has(&self, guard: &Guard<'_, R>, key: &K) -> bool;
}

macro_rules! trees {
    ($($tree:ident),*) => {$(
        impl<K, V, R> Tree<K, V, R> for $tree<K, V, R>
        where
            K: Ord + Clone + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
            R: Reclaimer,
        {
            fn new(domain: &Domain<R>) -> Self {
                Self::new(domain)
            }
            fn put(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
                self.insert(guard, key, value)
            }
            fn take(&self, guard: &Guard<'_, R>, key: &K) -> bool {
                self.remove(guard, key).is_some()
            }
            fn has(&self, guard: &Guard<'_, R>, key: &K) -> bool {
                self.contains_key(guard, key)
            }
        }
    )*};
}
trees!(NmTree, EllenTree, Bonsai);

type Script = Box<dyn FnOnce()>;

thread_local! {
    /// The keys that a traced operation was compared with.
    static TRACE: RefCell<Option<Vec<u64>>> = const { RefCell::new(None) };
    /// What happens while the traced operation is at this comparison, counted from 1.
    static AT_COMPARISON: RefCell<Option<(usize, Script)>> = const { RefCell::new(None) };
    /// What happens when a value is cloned.
    static AT_CLONE: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// A key whose comparisons are traced, and interrupted by a script.
#[derive(Clone, PartialEq, Eq)]
struct Traced(u64);

impl PartialOrd for Traced {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Traced {
    fn cmp(&self, other: &Self) -> Ordering {
        if let Some(mut trace) = TRACE.take() {
            trace.push(other.0);
            match AT_COMPARISON.take() {
                Some((at, script)) if at == trace.len() => script(),
                later => AT_COMPARISON.set(later),
            }
            TRACE.set(Some(trace));
        }
        self.0.cmp(&other.0)
    }
}

fn trace_with(at: usize, script: Script) {
    AT_COMPARISON.set(Some((at, script)));
    TRACE.set(Some(Vec::new()));
}

/// A value that says when it, or a copy of it, is freed.
#[derive(Default)]
struct Told(Arc<AtomicBool>);

impl Clone for Told {
    fn clone(&self) -> Self {
        if let Some(script) = AT_CLONE.take() {
            script();
        }
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn weak<R: Reclaimer>() -> bool {
    R::FACTS.strength < Strength::Region
}

/// A search for 30 in a tree of 10 and 20 stops inside a node. Meanwhile the node is removed, a
/// younger one of 30 behind it too, and that is freed. `after` takes the place of 20, if given.
///
/// Returns what the search was compared with, and whether it found 30.
fn stop_inside<R: Reclaimer, T: Tree<Traced, Told, R>>(
    after: Option<u64>,
    dangerous: &mut u32,
) -> (Vec<u64>, bool) {
    println!("{} over {}", std::any::type_name::<T>(), R::FACTS.name);
    let domain = Domain::<R>::new();
    let tree = Rc::new(T::new(&domain));
    let handle = domain.register();
    for key in [10, 20] {
        assert!(tree.put(&handle.pin(), Traced(key), Told::default()));
    }
    let guard = handle.pin();
    let freed = Arc::new(AtomicBool::new(false));
    let script = {
        let (domain, tree, freed) = (domain.clone(), Rc::clone(&tree), Arc::clone(&freed));
        move || {
            let handle = domain.register();
            // Lets the clock of era schemes step, so that what follows is younger than the guard.
            for _ in 0..10_000 {
                let guard = handle.pin();
                guard.discard(guard.alloc(()));
            }
            assert!(tree.put(&handle.pin(), Traced(30), Told(Arc::clone(&freed))));
            assert!(tree.take(&handle.pin(), &Traced(10)));
            handle.flush();
            assert!(tree.take(&handle.pin(), &Traced(30)));
            if let Some(key) = after {
                assert!(tree.take(&handle.pin(), &Traced(20)));
                assert!(tree.put(&handle.pin(), Traced(key), Told::default()));
            }
            // Set by copies outside of the tree. What counts is the node, from here on.
            freed.store(false, Relaxed);
            for _ in 0..200 {
                handle.flush();
                drop(handle.pin());
            }
        }
    };
    trace_with(1, Box::new(script));
    let found = tree.has(&guard, &Traced(30));
    assert!(weak::<R>() || !freed.load(Relaxed), "freed in a region");
    *dangerous += u32::from(freed.load(Relaxed));
    (TRACE.take().unwrap(), found)
}

/// Counts where something was freed behind the reader.
fn readers_start_again<R: Reclaimer>([nm, ellen, bonsai]: &mut [u32; 3]) {
    // The search that starts again is not compared any more: there is but the leaf of 20. One
    // that goes on finds 30, which was there meanwhile.
    let external = if weak::<R>() { (vec![20], false) } else { (vec![20, 30], true) };
    assert_eq!(stop_inside::<R, NmTree<_, _, R>>(None, nm), external);
    assert_eq!(stop_inside::<R, EllenTree<_, _, R>>(None, ellen), external);
    // The root was 10, above 20. It is 40, or of no concern.
    let second = if weak::<R>() { 40 } else { 20 };
    assert_eq!(stop_inside::<R, Bonsai<_, _, R>>(Some(40), bonsai), (vec![10, second], false));
}

/// A removal of 20 flags its leaf, finds its anchor gone, and stops with the tag set, before it
/// tries again. A removal of 40 then takes out the chain of both, and frees it.
fn chain_is_retired_once<R: Reclaimer>() {
    println!("over {}", R::FACTS.name);
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let tree = Rc::new(NmTree::<Traced, Told, R>::new(&domain));
    let handle = domain.register();
    for key in [10, 20, 30, 40] {
        assert!(tree.insert(&handle.pin(), Traced(key), Told::default()));
    }
    let remove = |key| {
        let (domain, tree, meter) = (domain.clone(), Rc::clone(&tree), meter.clone());
        move |nodes| {
            let handle = domain.register();
            let before = meter.totals().retired;
            assert!(tree.remove(&handle.pin(), &Traced(key)).is_some());
            assert_eq!(meter.totals().retired - before, nodes);
            (0..200).for_each(|_| handle.flush());
        }
    };
    let (first, second) = (remove(10), remove(40));
    AT_CLONE.set(Some(Box::new(move || {
        // The node above that of 20, and so its anchor.
        first(2);
        // Compared in the vain attempt, and on the way to the next.
        trace_with(2, Box::new(move || second(4)));
    })));
    assert!(tree.remove(&handle.pin(), &Traced(20)).is_some());
    // Then the search starts again, or, in a region, meets the leaf, for another vain attempt.
    assert_eq!(TRACE.take().unwrap(), [30; 3][..if weak::<R>() { 2 } else { 3 }]);
    // The leaf of 30, the sentinel, and the node above them.
    assert_eq!((meter.totals().retired, meter.totals().live()), (6, 3));
    assert!(tree.contains_key(&handle.pin(), &Traced(30)));
    drop((tree, handle, domain));
    let end = meter.totals();
    assert_eq!((end.live(), end.freed), (0, if R::FACTS.frees_on_drop { 6 } else { 0 }));
}

/// Of two siblings that are both being removed, the one that is lifted keeps its flag.
fn flag_is_lifted<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let tree = Rc::new(NmTree::<u64, Told, R>::new(&domain));
    let handle = domain.register();
    for key in [10, 20] {
        assert!(tree.insert(&handle.pin(), key, Told::default()));
    }
    let inner = Rc::clone(&tree);
    let other = domain.clone();
    AT_CLONE.set(Some(Box::new(move || {
        let handle = other.register();
        assert!(inner.remove(&handle.pin(), &20).is_some());
        assert!(inner.contains_key(&handle.pin(), &10), "its removal is not complete");
    })));
    assert!(tree.remove(&handle.pin(), &10).is_some());
    assert!(!tree.contains_key(&handle.pin(), &10));
    assert_eq!((meter.totals().retired, meter.totals().live()), (4, 1));
    assert!(tree.insert(&handle.pin(), 30, Told::default()));
}

/// Counts what an operation allocates and retires: every node and record once.
fn each_record_is_retired_once<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let tree = EllenTree::<u64, u64, R>::new(&domain);
    let (meter, handle) = (domain.meter(), domain.register());
    let guard = handle.pin();
    let step = |operation: &dyn Fn() -> bool, allocated, retired| {
        let before = meter.totals();
        assert!(operation());
        let after = meter.totals();
        let counted = (after.allocated - before.allocated, after.retired - before.retired);
        assert_eq!(counted, (allocated, retired));
    };
    // A leaf, the copy of its neighbour, their parent, and a record; for the neighbour. Each
    // record is the first of its home.
    step(&|| tree.insert(&guard, 10, 0), 4, 1);
    step(&|| tree.insert(&guard, 20, 0), 4, 1);
    step(&|| tree.insert(&guard, 30, 0), 4, 1);
    // At the home of the record of 30, which goes.
    step(&|| tree.insert(&guard, 15, 0), 4, 2);
    // The parent of 20 and 30 has no record; above it is that of 15.
    step(&|| tree.remove(&guard, &30).is_some(), 1, 3);
    // The parent of 10 and 15 has none; above it is that of the removal of 30.
    step(&|| tree.remove(&guard, &15).is_some(), 1, 3);
    // The parent of 10 and 20 has that of the removal of 15, above it is that of 20.
    step(&|| tree.remove(&guard, &20).is_some(), 1, 4);
    // The parent of 10 has that of the removal of 20, the root that of 10.
    step(&|| tree.remove(&guard, &10).is_some(), 1, 4);
    step(&|| tree.remove(&guard, &10).is_none(), 0, 0);
    // The root, the sentinel, and the record of the last removal.
    assert_eq!(meter.totals().live(), 3);
    drop(guard);
    drop((tree, handle, domain));
    assert_eq!(meter.totals().live(), 0);
    assert!(!R::FACTS.frees_on_drop || meter.totals().unreclaimed() == 0);
}

type Hook = Rc<dyn Fn()>;

thread_local! {
    /// What happens when a value is dropped, unless it is happening.
    static AT_DROP: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// A value whose destructor uses the tree: in a retirement, with the operation half done.
#[derive(Clone)]
struct Busy;

impl Drop for Busy {
    fn drop(&mut self) {
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
    (0..scaled(10_000)).for_each(|_| outer());
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
fn threads_collide<R: Reclaimer, T: Tree<u64, Told, R> + Sync>() {
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
                0 | 1 => net[key as usize] += i64::from(tree.put(&guard, key, Told::default())),
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
                assert_eq!(tree.remove(&guard, &key), oracle.remove(&key));
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

macro_rules! over_every_scheme {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn readers_inside_removed_parts_start_again() {
            let mut dangerous = [0; 3];
            $(readers_start_again::<schemes::$scheme>(&mut dangerous);)*
            // Which of the weaker schemes free at once is their affair, but some do.
            assert!(!dangerous.contains(&0), "{dangerous:?}");
        }
        #[test]
        fn a_chain_of_removals_is_retired_once() {
            $(chain_is_retired_once::<schemes::$scheme>();)*
        }
        #[test]
        fn a_flag_is_lifted_with_its_leaf() {
            $(flag_is_lifted::<schemes::$scheme>();)*
        }
        #[test]
        fn a_record_is_retired_once() {
            $(each_record_is_retired_once::<schemes::$scheme>();)*
        }
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
