//! What users see besides the uniform face: entries, cursors, peeks, over every scheme.

#[path = "common/kinds.rs"]
mod kinds;

use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use kovan_schemes::{Domain, Guard, Reclaimer, RegionProtection, schemes};
use kovan_structures::{
    DoubleLinkQueue, EliminationStack, Entry, HarrisList, HarrisListScot, HashMap, HashMapHarris,
    MichaelList, MsQueue, SegmentQueue, SkipList, TreiberStack,
};

/// Keys and values that own memory, so that a stale read is one of freed memory.
type Text = String;

trait Map<R: Reclaimer> {
    fn insert(&self, guard: &Guard<'_, R>, key: &str) -> bool;
    fn remove(&self, guard: &Guard<'_, R>, key: &str) -> Option<Text>;
    fn get<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &str,
    ) -> Option<Entry<'g, 'h, Text, Text, R>>;
}

macro_rules! map {
    ($($map:ident $bound:ident;)*) => {$(
        impl<R: $bound> Map<R> for $map<Text, Text, R> {
            fn insert(&self, guard: &Guard<'_, R>, key: &str) -> bool {
                self.insert(guard, key.to_owned(), format!("value of {key}"))
            }
            fn remove(&self, guard: &Guard<'_, R>, key: &str) -> Option<Text> {
                self.remove(guard, key).map(|entry| entry.clone())
            }
            fn get<'g, 'h>(
                &'g self,
                guard: &'g Guard<'h, R>,
                key: &str,
            ) -> Option<Entry<'g, 'h, Text, Text, R>> {
                self.get(guard, key)
            }
        }
    )*};
}
map! {
    MichaelList Reclaimer;
    HarrisList RegionProtection;
    HarrisListScot Reclaimer;
    HashMap Reclaimer;
    HashMapHarris Reclaimer;
    SkipList Reclaimer;
}

/// Entries are read after others removed their keys, and much else, and freed what they could.
fn entries_outlive_their_keys<R: Reclaimer, M: Map<R>>(new: impl Fn(&Domain<R>) -> M) {
    const KEYS: usize = 20;
    let key = |at: usize| format!("a key that is long enough for the heap, {at:02}");
    let domain = Domain::<R>::new();
    let map = new(&domain);
    let handle = domain.register();
    let guard = handle.pin();
    (0..KEYS).for_each(|at| assert!(map.insert(&guard, &key(at))));
    let entries: Vec<_> = (0..KEYS).map(|at| map.get(&guard, &key(at)).unwrap()).collect();
    let other = domain.register();
    for _ in 0..100 {
        for at in 0..KEYS {
            let guard = other.pin();
            let value = map.remove(&guard, &key(at));
            assert_eq!(value, Some(format!("value of {}", key(at))));
            assert!(map.get(&guard, &key(at)).is_none());
            assert!(map.insert(&guard, &key(at)));
        }
        other.flush();
    }
    for (at, entry) in entries.iter().enumerate() {
        assert_eq!((entry.key(), &**entry), (&key(at), &format!("value of {}", key(at))));
        assert_eq!(format!("{entry:?}"), format!("Entry({:?}, {:?})", entry.key(), entry.value()));
    }
}

/// A cursor of a skip list meets ascending keys, while those around it come and go.
fn cursors_ascend<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let list = SkipList::<u64, u64, R>::new(&domain);
    let handle = domain.register();
    let guard = handle.pin();
    assert!(list.is_empty(&guard) && list.first(&guard).is_none());
    (0..50).for_each(|key| assert!(list.insert(&guard, 2 * key, key)));
    assert_eq!(*list.next_after(&guard, Bound::Included(&4)).unwrap().key(), 4);
    assert_eq!(*list.next_after(&guard, Bound::Excluded(&4)).unwrap().key(), 6);
    assert_eq!(*list.next_after(&guard, Bound::Included(&5)).unwrap().key(), 6);
    assert!(list.next_after(&guard, Bound::Excluded(&98)).is_none());
    let (mut met, mut at) = (Vec::new(), list.first(&guard));
    while let Some(entry) = at {
        let key = *entry.key();
        met.push(key);
        // The key it is at, the next one, and one behind it.
        assert_eq!(list.remove(&guard, &key).as_deref(), Some(&(key / 2)));
        if key % 20 == 0 {
            assert_eq!(list.remove(&guard, &(key + 2)).as_deref(), Some(&(key / 2 + 1)));
        }
        list.insert(&guard, key.saturating_sub(1), 0);
        at = list.next_after(&guard, Bound::Excluded(entry.key()));
    }
    let expected: Vec<_> = (0..50).map(|key| 2 * key).filter(|key| key % 20 != 2).collect();
    assert_eq!(met, expected);
}

fn lists_have_a_first<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let (michael, harris) = (MichaelList::new(&domain), HarrisListScot::new(&domain));
    let handle = domain.register();
    let guard = handle.pin();
    assert!(michael.is_empty(&guard) && harris.is_empty(&guard));
    for key in [3, 1, 2] {
        assert!(michael.insert(&guard, key, ()) && harris.insert(&guard, key, ()));
    }
    for key in 1..4 {
        assert_eq!(*michael.first(&guard).unwrap().key(), key);
        assert_eq!(*harris.first(&guard).unwrap().key(), key);
        assert!(michael.remove(&guard, &key).is_some() && harris.remove(&guard, &key).is_some());
    }
    assert!(michael.is_empty(&guard) && harris.is_empty(&guard));
}

