//! A sorted list of marked links without its domain: of [`List`](crate::List), and of each bucket
//! of [`HashMap`](crate::HashMap).
//!
//! A removal marks the node (tag 1 on its own link), which freezes that link, and then unlinks it.
//! Unlinked nodes are never linked again. How a traversal treats the marked nodes it meets is what
//! the algorithms differ in, and is a parameter: [`Find`].

use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use kovan_schemes::{Atomic, Domain, Guard, Owned, Reclaimer, Shared, Shield};

use crate::chain::{self, Link};
use crate::fresh::Fresh;
use crate::guarded::Entry;
use crate::structure::{Key, Value};

/// The tag on the link of a removed node.
pub(crate) const MARK: usize = 1;

/// The shields of a [`Place`].
const PLACE_SHIELDS: u64 = 3;

/// A node of a list.
#[expect(missing_debug_implementations, reason = "public only for the sealed trait `Find`")]
pub struct Node<K, V, R: Reclaimer> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) next: Atomic<Node<K, V, R>, R>,
}

impl<K, V, R: Reclaimer> Link<R> for Node<K, V, R> {
    fn link(&self) -> &Atomic<Self, R> {
        &self.next
    }
    fn link_mut(&mut self) -> &mut Atomic<Self, R> {
        &mut self.next
    }
}

/// The shields of one traversal: of the node that holds `prev`, of `cur`, and of its successor.
pub(crate) struct Shields<'h, R: Reclaimer> {
    pub(crate) prev: Shield<'h, R>,
    pub(crate) cur: Shield<'h, R>,
    pub(crate) next: Shield<'h, R>,
}

impl<'h, R: Reclaimer> Shields<'h, R> {
    pub(crate) fn new(guard: &Guard<'h, R>) -> Self {
        Self { prev: guard.shield(), cur: guard.shield(), next: guard.shield() }
    }

    /// One step: the node of `prev` is `cur`, `cur` is `next`, and the shield of `prev` is free.
    pub(crate) fn advance(&mut self) {
        std::mem::swap(&mut self.prev, &mut self.cur);
        std::mem::swap(&mut self.cur, &mut self.next);
    }
}

/// A place in a list. What it points to is protected by its shields, so only while it lives.
#[expect(missing_debug_implementations, reason = "public only for the sealed trait `Find`")]
pub struct Place<'g, 'h, K, V, R: Reclaimer> {
    pub(crate) shields: Shields<'h, R>,
    /// The link that led to `cur`: the head, or of a node that was not marked.
    pub(crate) prev: &'g Atomic<Node<K, V, R>, R>,
    pub(crate) cur: Shared<'g, Node<K, V, R>, R>,
    /// What `cur` is: the first node that is not before the place looked for.
    pub(crate) node: Option<&'g Node<K, V, R>>,
    /// The successor of `cur`, untagged: `cur` was not marked.
    pub(crate) next: Shared<'g, Node<K, V, R>, R>,
}

impl<'g, 'h, K: Eq, V, R: Reclaimer> Place<'g, 'h, K, V, R> {
    fn found(&self, key: &K) -> Option<&'g Node<K, V, R>> {
        self.node.filter(|node| node.key == *key)
    }

    pub(crate) fn into_entry(self) -> Option<Entry<'g, 'h, K, V, R>> {
        let node = self.node?;
        // `shields.cur` protects `node`.
        Some(Entry::new(&node.key, &node.value, self.shields.cur))
    }
}

/// How a traversal treats marked nodes.
pub trait Find<R: Reclaimer> {
    /// The first place with a node that is not `before`, which is true of a prefix of the order of
    /// keys. If there were marked nodes directly before that node, they were unlinked.
    fn find<'g, 'h, K: Key, V: Value>(
        head: &'g Atomic<Node<K, V, R>, R>,
        guard: &'g Guard<'h, R>,
        before: impl Fn(&K) -> bool,
    ) -> Place<'g, 'h, K, V, R>;

    /// The entry of `key`.
    fn lookup<'g, 'h, K: Key, V: Value>(
        head: &'g Atomic<Node<K, V, R>, R>,
        guard: &'g Guard<'h, R>,
        key: &K,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        let place = Self::find(head, guard, |at| at < key);
        place.found(key)?;
        place.into_entry()
    }
}

/// A sorted list. Its callers check that guards are of its domain.
pub(crate) struct Bucket<K, V, R: Reclaimer> {
    pub(crate) head: Atomic<Node<K, V, R>, R>,
}

impl<K: Key, V: Value, R: Reclaimer> Bucket<K, V, R> {
    pub(crate) fn new() -> Self {
        Self { head: Atomic::null() }
    }

    pub(crate) fn insert<T: Find<R>>(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        let mut place = T::find(&self.head, guard, |at| *at < key);
        if place.found(&key).is_some() {
            return false;
        }
        let mut new = Fresh::new(guard, Node { key, value, next: Atomic::null() });
        loop {
            // Relaxed: published by the release of the CAS.
            new.value().next.store(place.cur, Relaxed);
            // `cur` is protected, so it was not freed and linked again. It is untagged: the CAS
            // fails if the node of `prev` was marked.
            match new.publish(place.prev, place.cur) {
                Ok(_) => return true,
                Err((back, _)) => new = back,
            }
            // The shields go back before others are taken.
            drop(place);
            let key = &new.value().key;
            place = T::find(&self.head, guard, |at| at < key);
            if place.found(key).is_some() {
                return false;
            }
        }
    }

