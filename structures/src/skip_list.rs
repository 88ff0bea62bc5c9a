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
//! **Replacing an entry.** The upper levels of the old node are marked, as by a removal. Then the CAS
//! that marks its bottom makes the new node its successor there, as in the lists: until then the old
//! entry is in the map, from then on the new one, which is linked at the bottom and gets its upper
//! levels as any new node. It is not linked there before a node that it replaced: that is marked at
//! all levels by then, so no search returns it as a successor.
//!
//! Deviations: a search keeps no predecessor of each level, only the place at the level that was
//! asked for; an inserter searches once more for each upper level (a third of a search on average),
//! so a search holds three shields however high the list is. Marked nodes are counted, where
//! Herlihy and Shavit leave memory to a garbage collector.
//!
//! Progress: lock-free. Under region schemes a look-up is wait-free, if only finitely many keys can
//! come before the one looked for, and its value is replaced only so often: it walks through marked
//! nodes and repeats nothing. Under the others it is the search that updates use.

mod node;
mod search;
#[cfg(test)]
mod tests;
mod update;

use std::borrow::Borrow;
use std::mem::replace;
use std::ops::Bound;

use kovan_schemes::{Atomic, Domain, Guard, Owned, Reclaimer, Strength};

use self::node::{LEVELS, Node, Slot, random_height};
use crate::chain;
use crate::fresh::into_items;
use crate::guarded::Entry;
use crate::interface::{cursor_interface, into_iter_of, iterate_interface, map_interface};
use crate::steps::{Steps, before};
use crate::structure::{
    Content, Key, Structure, StructureFacts, Value, debug_with_domain, map_operations,
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

    map_interface!();
    cursor_interface!();
    iterate_interface!("in ascending order of their keys", Bound::<&K>::Unbounded);

    #[inline]
    fn add<'g, 'h, const KEEP: bool, O>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
        occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
    ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
        self.add_node::<KEEP, O>(guard, (key, value), random_height, occupied)
    }

    fn find<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        // A constant.
        if matches!(R::FACTS.strength, Strength::Region) {
            return self.walk(guard, key);
        }
        let place = self.search(guard, 0, |at| at.borrow() < key);
        place.found(key)?;
        place.into_entry()
    }

    fn seek<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        bound: Bound<&Q>,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        self.search(guard, 0, before(bound)).into_entry()
    }

    fn steps<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        from: Bound<&Q>,
    ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> + use<'g, 'h, Q, K, V, R>
    where
        K: Borrow<Q>,
    {
        let first = self.search(guard, 0, before(from)).into_found();
        let seek = |from: Bound<&K>| self.search(guard, 0, before(from)).into_found();
        Steps::new(guard, first, seek)
    }
}

into_iter_of! {
    [K: Key, V: Value, R: Reclaimer] SkipList<K, V, R>, (K, V),
    |list| into_items(&list.domain, take_all(&mut list.head), Node::into_item)
}

/// Takes all nodes, after which the list is empty.
fn take_all<K, V, R: Reclaimer>(
    head: &mut [Slot<K, V, R>; LEVELS],
) -> impl Iterator<Item = Owned<Node<K, V, R>, R>> + use<K, V, R> {
    let [bottom, ..] = &mut replace(head, [const { Atomic::null() }; LEVELS]);
    // SAFETY: exclusive by `&mut`. What is linked at the bottom is not retired, and what is linked
    // above is linked at the bottom: no operation is under way.
    unsafe { chain::take_all(bottom) }
}

impl<K, V, R: Reclaimer> Drop for SkipList<K, V, R> {
    fn drop(&mut self) {
        self.domain.discard(take_all(&mut self.head));
    }
}

debug_with_domain!(SkipList<K, V>);

impl<V: Content, R: Reclaimer> Structure<R> for SkipList<u64, V, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "skip-list",
        paper: "Herlihy and Shavit, The art of multiprocessor programming, 2008, sec. 14.4; after Fraser, Practical lock-freedom, 2004",
        shields: 4,
        ..StructureFacts::MAP
    };

    map_operations!();

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let place = self.search(guard, 0, |at| *at < key);
        // A removal keeps the shield of its node while it searches again.
        place.hold_inside(guard, &self.head[0], Self::FACTS.shields, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        let visit = |node: &Node<u64, V, R>, marked: bool, keys: &mut Vec<_>| {
            keys.extend((!marked).then_some(node.key));
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::contents(&self.domain, &mut self.head[0], visit) }
    }
}
