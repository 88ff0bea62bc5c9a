//! A slow inserter meets a removal: every interleaving of one level.

use std::cell::Cell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use kovan_schemes::{Domain, Guard, Reclaimer};

use super::SkipList;
use super::node::LEVELS;
use crate::pause::{self, over_each_kind};
use crate::structure::{Key, Value};

const KEY: u64 = 10;

type List<R> = SkipList<u64, u64, R>;

impl<K: Key, V: Value, R: Reclaimer> SkipList<K, V, R> {
    /// Inserts, with a node of so many levels.
    pub(crate) fn insert_with_height(
        &self,
        guard: &Guard<'_, R>,
        key: K,
        value: V,
        height: usize,
    ) -> bool {
        self.domain.check(guard);
        self.add_node::<false, _>(guard, (key, value), || height, |_, _| ()).is_ok()
    }
}

/// Inserts `KEY` with three levels. Before it is linked at the second, `meanwhile` runs as another
/// thread. Afterwards there must be so many nodes, no more at any level.
fn interrupted<R: Reclaimer>(meanwhile: fn(&List<R>, &Guard<'_, R>), nodes: u64, retired: u64) {
    let domain = Domain::<R>::new();
    let list = Rc::new(List::<R>::new(&domain));
    let handle = domain.register();
    list.insert_with_height(&handle.pin(), 5, 5, LEVELS);
    list.insert_with_height(&handle.pin(), 15, 15, LEVELS);
    let others = (Rc::clone(&list), domain.clone());
    pause::set("level is linked next", move || {
        let (list, domain) = others;
        let handle = domain.register();
        meanwhile(&list, &handle.pin());
        handle.flush();
    });
    assert!(list.insert_with_height(&handle.pin(), KEY, KEY, 3));
    assert!(pause::done());
    handle.flush();
    check(&list, &handle.pin(), nodes, retired);
}

/// Replaces `KEY`. When the new node is linked at the bottom, and the old one everywhere, `meanwhile`
/// runs as another thread.
fn interrupted_put<R: Reclaimer>(meanwhile: fn(&List<R>, &Guard<'_, R>), nodes: u64, retired: u64) {
    let domain = Domain::<R>::new();
    let list = Rc::new(List::<R>::new(&domain));
    let handle = domain.register();
    for key in [5, KEY, 15] {
        list.insert_with_height(&handle.pin(), key, key, LEVELS);
    }
    let others = (Rc::clone(&list), domain.clone());
    pause::set("bottom is replaced", move || {
        let (list, domain) = others;
        let handle = domain.register();
        meanwhile(&list, &handle.pin());
        handle.flush();
    });
    assert_eq!(list.put(&handle.pin(), KEY, KEY + 1).as_deref(), Some(&KEY));
    assert!(pause::done());
    handle.flush();
    check(&list, &handle.pin(), nodes, retired);
}

/// There are so many nodes, and those that are linked at any level are in the map.
fn check<R: Reclaimer>(list: &List<R>, guard: &Guard<'_, R>, nodes: u64, retired: u64) {
    let totals = list.domain.meter().totals();
    assert_eq!((totals.live(), totals.retired), (nodes, retired), "over {}", R::FACTS.name);
    // What is linked at any level is not retired, and unmarked.
    for level in 0..LEVELS {
        let mut link = &list.head[level];
        loop {
            let next = link.load(std::sync::atomic::Ordering::Acquire, guard);
            assert_eq!(next.tag(), 0, "level {level}");
            // SAFETY: no other thread is here. That it is not freed is what is tested.
            let Some(node) = (unsafe { next.deref() }) else { break };
            assert!([5, KEY, 15].contains(&node.key), "level {level}");
            link = node.at(level);
        }
    }
}

fn removed<R: Reclaimer>() {
    let meanwhile = |list: &List<R>, guard: &Guard<'_, R>| {
        assert_eq!(list.remove(guard, &KEY).as_deref(), Some(&KEY));
        assert!(!list.contains_key(guard, &KEY));
    };
    interrupted::<R>(meanwhile, 2, 1);
}

fn removed_and_inserted<R: Reclaimer>() {
    let meanwhile = |list: &List<R>, guard: &Guard<'_, R>| {
        assert_eq!(list.remove(guard, &KEY).as_deref(), Some(&KEY));
        assert!(list.insert_with_height(guard, KEY, KEY + 1, LEVELS));
        assert_eq!(list.get(guard, &KEY).as_deref(), Some(&(KEY + 1)));
    };
    interrupted::<R>(meanwhile, 3, 1);
}

fn replaced<R: Reclaimer>() {
    let meanwhile = |list: &List<R>, guard: &Guard<'_, R>| {
        assert_eq!(list.put(guard, KEY, KEY + 1).as_deref(), Some(&KEY));
        assert_eq!(list.get(guard, &KEY).as_deref(), Some(&(KEY + 1)));
    };
    interrupted::<R>(meanwhile, 3, 1);
}