    pub(crate) fn remove<T: Find<R>>(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
    where
        V: Clone,
    {
        loop {
            let place = T::find(&self.head, guard, |at| at < key);
            let node = place.found(key)?;
            let marked = place.next.with_tag(MARK);
            // Whoever marks has removed the key.
            if node.next.compare_exchange(place.next, marked, guard).is_err() {
                continue;
            }
            // `node` is protected by the shields of `place`. If this panics, the key is removed all
            // the same, and others unlink the node.
            let value = node.value.clone();
            // SAFETY: `cur` is protected by the shields of `place` and marked just now, which
            // froze `place.next` as its successor: it alone is the chain.
            if !unsafe { unlink(guard, place.prev, place.cur, place.next) } {
                drop(place);
                // Unlinks it on the way, unless someone else has. If this panics, others will.
                drop(T::find(&self.head, guard, |at| at < key));
            }
            return Some(value);
        }
    }

    /// Whether there is no node, marked or not.
    pub(crate) fn has_no_nodes(&self, guard: &Guard<'_, R>) -> bool {
        // Relaxed: not dereferenced.
        self.head.load(Relaxed, guard).is_null()
    }

    /// As [`Structure::hold_inside`](crate::Structure::hold_inside), with so many shields.
    pub(crate) fn hold_inside<T: Find<R>>(
        &self,
        guard: &Guard<'_, R>,
        key: &K,
        shields: u64,
        inside: &mut dyn FnMut(),
    ) {
        let mut place = T::find(&self.head, guard, |at| at < key);
        let held = &mut place.shields;
        // At either end there is a shield to spare.
        if ptr::eq(place.prev, &raw const self.head) {
            let _ = guard.protect(&mut held.prev, &self.head);
        }
        if place.cur.is_null() {
            let _ = guard.protect(&mut held.cur, &self.head);
        }
        if place.next.is_null() {
            let _ = guard.protect(&mut held.next, &self.head);
        }
        // What a traversal holds besides its place.
        let more: Vec<_> = (PLACE_SHIELDS..shields)
            .map(|_| {
                let mut shield = guard.shield();
                let _ = guard.protect(&mut shield, &self.head);
                shield
            })
            .collect();
        inside();
        drop((place, more));
    }

    /// The keys, in order.
    pub(crate) fn contents(&mut self, domain: &Domain<R>) -> Vec<K>
    where
        K: Copy,
    {
        let visit = |node: &Node<K, V, R>, marked: bool, keys: &mut Vec<_>| {
            keys.extend((!marked).then_some(node.key));
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::contents(domain, &mut self.head, visit) }
    }
}

impl<K, V, R: Reclaimer> Bucket<K, V, R> {
    /// Takes all nodes, for the drop of the owner, after which the bucket is not used.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Owned<Node<K, V, R>, R>> {
        // SAFETY: exclusive by `&mut self`; what is linked is not retired, marked or not.
        unsafe { chain::take_all(&mut self.head) }
    }
}

/// The operations of a map that has a `domain`, and the `bucket` of a key, a list of the traversal
/// `T`.
macro_rules! bucket_operations {
    () => {
        /// Adds `key`; false, and nothing changes, if it is present.
        pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
            self.domain.check(guard);
            self.bucket(&key).insert::<T::Find>(guard, key, value)
        }

        /// Removes `key`, and returns a copy of its value.
        pub fn remove(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
        where
            V: Clone,
        {
            self.domain.check(guard);
            self.bucket(key).remove::<T::Find>(guard, key)
        }

        /// The value of `key`, and the key, in place. How far this is wait-free is the algorithm's.
        #[must_use]
        pub fn get<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: &K,
        ) -> Option<Entry<'g, 'h, K, V, R>> {
            self.domain.check(guard);
            T::Find::lookup(&self.bucket(key).head, guard, key)
        }

        crate::structure::contains_key!();
    };
}
pub(crate) use bucket_operations;

/// Unlinks the chain `first..end` from `prev` and retires it; false if `prev` changed.
///
/// # Safety
/// The chain is not empty, and all nodes in it are marked and lead to `end` (untagged). `first` is
/// protected.
pub(crate) unsafe fn unlink<'g, K: Key, V: Value, R: Reclaimer>(
    guard: &'g Guard<'_, R>,
    prev: &Atomic<Node<K, V, R>, R>,
    first: Shared<'g, Node<K, V, R>, R>,
    end: Shared<'g, Node<K, V, R>, R>,
) -> bool {
    // Succeeds only on an untagged link, so one of a linked node. `first` is protected, so not
    // reused: it is linked there, and the chain behind it is as it was seen, because the links of
    // marked nodes do not change. So `end` is linked, too, though perhaps not protected.
    if prev.compare_exchange(first, end, guard).is_err() {
        return false;
    }
    let mut at = first;
    while at != end {
        // SAFETY: allocated: it is retired below at the earliest, see there.
        let Some(node) = (unsafe { at.deref() }) else { break };
        // Relaxed: marked, so it does not change, and it was acquired before.
        let next = node.next.load(Relaxed, guard).with_tag(0);
        // SAFETY: 1: not null; allocated in the domain of the list, which is the guard's; retired
        // by the one whose CAS unlinked it, which happens once: it is not linked again. 2: the
        // only link to the chain from a linked node is gone. Others are in unlinked nodes, which
        // later guards cannot reach; guards that exist now may be at them, and follow them only
        // where that is protected: see the traversals.
        unsafe { guard.retire(at) };
        at = next;
    }
    true
}
