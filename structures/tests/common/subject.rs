//! Maps of every kind behind one object: what a test does is compiled once for all of them.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use kovan_schemes::domain::Meter;
use kovan_schemes::{Domain, Handle, Reclaimer, RegionProtection};
use kovan_structures::{
    Bonsai, EllenTree, Entry, HarrisList, HarrisListScot, HashMap, HashMapHarris, MichaelList,
    NmTree, SkipList,
};

const ALIVE: u64 = 0x6B6F_7661_6E21;

/// A value that notices being read after its drop. Counts how many are alive.
pub(crate) struct Tracked {
    id: u64,
    state: AtomicU64,
    alive: Arc<AtomicI64>,
}

impl Tracked {
    pub(crate) fn new(id: u64, alive: &Arc<AtomicI64>) -> Self {
        alive.fetch_add(1, Relaxed);
        Self { id, state: AtomicU64::new(ALIVE), alive: Arc::clone(alive) }
    }

    pub(crate) fn id(&self) -> u64 {
        assert_eq!(self.state.load(Relaxed), ALIVE, "read after its drop");
        self.id
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        Self::new(self.id(), &self.alive)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        assert_eq!(self.state.swap(0, Relaxed), ALIVE, "dropped twice");
        self.alive.fetch_sub(1, Relaxed);
    }
}

/// A map of one kind over one scheme.
pub(crate) trait Subject: Sync {
    fn name(&self) -> String;
    fn meter(&self) -> Meter;
    /// Says whether it has a cursor, and is iterated over in order.
    fn is_sorted(&self) -> bool;
    /// Says whether dropping the domain frees all.
    fn frees(&self) -> bool;
    fn session(&self) -> Box<dyn Session + '_>;
    fn into_items(self: Box<Self>) -> Vec<(String, u64)>;
}

/// The operations of one thread, each under a guard of its own. Values are told by their numbers.
pub(crate) trait Session {
    fn insert(&self, key: &str, value: Tracked) -> bool;
    /// What is there, and the value that was not inserted.
    fn try_insert(&self, key: &str, value: Tracked) -> Result<(), (u64, u64)>;
    fn get_or_insert(&self, key: &str, value: Tracked) -> u64;
    fn get_or_insert_with(&self, key: &str, value: &mut dyn FnMut() -> Tracked) -> u64;
    fn put(&self, key: &str, value: Tracked) -> Option<u64>;
    fn remove(&self, key: &str) -> Option<u64>;
    fn get(&self, key: &str) -> Option<u64>;
    fn contains(&self, key: &str) -> bool;
    fn next_after(&self, bound: Bound<&str>) -> Option<(String, u64)>;
    /// Those within the bounds, of a sorted map.
    fn range(&self, bounds: (Bound<&str>, Bound<&str>)) -> Vec<(String, u64)>;
    fn items(&self) -> Vec<(String, u64)>;
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool;
    /// Holds what the updates of `key` return while `other` works, and reads it afterwards.
    fn hold(&self, key: &str, value: &mut dyn FnMut(u64) -> Tracked, other: &mut dyn FnMut());
    fn flush(&self);
}

pub(crate) struct Map<R: Reclaimer, M> {
    pub(crate) map: M,
    pub(crate) domain: Domain<R>,
}

struct Local<'s, R: Reclaimer, M> {
    map: &'s M,
    handle: Handle<R>,
}

fn told<R: Reclaimer>(entry: &Entry<'_, '_, String, Tracked, R>) -> (String, u64) {
    (entry.key().clone(), entry.id())
}

