//! The operations of maps that the common interface does not have: against a map of the standard library,
//! and between threads; over a scheme of each kind. The gate asks all pairs for what a history can show of
//! the same operations.

mod common;
#[path = "common/subject.rs"]
mod subject;

use std::collections::{BTreeMap, HashMap as StdMap, HashSet};
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use common::{Random, for_each_kind, scaled};
use kovan_structures::{
    Bonsai, EllenTree, HarrisList, HarrisListScot, HashMap, HashMapHarris, MichaelList, NmTree,
    SkipList,
};
use subject::{Subject, Tracked, every_map};

/// A key with memory of its own, in the order of its number.
fn key(number: u64) -> String {
    format!("a key that is long enough for the heap, {number:02}")
}

/// Drops the map, and then its domain: every value that was made is dropped, once.
fn check_end(subject: Box<dyn Subject>, alive: &AtomicI64) {
    let (meter, frees, name) = (subject.meter(), subject.frees(), subject.name());
    drop(subject);
    let totals = meter.totals();
    assert_eq!(totals.panicked, 0, "{name}: a destructor found a value dropped before");
    assert_eq!(totals.live(), 0, "{name}: nodes are lost");
    if frees {
        assert_eq!(alive.load(Relaxed), 0, "{name}: values are lost, or dropped twice");
    }
}

/// The items of the model within the bounds, which may be the wrong way round.
fn within(model: &BTreeMap<String, u64>, from: Bound<&str>, to: Bound<&str>) -> Vec<(String, u64)> {
    let within = model.iter().filter(|(key, _)| (from, to).contains(&***key));
    within.map(|(key, id)| (key.clone(), *id)).collect()
}

fn against_model(subject: Box<dyn Subject>) {
    const KEYS: u64 = 12;
    println!("{}", subject.name());
    let alive = Arc::new(AtomicI64::new(0));
    let mut model = BTreeMap::new();
    let mut random = Random::new(5);
    let session = subject.session();
    for id in 0..scaled(3_000) {
        let key = key(random.below(KEYS));
        let there = model.get(&key).copied();
        let value = || Tracked::new(id, &alive);
        match random.below(12) {
            0 => assert_eq!(session.insert(&key, value()), there.is_none()),
            1 => {
                let expected = there.map_or(Ok(()), |there| Err((there, id)));
                assert_eq!(session.try_insert(&key, value()), expected);
            }
            2 => assert_eq!(session.get_or_insert(&key, value()), there.unwrap_or(id)),
            3 => {
                let mut calls = 0;
                let mut make = || {
                    calls += 1;
                    value()
                };
                assert_eq!(session.get_or_insert_with(&key, &mut make), there.unwrap_or(id));
                assert_eq!(calls, u64::from(there.is_none()));
            }
            4 | 5 => {
                assert_eq!(session.put(&key, value()), model.insert(key, id));
                continue;
            }
            6..9 => {
                assert_eq!(session.remove(&key), model.remove(&key));
                continue;
            }
            9 => {
                assert_eq!(session.get(&key), there);
                assert_eq!(session.contains(&key), there.is_some());
                continue;
            }
            _ => {
                let all: Vec<_> = model.iter().map(|(key, id)| (key.clone(), *id)).collect();
                let mut items = session.items();
                if subject.is_sorted() {
                    for bound in [Included(&*key), Excluded(&*key), Unbounded] {
                        let expected = model.range::<str, _>((bound, Unbounded)).next();
                        let expected = expected.map(|(key, id)| (key.clone(), *id));
                        assert_eq!(session.next_after(bound), expected);
                        let end = self::key(random.below(KEYS));
                        for end in [Included(&*end), Excluded(&*end), Unbounded] {
                            assert_eq!(session.range((bound, end)), within(&model, bound, end));
                        }
                    }
                } else {
                    items.sort();
                }
                assert_eq!(items, all);
                assert_eq!((session.len(), session.is_empty()), (all.len(), all.is_empty()));
                continue;
            }
        }
        model.entry(key).or_insert(id);
    }
    assert!(!model.is_empty());
    drop(session);
    let (meter, frees, sorted) = (subject.meter(), subject.frees(), subject.is_sorted());
    let mut items = subject.into_items();
    if !sorted {
        items.sort();
    }
    assert!(items.into_iter().eq(model));
    assert_eq!((meter.totals().live(), meter.totals().panicked), (0, 0));
    assert!(!frees || alive.load(Relaxed) == 0, "values are lost, or dropped twice");
}

