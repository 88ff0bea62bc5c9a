//! A sorted list of marked links without its domain: of [`List`](crate::List), and of each bucket
//! of [`HashMap`](crate::HashMap).
//!
//! A removal marks the node (tag 1 on its own link), which freezes that link, and then unlinks it.
//! Unlinked nodes are never linked again. A node that is replaced is marked by the same CAS that
//! makes the new node its successor: until then the old entry is in the map, from then on the new
//! one, which traversals come to behind the marked one. That is the "whole trick for lock-free
//! replace" of the hash table of Desnoyers' userspace RCU (`rculfhash.c`, `_cds_lfht_replace`).
//! What traversals rely on holds for it as for a removal: the link of the marked node is frozen, and
//! what it leads to was linked when the mark was set, by a node that was unmarked and so linked itself.
//! Nobody can unlink the new node, so retire it, before the old one.
//!
//! How a traversal treats the marked nodes it meets is what the algorithms differ in, and is a
//! parameter: [`Find`].

mod update;

use std::borrow::Borrow;
use std::ops::Bound;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use kovan_schemes::{Atomic, Domain, Guard, Owned, Reclaimer, Shared, Shield};

use crate::chain::{self, Link};
use crate::guarded::Entry;
use crate::steps::{Found, Pair, Steps, before};
use crate::structure::{Key, Value};

pub(crate) use self::update::unlink;

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

impl<K, V, R: Reclaimer> Node<K, V, R> {
    /// The entry of this node, which `shield` protects.
    #[inline]
    pub(crate) fn entry<'g, 'h>(&'g self, shield: Shield<'h, R>) -> Entry<'g, 'h, K, V, R> {
        Entry::new(&self.key, &self.value, shield)
    }

    /// What is in a node that nobody else can reach, unless it was removed.
    pub(crate) fn into_item(mut self) -> Option<(K, V)> {
        let removed = self.next.load_exclusive().tag() == MARK;
        (!removed).then_some((self.key, self.value))
    }
}

impl<K, V, R: Reclaimer> Pair<R> for Node<K, V, R> {
    type Key = K;
    type Value = V;
    #[inline]
    fn pair(&self) -> (&K, &V) {
        (&self.key, &self.value)
    }
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
    #[inline]
    pub(crate) fn new(guard: &Guard<'h, R>) -> Self {
        Self { prev: guard.shield(), cur: guard.shield(), next: guard.shield() }
    }

    /// One step: the node of `prev` is `cur`, `cur` is `next`, and the shield of `prev` is free.
    #[inline]
    pub(crate) fn advance(&mut self) {
        std::mem::swap(&mut self.prev, &mut self.cur);
        std::mem::swap(&mut self.cur, &mut self.next);
    }
}

/// A place in a list, or at one level of a skip list. What it points to is protected by its shields,
/// so only while it lives.
#[expect(missing_debug_implementations, reason = "public only for the sealed trait `Find`")]
pub struct Place<'g, 'h, N, R: Reclaimer> {
    pub(crate) shields: Shields<'h, R>,
    /// The link that led to `cur`: the head, or of a node that was not marked.
    pub(crate) prev: &'g Atomic<N, R>,
    pub(crate) cur: Shared<'g, N, R>,
    /// What `cur` is: the first node that is not before the place looked for.
    pub(crate) node: Option<&'g N>,
    /// The successor of `cur`, untagged: `cur` was not marked.
    pub(crate) next: Shared<'g, N, R>,
}

impl<'g, 'h, N: Pair<R>, R: Reclaimer> Place<'g, 'h, N, R> {
    #[inline]
    pub(crate) fn found<Q: Eq + ?Sized>(&self, key: &Q) -> Option<&'g N>
    where
        N::Key: Borrow<Q>,
    {
        self.node.filter(|node| node.pair().0.borrow() == key)
    }

    #[inline]
    pub(crate) fn into_found(self) -> Option<Found<'g, 'h, N, R>> {
        self.node.map(|_| (self.cur, self.shields.cur))
    }