/// Nobody else unlinks the old node.
fn replaced_alone<R: Reclaimer>() {
    interrupted_put::<R>(|_, _| (), 3, 1);
}

fn replaced_is_found<R: Reclaimer>() {
    let meanwhile = |list: &List<R>, guard: &Guard<'_, R>| {
        assert_eq!(list.get(guard, &KEY).as_deref(), Some(&(KEY + 1)));
        assert_eq!(list.len(guard), 3);
    };
    interrupted_put::<R>(meanwhile, 3, 1);
}

fn replaced_twice<R: Reclaimer>() {
    let meanwhile = |list: &List<R>, guard: &Guard<'_, R>| {
        assert_eq!(list.put(guard, KEY, KEY + 2).as_deref(), Some(&(KEY + 1)));
        assert_eq!(list.get(guard, &KEY).as_deref(), Some(&(KEY + 2)));
    };
    interrupted_put::<R>(meanwhile, 3, 2);
}

fn replaced_and_removed<R: Reclaimer>() {
    let meanwhile = |list: &List<R>, guard: &Guard<'_, R>| {
        assert_eq!(list.remove(guard, &KEY).as_deref(), Some(&(KEY + 1)));
        assert!(!list.contains_key(guard, &KEY));
    };
    interrupted_put::<R>(meanwhile, 2, 2);
}

#[test]
fn a_replacement_meets_others() {
    over_each_kind!(replaced);
    over_each_kind!(replaced_alone);
    over_each_kind!(replaced_is_found);
    over_each_kind!(replaced_twice);
    over_each_kind!(replaced_and_removed);
}

/// A removal stops when it has marked its node, which is linked at all levels. Others pass it by.
fn left_marked<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let list = List::<R>::new(&domain);
    let handle = domain.register();
    for key in [5, KEY, 15] {
        list.insert_with_height(&handle.pin(), key, key, LEVELS);
    }
    pause::set("bottom is marked", || resume_unwind(Box::new(())));
    let removal = || _ = list.remove(&domain.register().pin(), &KEY);
    assert!(catch_unwind(AssertUnwindSafe(removal)).is_err() && pause::done());
    let guard = handle.pin();
    // Before a search unlinks it.
    assert!(!list.contains_key(&guard, &KEY));
    assert!(list.iter(&guard).map(|entry| *entry.key()).eq([5, 15]));
    assert!(list.contains_key(&guard, &15));
    assert!(list.put(&guard, KEY, KEY + 1).is_none());
    assert_eq!(list.get(&guard, &KEY).as_deref(), Some(&(KEY + 1)));
    check(&list, &guard, 3, 1);
}

#[test]
fn a_marked_node_is_passed_by() {
    over_each_kind!(left_marked);
}

fn neighbours_removed<R: Reclaimer>() {
    let meanwhile = |list: &List<R>, guard: &Guard<'_, R>| {
        assert_eq!(list.remove(guard, &5).as_deref(), Some(&5));
        assert_eq!(list.remove(guard, &15).as_deref(), Some(&15));
    };
    interrupted::<R>(meanwhile, 1, 2);
}

#[test]
fn a_level_linked_after_the_removal_is_unlinked() {
    over_each_kind!(removed);
}

#[test]
fn an_old_node_does_not_hide_a_new_one() {
    over_each_kind!(removed_and_inserted);
}

#[test]
fn levels_are_linked_though_the_neighbours_go() {
    over_each_kind!(neighbours_removed);
}

/// A key whose comparison panics, on demand.
struct Touchy(u64);

thread_local! {
    static THROW: Cell<bool> = const { Cell::new(false) };
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        if THROW.get() {
            // As a panic, without its message.
            resume_unwind(Box::new(()));
        }
        self.0.cmp(&other.0)
    }
}
impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Touchy {}

/// The inserter links a level of a node that was removed meanwhile, and cannot compare keys any
/// more. The node must not stay linked above, where the drop does not look.
fn removed_and_thrown<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let list = Rc::new(SkipList::<Touchy, u64, R>::new(&domain));
    let handle = domain.register();
    list.insert_with_height(&handle.pin(), Touchy(5), 5, LEVELS);
    let others = (Rc::clone(&list), domain.clone());
    pause::set("level is linked next", move || {
        let (list, domain) = others;
        assert_eq!(list.remove(&domain.register().pin(), &Touchy(KEY)).as_deref(), Some(&KEY));
        THROW.set(true);
    });
    let insert = || list.insert_with_height(&handle.pin(), Touchy(KEY), KEY, 3);
    assert!(catch_unwind(AssertUnwindSafe(insert)).is_err());
    THROW.set(false);
    assert!(pause::done());
    drop(list);
    let totals = domain.meter().totals();
    assert_eq!((totals.live(), totals.retired), (0, 1), "over {}", R::FACTS.name);
}

#[test]
fn a_level_linked_late_is_unlinked_without_comparisons() {
    over_each_kind!(removed_and_thrown);
}
