//! The maps of the cells do what a map does, over every contender.

use std::collections::BTreeMap;
use std::thread;

use kovan_benches::cells::{Cell, HashMap, List, Map};
use kovan_benches::contender::Contender;
use kovan_benches::contenders::{
    Epoch, EpochHandle, FreeAll, Haphazard, HaphazardHandle, Kovan, KovanHandle, KovanRobust, Leak,
    Published, Sdd, Seize, SeizeHandle,
};
use kovan_harness::random::XorShift;

/// Random operations by one thread, against the standard library's map.
fn agrees_with_a_btree_map<C: Contender, M: Map<C>>() {
    let contender = C::new();
    let (mut map, mut model) = (M::empty(), BTreeMap::new());
    let mut local = contender.register();
    let mut draws = XorShift::stream(0, 0, 0);
    for _ in 0..20_000 {
        let (choice, key, value) = (draws.below(3), draws.below(97), draws.next_u64());
        match choice {
            0 => {
                assert_eq!(map.get(&contender, &mut local, key), model.get(&key).copied());
            }
            1 => {
                let absent = !model.contains_key(&key);
                assert_eq!(map.insert(&contender, &mut local, key, value), absent);
                model.entry(key).or_insert(value);
            }
            _ => assert_eq!(map.remove(&contender, &mut local, key), model.remove(&key)),
        }
    }
    assert_eq!(map.keys(), model.into_keys().collect::<Vec<_>>());
}

const THREADS: u64 = 4;
/// Few, so that threads meet.
const KEYS: usize = 16;

/// Insertions minus removals of each key, by one thread. Values are those of their keys.
fn churn<C: Contender, M: Map<C>>(contender: &C, map: &M, seed: u64) -> [i64; KEYS] {
    let mut draws = XorShift::stream(seed, 0, 0);
    let (mut local, mut net) = (contender.register(), [0; KEYS]);
    for _ in 0..50_000 {
        let (choice, key) = (draws.below(3), draws.below(KEYS as u64));
        match choice {
            0 => {
                let value = map.get(contender, &mut local, key);
                assert!(value.is_none_or(|value| value == !key), "{value:?} of {key}");
            }
            1 => net[key as usize] += i64::from(map.insert(contender, &mut local, key, !key)),
            _ => {
                if let Some(value) = map.remove(contender, &mut local, key) {
                    assert_eq!(value, !key);
                    net[key as usize] -= 1;
                }
            }
        }
    }
    net
}

/// Each key's insertions minus its removals say whether it is there in the end.
fn counts_agree_with_the_contents<C: Contender, M: Map<C>>() {
    let contender = C::new();
    let mut map = M::empty();
    let nets: Vec<_> = thread::scope(|scope| {
        let (contender, map) = (&contender, &map);
        let threads: Vec<_> =
            (1..=THREADS).map(|seed| scope.spawn(move || churn(contender, map, seed))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a worker panicked")).collect()
    });
    let keys = map.keys();
    for key in 0..KEYS {
        let net: i64 = nets.iter().map(|net| net[key]).sum();
        assert_eq!(net, i64::from(keys.contains(&(key as u64))), "of key {key}");
    }
}

/// Exactly half of the keys are there before a measurement.
fn starts_half_full<C: Contender>() {
    let contender = C::new();
    assert_eq!(<List<C> as Cell<C>>::new(&contender).keys().len(), 128);
    assert_eq!(<HashMap<C> as Cell<C>>::new(&contender).keys().len(), 1000);
}

macro_rules! contenders {
    ($($name:ident: $contender:ty),*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn the_list_agrees_with_a_btree_map() {
                agrees_with_a_btree_map::<$contender, List<$contender>>();
            }
            #[test]
            fn the_hash_map_agrees_with_a_btree_map() {
                agrees_with_a_btree_map::<$contender, HashMap<$contender>>();
            }
            #[test]
            fn counts_agree_with_the_list() {
                counts_agree_with_the_contents::<$contender, List<$contender>>();
            }
            #[test]
            fn counts_agree_with_the_hash_map() {
                counts_agree_with_the_contents::<$contender, HashMap<$contender>>();
            }
            #[test]
            fn cells_start_half_full() {
                starts_half_full::<$contender>();
            }
        }
    )*};
}
contenders!(
    kovan: Kovan, kovan_handle: KovanHandle, kovan_robust_handle: KovanRobust, free_all: FreeAll,
    crossbeam_epoch: Epoch, crossbeam_epoch_handle: EpochHandle, seize: Seize,
    seize_handle: SeizeHandle, haphazard: Haphazard, haphazard_handle: HaphazardHandle, sdd: Sdd,
    kovan_published: Published, leak: Leak
);
