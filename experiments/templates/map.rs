//! `template-map`: a sorted map in one list, to be replaced by your structure.
//!
//! It works as it stands. The comments that begin with REPLACE say what is the algorithm's. The list is
//! that of `bucket.rs`, with Michael's traversal: a removal marks the link of its node, and whoever meets
//! a marked node unlinks and retires it.
//!
//! REPLACE: this head says how the structure works, and why each node that it reads is protected then.

use std::borrow::Borrow;
use std::ops::Bound;

use kovan_schemes::{Domain, Guard, Reclaimer};

use crate::bucket::{Bucket, Find, Node};
use crate::fresh::into_items;
use crate::guarded::Entry;
use crate::interface::{cursor_interface, into_iter_of, iterate_interface, map_interface};
use crate::michael_list::Michael;
use crate::steps::before;
use crate::structure::{
    Content, Key, Structure, StructureFacts, Value, debug_with_domain, map_operations,
};

/// A lock-free sorted map. Its operations panic if the guard is of another domain.
pub struct TemplateMap<K, V, R: Reclaimer> {
    domain: Domain<R>,
    /// REPLACE: the root of your structure, as an `Atomic<Node<K, V, R>, R>`.
    list: Bucket<K, V, R>,
}

impl<K: Key, V: Value, R: Reclaimer> TemplateMap<K, V, R> {
    /// Returns an empty map whose nodes live in `domain`.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), list: Bucket::new() }
    }

    // What users see, made of the functions below, and written once for all maps in `interface.rs`. A map
    // without an order has no `cursor_interface!` and no `seek`.
    map_interface!();
    cursor_interface!();
    iterate_interface!("in ascending order of their keys", Bound::<&K>::Unbounded);

    /// Inserts an entry, or calls `occupied` with the entry that is there and what was not inserted. With
    /// `KEEP` it returns the new entry, protected before others can remove it.
    ///
    /// REPLACE: where this unlinks a node that holds a value, it calls `guard.retire_value` and then
    /// `guard.retire`. `bucket/update.rs` has all of that for this list.
    fn add<'g, 'h, const KEEP: bool, O>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
        occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
    ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
        self.list.add::<Michael, KEEP, O>(guard, key, value, occupied)
    }

    /// Inserts an entry, or replaces the one that is there in one step and returns it.
    ///
    /// REPLACE: nobody may find the key absent meanwhile.
    fn replace<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        self.list.replace::<Michael>(guard, key, value)
    }

    /// Removes the entry of `key` and returns it. The entry keeps a shield, so that it stays readable.
    ///
    /// REPLACE: it retires the node once, by the thread whose exchange unlinked it.
    fn take<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        self.list.take::<Michael, Q>(guard, key)
    }

    /// Looks the entry of `key` up.
    ///
    /// REPLACE: where a traversal begins anew, it calls `crate::restarts::count()`.
    fn find<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        Michael::lookup(&self.list.head, guard, key)
    }

    /// Returns the first entry within a bound from below.
    fn seek<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        bound: Bound<&Q>,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        Michael::find(&self.list.head, guard, before(bound)).into_entry()
    }

    /// Iterates over the entries within a bound from below.
    ///
    /// REPLACE: `search_steps!()` writes this function from `seek`, if you have no better one.
    fn steps<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        from: Bound<&Q>,
    ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> + use<'g, 'h, Q, K, V, R>
    where
        K: Borrow<Q>,
    {
        self.list.steps::<Michael, Q>(guard, from)
    }
}

into_iter_of! {
    [K: Key, V: Value, R: Reclaimer] TemplateMap<K, V, R>, (K, V),
    |map| into_items(&map.domain, map.list.take_all(), Node::into_item)
}

impl<K, V, R: Reclaimer> Drop for TemplateMap<K, V, R> {
    fn drop(&mut self) {
        self.domain.discard(self.list.take_all());
    }
}

debug_with_domain!(TemplateMap<K, V>);

impl<V: Content, R: Reclaimer> Structure<R> for TemplateMap<u64, V, R> {
    // REPLACE: what the structure declares. `verify` and each cell of an experiment compare the shields and
    // the live nodes with what they see. `StructureFacts::MAP` has one node for each key.
    const FACTS: StructureFacts = StructureFacts {
        name: "template-map",
        paper: "none: a template of kovan-lab",
        // The most shields that one operation holds at a time.
        shields: 4,
        ..StructureFacts::MAP
    };

    // All other operations, from those that users see.
    map_operations!();

    /// REPLACE: an adversary stops here. All the shields that the structure ever uses are set.
    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let head = &self.list.head;
        let place = Michael::find(head, guard, |at| *at < key);
        let shields = <Self as Structure<R>>::FACTS.shields;
        place.hold_inside(guard, head, shields, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        self.list.contents(&self.domain)
    }
}
