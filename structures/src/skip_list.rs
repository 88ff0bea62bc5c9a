//! The lock-free skip list of Herlihy and Shavit, after Fraser, a map. Sound for every scheme.
//!
//! Every level is a sorted list with marked links, as Michael's: a search never follows the link of
//! a marked node, it unlinks the node from that level first. A key is in the map while its node is
//! linked and unmarked at the bottom. A node is linked from the bottom up, and marked from the top
//! down.
//!
//! **When a node is retired.** A slow inserter may link an upper level of a node that is being
//! removed, after the remover has looked there. So a node counts the levels it is linked at, plus
//! one while its inserter is at work. Whoever unlinks it from a level takes one off, and whoever
//! takes off the last retires it: once, when no level links to it and nobody can link it again. A
//! level that the inserter linked too late is found by the inserter itself, which looks at the
//! bottom mark when it is done: see `build`.
//!
//! **Why what a search reads is not retired.** The search stands at the head, or at a protected node
//! that was linked at this level when it was reached: a node that is linked at one level is linked
//! at those below, until it is marked there. If its link is untagged after the next node was
//! protected, it is still linked at this level, so the next node is too, and is counted.
//!
//! Deviations: a search keeps no predecessor of each level, only the place at the level that was
//! asked for; an inserter searches once more for each upper level (a third of a search on average),
//! so an operation holds three shields however high the list is. Marked nodes are counted, where
//! Herlihy and Shavit leave memory to a garbage collector.
//!
//! Progress: lock-free. Under region schemes a look-up is wait-free, if only finitely many keys can
//! come before the one looked for: it walks through marked nodes and repeats nothing. Under the
//! others it is the search that updates use.

mod node;
mod search;
#[cfg(test)]
mod tests;

use std::ops::{Bound, RangeBounds};
use std::ptr;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Strength};

use self::node::{LEVELS, Node, Ptr, Slot, mark, random_height, release};
use crate::bucket::MARK;
use crate::chain;
use crate::fresh::{Fresh, OnUnwind};
use crate::guarded::Entry;
use crate::structure::{
    Key, Kind, Nodes, Query, Structure, StructureFacts, Value, contains_key, debug_with_domain,
    map_operations,
};

/// A lock-free sorted map in a skip list. Its operations panic if the guard is of another domain.
///
/// Where the order of the keys is not one (an `Ord` that contradicts itself), some of its nodes may never be
/// freed.
pub struct SkipList<K, V, R: Reclaimer> {
    domain: Domain<R>,
    head: [Slot<K, V, R>; LEVELS],
}

