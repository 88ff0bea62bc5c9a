//! Scripted interleavings of a traversal with the removal of what is in front of it, over every map
//! and every scheme. Keys run a script when a traversal compares them, as another thread could at
//! that moment, and notice being read after they were freed.

#[path = "common/kinds.rs"]
mod kinds;

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use kovan_schemes::{Domain, Guard, Reclaimer, RegionProtection, schemes};
use kovan_structures::{
    HarrisList, HarrisListScot, HashMap, HashMapHarris, MichaelList, MsQueue, SkipList,
};

const ALIVE: u64 = 0x6B6F_7661_6E21;
/// Allocations that are enough for every scheme's clock to move.
const MANY: u64 = 2000;

thread_local! {
    /// What runs when a node with this key is compared.
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
    /// What runs when this key was found.
    static FOUND: RefCell<Option<Script>> = const { RefCell::new(None) };
    /// If it is true, the next comparison panics.
    static THROW: Cell<bool> = const { Cell::new(false) };
}

type Script = (u64, Box<dyn FnOnce()>);

/// Before the key of a number there is an early one.
struct Key {
    number: u64,
    early: bool,
    state: AtomicU64,
}

impl Key {
    fn new(number: u64) -> Self {
        Self { number, early: false, state: AtomicU64::new(ALIVE) }
    }

    fn early(number: u64) -> Self {
        Self { number, early: true, state: AtomicU64::new(ALIVE) }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        assert_eq!(self.state.swap(0, Relaxed), ALIVE, "dropped twice");
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        // Traversals compare the key of a node with the one they look for.
        assert_eq!(self.state.load(Relaxed), ALIVE, "read after it was freed");
        let script =
            SCRIPT.with_borrow_mut(|script| script.take_if(|(number, _)| *number == self.number));
        if let Some((_, run)) = script {
            run();
        }
        if THROW.take() {
            resume_unwind(Box::new("thrown"));
        }
        (self.number, !self.early).cmp(&(other.number, !other.early))
    }
}
impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        assert_eq!(self.state.load(Relaxed), ALIVE, "read after it was freed");
        let this = |script: &mut Script| script.0 == self.number && !self.early;
        if let Some((_, run)) = FOUND.with_borrow_mut(|found| found.take_if(this)) {
            run();
        }
        (self.number, self.early) == (other.number, other.early)
    }
}
impl Eq for Key {}
impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {
        // One bucket.
    }
}