/// Threads put values on few keys, none of which is removed. What was replaced by what is one chain
/// for each key, in which the values of each thread are in the order in which it put them, and in
/// which no reader sees one that is before what it saw.
fn puts_form_a_chain(subject: Box<dyn Subject>) {
    const KEYS: u64 = 2;
    const WRITERS: u64 = 3;
    println!("{}", subject.name());
    let alive = Arc::new(AtomicI64::new(0));
    let puts = scaled(600);
    let start = Barrier::new(WRITERS as usize + 1);
    let write = |thread: u64| {
        let session = subject.session();
        let mut steps = Vec::new();
        start.wait();
        for step in 0..puts {
            let id = 1 + (step * WRITERS + thread) * KEYS + step % KEYS;
            steps.push((id, session.put(&key(step % KEYS), Tracked::new(id, &alive))));
            if step % 16 == 0 {
                session.flush();
            }
        }
        steps
    };
    let read = || {
        let session = subject.session();
        let mut seen = vec![Vec::new(); KEYS as usize];
        start.wait();
        for step in 0..3 * puts {
            let at = step % KEYS;
            let found = if step % 8 < 6 {
                session.get(&key(at))
            } else {
                let items = session.items();
                assert!(items.len() <= KEYS as usize, "a key is met twice: {items:?}");
                items.into_iter().find(|item| item.0 == key(at)).map(|item| item.1)
            };
            assert!(
                found.is_some() || seen[at as usize].is_empty(),
                "absent while it was replaced"
            );
            seen[at as usize].extend(found);
        }
        seen
    };
    let (steps, seen) = thread::scope(|scope| {
        let (write, read) = (&write, &read);
        let writers: Vec<_> = (0..WRITERS).map(|t| scope.spawn(move || write(t))).collect();
        let seen = scope.spawn(read).join().unwrap();
        let steps: Vec<Vec<_>> = writers.into_iter().map(|w| w.join().unwrap()).collect();
        (steps, seen)
    });
    let items: StdMap<_, _> = subject.session().items().into_iter().collect();
    for at in 0..KEYS {
        let of_key = |steps: &Vec<(u64, Option<u64>)>| -> Vec<_> {
            steps.iter().copied().filter(|(id, _)| (id - 1) % KEYS == at).collect()
        };
        let mut after = StdMap::new();
        for (id, old) in steps.iter().flat_map(of_key) {
            assert_eq!(after.insert(old, id), None, "{old:?} was replaced twice");
        }
        let mut place = StdMap::new();
        let mut last = None;
        while let Some(next) = after.get(&last) {
            assert_eq!(place.insert(*next, place.len()), None);
            last = Some(*next);
        }
        assert_eq!(place.len(), after.len(), "a value was lost");
        assert_eq!(items.get(&key(at)).copied(), last);
        for thread in &steps {
            assert!(of_key(thread).is_sorted_by_key(|(id, _)| place[id]), "out of order");
        }
        assert!(seen[at as usize].iter().is_sorted_by_key(|id| place[id]), "a reader went back");
    }
    check_end(subject, &alive);
}

/// All kinds of updates of few keys: each value that went in comes out once, or is there at the end.
fn updates_add_up(subject: Box<dyn Subject>) {
    const KEYS: u64 = 3;
    const THREADS: u64 = 4;
    println!("{}", subject.name());
    let alive = Arc::new(AtomicI64::new(0));
    let start = Barrier::new(THREADS as usize);
    let rounds = scaled(1_000);
    let work = |thread: u64| {
        let session = subject.session();
        let mut random = Random::new(thread + 1);
        let (mut entered, mut left) = (Vec::new(), Vec::new());
        start.wait();
        for step in 0..rounds {
            let id = step * THREADS + thread;
            let value = || Tracked::new(id, &alive);
            let key = key(random.below(KEYS));
            let inserted = match random.below(10) {
                0..3 => {
                    left.extend(session.put(&key, value()));
                    true
                }
                3 => session.insert(&key, value()),
                4 => match session.try_insert(&key, value()) {
                    Ok(()) => true,
                    Err((there, back)) => {
                        assert!(back == id && there != id);
                        false
                    }
                },
                5 => session.get_or_insert(&key, value()) == id,
                6 => session.get_or_insert_with(&key, &mut || value()) == id,
                _ => {
                    left.extend(session.remove(&key));
                    false
                }
            };
            entered.extend(inserted.then_some(id));
            if step % 32 == 0 {
                session.flush();
            }
        }
        (entered, left)
    };
    let (mut entered, mut left) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || work(t))).collect();
        for thread in threads {
            let done = thread.join().unwrap();
            entered.extend(done.0);
            left.extend(done.1);
        }
    });
    let items = subject.session().items();
    assert_eq!(items.len(), items.iter().map(|item| &item.0).collect::<HashSet<_>>().len());
    left.extend(items.into_iter().map(|item| item.1));
    entered.sort_unstable();
    left.sort_unstable();
    assert_eq!(entered, left);
    check_end(subject, &alive);
}

