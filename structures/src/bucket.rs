//! The list of Michael (2002) without its domain: of [`MichaelList`](crate::MichaelList), and of each
//! bucket of [`HashMap`](crate::HashMap). Sound for every scheme.
//!
//! A removal marks the node (tag 1 on its own link) and then unlinks it. A traversal never follows
//! the link of a marked node: it unlinks the node first, or starts again. So each node is read
//! from a link that was reachable when the shield was set, which is all that the weakest
//! protection asks for.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Shield};

use crate::chain::{self, Link};

/// The tag on the link of a removed node.
const MARK: usize = 1;

struct Node<K, V, R: Reclaimer> {
    key: K,
    value: V,
    next: Atomic<Node<K, V, R>, R>,
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
struct Shields<'h, R: Reclaimer> {
    prev: Shield<'h, R>,
    cur: Shield<'h, R>,
    next: Shield<'h, R>,
}

/// A place in the list. What it points to is protected by its shields, so only while it lives.
struct Place<'g, 'h, K, V, R: Reclaimer> {
    shields: Shields<'h, R>,
    /// The link that led to `cur`.
    prev: &'g Atomic<Node<K, V, R>, R>,
    cur: Shared<'g, Node<K, V, R>, R>,
    /// What `cur` is: the first node whose key is not less than the one looked for.
    node: Option<&'g Node<K, V, R>>,
    /// The successor of `cur`, untagged: `cur` was not marked.
    next: Shared<'g, Node<K, V, R>, R>,
    /// Whether the key of `cur` is the one looked for.
    found: bool,
}

/// A sorted list. Its callers check that guards are of its domain.
pub(crate) struct Bucket<K, V, R: Reclaimer> {
    head: Atomic<Node<K, V, R>, R>,
}

