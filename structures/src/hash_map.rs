//! Michael's hash map (2002): a fixed number of buckets, each a sorted list of any algorithm.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::marker::PhantomData;
use std::ops::Bound::Unbounded;

use foldhash::fast::FixedState;
use kovan_schemes::{Domain, Guard, Reclaimer};

use crate::bucket::{Bucket, Find, Node, bucket_operations};
use crate::fresh::into_items;
use crate::guarded::Entry;
use crate::harris_list::HarrisScot;
use crate::interface::{into_iter_of, iterate_interface, map_interface};
use crate::list::Traversal;
use crate::michael_list::Michael;
use crate::structure::{Content, Key, Structure, StructureFacts, Value, map_operations};

/// No more buckets than this, whatever the hint.
const MAX_BUCKETS: usize = 1 << 24;

/// A lock-free hash map that does not grow, whose buckets are lists of the algorithm `T`.
/// It has no `first`, no `range` and no cursor: the order of its keys is that of their hashes in part.
/// Its operations panic if the guard is of another domain.
///
/// The default hasher is the standard library's, whose keys are random: nobody can choose keys that all
/// fall into one bucket. Experiments use [`FixedHashMap`].
pub struct HashMap<K, V, R: Reclaimer, T: Traversal<R> = Michael, S = RandomState> {
    domain: Domain<R>,
    /// A power of two of them.
    buckets: Box<[Bucket<K, V, R>]>,
    hasher: S,
    traversal: PhantomData<fn() -> T>,
}

/// A hash map whose buckets are Harris's lists with validated chains.
pub type HashMapHarris<K, V, R, S = RandomState> = HashMap<K, V, R, HarrisScot, S>;

/// A hash map that fills the same buckets in each run, and whose hashes take little time beside the
/// operation. For keys that nobody chooses to do harm.
pub type FixedHashMap<K, V, R> = HashMap<K, V, R, Michael, FixedState>;

/// [`HashMapHarris`] with the hasher of [`FixedHashMap`].
pub type FixedHashMapHarris<K, V, R> = HashMapHarris<K, V, R, FixedState>;

impl<K: Key + Hash, V: Value, R: Reclaimer, T: Traversal<R>> HashMap<K, V, R, T> {
    /// An empty map with a bucket for each key expected, rounded up to a power of two, and a random
    /// hasher.
    #[must_use]
    pub fn new(domain: &Domain<R>, capacity_hint: usize) -> Self {
        Self::with_hasher(domain, capacity_hint, RandomState::new())
    }
}

impl<K: Key + Hash, V: Value, R: Reclaimer, T: Traversal<R>, S: BuildHasher>
    HashMap<K, V, R, T, S>
{
    /// As [`new`](HashMap::new), with a hasher of the caller's. The lowest bits of a hash choose the
    /// bucket.
    #[must_use]
    pub fn with_hasher(domain: &Domain<R>, capacity_hint: usize, hasher: S) -> Self {
        let count = capacity_hint.clamp(1, MAX_BUCKETS).next_power_of_two();
        let buckets = (0..count).map(|_| Bucket::new()).collect();
        Self { domain: domain.clone(), buckets, hasher, traversal: PhantomData }
    }

    map_interface!(Hash);
    iterate_interface!("in no order");
    bucket_operations!(Hash);

    fn steps<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
    ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> {
        self.buckets.iter().flat_map(|bucket| bucket.steps::<T::Find, K>(guard, Unbounded))
    }

    #[inline]
    fn index<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The low bits: the count is a power of two, so the truncation loses none that matter.
        self.hasher.hash_one(key) as usize & (self.buckets.len() - 1)
    }

    #[inline]
    fn bucket<Q: Hash + ?Sized>(&self, key: &Q) -> &Bucket<K, V, R> {
        &self.buckets[self.index(key)]
    }
}

into_iter_of! {
    [K: Key, V: Value, R: Reclaimer, T: Traversal<R>, S] HashMap<K, V, R, T, S>, (K, V),
    |map| into_items(&map.domain, map.buckets.iter_mut().flat_map(Bucket::take_all), Node::into_item)
}

impl<K, V, R: Reclaimer, T: Traversal<R>, S> Drop for HashMap<K, V, R, T, S> {
    fn drop(&mut self) {
        self.domain.discard(self.buckets.iter_mut().flat_map(Bucket::take_all));
    }
}

impl<K, V, R: Reclaimer, T: Traversal<R>, S> fmt::Debug for HashMap<K, V, R, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(T::MAP.name)
            .field("domain", &self.domain)
            .field("buckets", &self.buckets.len())
            .finish_non_exhaustive()
    }
}

impl<V: Content, R, T, S> Structure<R> for HashMap<u64, V, R, T, S>
where
    R: Reclaimer,
    T: Traversal<R>,
    S: BuildHasher + Default + Send + Sync + 'static,
{
    const FACTS: StructureFacts = T::MAP;

    fn new(domain: &Domain<R>, capacity_hint: usize) -> Self {
        Self::with_hasher(domain, capacity_hint, S::default())
    }

    map_operations!(hinted);

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        // The bucket of the key, or the next that has a node.
        let (before, from) = self.buckets.split_at(self.index(&key));
        let mut candidates = from.iter().chain(before);
        let bucket = candidates.find(|bucket| !bucket.has_no_nodes(guard));
        let head = &bucket.unwrap_or(&from[0]).head;
        let place = T::Find::find(head, guard, |at| *at < key);
        place.hold_inside(guard, head, T::MAP.shields, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        self.buckets.iter_mut().flat_map(|bucket| bucket.contents(&self.domain)).collect()
    }
}