/// One of several threads that want to insert one key at the same time does, and all get its entry.
fn one_insertion_wins(subject: Box<dyn Subject>) {
    const THREADS: u64 = 3;
    println!("{}", subject.name());
    let alive = Arc::new(AtomicI64::new(0));
    let start = Barrier::new(THREADS as usize);
    let rounds = scaled(60);
    let work = |thread: u64| {
        let session = subject.session();
        let each = |round: u64| {
            start.wait();
            let value = Tracked::new(round * THREADS + thread, &alive);
            match (round + thread) % 2 {
                0 => session.get_or_insert(&key(round), value),
                _ => match session.try_insert(&key(round), value) {
                    Ok(()) => round * THREADS + thread,
                    Err((there, back)) => {
                        assert_eq!(back, round * THREADS + thread);
                        there
                    }
                },
            }
        };
        (0..rounds).map(each).collect::<Vec<_>>()
    };
    let won: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || work(t))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(won.iter().all(|ids| *ids == won[0]));
    check_end(subject, &alive);
}

/// Only one thread removes the key, after it was there, while others replace its entry: it is never
/// told that the key is absent.
fn removals_meet_replacements(subject: Box<dyn Subject>) {
    println!("{}", subject.name());
    let alive = Arc::new(AtomicI64::new(0));
    let start = Barrier::new(3);
    let rounds = scaled(1_500);
    let put = |first: u64| {
        let session = subject.session();
        start.wait();
        for id in first..first + rounds {
            session.put(&key(0), Tracked::new(id, &alive));
        }
    };
    thread::scope(|scope| {
        let put = &put;
        [rounds, 2 * rounds].into_iter().for_each(|first| _ = scope.spawn(move || put(first)));
        let session = subject.session();
        start.wait();
        for id in 0..rounds {
            session.put(&key(0), Tracked::new(id, &alive));
            assert!(session.contains(&key(0)));
            assert!(session.remove(&key(0)).is_some(), "it was there");
        }
    });
    check_end(subject, &alive);
}

/// A walk meets the keys that are always there, once and in order, while their entries are replaced
/// and others come and go.
fn walks_meet_what_stays(subject: Box<dyn Subject>) {
    const KEYS: u64 = 30;
    println!("{}", subject.name());
    let alive = Arc::new(AtomicI64::new(0));
    let start = Barrier::new(3);
    (0..KEYS).for_each(|at| {
        assert!(subject.session().insert(&key(2 * at), Tracked::new(at, &alive)));
    });
    let work = |thread: u64| {
        let session = subject.session();
        let mut random = Random::new(thread + 1);
        start.wait();
        for step in 0..scaled(1_200) {
            let at = random.below(2 * KEYS);
            if at.is_multiple_of(2) {
                assert!(session.put(&key(at), Tracked::new(step, &alive)).is_some());
            } else if session.remove(&key(at)).is_none() {
                session.insert(&key(at), Tracked::new(step, &alive));
            }
        }
    };
    thread::scope(|scope| {
        let work = &work;
        (0..2).for_each(|thread| _ = scope.spawn(move || work(thread)));
        let session = subject.session();
        start.wait();
        let expected: Vec<_> = (0..KEYS).map(|at| key(2 * at)).collect();
        for _ in 0..scaled(40) {
            let mut keys: Vec<_> = session.items().into_iter().map(|item| item.0).collect();
            assert!(!subject.is_sorted() || keys.is_sorted_by(|a, b| a < b), "{keys:?}");
            keys.sort();
            keys.retain(|key| expected.contains(key));
            assert_eq!(keys, expected);
            if subject.is_sorted() {
                let bounds = (Included(&*expected[5]), Excluded(&*expected[20]));
                let mut keys: Vec<_> =
                    session.range(bounds).into_iter().map(|item| item.0).collect();
                assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
                keys.retain(|key| key >= &expected[20] || expected.contains(key));
                assert_eq!(keys, expected[5..20]);
            }
            let len = session.len() as u64;
            assert!((KEYS..=2 * KEYS).contains(&len), "{len}");
            assert!(!session.is_empty());
        }
    });
    check_end(subject, &alive);
}

/// What updates return stays readable while others remove and free what they can.
fn entries_of_updates_stay(subject: Box<dyn Subject>) {
    println!("{}", subject.name());
    let alive = Arc::new(AtomicI64::new(0));
    let session = subject.session();
    let other = subject.session();
    (0..5).for_each(|at| {
        assert!(session.insert(&key(at), Tracked::new(100 + at, &alive)));
    });
    let mut value = |id| Tracked::new(id, &alive);
    session.hold(&key(50), &mut value, &mut || {
        for id in 200..280 {
            other.remove(&key(50));
            other.put(&key(50), Tracked::new(id, &alive));
            other.remove(&key(50));
            (0..5).for_each(|at| _ = other.put(&key(at), Tracked::new(id, &alive)));
            other.flush();
        }
    });
    drop((session, other));
    check_end(subject, &alive);
}

macro_rules! tests {
    ($($test:ident: $body:ident,)*) => {$(
        #[test]
        fn $test() {
            for_each_kind!(every_map [] $body);
        }
    )*};
}
tests! {
    model: against_model,
    chains_of_puts: puts_form_a_chain,
    sums_of_updates: updates_add_up,
    races_of_insertions: one_insertion_wins,
    removals: removals_meet_replacements,
    walks: walks_meet_what_stays,
    entries: entries_of_updates_stay,
}