macro_rules! subjects {
    ($($map:ident $bound:ident $sorted:literal ($($cursor:ident $range:ident)?);)*) => {$(
        impl<R: $bound> Subject for Map<R, $map<String, Tracked, R>> {
            fn name(&self) -> String {
                format!("{} over {}", stringify!($map), R::FACTS.name)
            }
            fn meter(&self) -> Meter {
                self.domain.meter()
            }
            fn is_sorted(&self) -> bool {
                $sorted
            }
            fn frees(&self) -> bool {
                R::FACTS.frees_on_drop
            }
            fn session(&self) -> Box<dyn Session + '_> {
                Box::new(Local { map: &self.map, handle: self.domain.register() })
            }
            fn into_items(self: Box<Self>) -> Vec<(String, u64)> {
                self.map.into_iter().map(|(key, value)| (key, value.id())).collect()
            }
        }

        impl<R: $bound> Session for Local<'_, R, $map<String, Tracked, R>> {
            fn insert(&self, key: &str, value: Tracked) -> bool {
                self.map.insert(&self.handle.pin(), key.to_owned(), value)
            }
            fn try_insert(&self, key: &str, value: Tracked) -> Result<(), (u64, u64)> {
                let guard = self.handle.pin();
                self.map.try_insert(&guard, key.to_owned(), value).map_err(|error| {
                    assert_eq!((error.entry.key(), &*error.key), (&key.to_owned(), key));
                    (error.entry.id(), error.value.id())
                })
            }
            fn get_or_insert(&self, key: &str, value: Tracked) -> u64 {
                self.map.get_or_insert(&self.handle.pin(), key.to_owned(), value).id()
            }
            fn get_or_insert_with(&self, key: &str, value: &mut dyn FnMut() -> Tracked) -> u64 {
                self.map.get_or_insert_with(&self.handle.pin(), key.to_owned(), value).id()
            }
            fn put(&self, key: &str, value: Tracked) -> Option<u64> {
                let guard = self.handle.pin();
                self.map.put(&guard, key.to_owned(), value).map(|old| {
                    assert_eq!(old.key(), key);
                    old.id()
                })
            }
            fn remove(&self, key: &str) -> Option<u64> {
                self.map.remove(&self.handle.pin(), key).map(|old| old.id())
            }
            fn get(&self, key: &str) -> Option<u64> {
                self.map.get(&self.handle.pin(), key).map(|entry| entry.id())
            }
            fn contains(&self, key: &str) -> bool {
                self.map.contains_key(&self.handle.pin(), key)
            }
            fn next_after(&self, _bound: Bound<&str>) -> Option<(String, u64)> {
                $(return self.map.$cursor(&self.handle.pin(), _bound).as_ref().map(told);)?
                #[allow(unreachable_code, reason = "of maps with a cursor")]
                None
            }
            fn range(&self, _bounds: (Bound<&str>, Bound<&str>)) -> Vec<(String, u64)> {
                $(
                    let guard = self.handle.pin();
                    let range = self.map.$range::<str, _>(&guard, _bounds);
                    return range.map(|entry| told(&entry)).collect();
                )?
                #[allow(unreachable_code, reason = "of sorted maps")]
                Vec::new()
            }
            fn items(&self) -> Vec<(String, u64)> {
                self.map.iter(&self.handle.pin()).map(|entry| told(&entry)).collect()
            }
            fn len(&self) -> usize {
                self.map.len(&self.handle.pin())
            }
            fn is_empty(&self) -> bool {
                self.map.is_empty(&self.handle.pin())
            }
            fn hold(
                &self,
                key: &str,
                value: &mut dyn FnMut(u64) -> Tracked,
                other: &mut dyn FnMut(),
            ) {
                let guard = self.handle.pin();
                let new = self.map.get_or_insert(&guard, key.to_owned(), value(0));
                other();
                assert!(self.map.insert(&guard, key.to_owned(), value(4)), "the other removed it");
                let occupied = self.map.try_insert(&guard, key.to_owned(), value(1)).unwrap_err();
                other();
                let replaced = self.map.put(&guard, key.to_owned(), value(2));
                assert!(replaced.is_none(), "the other removed it");
                let replaced = self.map.put(&guard, key.to_owned(), value(3)).unwrap();
                let removed = self.map.remove(&guard, key).unwrap();
                let walk: Vec<_> = self.map.iter(&guard).collect();
                other();
                for (entry, id) in [(&new, 0), (&occupied.entry, 4), (&replaced, 2), (&removed, 3)]
                {
                    assert_eq!((entry.key().as_str(), entry.id()), (key, id));
                }
                assert!(walk.iter().all(|entry| entry.key() != key && entry.id() >= 100));
                assert_eq!(occupied.value.id(), 1);
            }
            fn flush(&self) {
                self.handle.flush();
            }
        }
    )*};
}
subjects! {
    MichaelList Reclaimer true (next_after range);
    HarrisList RegionProtection true (next_after range);
    HarrisListScot Reclaimer true (next_after range);
    HashMap Reclaimer false ();
    HashMapHarris Reclaimer false ();
    SkipList Reclaimer true (next_after range);
    NmTree Reclaimer true (next_after range);
    EllenTree Reclaimer true (next_after range);
    Bonsai Reclaimer true (next_after range);
}

/// Calls the test with an empty map of each kind over the scheme.
macro_rules! every_map {
    (@region $scheme:ident $test:expr) => {
        every_map!(@one $scheme $test, HarrisList::new)
    };
    (@$weaker:ident $scheme:ident $test:expr) => {};
    (@one $scheme:ident $test:expr, $new:expr) => {{
        let domain = kovan_schemes::Domain::<kovan_schemes::schemes::$scheme>::new();
        let map = $new(&domain);
        $test(Box::new(subject::Map { map, domain }));
    }};
    ([$($scheme:ident : $strength:ident,)*] $test:ident) => {$(
        every_map!(@one $scheme $test, MichaelList::new);
        every_map!(@one $scheme $test, HarrisListScot::new);
        every_map!(@one $scheme $test, |domain| HashMap::<_, _, _>::new(domain, 4));
        every_map!(@one $scheme $test, |domain| HashMapHarris::<_, _, _>::new(domain, 4));
        every_map!(@one $scheme $test, SkipList::new);
        every_map!(@one $scheme $test, NmTree::new);
        every_map!(@one $scheme $test, EllenTree::new);
        every_map!(@one $scheme $test, Bonsai::new);
        every_map!(@$strength $scheme $test);
    )*};
}
pub(crate) use every_map;
