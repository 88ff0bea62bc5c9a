//! Harris's sorted list (2001), for schemes whose guard protects a region.
//!
//! A traversal walks through marked nodes without stopping, also when they are unlinked under its
//! feet, and a chain of them is unlinked by one CAS. A marked node's link does not change, so a
//! node behind an unlinked one was linked until that one was unlinked, or later: it was reachable
//! in the guard's life, which is what region protection covers (and weaker ones do not).

use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, RegionProtection, Shared, Strength};

use crate::chain::{self, Link};
use crate::structure::{Kind, Structure, StructureFacts};

/// The tag on the link of a removed node.
const MARK: usize = 1;

struct Node<K, V, R: RegionProtection> {
    key: K,
    value: V,
    next: Atomic<Node<K, V, R>, R>,
}

impl<K, V, R: RegionProtection> Link<R> for Node<K, V, R> {
    fn link(&self) -> &Atomic<Self, R> {
        &self.next
    }
    fn link_mut(&mut self) -> &mut Atomic<Self, R> {
        &mut self.next
    }
}

/// A place in the list: a link of an unmarked node, and the unmarked node it pointed to.
struct Place<'g, K, V, R: RegionProtection> {
    left: &'g Atomic<Node<K, V, R>, R>,
    right: Shared<'g, Node<K, V, R>, R>,
    /// What `right` is: the first node whose key is not less than the one looked for.
    node: Option<&'g Node<K, V, R>>,
}

/// A lock-free sorted map in a linked list, whose reads are wait-free.
pub struct HarrisList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: RegionProtection,
{
    domain: Domain<R>,
    head: Atomic<Node<K, V, R>, R>,
}

