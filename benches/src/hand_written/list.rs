//! The sorted list of Michael (2002), alone and as the buckets of a hash map.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::hash::BuildHasher;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crossbeam_epoch::{Atomic, Guard, Owned, Shared, unprotected};
use foldhash::fast::FixedState;

use super::HandWritten;

const MARK: usize = 1;

struct Node {
    key: u64,
    value: u64,
    next: Atomic<Node>,
}

/// Michael's list over crossbeam-epoch.
pub struct List {
    head: Atomic<Node>,
}

/// A place in the list: the link that leads to the first node whose key is not less.
struct Place<'g> {
    prev: &'g Atomic<Node>,
    cur: Shared<'g, Node>,
    node: Option<&'g Node>,
    next: Shared<'g, Node>,
    found: bool,
}

impl List {
    fn find<'g>(&'g self, guard: &'g Guard, key: u64) -> Place<'g> {
        'again: loop {
            let mut prev = &self.head;
            let mut cur = prev.load(Acquire, guard);
            loop {
                // SAFETY: loaded under the guard.
                let Some(node) = (unsafe { cur.as_ref() }) else {
                    return Place { prev, cur, node: None, next: cur, found: false };
                };
                let next = node.next.load(Acquire, guard);
                if next.tag() == MARK {
                    let next = next.with_tag(0);
                    if prev.compare_exchange(cur, next, AcqRel, Acquire, guard).is_err() {
                        continue 'again;
                    }
                    // SAFETY: unlinked by the exchange, once.
                    unsafe { guard.defer_destroy(cur) };
                    cur = next;
                    continue;
                }
                match node.key.cmp(&key) {
                    Less => {}
                    order @ (Equal | Greater) => {
                        return Place { prev, cur, node: Some(node), next, found: order == Equal };
                    }
                }
                prev = &node.next;
                cur = next;
            }
        }
    }
}

impl HandWritten for List {
    fn new(_: usize) -> Self {
        Self { head: Atomic::null() }
    }

    fn insert(&self, guard: &Guard, key: u64) -> bool {
        let mut place = self.find(guard, key);
        if place.found {
            return false;
        }
        let mut new = Owned::new(Node { key, value: key, next: Atomic::null() });
        loop {
            new.next.store(place.cur, Relaxed);
            match place.prev.compare_exchange(place.cur, new, Release, Relaxed, guard) {
                Ok(_) => return true,
                Err(error) => new = error.new,
            }
            place = self.find(guard, key);
            if place.found {
                return false;
            }
        }
    }

    fn remove(&self, guard: &Guard, key: u64) -> Option<u64> {
        loop {
            let Place { prev, cur, node, next, found } = self.find(guard, key);
            let node = node.filter(|_| found)?;
            let marked = next.with_tag(MARK);
            if node.next.compare_exchange(next, marked, AcqRel, Acquire, guard).is_err() {
                continue;
            }
            if prev.compare_exchange(cur, next, AcqRel, Acquire, guard).is_ok() {
                // SAFETY: unlinked by the exchange, once.
                unsafe { guard.defer_destroy(cur) };
            } else {
                self.find(guard, key);
            }
            return Some(node.value);
        }
    }

    fn contains(&self, guard: &Guard, key: u64) -> bool {
        self.find(guard, key).found
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: nobody else is left.
        let guard = unsafe { unprotected() };
        let mut next = self.head.load(Relaxed, guard);
        while !next.is_null() {
            // SAFETY: as above; each node is linked once.
            let node = unsafe { next.with_tag(0).into_owned() };
            next = node.next.load(Relaxed, guard).with_tag(0);
        }
    }
}

/// Fixed buckets of [`List`], and the hasher of the generic one: hashing is not what is compared.
pub struct HashMap {
    buckets: Box<[List]>,
    hasher: FixedState,
}

impl HashMap {
    fn bucket(&self, key: u64) -> &List {
        &self.buckets[self.hasher.hash_one(key) as usize & (self.buckets.len() - 1)]
    }
}

impl HandWritten for HashMap {
    fn new(capacity_hint: usize) -> Self {
        let buckets = capacity_hint.max(1).next_power_of_two();
        Self { buckets: (0..buckets).map(List::new).collect(), hasher: FixedState::default() }
    }
    fn insert(&self, guard: &Guard, key: u64) -> bool {
        self.bucket(key).insert(guard, key)
    }
    fn remove(&self, guard: &Guard, key: u64) -> Option<u64> {
        self.bucket(key).remove(guard, key)
    }
    fn contains(&self, guard: &Guard, key: u64) -> bool {
        self.bucket(key).contains(guard, key)
    }
}