    #[inline]
    pub(crate) fn into_entry(self) -> Option<Entry<'g, 'h, N::Key, N::Value, R>> {
        let (key, value) = self.node?.pair();
        // It protects `node`.
        Some(Entry::new(key, value, self.shields.cur))
    }

    /// As [`Structure::hold_inside`](crate::Structure::hold_inside), in the list of `head`, with so
    /// many shields.
    pub(crate) fn hold_inside(
        mut self,
        guard: &Guard<'h, R>,
        head: &Atomic<N, R>,
        shields: u64,
        inside: &mut dyn FnMut(),
    ) {
        let held = &mut self.shields;
        // At either end there is a shield to spare.
        if ptr::eq(self.prev, head) {
            let _ = guard.protect(&mut held.prev, head);
        }
        if self.cur.is_null() {
            let _ = guard.protect(&mut held.cur, head);
        }
        if self.next.is_null() {
            let _ = guard.protect(&mut held.next, head);
        }
        // What an operation holds besides its place.
        let more: Vec<_> = (PLACE_SHIELDS..shields)
            .map(|_| {
                let mut shield = guard.shield();
                let _ = guard.protect(&mut shield, head);
                shield
            })
            .collect();
        inside();
        drop((self, more));
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
    ) -> Place<'g, 'h, Node<K, V, R>, R>;

    /// The entry of `key`.
    #[inline]
    fn lookup<'g, 'h, K: Key + Borrow<Q>, V: Value, Q: Ord + ?Sized>(
        head: &'g Atomic<Node<K, V, R>, R>,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        let place = Self::find(head, guard, |at| at.borrow() < key);
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

    /// The entries within a bound from below, in order.
    pub(crate) fn steps<'g, 'h, T: Find<R>, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        from: Bound<&Q>,
    ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> + use<'g, 'h, T, Q, K, V, R>
    where
        K: Borrow<Q>,
    {
        let first = T::find(&self.head, guard, before(from)).into_found();
        let seek = |from: Bound<&K>| T::find(&self.head, guard, before(from)).into_found();
        Steps::new(guard, first, seek)
    }

    /// Returns whether there is no node, marked or not.
    pub(crate) fn has_no_nodes(&self, guard: &Guard<'_, R>) -> bool {
        // Relaxed: not dereferenced.
        self.head.load(Relaxed, guard).is_null()
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
    /// Takes all nodes, after which the bucket is empty.
    pub(crate) fn take_all(
        &mut self,
    ) -> impl Iterator<Item = Owned<Node<K, V, R>, R>> + use<K, V, R> {
        // SAFETY: exclusive by `&mut self`; what is linked is not retired, marked or not. The head
        // is not used any more.
        unsafe { chain::take_all(&mut std::mem::replace(&mut self.head, Atomic::null())) }
    }
}

/// The operations that [`interface`](crate::interface) asks for, of a map that has the `bucket` of
/// a key, a list of the traversal `T`.
macro_rules! bucket_operations {
    ($($hash:ident)?) => {
        #[inline]
        fn add<'g, 'h, const KEEP: bool, O>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: K,
            value: V,
            occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
        ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
            self.bucket(&key).add::<T::Find, KEEP, O>(guard, key, value, occupied)
        }

        #[inline]
        fn replace<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: K,
            value: V,
        ) -> Option<Entry<'g, 'h, K, V, R>> {
            self.bucket(&key).replace::<T::Find>(guard, key, value)
        }

        #[inline]
        fn take<'g, 'h, Q: Ord $(+ $hash)? + ?Sized>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: &Q,
        ) -> Option<Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
        {
            self.bucket(key).take::<T::Find, Q>(guard, key)
        }

        #[inline]
        fn find<'g, 'h, Q: Ord $(+ $hash)? + ?Sized>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: &Q,
        ) -> Option<Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
        {
            T::Find::lookup(&self.bucket(key).head, guard, key)
        }
    };
}
pub(crate) use bucket_operations;
