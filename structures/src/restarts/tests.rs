//! One interference, and how often a traversal restarts for it. Keys run what another thread could do where
//! they are compared.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use kovan_schemes::{Domain, Guard, Reclaimer, RegionProtection, Strength, schemes};

use super::restarts;
use crate::{
    Bonsai, EllenTree, HarrisList, HarrisListScot, HashMap, HashMapHarris, MichaelList, NmTree,
    SkipList,
};

/// What runs when this thread next compares a key with the one of this number.
type Trap = (u64, Box<dyn FnOnce()>);

thread_local! {
    static TRAP: RefCell<Option<Trap>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key(u64);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let met = |trap: &mut Trap| [self.0, other.0].contains(&trap.0);
        let trap = TRAP.with_borrow_mut(|trap| trap.take_if(met));
        if let Some((_, run)) = trap {
            run();
        }
        self.0.cmp(&other.0)
    }
}
impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A map of any kind.
trait Map<R: Reclaimer>: 'static {
    fn new(domain: &Domain<R>) -> Self;
    fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool;
    fn remove(&self, guard: &Guard<'_, R>, key: u64) -> bool;
    fn contains(&self, guard: &Guard<'_, R>, key: u64) -> bool;
}

macro_rules! maps {
    ($($map:ident $bound:ident $insert:ident($($height:literal)?) $new:expr;)*) => {$(
        impl<R: $bound> Map<R> for $map<Key, u64, R> {
            fn new(domain: &Domain<R>) -> Self {
                let new: fn(&Domain<R>) -> Self = $new;
                new(domain)
            }
            fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
                self.$insert(guard, Key(key), key $(, $height)?)
            }
            fn remove(&self, guard: &Guard<'_, R>, key: u64) -> bool {
                self.remove(guard, &Key(key)).is_some()
            }
            fn contains(&self, guard: &Guard<'_, R>, key: u64) -> bool {
                self.contains_key(guard, &Key(key))
            }
        }
    )*};
}
maps! {
    MichaelList Reclaimer insert() Self::new;
    HarrisList RegionProtection insert() Self::new;
    HarrisListScot Reclaimer insert() Self::new;
    HashMap Reclaimer insert() |domain| Self::new(domain, 1);
    HashMapHarris Reclaimer insert() |domain| Self::new(domain, 1);
    SkipList Reclaimer insert_with_height(1) Self::new;
    NmTree Reclaimer insert() Self::new;
    EllenTree Reclaimer insert() Self::new;
    Bonsai Reclaimer insert() Self::new;
}