macro_rules! peeks {
    ($guard:ident $domain:ident $($pool:ident $put:ident $take:ident $second:literal;)*) => {$(
        let pool = $pool::new(&$domain);
        assert_eq!(pool.peek(&$guard), None);
        pool.$put(&$guard, 1);
        assert_eq!(pool.peek(&$guard), Some(1));
        pool.$put(&$guard, 2);
        assert_eq!(pool.peek(&$guard), Some($second));
        assert_eq!(pool.$take(&$guard), Some($second));
        assert_eq!(pool.peek(&$guard), Some(3 - $second));
        assert_eq!(pool.$take(&$guard), Some(3 - $second));
        assert_eq!(pool.peek(&$guard), None);
    )*};
}

fn peeks_see_what_comes_next<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let handle = domain.register();
    let guard = handle.pin();
    peeks! { guard domain
        TreiberStack push pop 2;
        EliminationStack push pop 2;
        MsQueue enqueue dequeue 1;
        DoubleLinkQueue enqueue dequeue 1;
    }
}

/// Counts of values, and those that are left in the order in which they would come out.
fn pools_are_counted_and_emptied<R: Reclaimer>() {
    const VALUES: u64 = 70;
    macro_rules! pools {
        ($($pool:ident $put:ident $take:ident $order:expr;)*) => {$(
            let domain = Domain::<R>::new();
            let meter = domain.meter();
            let pool = $pool::new(&domain);
            let handle = domain.register();
            assert!(pool.is_empty(&handle.pin()) && pool.len(&handle.pin()) == 0);
            for value in 0..VALUES {
                pool.$put(&handle.pin(), value.to_string());
                assert_eq!(pool.len(&handle.pin()) as u64, value + 1);
            }
            for taken in 1..=3 {
                assert!(pool.$take(&handle.pin()).is_some());
                assert_eq!(pool.len(&handle.pin()) as u64, VALUES - taken);
            }
            drop(handle);
            let order: fn(u64) -> u64 = $order;
            let expected = (3..VALUES).map(order).map(|value| value.to_string());
            assert!(pool.into_iter().eq(expected), "{} over {}", stringify!($pool), R::FACTS.name);
            assert_eq!(meter.totals().live(), 0);
        )*};
    }
    pools! {
        TreiberStack push pop |at| VALUES - 1 - at;
        EliminationStack push pop |at| VALUES - 1 - at;
        MsQueue enqueue dequeue |at| at;
        DoubleLinkQueue enqueue dequeue |at| at;
        SegmentQueue enqueue dequeue |at| at;
    }
}

/// What is counted while others push and pop pairs: a few more or less than what stays.
fn pools_are_counted_meanwhile<R: Reclaimer>() {
    const STAY: u64 = 40;
    macro_rules! pools {
        ($($pool:ident $put:ident $take:ident;)*) => {$(
            let domain = Domain::<R>::new();
            let pool = $pool::new(&domain);
            let done = AtomicBool::new(false);
            let put = |value: u64| pool.$put(&domain.register().pin(), Box::new(value));
            (0..STAY).for_each(put);
            thread::scope(|scope| {
                let worker = || {
                    let handle = domain.register();
                    for value in 0..400 {
                        pool.$put(&handle.pin(), Box::new(value));
                        assert!(pool.$take(&handle.pin()).is_some());
                        handle.flush();
                    }
                    done.store(true, Relaxed);
                };
                scope.spawn(worker);
                let handle = domain.register();
                while !done.load(Relaxed) {
                    let len = pool.len(&handle.pin()) as u64;
                    // A walk through a queue may see many come, but what it starts with is there.
                    assert!((STAY..=STAY + 400).contains(&len), "{len}");
                }
            });
            assert_eq!(pool.len(&domain.register().pin()) as u64, STAY);
        )*};
    }
    pools! {
        TreiberStack push pop;
        EliminationStack push pop;
        MsQueue enqueue dequeue;
        DoubleLinkQueue enqueue dequeue;
        SegmentQueue enqueue dequeue;
    }
}

macro_rules! over_schemes {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn entries() {
            $(
                println!("over {}", <schemes::$scheme as Reclaimer>::FACTS.name);
                entries_outlive_their_keys(MichaelList::<_, _, schemes::$scheme>::new);
                entries_outlive_their_keys(HarrisListScot::<_, _, schemes::$scheme>::new);
                entries_outlive_their_keys(SkipList::<_, _, schemes::$scheme>::new);
                entries_outlive_their_keys(|d| HashMap::<_, _, schemes::$scheme>::new(d, 4));
                entries_outlive_their_keys(|d| HashMapHarris::<_, _, schemes::$scheme>::new(d, 4));
                over_schemes!(@harris $strength $scheme);
            )*
        }
        #[test]
        fn cursors() {
            $(cursors_ascend::<schemes::$scheme>();)*
        }
        #[test]
        fn firsts() {
            $(lists_have_a_first::<schemes::$scheme>();)*
        }
        #[test]
        fn pools() {
            $(pools_are_counted_and_emptied::<schemes::$scheme>();)*
            $(pools_are_counted_meanwhile::<schemes::$scheme>();)*
        }
        #[test]
        fn peeks() {
            $(peeks_see_what_comes_next::<schemes::$scheme>();)*
        }
    };
    (@harris region $scheme:ident) => {
        entries_outlive_their_keys(HarrisList::<_, _, schemes::$scheme>::new)
    };
    (@harris $weaker:ident $scheme:ident) => { () };
}
kinds::for_each_kind!(over_schemes [Epoch: region, Crystalline: pointer, HazardPointer: pointer,]);
