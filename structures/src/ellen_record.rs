//! The operations of [`EllenTree`](crate::EllenTree): announced in records, finished by anyone. Its
//! module says who retires what.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared, Shield};

use crate::guarded::Entry;
use crate::structure::{Key, Value};
use crate::tree::{Bound, Branches};

/// The states of an update field: the tag of its record.
pub(crate) const CLEAN: usize = 0;
/// An insertion, or a removal, replaces a child of the node. The record is at home.
pub(crate) const FLAG: usize = 1;
/// A removal removes the node.
pub(crate) const MARK: usize = 2;

pub(crate) struct Node<K, V, R: Reclaimer> {
    /// Keys on the left are less; those on the right are not. The key itself of a leaf.
    pub(crate) bound: Bound<K>,
    /// The value of a leaf of a key.
    pub(crate) value: Option<V>,
    /// The last operation at an inner node. Null before the first.
    pub(crate) update: Atomic<Record<K, V, R>, R>,
    /// Null in leaves, for good. Changed by the operation of a flag only, never back.
    pub(crate) children: [Atomic<Node<K, V, R>, R>; 2],
}

/// An operation that replaces a child of the record's home.
pub(crate) struct Record<K, V, R: Reclaimer> {
    /// One more than that of the record it replaced at its home; that of null is 0.
    pub(crate) version: u64,
    /// The side of the child.
    pub(crate) side: usize,
    /// The child: the leaf to insert at, or the parent of the leaf to remove.
    pub(crate) old: Atomic<Node<K, V, R>, R>,
    pub(crate) step: Step<K, V, R>,
}

pub(crate) enum Step<K, V, R: Reclaimer> {
    /// The child is replaced by this node.
    Insert { new: Atomic<Node<K, V, R>, R> },
    /// The child is replaced by its own one that is not the `victim`, if the child's update is clean in this version.
    Remove { victim: usize, version: u64 },
}

impl<K, V, R: Reclaimer> Branches<R> for Node<K, V, R> {
    fn branches(&self) -> [&Atomic<Self, R>; 2] {
        self.children.each_ref()
    }
    fn branches_mut(&mut self) -> [&mut Atomic<Self, R>; 2] {
        self.children.each_mut()
    }
}

impl<K, V, R: Reclaimer> Node<K, V, R> {
    pub(crate) fn new(bound: Bound<K>, value: Option<V>, children: [Atomic<Self, R>; 2]) -> Self {
        Self { bound, value, update: Atomic::null(), children }
    }
    pub(crate) fn leaf(bound: Bound<K>, value: Option<V>) -> Self {
        Self::new(bound, value, [Atomic::null(), Atomic::null()])
    }

    /// The entry of a leaf, which `shield` protects.
    pub(crate) fn entry<'g, 'h>(&'g self, shield: Shield<'h, R>) -> Option<Entry<'g, 'h, K, V, R>> {
        Some(Entry::new(self.bound.key()?, self.value.as_ref()?, shield))
    }
}

/// The version of a node's update field.
///
/// # Safety
/// The record is protected.
pub(crate) unsafe fn version<K, V, R: Reclaimer>(update: Shared<'_, Record<K, V, R>, R>) -> u64 {
    // SAFETY: the caller's clause; nobody makes mutable references to published records.
    unsafe { update.deref() }.map_or(0, |record| record.version)
}

/// Returns whether `parent` was in the tree now, with `child` at that side.
pub(crate) fn leads_to<'g, K, V, R: Reclaimer>(
    guard: &'g Guard<'_, R>,
    parent: &Node<K, V, R>,
    side: usize,
    child: Shared<'g, Node<K, V, R>, R>,
) -> bool {
    // Both acquire, in this order: if it is not marked now, it was in the tree at the first load.
    parent.children[side].load(Acquire, guard) == child
        && parent.update.load(Acquire, guard).tag() != MARK
}

/// Puts `record` in the place of `update`, which is protected and clean, at `home`, and protects
/// it with `own`. Its flag, if the update field was unchanged.
pub(crate) fn announce<'g, 'h, K: Key, V: Value, R: Reclaimer>(
    guard: &'g Guard<'h, R>,
    home: &Node<K, V, R>,
    update: Shared<'g, Record<K, V, R>, R>,
    record: Record<K, V, R>,
    own: &mut Shield<'h, R>,
) -> Option<Shared<'g, Record<K, V, R>, R>> {
    let record = guard.alloc(record).into_shared();
    // Before others can finish the operation, and retire the record.
    let _ = guard.protect(own, &Atomic::new(record));
    let flag = record.with_tag(FLAG);
    if home.update.compare_exchange(update, flag, guard).is_ok() {
        // SAFETY: our exchange put it out of its home.
        unsafe { retire_record(guard, update) };
        return Some(flag);
    }
    // SAFETY: not null, and the exchange that would have published it failed.
    guard.discard(unsafe { record.into_owned() });
    None
}