/// Counts the restarts of `operation` on a map with the keys 1, 2 and 3. Where it first compares a key with
/// `at`, others remove `gone`.
fn interfered<R: Reclaimer, M: Map<R>>(
    at: u64,
    gone: &'static [u64],
    operation: impl FnOnce(&M, &Guard<'_, R>),
) -> u64 {
    let domain = Domain::<R>::new();
    let map = Rc::new(M::new(&domain));
    let handle = domain.register();
    (1..=3).for_each(|key| assert!(map.insert(&handle.pin(), key)));
    let others = (Rc::clone(&map), domain.clone());
    let meanwhile = move || {
        let (map, domain) = others;
        let handle = domain.register();
        gone.iter().for_each(|key| assert!(map.remove(&handle.pin(), *key)));
    };
    let before = restarts();
    TRAP.set(Some((at, Box::new(meanwhile))));
    operation(&map, &handle.pin());
    assert!(TRAP.with_borrow(Option::is_none), "the operation went another way");
    restarts() - before
}

/// Counts those of a look-up of 3, and of an insertion of 3, which finds it.
fn of_both<R: Reclaimer, M: Map<R>>(at: u64, gone: &'static [u64]) -> [u64; 2] {
    [
        interfered::<R, M>(at, gone, |map, guard| assert!(map.contains(guard, 3))),
        interfered::<R, M>(at, gone, |map, guard| assert!(!map.insert(guard, 3))),
    ]
}

fn one_interference<R: Reclaimer>() {
    // Look-ups that rely on the guard alone do not restart.
    let look_up = u64::from(!matches!(R::FACTS.strength, Strength::Region));
    let name = R::FACTS.name;
    // The next node is removed; and its predecessor too.
    for gone in [&[2][..], &[2, 1]] {
        assert_eq!(of_both::<R, MichaelList<_, _, R>>(1, gone), [1, 1], "{name} {gone:?}");
        assert_eq!(of_both::<R, HashMap<_, _, R>>(1, gone), [1, 1], "{name} {gone:?}");
        assert_eq!(of_both::<R, SkipList<_, _, R>>(1, gone), [look_up, 1], "{name} {gone:?}");
    }
    // A walk goes on from the predecessor, as long as that is there.
    assert_eq!(of_both::<R, HarrisListScot<_, _, R>>(1, &[2]), [0, 0], "{name}");
    assert_eq!(of_both::<R, HarrisListScot<_, _, R>>(1, &[2, 1]), [look_up, 1], "{name}");
    assert_eq!(of_both::<R, HashMapHarris<_, _, R>>(1, &[2]), [0, 0], "{name}");
    assert_eq!(of_both::<R, HashMapHarris<_, _, R>>(1, &[2, 1]), [look_up, 1], "{name}");
    // The inner node where the traversal stands is removed.
    assert_eq!(of_both::<R, NmTree<_, _, R>>(2, &[1]), [look_up, look_up], "{name}");
    assert_eq!(of_both::<R, EllenTree<_, _, R>>(2, &[1]), [look_up, 1], "{name}");
    // The root is replaced.
    assert_eq!(of_both::<R, Bonsai<_, _, R>>(2, &[1]), [look_up, look_up], "{name}");
}

#[test]
fn an_interference_makes_one_restart() {
    one_interference::<schemes::Epoch>();
    one_interference::<schemes::Ibr>();
    one_interference::<schemes::HpNaive>();
    let harris = |gone| of_both::<_, HarrisList<_, _, schemes::Epoch>>(1, gone);
    assert_eq!([harris(&[2]), harris(&[2, 1])], [[0, 0], [0, 1]]);
}

/// What fails is the exchange of the update itself, at the end of its traversal.
#[test]
fn another_attempt_is_no_restart() {
    type R = schemes::Epoch;
    fn update<M: Map<R>>(at: u64, gone: &'static [u64], key: u64) -> u64 {
        interfered::<R, M>(at, gone, |map, guard| assert!(map.insert(guard, key)))
    }
    // The place of 4 is behind 3, which is removed when the traversal has read its link.
    assert_eq!(update::<MichaelList<_, _, R>>(3, &[3], 4), 0);
    assert_eq!(update::<HarrisListScot<_, _, R>>(3, &[3], 4), 0);
    assert_eq!(update::<SkipList<_, _, R>>(3, &[3], 4), 0);
    assert_eq!(update::<NmTree<_, _, R>>(3, &[3], 4), 0);
    // The root is replaced.
    assert_eq!(update::<Bonsai<_, _, R>>(3, &[1], 4), 0);
}

macro_rules! iterations {
    ($($map:ident)*) => {$({
        let domain = Domain::<schemes::HpNaive>::new();
        let map = $map::<u64, u64, _>::new(&domain);
        let handle = domain.register();
        let guard = handle.pin();
        (1..=4).for_each(|key| assert!(map.insert(&guard, key, key)));
        let before = restarts();
        let mut entries = map.iter(&guard);
        assert_eq!(entries.next().map(|entry| *entry), Some(1));
        assert_eq!(entries.next().map(|entry| *entry), Some(2));
        assert_eq!(restarts(), before);
        assert!(map.remove(&guard, &2).is_some());
        assert_eq!(entries.next().map(|entry| *entry), Some(3));
        assert_eq!(restarts(), before + 1, "{}", stringify!($map));
        assert_eq!(entries.next().map(|entry| *entry), Some(4));
        assert!(entries.next().is_none());
        assert_eq!(restarts(), before + 1, "{}", stringify!($map));
    })*};
}

#[test]
fn an_iteration_restarts_where_its_node_was_removed() {
    iterations!(MichaelList HarrisListScot SkipList);
}
