//! Michael's hash map (2002): a fixed number of buckets, each a Michael list.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use kovan_schemes::{Domain, Guard, Reclaimer, Strength};

use crate::bucket::Bucket;
use crate::structure::{Kind, Structure, StructureFacts};

/// No more buckets than this, whatever the hint.
const MAX_BUCKETS: usize = 1 << 24;

/// A lock-free hash map that does not grow.
pub struct HashMap<K, V, R>
where
    K: Ord + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    domain: Domain<R>,
    /// A power of two of them.
    buckets: Box<[Bucket<K, V, R>]>,
}

impl<K, V, R> HashMap<K, V, R>
where
    K: Ord + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    /// An empty map with a bucket for each key expected, rounded up to a power of two.
    #[must_use]
    pub fn new(domain: &Domain<R>, capacity_hint: usize) -> Self {
        let count = capacity_hint.clamp(1, MAX_BUCKETS).next_power_of_two();
        Self { domain: domain.clone(), buckets: (0..count).map(|_| Bucket::new()).collect() }
    }

    /// Adds `key`; false, and nothing changes, if it is present.
    ///
    /// # Panics
    /// If the guard is of another domain.
    pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        self.domain.check(guard);
        self.bucket(&key).insert(guard, key, value)
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
        self.bucket(key).remove(guard, key)
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
        self.bucket(key).get(guard, key, V::clone)
    }

    /// Whether `key` is present.
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn contains_key(&self, guard: &Guard<'_, R>, key: &K) -> bool {
        self.domain.check(guard);
        self.bucket(key).get(guard, key, |_| ()).is_some()
    }

    fn index(&self, key: &K) -> usize {
        // A fixed hasher: two runs of an experiment fill the same buckets.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        // The low bits: the count is a power of two, so the truncation loses none that matter.
        hash as usize & (self.buckets.len() - 1)
    }

    fn bucket(&self, key: &K) -> &Bucket<K, V, R> {
        &self.buckets[self.index(key)]
    }
}

impl<K, V, R> Drop for HashMap<K, V, R>
where
    K: Ord + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    fn drop(&mut self) {
        for bucket in &mut self.buckets {
            bucket.discard(&self.domain);
        }
    }
}

impl<K, V, R> fmt::Debug for HashMap<K, V, R>
where
    K: Ord + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashMap")
            .field("domain", &self.domain)
            .field("buckets", &self.buckets.len())
            .finish_non_exhaustive()
    }
}

impl<R: Reclaimer> Structure<R> for HashMap<u64, u64, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "hash-map",
        kind: Kind::Map,
        paper: "Michael, High performance dynamic lock-free hash tables and list-based sets, SPAA 2002",
        needs: Strength::Pointer,
        shields: 3,
    };

    fn new(domain: &Domain<R>, capacity_hint: usize) -> Self {
        Self::new(domain, capacity_hint)
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
        // The bucket of the key, or the next that has a node.
        let (before, from) = self.buckets.split_at(self.index(&key));
        let mut candidates = from.iter().chain(before);
        let bucket = candidates.find(|bucket| !bucket.is_empty(guard));
        bucket.unwrap_or(&from[0]).hold_inside(guard, &key, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        for bucket in &mut self.buckets {
            bucket.for_each_key(&self.domain, |key| keys.push(*key));
        }
        keys
    }
}
