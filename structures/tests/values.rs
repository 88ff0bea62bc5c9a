//! Values that notice being read after their drop, and that are counted: over a scheme of each kind,
//! and over those of other crates.

mod common;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use common::{Random, for_each_kind, scaled};
use kovan_schemes::{Domain, Guard, Reclaimer, RegionProtection, schemes};
use kovan_structures::{
    Bonsai, DoubleLinkQueue, EliminationStack, EllenTree, HarrisList, HarrisListScot, HashMap,
    HashMapHarris, MichaelList, MsQueue, NmTree, SegmentQueue, SkipList, TreiberStack,
};

const ALIVE: u64 = 0x6B6F_7661_6E21;
const KEYS: u64 = 32;

/// Alive until dropped; counts how many are.
struct Canary {
    state: AtomicU64,
    alive: Arc<AtomicI64>,
}

impl Canary {
    fn new(alive: &Arc<AtomicI64>) -> Self {
        alive.fetch_add(1, Relaxed);
        Self { state: AtomicU64::new(ALIVE), alive: Arc::clone(alive) }
    }
}

impl Clone for Canary {
    fn clone(&self) -> Self {
        assert_eq!(self.state.load(Relaxed), ALIVE, "read after its drop");
        // A reader that is slow while others remove.
        thread::yield_now();
        assert_eq!(self.state.load(Relaxed), ALIVE, "dropped while it was read");
        Self::new(&self.alive)
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        assert_eq!(self.state.swap(0, Relaxed), ALIVE, "dropped twice");
        self.alive.fetch_sub(1, Relaxed);
    }
}

/// The operations of either kind of structure.
trait Store<R: Reclaimer>: Sync {
    fn put(&self, guard: &Guard<'_, R>, key: u64, value: Canary);
    fn take(&self, guard: &Guard<'_, R>, key: u64) -> Option<Canary>;
    fn read(&self, guard: &Guard<'_, R>, key: u64) -> Option<Canary>;
}

macro_rules! map_store {
    ($map:ident $bound:ident) => {
        impl<R: $bound> Store<R> for $map<u64, Canary, R> {
            fn put(&self, guard: &Guard<'_, R>, key: u64, value: Canary) {
                self.insert(guard, key, value);
            }
            fn take(&self, guard: &Guard<'_, R>, key: u64) -> Option<Canary> {
                self.remove(guard, &key).map(|value| value.clone())
            }
            fn read(&self, guard: &Guard<'_, R>, key: u64) -> Option<Canary> {
                self.get(guard, &key).map(|value| value.clone())
            }
        }
    };
}
map_store!(MichaelList Reclaimer);
map_store!(HashMap Reclaimer);
map_store!(HashMapHarris Reclaimer);
map_store!(HarrisList RegionProtection);
map_store!(HarrisListScot Reclaimer);
map_store!(SkipList Reclaimer);
map_store!(Bonsai Reclaimer);
map_store!(EllenTree Reclaimer);
map_store!(NmTree Reclaimer);

macro_rules! pool_store {
    ($pool:ident $put:ident $take:ident) => {
        impl<R: Reclaimer> Store<R> for $pool<Canary, R> {
            fn put(&self, guard: &Guard<'_, R>, _: u64, value: Canary) {
                self.$put(guard, value);
            }
            fn take(&self, guard: &Guard<'_, R>, _: u64) -> Option<Canary> {
                self.$take(guard)
            }
            fn read(&self, guard: &Guard<'_, R>, _: u64) -> Option<Canary> {
                // A protected read that may race with a removal; its answer can be either.
                let _ = self.is_empty(guard);
                None
            }
        }
    };
}
pool_store!(TreiberStack push pop);
pool_store!(EliminationStack push pop);
pool_store!(MsQueue enqueue dequeue);
pool_store!(DoubleLinkQueue enqueue dequeue);
pool_store!(SegmentQueue enqueue dequeue);

fn exercise<R: Reclaimer, S: Store<R>>(new: impl FnOnce(&Domain<R>) -> S) {
    println!("{} over {}", std::any::type_name::<S>(), R::FACTS.name);
    let alive = Arc::new(AtomicI64::new(0));
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let store = new(&domain);
    let start = Barrier::new(4);
    let work = |seed| {
        let handle = domain.register();
        let mut random = Random::new(seed);
        start.wait();
        for step in 0..scaled(15_000) {
            let guard = handle.pin();
            let key = random.below(KEYS);
            match random.below(3) {
                0 => store.put(&guard, key, Canary::new(&alive)),
                1 => drop(store.take(&guard, key)),
                _ => drop(store.read(&guard, key)),
            }
            drop(guard);
            if step % 64 == 0 {
                // Early and often: a node retired too early is to be freed while it is read.
                handle.flush();
            }
        }
    };
    thread::scope(|scope| {
        for seed in 1..=4 {
            scope.spawn(move || work(seed));
        }
    });
    drop(store);
    drop(domain);
    let totals = meter.totals();
    assert_eq!(totals.panicked, 0, "a destructor found a value dropped before");
    if R::FACTS.frees_on_drop {
        assert_eq!(alive.load(Relaxed), 0, "values leaked (or, if negative, dropped twice)");
    }
}

macro_rules! over_schemes {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn stack_values() {
            $(exercise(TreiberStack::<Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn elimination_stack_values() {
            $(exercise(EliminationStack::<Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn queue_values() {
            $(exercise(MsQueue::<Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn double_link_queue_values() {
            $(exercise(DoubleLinkQueue::<Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn segment_queue_values() {
            $(exercise(SegmentQueue::<Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn michael_list_values() {
            $(exercise(MichaelList::<u64, Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn hash_map_values() {
            $(exercise(|d| HashMap::<u64, Canary, schemes::$scheme>::new(d, 8));)*
        }
        #[test]
        fn hash_map_harris_values() {
            $(exercise(|d| HashMapHarris::<u64, Canary, schemes::$scheme>::new(d, 8));)*
        }
        #[test]
        fn nm_tree_values() {
            $(exercise(NmTree::<u64, Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn ellen_tree_values() {
            $(exercise(EllenTree::<u64, Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn bonsai_values() {
            $(exercise(Bonsai::<u64, Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn skip_list_values() {
            $(exercise(SkipList::<u64, Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn harris_list_scot_values() {
            $(exercise(HarrisListScot::<u64, Canary, schemes::$scheme>::new);)*
        }
        #[test]
        fn harris_list_values() {
            $(over_schemes!(@harris $strength $scheme);)*
        }
    };
    (@harris region $scheme:ident) => {
        exercise(HarrisList::<u64, Canary, schemes::$scheme>::new)
    };
    (@harris $weaker:ident $scheme:ident) => { () };
}
for_each_kind!(over_schemes [
    Epoch: region,
    HazardPointer: pointer,
    Seize: region,
    Sdd: region,
    KovanUpstream: guard,
]);

/// A drop that recursed would overflow the stack of the thread.
#[test]
fn drop_does_not_recurse() {
    let domain = Domain::<schemes::Kovan>::new();
    let handle = domain.register();
    let guard = handle.pin();
    let (stack, queue) = (TreiberStack::new(&domain), MsQueue::new(&domain));
    for value in 0..1_000_000 {
        stack.push(&guard, Box::new(value));
        queue.enqueue(&guard, Box::new(value));
    }
    drop((stack, queue));
    assert_eq!(domain.meter().totals().live(), 0);
}