/// Retires the record of an update field that was clean, if there is one.
///
/// # Safety
/// The caller's exchange replaced it at its home.
unsafe fn retire_record<K: Key, V: Value, R: Reclaimer>(
    guard: &Guard<'_, R>,
    update: Shared<'_, Record<K, V, R>, R>,
) {
    if !update.is_null() {
        // SAFETY: 1: allocated in this domain (callers `check`); it leaves its home once, by the
        // caller's exchange. 2: no update field but those of marked nodes leads to it, from where
        // it is not read.
        unsafe { guard.retire(update) };
    }
}

/// Finishes the operation of `flag` at `home`; false if it is a removal that did not get its mark.
/// Uses `spare`.
///
/// # Safety
/// The record of `flag` is protected, and so is `old`, which it names, and which was not retired
/// when that was shielded: `home` had the flag later, or our own exchange put it there.
pub(crate) unsafe fn finish<'g, 'h, K: Key, V: Value, R: Reclaimer>(
    guard: &'g Guard<'h, R>,
    home: &Node<K, V, R>,
    flag: Shared<'g, Record<K, V, R>, R>,
    old: Shared<'g, Node<K, V, R>, R>,
    spare: &mut Shield<'h, R>,
) -> bool {
    let clean = flag.with_tag(CLEAN);
    // SAFETY: both are protected by the caller's clause.
    let (Some(record), Some(parent)) = (unsafe { (flag.deref(), old.deref()) }) else {
        unreachable!("a flag has a record, which names a node");
    };
    let (new, victim) = match &record.step {
        // Not protected, not dereferenced: if the operation is done, the exchange below fails.
        Step::Insert { new } => (new.load(Relaxed, guard), None),
        Step::Remove { victim, version } => {
            if !mark(guard, parent, flag.with_tag(MARK), *version, spare) {
                // For good: the version is gone. Whoever finishes the operation finds that.
                let _ = home.update.compare_exchange(flag, clean, guard);
                return false;
            }
            // The children of a marked node do not change.
            let [kept, victim] =
                [1 - victim, *victim].map(|side| parent.children[side].load(Acquire, guard));
            (kept, Some(victim))
        }
    };
    // `old` is protected, so not reused, and does not come back here: replaced once.
    let _ = home.children[record.side].compare_exchange(old, new, guard);
    // The record is protected, so not reused: cleaned once.
    if home.update.compare_exchange(flag, clean, guard).is_ok() {
        for node in victim.into_iter().chain([old]) {
            // SAFETY: retired below, by nobody else.
            guard.retire_value(unsafe { node.deref() }.and_then(|node| node.value.as_ref()));
            // SAFETY: 1: not null, allocated in this domain (callers `check`), and retired by the
            // one who took the flag back, after the exchange above, ours or another's, unlinked
            // it. 2: `home` led to it, or did through `old`; what does still is the record, to
            // helpers, who look whether the flag stands, and `old`, which is marked, and to whose
            // children traversals go only while it is in the tree.
            unsafe { guard.retire(node) };
        }
    }
    true
}

/// Marks `parent` for the removal, if its update field is clean in this version. Whether it is, by
/// this exchange or another's.
fn mark<'g, 'h, K: Key, V: Value, R: Reclaimer>(
    guard: &'g Guard<'h, R>,
    parent: &'g Node<K, V, R>,
    mark: Shared<'g, Record<K, V, R>, R>,
    version: u64,
    spare: &mut Shield<'h, R>,
) -> bool {
    let now = guard.protect(spare, &parent.update);
    // SAFETY: clean, so at home here, and not retired when `spare` was set.
    if now.tag() != CLEAN || unsafe { self::version(now) } != version {
        return now == mark;
    }
    // `now` is protected, so not reused: success means that nothing happened here since the
    // version was read, so the children are those that the removal saw.
    match parent.update.compare_exchange(now, mark, guard) {
        Ok(_) => {
            // SAFETY: our exchange put it out of its home.
            unsafe { retire_record(guard, now) };
            true
        }
        Err(now) => now == mark,
    }
}
