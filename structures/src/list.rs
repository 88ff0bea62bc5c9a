//! Sorted lists behind one face. The algorithms are in [`michael_list`](crate::michael_list) and
//! [`harris_list`](crate::harris_list), what they share in `bucket.rs`.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Bound;

use kovan_schemes::{Domain, Guard, Reclaimer};

use crate::bucket::{Bucket, Find, Node, bucket_operations};
use crate::fresh::into_items;
use crate::guarded::Entry;
use crate::interface::{cursor_interface, into_iter_of, iterate_interface, map_interface};
use crate::steps::before;
use crate::structure::{Content, Key, Structure, StructureFacts, Value, map_operations};

/// A list algorithm: how a traversal treats the removed nodes that it meets.
pub trait Traversal<R: Reclaimer>: 'static {
    /// Its code. Two algorithms may have the same, and differ in what they demand of the scheme.
    type Find: Find<R>;
    /// The facts of a list.
    const LIST: StructureFacts;
    /// The facts of a hash map whose buckets are such lists.
    const MAP: StructureFacts;
}

/// A lock-free sorted map in a linked list, with the algorithm `T`. Its operations panic if the
/// guard is of another domain.
pub struct List<K, V, R: Reclaimer, T: Traversal<R>> {
    domain: Domain<R>,
    list: Bucket<K, V, R>,
    traversal: PhantomData<fn() -> T>,
}

impl<K: Key, V: Value, R: Reclaimer, T: Traversal<R>> List<K, V, R, T> {
    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), list: Bucket::new(), traversal: PhantomData }
    }

    map_interface!();
    cursor_interface!();
    iterate_interface!("in ascending order of their keys", Bound::<&K>::Unbounded);
    bucket_operations!();

    fn seek<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        bound: Bound<&Q>,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        T::Find::find(&self.list.head, guard, before(bound)).into_entry()
    }

    fn steps<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        from: Bound<&Q>,
    ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> + use<'g, 'h, Q, K, V, R, T>
    where
        K: Borrow<Q>,
    {
        self.list.steps::<T::Find, Q>(guard, from)
    }

    fn bucket<Q: ?Sized>(&self, _: &Q) -> &Bucket<K, V, R> {
        &self.list
    }
}

into_iter_of! {
    [K: Key, V: Value, R: Reclaimer, T: Traversal<R>] List<K, V, R, T>, (K, V),
    |list| into_items(&list.domain, list.list.take_all(), Node::into_item)
}

impl<K, V, R: Reclaimer, T: Traversal<R>> Drop for List<K, V, R, T> {
    fn drop(&mut self) {
        self.domain.discard(self.list.take_all());
    }
}

impl<K, V, R: Reclaimer, T: Traversal<R>> fmt::Debug for List<K, V, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(T::LIST.name).field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl<V: Content, R: Reclaimer, T: Traversal<R>> Structure<R> for List<u64, V, R, T> {
    const FACTS: StructureFacts = T::LIST;

    map_operations!();

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let head = &self.list.head;
        let place = T::Find::find(head, guard, |at| *at < key);
        place.hold_inside(guard, head, T::LIST.shields, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        self.list.contents(&self.domain)
    }
}