impl<K: Key, V: Value, R: Reclaimer> SkipList<K, V, R> {
    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), head: [const { Atomic::null() }; LEVELS] }
    }

    /// Adds `key`; false, and nothing changes, if it is present.
    pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        self.insert_with_height(guard, key, value, random_height())
    }

    fn insert_with_height(&self, guard: &Guard<'_, R>, key: K, value: V, height: usize) -> bool {
        self.domain.check(guard);
        let mut place = self.search(guard, 0, |at| *at < key);
        if place.node.is_some_and(|node| node.key == key) {
            return false;
        }
        let mut new = Fresh::new(guard, Node::new(key, value, height));
        loop {
            // Relaxed: published by the release of the CAS.
            new.value().at(0).store(place.cur, Relaxed);
            // `cur` is protected, so it was not freed and linked again. It is untagged: the CAS
            // fails if the node of `prev` was marked.
            let published = new.publish(place.prev, place.cur);
            // The shields go back before others are taken.
            drop(place);
            match published {
                Ok(shared) => {
                    self.build(guard, shared);
                    return true;
                }
                Err((back, _)) => new = back,
            }
            let key = &new.value().key;
            place = self.search(guard, 0, |at| at < key);
            if place.node.is_some_and(|node| node.key == *key) {
                return false;
            }
        }
    }

    /// Links the upper levels of a node that this thread has just linked at the bottom, and takes the
    /// inserter's count off.
    fn build(&self, guard: &Guard<'_, R>, shared: Ptr<'_, K, V, R>) {
        // SAFETY: not retired before the inserter's count is off, at the end; not used after that.
        // Not a parameter: that would have to be valid until the function returns.
        let Some(node) = (unsafe { shared.deref() }) else { return };
        // The node is in the map, if not as high as it was to be.
        let halfway = OnUnwind(|| {
            self.sweep(guard);
            // SAFETY: the inserter's count, which is not taken off below then.
            unsafe { release(guard, shared) };
        });
        'levels: for level in node.upper() {
            let link = node.at(level);
            loop {
                let place = self.search(guard, level, |at| *at < node.key);
                let old = link.load(Relaxed, guard);
                // Only this thread changes an unmarked link of a level that is not linked yet; the
                // remover marks it. So from here on `link` is `cur`, or marked.
                if old.tag() == MARK || link.compare_exchange(old, place.cur, guard).is_err() {
                    break 'levels;
                }
                // Relaxed: this thread still has its own count, so it cannot come from zero.
                node.links.fetch_add(1, Relaxed);
                #[cfg(test)]
                crate::pause::at("level is linked next");
                // `cur` is protected, so not reused; if it is still behind `prev`, it is linked.
                if place.prev.compare_exchange(place.cur, shared, guard).is_ok() {
                    break;
                }
                node.links.fetch_sub(1, Relaxed);
            }
        }
        // SeqCst: the links above before the read of the mark; pairs with the fence in `remove`.
        // If this one is first, the remover's search sees the links. If that one is first, this
        // thread sees the mark, and unlinks what it linked too late.
        fence(SeqCst);
        if node.at(0).load(Relaxed, guard).tag() == MARK {
            drop(self.search(guard, 0, |at| *at < node.key));
        }
        halfway.defuse();
        // SAFETY: the inserter's count.
        unsafe { release(guard, shared) };
    }

    /// Removes `key`, and returns a copy of its value.
    pub fn remove(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.domain.check(guard);
        let place = self.search(guard, 0, |at| at < key);
        let node = place.node.filter(|node| node.key == *key)?;
        for level in node.upper().rev() {
            mark(guard, node.at(level));
        }
        // Whoever marks the bottom has removed the key. If that was another thread, then after
        // this one had found the node unmarked, so the key was absent in between.
        if !mark(guard, node.at(0)) {
            return None;
        }
        // `node` is protected by the shields of `place`. If this panics, the key is removed all the
        // same, and others unlink the node.
        let value = node.value.clone();
        drop(place);
        let halfway = OnUnwind(|| self.sweep(guard));
        // SeqCst: the mark before the search; pairs with the fence in `build`.
        fence(SeqCst);
        // Unlinks the node from all levels.
        drop(self.search(guard, 0, |at| at < key));
        halfway.defuse();
        Some(value)
    }

    /// The value of `key`, and the key, in place. Wait-free or lock-free: see the module.
    #[must_use]
    pub fn get<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &K,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        self.domain.check(guard);
        // A constant.
        if matches!(R::FACTS.strength, Strength::Region) {
            return self.walk(guard, key);
        }
        let place = self.search(guard, 0, |at| at < key);
        place.node.filter(|node| node.key == *key)?;
        place.into_entry()
    }

    contains_key!();

    /// The entry of the least key now.
    #[must_use]
    pub fn first<'g, 'h>(&'g self, guard: &'g Guard<'h, R>) -> Option<Entry<'g, 'h, K, V, R>> {
        self.next_after(guard, Bound::Unbounded)
    }

    /// The entry of the least key now that is not below `bound`: a cursor. A loop that goes on from
    /// the key it got, excluded, meets keys in ascending order, each of which was present at some
    /// time in the loop, and all those that were present throughout.
    #[must_use]
    pub fn next_after<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        bound: Bound<&K>,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        self.domain.check(guard);
        let before = |at: &K| !(bound, Bound::Unbounded).contains(at);
        self.search(guard, 0, before).into_entry()
    }

    /// Whether the map is empty now.
    #[must_use]
    pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        self.first(guard).is_none()
    }
}

impl<K, V, R: Reclaimer> Drop for SkipList<K, V, R> {
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`. What is linked at the bottom is not retired, and what
        // is linked above is linked at the bottom: no operation is under way.
        self.domain.discard(unsafe { chain::take_all(&mut self.head[0]) });
    }
}

debug_with_domain!(SkipList<K, V>);

impl<R: Reclaimer> Structure<R> for SkipList<u64, u64, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "skip-list",
        kind: Kind::Map,
        paper: "Herlihy and Shavit, The art of multiprocessor programming, 2008, sec. 14.4; after Fraser, Practical lock-freedom, 2004",
        needs: Strength::Pointer,
        shields: 3,
        nodes: Nodes::ONE_PER_KEY,
    };

    map_operations!();

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let mut place = self.search(guard, 0, |at| *at < key);
        let held = &mut place.shields;
        if ptr::eq(place.prev, &raw const self.head[0]) {
            let _ = guard.protect(&mut held.prev, &self.head[0]);
        }
        if place.cur.is_null() {
            let _ = guard.protect(&mut held.cur, &self.head[0]);
        }
        let next = place.node.map_or(&self.head[0], |node| node.at(0));
        if guard.protect(&mut held.next, next).is_null() {
            let _ = guard.protect(&mut held.next, &self.head[0]);
        }
        inside();
        drop(place);
    }

    fn contents(&mut self) -> Vec<u64> {
        let visit = |node: &Node<u64, u64, R>, marked: bool, keys: &mut Vec<_>| {
            keys.extend((!marked).then_some(node.key));
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::contents(&self.domain, &mut self.head[0], visit) }
    }

    fn query(&self, guard: &Guard<'_, R>, query: Query) -> Option<Option<u64>> {
        let bound = match query {
            Query::First => Bound::Unbounded,
            Query::After(ref key) => Bound::Excluded(key),
            Query::Front | Query::Len => return None,
        };
        Some(self.next_after(guard, bound).map(|entry| *entry.key()))
    }
}