trait Map<R: Reclaimer>: 'static {
    /// Says whether a removal that panics leaves its node to others.
    const LEAVES: bool;
    fn new(domain: &Domain<R>) -> Self;
    fn insert_key(&self, guard: &Guard<'_, R>, key: Key) -> bool;
    fn remove_key(&self, guard: &Guard<'_, R>, key: &Key);
    /// Where the key is, in memory.
    fn address(&self, guard: &Guard<'_, R>, key: u64) -> Option<usize>;

    fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.insert_key(guard, Key::new(key))
    }
    fn remove(&self, guard: &Guard<'_, R>, key: u64) {
        self.remove_key(guard, &Key::new(key));
    }
}

macro_rules! map {
    ($($map:ident $bound:ident $leaves:literal $($hint:literal)?;)*) => {$(
        impl<R: $bound> Map<R> for $map<Key, (), R> {
            const LEAVES: bool = $leaves;

            fn new(domain: &Domain<R>) -> Self {
                $map::new(domain $(, $hint)?)
            }
            fn insert_key(&self, guard: &Guard<'_, R>, key: Key) -> bool {
                self.insert(guard, key, ())
            }
            fn remove_key(&self, guard: &Guard<'_, R>, key: &Key) {
                drop(self.remove(guard, key));
            }
            fn address(&self, guard: &Guard<'_, R>, key: u64) -> Option<usize> {
                self.get(guard, &Key::new(key)).map(|entry| std::ptr::from_ref(entry.key()).addr())
            }
        }
    )*};
}
map! {
    MichaelList Reclaimer true;
    HarrisList RegionProtection true;
    HarrisListScot Reclaimer true;
    HashMap Reclaimer true 1;
    HashMapHarris Reclaimer true 1;
    SkipList Reclaimer false;
}

/// A map that this thread uses as if it were several.
struct World<R: Reclaimer, M> {
    domain: Domain<R>,
    map: Rc<M>,
}

impl<R: Reclaimer, M: Map<R>> World<R, M> {
    fn new(keys: &[u64]) -> Self {
        let domain = Domain::new();
        let world = Self { map: Rc::new(M::new(&domain)), domain };
        world.as_another(|map, guard| keys.iter().for_each(|key| assert!(map.insert(guard, *key))));
        world
    }

    /// Runs `operation` as a thread of its own, which tries to free what it can at the end.
    fn as_another<O>(&self, operation: impl FnOnce(&M, &Guard<'_, R>) -> O) -> O {
        let handle = self.domain.register();
        let output = operation(&self.map, &handle.pin());
        handle.flush();
        output
    }

    /// Marks a key and leaves it linked, if the map can: a removal finds that the link to its node
    /// has changed when it has marked it, and panics when it searches again. A map that cannot unlinks
    /// it at once.
    fn mark(&self, key: u64) {
        if !M::LEAVES {
            return self.as_another(|map, guard| map.remove(guard, key));
        }
        let world = Self { domain: self.domain.clone(), map: Rc::clone(&self.map) };
        let found = move || {
            world.as_another(|map, guard| assert!(map.insert_key(guard, Key::early(key))));
            THROW.set(true);
        };
        FOUND.set(Some((key, Box::new(found))));
        let removed = catch_unwind(AssertUnwindSafe(|| {
            self.as_another(|map, guard| map.remove(guard, key));
        }));
        assert!(removed.is_err(), "the second search panics");
        // Stops before the marked node, which it does not unlink.
        self.as_another(|map, guard| map.remove_key(guard, &Key::early(key)));
    }

    /// Lets the clocks of the scheme move, and its thresholds be passed.
    fn age(&self) {
        let queue = MsQueue::new(&self.domain);
        self.as_another(|_, guard| {
            for value in 0..MANY {
                queue.enqueue(guard, value);
                assert_eq!(queue.dequeue(guard), Some(value));
            }
        });
    }

    /// When a traversal compares `key`, `script` runs first.
    fn script(&self, key: u64, script: impl FnOnce(&Self) + 'static) {
        let world = Self { domain: self.domain.clone(), map: Rc::clone(&self.map) };
        SCRIPT.set(Some((key, Box::new(move || script(&world)))));
    }

    /// Checks what is in the map, and counts the script if it has run. It has not if no traversal
    /// compared the key: a skip list passed it by, or marked nodes are unlinked uncompared.
    fn check(&self, keys: &[u64]) -> u64 {
        if SCRIPT.take().is_some() {
            return 0;
        }
        self.as_another(|map, guard| {
            for key in 0..10 {
                assert_eq!(map.address(guard, key).is_some(), keys.contains(&key), "key {key}");
            }
        });
        1
    }
}

/// What a traversal does: the same traversal for look-ups, insertions and removals.
const OPERATIONS: u64 = 3;

impl<R: Reclaimer, M: Map<R>> World<R, M> {
    fn traverse(&self, operation: u64, to: u64) {
        self.as_another(|map, guard| match operation {
            0 => assert!(map.address(guard, to).is_some()),
            1 => assert!(!map.insert(guard, to)),
            _ => map.remove(guard, to - 1),
        });
    }
}

/// A reader is about to step to 2. Meanwhile a young 3 appears behind it, both are removed as one
/// chain, retired, and 3, which the reader never protected, is freed. The link of 2 still leads there.
fn the_chain_goes<R: Reclaimer, M: Map<R>>() -> u64 {
    let each = |operation| {
        let world = World::<R, M>::new(&[1, 2, 6]);
        world.script(1, |world| {
            world.age();
            world.as_another(|map, guard| assert!(map.insert(guard, 3)));
            world.mark(3);
            world.mark(2);
            // Unlinks them.
            world.as_another(|map, guard| assert!(!map.insert(guard, 6)));
            world.age();
        });
        world.traverse(operation, 6);
        world.check(&[1, 6])
    };
    (0..OPERATIONS).map(each).sum()
}

/// The same, but 2 goes first and alone, so that a scheme that frees in batches does not keep 3 for
/// the sake of 2, which the reader protects.
fn the_chain_goes_in_parts<R: Reclaimer, M: Map<R>>() -> u64 {
    let each = |operation| {
        let world = World::<R, M>::new(&[1, 2, 6]);
        world.script(1, |world| {
            world.age();
            world.as_another(|map, guard| assert!(map.insert(guard, 3)));
            for key in [2, 3] {
                world.mark(key);
                world.as_another(|map, guard| assert!(!map.insert(guard, 6)));
                world.age();
            }
        });
        world.traverse(operation, 6);
        world.check(&[1, 6])
    };
    (0..OPERATIONS).map(each).sum()
}

/// A reader is inside of a chain, at 3. The chain goes, and what is behind is freed, and a new node
/// comes behind 1, at the address of the first of the chain if that was freed.
fn the_entry_is_replaced<R: Reclaimer, M: Map<R>>() -> u64 {
    let each = |operation| {
        let world = World::<R, M>::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 100]);
        let entry = world.as_another(|map, guard| map.address(guard, 2));
        (2..10).rev().for_each(|key| world.mark(key));
        world.script(3, move |world| {
            world.as_another(|map, guard| assert!(!map.insert(guard, 100)));
            for key in (10..20).rev() {
                world.as_another(|map, guard| assert!(map.insert(guard, key)));
                if world.as_another(|map, guard| map.address(guard, key)) == entry {
                    println!("a node came to the address of the first of the chain");
                    break;
                }
            }
        });
        world.traverse(operation, 100);
        world.check(&[1])
    };
    (0..OPERATIONS).map(each).sum()
}

