//! Sorted lists behind one face. The algorithms are in [`michael_list`](crate::michael_list) and
//! [`harris_list`](crate::harris_list), what they share in `bucket.rs`.

use std::fmt;
use std::marker::PhantomData;

use kovan_schemes::{Domain, Guard, Reclaimer};

use crate::bucket::{Bucket, Find};
use crate::guarded::Entry;
use crate::structure::{Structure, StructureFacts, map_operations};

/// A list algorithm: how a traversal treats the removed nodes that it meets.
pub trait Traversal<R: Reclaimer>: Find<R> {
    /// The facts of a list.
    const LIST: StructureFacts;
    /// The facts of a hash map whose buckets are such lists.
    const MAP: StructureFacts;
}

/// A lock-free sorted map in a linked list, with the algorithm `T`.
pub struct List<K, V, R: Reclaimer, T: Traversal<R>> {
    domain: Domain<R>,
    list: Bucket<K, V, R>,
    traversal: PhantomData<fn() -> T>,
}

impl<K, V, R, T> List<K, V, R, T>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
    T: Traversal<R>,
{
    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), list: Bucket::new(), traversal: PhantomData }
    }

    /// Adds `key`; false, and nothing changes, if it is present.
    ///
    /// # Panics
    /// If the guard is of another domain.
    pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        self.domain.check(guard);
        self.list.insert::<T>(guard, key, value)
    }

    /// Removes `key`, and returns a copy of its value.
    ///
    /// # Panics
    /// If the guard is of another domain.
    pub fn remove(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.domain.check(guard);
        self.list.remove::<T>(guard, key)
    }

    /// The value of `key`, and the key, in place. How far this is wait-free is the algorithm's.
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn get<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &K,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        self.domain.check(guard);
        self.list.get::<T>(guard, key)
    }

    /// Whether `key` is present; progress as [`get`](Self::get).
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn contains_key(&self, guard: &Guard<'_, R>, key: &K) -> bool {
        self.get(guard, key).is_some()
    }

    /// The entry of the least key now.
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn first<'g, 'h>(&'g self, guard: &'g Guard<'h, R>) -> Option<Entry<'g, 'h, K, V, R>> {
        self.domain.check(guard);
        self.list.first::<T>(guard)
    }

    /// Whether the map is empty now.
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        self.first(guard).is_none()
    }
}

impl<K, V, R: Reclaimer, T: Traversal<R>> Drop for List<K, V, R, T> {
    fn drop(&mut self) {
        self.list.discard(&self.domain);
    }
}

impl<K, V, R: Reclaimer, T: Traversal<R>> fmt::Debug for List<K, V, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(T::LIST.name).field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl<R: Reclaimer, T: Traversal<R>> Structure<R> for List<u64, u64, R, T> {
    const FACTS: StructureFacts = T::LIST;

    fn new(domain: &Domain<R>, _: usize) -> Self {
        Self::new(domain)
    }

    map_operations!();

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        self.list.hold_inside::<T>(guard, &key, T::LIST.shields, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        self.list.for_each_key(&self.domain, |key| keys.push(*key));
        keys
    }
}