impl<K, V, R> HarrisList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: RegionProtection,
{
    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), head: Atomic::null() }
    }

    /// Adds `key`; false, and nothing changes, if it is present.
    ///
    /// # Panics
    /// If the guard is of another domain.
    pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        self.domain.check(guard);
        let mut place = self.search(guard, &key);
        if place.node.is_some_and(|node| node.key == key) {
            return false;
        }
        let mut new = guard.alloc(Node { key, value, next: Atomic::null() });
        loop {
            // Relaxed: published by the release of the CAS.
            new.value().next.store(place.right, Relaxed);
            let shared = new.into_shared();
            // `right` is untagged: the CAS fails if the node of `left` was marked.
            if place.left.compare_exchange(place.right, shared, guard).is_ok() {
                return true;
            }
            // SAFETY: not null, and the CAS that would have published it failed.
            new = unsafe { shared.into_owned() };
            place = self.search(guard, &new.value().key);
            if place.node.is_some_and(|node| node.key == new.value().key) {
                guard.discard(new);
                return false;
            }
        }
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
        loop {
            let Place { left, right, node } = self.search(guard, key);
            let node = node.filter(|node| node.key == *key)?;
            let next = node.next.load(Acquire, guard);
            // Whoever marks has removed the key.
            if next.tag() == MARK
                || node.next.compare_exchange(next, next.with_tag(MARK), guard).is_err()
            {
                continue;
            }
            let value = node.value.clone();
            // SAFETY: `right` alone is a chain of marked nodes that ends in `next`.
            if !unsafe { self.unlink(guard, left, right, next) } {
                // Unlinks it on the way, unless someone else has.
                let _ = self.search(guard, key);
            }
            return Some(value);
        }
    }

    /// A copy of the value of `key`. Wait-free: keys only ascend on the way, nothing is repeated.
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn get(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.lookup(guard, key).map(|node| node.value.clone())
    }

    /// Whether `key` is present. Wait-free, as [`get`](Self::get).
    ///
    /// # Panics
    /// If the guard is of another domain.
    #[must_use]
    pub fn contains_key(&self, guard: &Guard<'_, R>, key: &K) -> bool {
        self.lookup(guard, key).is_some()
    }

    fn lookup<'g>(&'g self, guard: &'g Guard<'_, R>, key: &K) -> Option<&'g Node<K, V, R>> {
        self.domain.check(guard);
        let mut at = self.head.load(Acquire, guard);
        // SAFETY: protected by the guard: loaded under it from the head, or from the link of a
        // node so protected, hence reachable in the guard's life (see the module). Nobody makes
        // mutable references to published nodes. The same holds below.
        while let Some(node) = unsafe { at.deref::<'g>() } {
            let next = node.next.load(Acquire, guard);
            if node.key >= *key {
                return (node.key == *key && next.tag() != MARK).then_some(node);
            }
            at = next;
        }
        None
    }

    /// The place of `key`; unlinks the chain of marked nodes before it, if there is one.
    fn search<'g>(&'g self, guard: &'g Guard<'_, R>, key: &K) -> Place<'g, K, V, R> {
        loop {
            let mut left = &self.head;
            // The head is never tagged.
            let mut left_next = left.load(Acquire, guard);
            let mut right = left_next;
            let node = loop {
                // SAFETY: as in `lookup`; `right` was loaded under the guard from a link that it
                // protects.
                let Some(node) = (unsafe { right.deref::<'g>() }) else { break None };
                let next = node.next.load(Acquire, guard);
                if next.tag() != MARK {
                    if node.key >= *key {
                        break Some(node);
                    }
                    left = &node.next;
                    left_next = next;
                }
                right = next.with_tag(0);
            };
            // SAFETY: from `left_next` up to `right` all nodes were marked.
            if left_next != right && !unsafe { self.unlink(guard, left, left_next, right) } {
                continue;
            }
            // A mark that `right` got since is found by the CAS that would rely on it.
            return Place { left, right, node };
        }
    }

    /// Unlinks the chain `first..end` from `left` and retires it; false if `left` changed.
    ///
    /// # Safety
    /// The chain is not empty, was loaded under the guard, and all nodes in it are marked.
    unsafe fn unlink<'g>(
        &self,
        guard: &'g Guard<'_, R>,
        left: &Atomic<Node<K, V, R>, R>,
        first: Shared<'g, Node<K, V, R>, R>,
        end: Shared<'g, Node<K, V, R>, R>,
    ) -> bool {
        // Succeeds only on an untagged link, so one of a linked node; the chain behind it is as
        // it was seen, as the links of marked nodes do not change.
        if left.compare_exchange(first, end, guard).is_err() {
            return false;
        }
        let mut at = first;
        while at != end {
            // SAFETY: protected by the guard: as in `lookup`.
            let Some(node) = (unsafe { at.deref() }) else { break };
            // Relaxed: marked, so it does not change, and it was acquired before.
            let next = node.next.load(Relaxed, guard).with_tag(0);
            // SAFETY: 1: not null; allocated in this domain (callers `check`); retired by the one
            // whose CAS unlinked it, which happens once: it is not linked again. 2: the only link
            // to the chain from a linked node is gone; others are of unlinked nodes, which guards
            // that exist now may still be at, and later ones cannot reach.
            unsafe { guard.retire(at) };
            at = next;
        }
        true
    }
}

impl<K, V, R> Drop for HarrisList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: RegionProtection,
{
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`; what is linked is not retired, marked or not.
        self.domain.discard(unsafe { chain::take_all(&mut self.head) });
    }
}

impl<K, V, R> fmt::Debug for HarrisList<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: RegionProtection,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HarrisList").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl<R: RegionProtection> Structure<R> for HarrisList<u64, u64, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "harris-list",
        kind: Kind::Map,
        paper: "Harris, A pragmatic implementation of non-blocking linked-lists, DISC 2001",
        needs: Strength::Region,
        shields: 0,
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
        let _ = self.lookup(guard, &key);
        inside();
    }

    fn contents(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        let visit = |node: &Node<u64, u64, R>, marked: bool| {
            if !marked {
                keys.push(node.key);
            }
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::for_each(&self.domain, &mut self.head, visit) };
        keys
    }
}