/// A reader is at the last node before a chain when that node itself is removed.
fn the_node_before_goes<R: Reclaimer, M: Map<R>>() -> u64 {
    let each = |operation| {
        let world = World::<R, M>::new(&[1, 2, 3, 4, 8]);
        world.mark(4);
        world.mark(3);
        world.script(2, |world| {
            world.mark(2);
            world.as_another(|map, guard| assert!(!map.insert(guard, 8)));
            world.age();
            world.as_another(|map, guard| assert!(map.insert(guard, 5)));
        });
        world.traverse(operation, 8);
        world.check(&[1, 5, 8])
    };
    (0..OPERATIONS).map(each).sum()
}

macro_rules! over_schemes {
    ([$($scheme:ident : $strength:ident,)*]) => {
        over_schemes! { @tests [$($scheme : $strength,)*]
            the_chain_goes, the_chain_goes_in_parts, the_entry_is_replaced, the_node_before_goes,
        }
    };
    (@tests $schemes:tt $($test:ident,)*) => {
        mod every_map {
            use super::*;
            $(
                #[test]
                fn $test() {
                    over_schemes! { @run $schemes $test }
                }
            )*
        }
    };
    (@run [$($scheme:ident : $strength:ident,)*] $test:ident) => {
        $(
            println!("over {}", <schemes::$scheme as Reclaimer>::FACTS.name);
            super::$test::<schemes::$scheme, MichaelList<Key, (), schemes::$scheme>>();
            super::$test::<schemes::$scheme, HashMap<Key, (), schemes::$scheme>>();
            for _ in 0..10 {
                super::$test::<schemes::$scheme, SkipList<Key, (), schemes::$scheme>>();
            }
            let list = super::$test::<schemes::$scheme, HarrisListScot<Key, (), schemes::$scheme>>();
            let map = super::$test::<schemes::$scheme, HashMapHarris<Key, (), schemes::$scheme>>();
            assert!(list > 0 && map > 0, "the scripts have run");
            over_schemes!(@harris $strength $scheme $test);
        )*
    };
    (@harris region $scheme:ident $test:ident) => {
        assert!(super::$test::<schemes::$scheme, HarrisList<Key, (), schemes::$scheme>>() > 0)
    };
    (@harris $weaker:ident $scheme:ident $test:ident) => { () };
}
kinds::for_each_kind!(over_schemes [Epoch: region, Crystalline: pointer,]);
