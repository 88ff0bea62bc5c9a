//! Sets of keys over Michael's list: the list alone, and as the buckets of a hash map.

use std::hint::black_box;

use kovan_harness::random::SplitMix;

use super::Cell;
use super::bucket::Bucket;
use crate::contender::Contender;

/// A map that the tests look into.
pub trait Map<C: Contender>: Sync + Sized {
    /// Makes a map without keys.
    fn empty() -> Self;
    /// Returns the value of `key`.
    fn get(&self, contender: &C, local: &mut C::Local, key: u64) -> Option<u64>;
    /// Adds `key`. Returns false, and changes nothing, if it is present.
    fn insert(&self, contender: &C, local: &mut C::Local, key: u64, value: u64) -> bool;
    /// Removes `key`, and returns its value.
    fn remove(&self, contender: &C, local: &mut C::Local, key: u64) -> Option<u64>;
    /// Returns the keys, in order.
    fn keys(&mut self) -> Vec<u64>;
}

/// Makes a map with exactly half of the keys below `range`, inserted in a random order.
fn half_full<C: Contender, M: Map<C>>(contender: &C, range: u64) -> M {
    let (map, mut local) = (M::empty(), contender.register());
    let order = SplitMix::new(1).order(range as usize);
    for key in order.into_iter().take(range as usize / 2) {
        map.insert(contender, &mut local, key as u64, key as u64);
    }
    map
}

/// Makes one operation on one key: a lookup in `percent` of a hundred cases, else an insertion or a
/// removal, in equal parts.
#[inline(always)]
fn operate<C: Contender, M: Map<C>>(
    map: &M,
    (contender, local): (&C, &mut C::Local),
    (percent, range): (u64, u64),
    random: u64,
) {
    // Different bits decide the operation and the key, so that the two are independent.
    let (choice, key) = (((random & 0xFFFF) * 100) >> 16, (random >> 16) % range);
    if choice < percent {
        black_box(map.get(contender, local, key));
    } else if choice < percent + (100 - percent) / 2 {
        black_box(map.insert(contender, local, key, key));
    } else {
        black_box(map.remove(contender, local, key));
    }
}

/// Michael's list of about 128 keys below 256, mostly read.
pub struct List<C: Contender>(Bucket<C>);

impl<C: Contender> List<C> {
    const RANGE: u64 = 256;
}

impl<C: Contender> Map<C> for List<C> {
    fn empty() -> Self {
        Self(Bucket::new())
    }
    #[inline(always)]
    fn get(&self, contender: &C, local: &mut C::Local, key: u64) -> Option<u64> {
        self.0.get(&mut contender.pin(local), key)
    }
    #[inline(always)]
    fn insert(&self, contender: &C, local: &mut C::Local, key: u64, value: u64) -> bool {
        self.0.insert(&mut contender.pin(local), key, value)
    }
    #[inline(always)]
    fn remove(&self, contender: &C, local: &mut C::Local, key: u64) -> Option<u64> {
        self.0.remove(&mut contender.pin(local), key)
    }
    fn keys(&mut self) -> Vec<u64> {
        self.0.keys()
    }
}

impl<C: Contender> Cell<C> for List<C> {
    const NAME: &'static str = "list 128 90/5/5";
    fn new(contender: &C) -> Self {
        half_full(contender, Self::RANGE)
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
        operate(self, (contender, local), (90, Self::RANGE), random);
    }
}

/// A hash map of a fixed number of buckets with about a thousand keys below 2,000.
pub struct HashMap<C: Contender>(Box<[Bucket<C>]>);

impl<C: Contender> HashMap<C> {
    const RANGE: u64 = 2000;
    /// A power of two of them.
    const BUCKETS: usize = 1024;

    #[inline(always)]
    fn bucket(&self, key: u64) -> &Bucket<C> {
        // Fibonacci hashing (Knuth, volume 3, 6.4): the high bits of a product.
        let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        &self.0[(hash >> (u64::BITS - Self::BUCKETS.trailing_zeros())) as usize]
    }
}

impl<C: Contender> Map<C> for HashMap<C> {
    fn empty() -> Self {
        Self((0..Self::BUCKETS).map(|_| Bucket::new()).collect())
    }
    #[inline(always)]
    fn get(&self, contender: &C, local: &mut C::Local, key: u64) -> Option<u64> {
        self.bucket(key).get(&mut contender.pin(local), key)
    }
    #[inline(always)]
    fn insert(&self, contender: &C, local: &mut C::Local, key: u64, value: u64) -> bool {
        self.bucket(key).insert(&mut contender.pin(local), key, value)
    }
    #[inline(always)]
    fn remove(&self, contender: &C, local: &mut C::Local, key: u64) -> Option<u64> {
        self.bucket(key).remove(&mut contender.pin(local), key)
    }
    fn keys(&mut self) -> Vec<u64> {
        let mut keys: Vec<_> = self.0.iter_mut().flat_map(Bucket::keys).collect();
        keys.sort_unstable();
        keys
    }
}

impl<C: Contender> Cell<C> for HashMap<C> {
    const NAME: &'static str = "hash map 50/25/25";
    fn new(contender: &C) -> Self {
        half_full(contender, Self::RANGE)
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
        operate(self, (contender, local), (50, Self::RANGE), random);
    }
}
