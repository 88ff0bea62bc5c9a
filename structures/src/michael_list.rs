//! Michael's sorted list (2002), a map. The algorithm is in `bucket.rs`.

use std::fmt;

use kovan_schemes::{Domain, Guard, Reclaimer, Strength};

use crate::bucket::Bucket;
use crate::structure::{Kind, Structure, StructureFacts};

/// A lock-free sorted map in a linked list.
pub struct MichaelList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    domain: Domain<R>,
    list: Bucket<K, V, R>,
}

impl<K, V, R> MichaelList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), list: Bucket::new() }
    }

    /// Adds `key`; false, and nothing changes, if it is present.
    ///
    /// # Panics
    /// If the guard is of another domain.
    pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        self.domain.check(guard);
        self.list.insert(guard, key, value)
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
        self.list.remove(guard, key)
    }

    /// A copy of the value of `key`.
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn get(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.domain.check(guard);
        self.list.get(guard, key, V::clone)
    }

    /// Whether `key` is present.
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn contains_key(&self, guard: &Guard<'_, R>, key: &K) -> bool {
        self.domain.check(guard);
        self.list.get(guard, key, |_| ()).is_some()
    }
}

impl<K, V, R> Drop for MichaelList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    fn drop(&mut self) {
        self.list.discard(&self.domain);
    }
}

impl<K, V, R> fmt::Debug for MichaelList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MichaelList").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl<R: Reclaimer> Structure<R> for MichaelList<u64, u64, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "michael-list",
        kind: Kind::Map,
        paper: "Michael, High performance dynamic lock-free hash tables and list-based sets, SPAA 2002",
        needs: Strength::Pointer,
        shields: 3,
    };

    fn new(domain: &Domain<R>, _: usize) -> Self {
        Self::new(domain)
    }

    fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.insert(guard, key, key)
    }

    fn remove(&self, guard: &Guard<'_, R>, key: u64) -> Option<u64> {
        self.remove(guard, &key)
    }

    fn contains(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.contains_key(guard, &key)
    }

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        self.list.hold_inside(guard, &key, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        self.list.for_each_key(&self.domain, |key| keys.push(*key));
        keys
    }
}