impl<K, V, R> Bucket<K, V, R>
where
    K: Ord + Send + Sync + 'static,
    V: Send + Sync + 'static,
    R: Reclaimer,
{
    pub(crate) fn new() -> Self {
        Self { head: Atomic::null() }
    }

    /// The place of `key`; unlinks the marked nodes on the way.
    fn find<'g, 'h>(&'g self, guard: &'g Guard<'h, R>, key: &K) -> Place<'g, 'h, K, V, R> {
        let mut shields =
            Shields { prev: guard.shield(), cur: guard.shield(), next: guard.shield() };
        'again: loop {
            let mut prev = &self.head;
            // The head is never tagged.
            let mut cur = guard.protect(&mut shields.cur, prev);
            loop {
                // SAFETY: protected by `shields.cur`: `cur` was loaded untagged from `prev` after
                // that shield was set. `prev` is the head or the link of a protected node, and the
                // missing tag says that this node was not marked, so still linked (nodes are
                // unlinked only after marking); hence `cur` was reachable, so not yet retired.
                // The reference lives as long as `Place`, or until the shields move on below;
                // nobody makes mutable references to published nodes.
                let Some(node) = (unsafe { cur.deref::<'g>() }) else {
                    return Place {
                        shields,
                        prev,
                        cur,
                        node: None,
                        next: Shared::null(),
                        found: false,
                    };
                };
                let next = guard.protect(&mut shields.next, &node.next);
                if next.tag() == MARK {
                    // `next` may be freed already: it is linked here, never dereferenced. It is
                    // right to link it: if `cur` is still behind `prev`, so is its successor,
                    // which does not change after the mark.
                    // SAFETY: `cur` is protected and marked, and `next` is its frozen successor.
                    if !unsafe { unlink(guard, prev, cur, next.with_tag(0)) } {
                        continue 'again;
                    }
                    cur = guard.protect(&mut shields.cur, prev);
                    if cur.tag() == MARK {
                        continue 'again;
                    }
                    continue;
                }
                match node.key.cmp(key) {
                    Less => {}
                    order @ (Equal | Greater) => {
                        let found = order == Equal;
                        return Place { shields, prev, cur, node: Some(node), next, found };
                    }
                }
                // One step: the node of `prev` is `cur`, `cur` is `next`, and `prev`'s shield is
                // free. `next` was untagged, so `node` was not marked when `next` was protected.
                std::mem::swap(&mut shields.prev, &mut shields.cur);
                std::mem::swap(&mut shields.cur, &mut shields.next);
                prev = &node.next;
                cur = next;
            }
        }
    }

    pub(crate) fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        let mut place = self.find(guard, &key);
        if place.found {
            return false;
        }
        let mut node = guard.alloc(Node { key, value, next: Atomic::null() });
        loop {
            // Relaxed: published by the release of the CAS.
            node.value().next.store(place.cur, Relaxed);
            let new = node.into_shared();
            // `cur` is protected, so it was not freed and linked again. It is untagged: the CAS
            // fails if the node of `prev` was marked.
            if place.prev.compare_exchange(place.cur, new, guard).is_ok() {
                return true;
            }
            // SAFETY: not null, and the CAS that would have published it failed.
            node = unsafe { new.into_owned() };
            // The shields go back before others are taken.
            drop(place);
            place = self.find(guard, &node.value().key);
            if place.found {
                guard.discard(node);
                return false;
            }
        }
    }

    pub(crate) fn remove(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
    where
        V: Clone,
    {
        loop {
            let place = self.find(guard, key);
            let node = place.node.filter(|_| place.found)?;
            let marked = place.next.with_tag(MARK);
            // Whoever marks has removed the key.
            if node.next.compare_exchange(place.next, marked, guard).is_err() {
                continue;
            }
            // `node` is protected by the shields of `place`.
            let value = node.value.clone();
            // SAFETY: `cur` is protected by the shields of `place` and marked just now, which
            // froze `place.next` as its successor.
            if !unsafe { unlink(guard, place.prev, place.cur, place.next) } {
                drop(place);
                // Unlinks it on the way, unless someone else has.
                drop(self.find(guard, key));
            }
            return Some(value);
        }
    }

    /// What `read` makes of the value of `key`, under protection.
    pub(crate) fn get<O>(
        &self,
        guard: &Guard<'_, R>,
        key: &K,
        read: impl FnOnce(&V) -> O,
    ) -> Option<O> {
        let place = self.find(guard, key);
        place.node.filter(|_| place.found).map(|node| read(&node.value))
    }

    pub(crate) fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        // Relaxed: not dereferenced.
        self.head.load(Relaxed, guard).is_null()
    }

    pub(crate) fn hold_inside(&self, guard: &Guard<'_, R>, key: &K, inside: &mut dyn FnMut()) {
        let mut place = self.find(guard, key);
        let shields = &mut place.shields;
        // At either end there is a shield to spare.
        if ptr::eq(place.prev, &raw const self.head) {
            let _ = guard.protect(&mut shields.prev, &self.head);
        }
        if place.cur.is_null() {
            let _ = guard.protect(&mut shields.cur, &self.head);
        }
        if place.next.is_null() {
            let _ = guard.protect(&mut shields.next, &self.head);
        }
        inside();
        drop(place);
    }

    /// Frees all nodes, for the drop of the owner, after which the bucket is not used.
    pub(crate) fn discard(&mut self, domain: &Domain<R>) {
        // SAFETY: exclusive by `&mut self`; what is linked is not retired, marked or not.
        domain.discard(unsafe { chain::take_all(&mut self.head) });
        self.head = Atomic::null();
    }

    pub(crate) fn for_each_key(&mut self, domain: &Domain<R>, mut visit: impl FnMut(&K)) {
        let visit = |node: &Node<K, V, R>, marked: bool| {
            if !marked {
                visit(&node.key);
            }
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::for_each(domain, &mut self.head, visit) };
    }
}

/// Unlinks `cur` from `prev` and retires it; false if `prev` does not hold it (any more).
///
/// # Safety
/// `cur` is protected and marked, and `next` is its successor, untagged.
unsafe fn unlink<K, V, R>(
    guard: &Guard<'_, R>,
    prev: &Atomic<Node<K, V, R>, R>,
    cur: Shared<'_, Node<K, V, R>, R>,
    next: Shared<'_, Node<K, V, R>, R>,
) -> bool
where
    K: Send + 'static,
    V: Send + 'static,
    R: Reclaimer,
{
    let unlinked = prev.compare_exchange(cur, next, guard).is_ok();
    if unlinked {
        // SAFETY: 1: not null; allocated in the domain of the list, which is the guard's; retired
        // by the one whose CAS unlinked it, which happens once: it is not linked again. 2: `prev`
        // was untagged, so linked, and the only link to `cur` that a traversal would follow; what
        // unlinked nodes still say is tagged, and not followed.
        unsafe { guard.retire(cur) };
    }
    unlinked
}
