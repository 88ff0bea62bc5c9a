//! Values that carry a payload: read whole while others remove them, and counted where they are
//! unreclaimed. In a process of its own, as all values of a process carry as much.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use kovan_schemes::{Domain, Payload, Reclaimer, payload::HEAD_BYTES, schemes};
use kovan_structures::{Kind, Structure};

mod common;
use common::{Random, scaled};

const KEYS: u64 = 40;
const CARRIED: u32 = 1000;

/// Lets one test at a time say what values carry.
fn carry(bytes: u32) -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    Payload::carry(bytes);
    alone
}

/// Retired and freed bytes of a thread that inserts keys, replaces some, and removes all but one.
fn bytes_of<R: Reclaimer, S: Structure<R>>(carried: u32) -> (u64, u64) {
    let _alone = carry(carried);
    let domain = Domain::<R>::new();
    let (meter, mut structure) = (domain.meter(), S::new(&domain, 8));
    let handle = domain.register();
    (0..KEYS).for_each(|key| assert!(structure.insert(&handle.pin(), key)));
    let is_map = S::FACTS.kind == Kind::Map;
    for key in (0..KEYS).filter(|_| is_map) {
        assert!(!structure.insert(&handle.pin(), key), "the key is there");
        assert!(structure.contains(&handle.pin(), key));
        let replaced = (key % 2 == 0).then(|| structure.put(&handle.pin(), key, key));
        assert!(replaced.is_none_or(|before| before == Some(Some(key))));
    }
    for key in 1..KEYS {
        let out = structure.remove(&handle.pin(), key);
        assert!(if is_map { out == Some(key) } else { out.is_some() });
    }
    assert_eq!(structure.contents().len(), 1);
    drop(handle);
    drop(structure);
    drop(domain);
    (meter.totals().retired_bytes, meter.totals().freed_bytes)
}

/// What payloads add to the bytes that are retired, in payloads.
fn payloads<S: Structure<schemes::Leak>>() -> u64 {
    let [none, some] = [0, CARRIED].map(bytes_of::<schemes::Leak, S>).map(|(retired, _)| retired);
    let each = HEAD_BYTES + u64::from(CARRIED);
    assert_eq!((some - none) % each, 0, "{}", S::FACTS.name);
    (some - none) / each
}

/// What the rows of the registry call the type of values.
type V = Payload;

/// Calls the check with each structure of the registry that the scheme is strong enough for.
macro_rules! each_structure {
    ([] { $($structure:ident($($element:ty),*): $needs:ident,)* } $check:ident $scheme:ident $strength:ident) => {
        $(each_structure!(@$needs $strength $check $scheme $structure($($element),*));)*
    };
    (@region pointer $($refused:tt)*) => {};
    (@$needs:ident $strength:ident $check:ident $scheme:ident $structure:ident($($element:ty),*)) => {
        $check::<_, kovan_structures::$structure<$($element,)* schemes::$scheme>>();
    };
    ($check:ident::<$scheme:ident>: $strength:ident) => {
        kovan_structures::for_each_structure! { [] each_structure $check $scheme $strength }
    };
}

/// Half of the keys are replaced once, and all but one are removed.
fn counts<R: Reclaimer, S: Structure<R> + Structure<schemes::Leak>>() {
    let facts = <S as Structure<schemes::Leak>>::FACTS;
    let (all, once) = (payloads::<S>(), KEYS / 2 + KEYS - 1);
    match (facts.kind, facts.name) {
        // Values leave with those who take them.
        (Kind::Stack | Kind::Queue, name) => assert_eq!(all, 0, "{name}"),
        // An insertion retires the leaf it copies, unless the tree was empty.
        (Kind::Map, "ellen-tree") => assert_eq!(all, once + KEYS - 1),
        // Whole paths are copied.
        (Kind::Map, "bonsai") => assert!(all > 2 * once + KEYS),
        (Kind::Map, name) => assert_eq!(all, once, "{name}"),
    }
}

#[test]
fn each_value_that_is_retired_counts_with_its_payload() {
    each_structure!(counts::<Leak>: region);
}

fn frees_all<R: Reclaimer, S: Structure<R>>() {
    let (retired, freed) = bytes_of::<R, S>(CARRIED);
    assert!(retired > 0 && retired == freed, "{}: {freed} of {retired}", S::FACTS.name);
}

#[test]
fn what_is_retired_is_freed_with_its_payload() {
    each_structure!(frees_all::<Epoch>: region);
    each_structure!(frees_all::<Kovan>: region);
    each_structure!(frees_all::<HazardEras>: pointer);
    each_structure!(frees_all::<HazardPointer>: pointer);
}

fn exercise<R: Reclaimer, S: Structure<R>>() {
    let _alone = carry(CARRIED);
    let domain = Domain::<R>::new();
    let structure = S::new(&domain, 8);
    let work = |seed| {
        let (handle, mut random) = (domain.register(), Random::new(seed));
        for step in 0..scaled(4_000) {
            let key = random.below(KEYS);
            let guard = handle.pin();
            match random.below(4) {
                0 => drop(structure.insert(&guard, key)),
                1 => drop(structure.remove(&guard, key)),
                2 => drop(structure.put(&guard, key, key)),
                _ => drop(structure.contains(&guard, key)),
            }
            drop(guard);
            if step % 64 == 0 {
                handle.flush();
            }
        }
    };
    thread::scope(|scope| (1..=3).for_each(|seed| drop(scope.spawn(move || work(seed)))));
    drop(structure);
    let meter = domain.meter();
    drop(domain);
    let totals = meter.totals();
    assert_eq!((totals.panicked, totals.unreclaimed_bytes()), (0, 0), "{}", S::FACTS.name);
}

#[test]
fn payloads_are_read_while_others_remove_them() {
    each_structure!(exercise::<HpNaive>: pointer);
    each_structure!(exercise::<Kovan>: region);
}
