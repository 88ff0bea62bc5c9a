//! Michael's hash map (2002): a fixed number of buckets, each a sorted list of any algorithm.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::marker::PhantomData;

use kovan_schemes::{Domain, Guard, Reclaimer};

use crate::bucket::{Bucket, Find, bucket_operations};
use crate::guarded::Entry;
use crate::harris_list::HarrisScot;
use crate::list::Traversal;
use crate::michael_list::Michael;
use crate::structure::{Key, Structure, StructureFacts, Value, map_operations};

/// No more buckets than this, whatever the hint.
const MAX_BUCKETS: usize = 1 << 24;

/// A lock-free hash map that does not grow, whose buckets are lists of the algorithm `T`.
/// Its operations panic if the guard is of another domain.
pub struct HashMap<K, V, R: Reclaimer, T: Traversal<R> = Michael> {
    domain: Domain<R>,
    /// A power of two of them.
    buckets: Box<[Bucket<K, V, R>]>,
    traversal: PhantomData<fn() -> T>,
}

/// A hash map whose buckets are Harris's lists with validated chains.
pub type HashMapHarris<K, V, R> = HashMap<K, V, R, HarrisScot>;

impl<K: Key + Hash, V: Value, R: Reclaimer, T: Traversal<R>> HashMap<K, V, R, T> {
    /// An empty map with a bucket for each key expected, rounded up to a power of two.
    #[must_use]
    pub fn new(domain: &Domain<R>, capacity_hint: usize) -> Self {
        let count = capacity_hint.clamp(1, MAX_BUCKETS).next_power_of_two();
        let buckets = (0..count).map(|_| Bucket::new()).collect();
        Self { domain: domain.clone(), buckets, traversal: PhantomData }
    }

    bucket_operations!();

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

impl<K, V, R: Reclaimer, T: Traversal<R>> Drop for HashMap<K, V, R, T> {
    fn drop(&mut self) {
        self.domain.discard(self.buckets.iter_mut().flat_map(Bucket::take_all));
    }
}

impl<K, V, R: Reclaimer, T: Traversal<R>> fmt::Debug for HashMap<K, V, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(T::MAP.name)
            .field("domain", &self.domain)
            .field("buckets", &self.buckets.len())
            .finish_non_exhaustive()
    }
}

impl<R: Reclaimer, T: Traversal<R>> Structure<R> for HashMap<u64, u64, R, T> {
    const FACTS: StructureFacts = T::MAP;

    fn new(domain: &Domain<R>, capacity_hint: usize) -> Self {
        Self::new(domain, capacity_hint)
    }

    map_operations!(hinted);

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        // The bucket of the key, or the next that has a node.
        let (before, from) = self.buckets.split_at(self.index(&key));
        let mut candidates = from.iter().chain(before);
        let bucket = candidates.find(|bucket| !bucket.has_no_nodes(guard));
        bucket.unwrap_or(&from[0]).hold_inside::<T::Find>(guard, &key, T::MAP.shields, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        self.buckets.iter_mut().flat_map(|bucket| bucket.contents(&self.domain)).collect()
    }
}
