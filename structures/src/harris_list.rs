//! Harris's sorted list (2001), a map: as published, and with validated chains for every scheme.
//!
//! A traversal walks through chains of marked nodes without stopping, also when they are unlinked
//! under its feet, and a chain is unlinked by one CAS. A marked node's link does not change, so a
//! node behind an unlinked one was linked until that one was unlinked, or later: it was reachable
//! in the guard's life. That is what region protection covers. Weaker ones do not: such a node may
//! be freed before its shield is set, or before the guard's era covers it.
//!
//! The second form is safe optimistic traversal (Arovi and Nikolaev, SCOT). The shield of the node
//! that a chain begins with is kept, besides the one of the unmarked node before the chain, whose
//! link is `prev`. After the next node of the chain is protected, `prev` is read again. If it still
//! leads to the first node, then
//!
//! 1. it is untagged, so its node was not marked, hence still linked;
//! 2. the first node was not freed and reused, so the chain is the one that was walked, and its
//!    links are frozen.
//!
//! So the newly protected node was reachable at that read, which is after it was protected, and
//! nothing reachable is retired. The node can leave the list only after a change of `prev`, and
//! that CAS comes before the retirement and its full barrier, while the second read of `prev` comes
//! after the barrier of the protection: if the read misses the change, the retirer sees the
//! protection. If the link changed, the traversal goes back to `prev`, or to the head if the node
//! of `prev` is marked.
//!
//! Shields move with the nodes they protect and are never copied, so there is no moment in which a
//! scan could miss a node that passes from one shield to another.
//!
//! Under region schemes the validation is not compiled, and both forms are the same code.
//!
//! Progress of look-ups, which never write. Region: wait-free, if only finitely many keys can
//! come before the one looked for, and its value is replaced only so often: nothing is repeated, and
//! keys ascend on the way, but for an entry and those that replaced it. Guard and pointer: lock-free. A look-up goes back only when another thread's CAS has taken effect at its
//! `prev`, and protected loads are themselves repeated when others move the era or the link.

use std::borrow::Borrow;
use std::sync::atomic::Ordering::Acquire;

use kovan_schemes::{Atomic, Guard, Reclaimer, RegionProtection, Shared, Shield, Strength};

use crate::bucket::{Find, MARK, Node, Place, Shields, unlink};
use crate::guarded::Entry;
use crate::list::{List, Traversal};
use crate::structure::{Key, StructureFacts, Value};

/// Harris's list as published, for schemes that protect a region.
pub type HarrisList<K, V, R> = List<K, V, R, Harris>;
/// Harris's list with validated chains, for every scheme.
pub type HarrisListScot<K, V, R> = List<K, V, R, HarrisScot>;

/// Harris's traversal.
#[derive(Debug)]
pub struct Harris;
/// Harris's traversal with validated chains.
#[derive(Debug)]
pub struct HarrisScot;

impl<R: RegionProtection> Traversal<R> for Harris {
    type Find = HarrisScot;
    const LIST: StructureFacts = StructureFacts {
        name: "harris-list",
        paper: "Harris, A pragmatic implementation of non-blocking linked-lists, DISC 2001",
        needs: Strength::Region,
        shields: 0,
        ..StructureFacts::MAP
    };
    const MAP: StructureFacts =
        StructureFacts { name: "hash-map-harris-region", ..<Self as Traversal<R>>::LIST };
}

impl<R: Reclaimer> Traversal<R> for HarrisScot {
    type Find = Self;
    const LIST: StructureFacts = StructureFacts {
        name: "harris-list-scot",
        paper: "Arovi and Nikolaev, Fixing non-blocking data structures … (SCOT), arXiv 2504.06254, 2025",
        shields: 5,
        ..StructureFacts::MAP
    };
    const MAP: StructureFacts =
        StructureFacts { name: "hash-map-harris", ..<Self as Traversal<R>>::LIST };
}

impl<R: Reclaimer> Find<R> for HarrisScot {
    fn find<'g, 'h, K: Key, V: Value>(
        head: &'g Atomic<Node<K, V, R>, R>,
        guard: &'g Guard<'h, R>,
        before: impl Fn(&K) -> bool,
    ) -> Place<'g, 'h, Node<K, V, R>, R> {
        Walk::new(head, guard).find(before)
    }

    fn lookup<'g, 'h, K: Key + Borrow<Q>, V: Value, Q: Ord + ?Sized>(
        head: &'g Atomic<Node<K, V, R>, R>,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        Walk::new(head, guard).lookup(key)
    }
}

/// A traversal on its way. Invariant: `cur` is null or protected, and was linked when, or (region)
/// in the guard's life before, that protection was complete. `prev` is the head or the link of a
/// protected node that was not marked when it was left, and led to `first`.
struct Walk<'g, 'h, K, V, R: Reclaimer> {
    guard: &'g Guard<'h, R>,
    head: &'g Atomic<Node<K, V, R>, R>,
    shields: Shields<'h, R>,
    /// The shield of `first`, while that is not `cur`.
    first_shield: Shield<'h, R>,
    prev: &'g Atomic<Node<K, V, R>, R>,
    /// What `prev` led to: `cur`, or the first node of the chain of marked ones before it.
    first: Shared<'g, Node<K, V, R>, R>,
    cur: Shared<'g, Node<K, V, R>, R>,
}

impl<'g, 'h, K: Key, V: Value, R: Reclaimer> Walk<'g, 'h, K, V, R> {
    fn new(head: &'g Atomic<Node<K, V, R>, R>, guard: &'g Guard<'h, R>) -> Self {
        let mut shields = Shields::new(guard);
        // The head is never tagged.
        let cur = guard.protect(&mut shields.cur, head);
        let first_shield = guard.shield();
        Self { guard, head, shields, first_shield, prev: head, first: cur, cur }
    }

    /// The node at `cur` and its link.
    #[expect(clippy::type_complexity, reason = "a pair, taken apart at once")]
    fn read(&mut self) -> Option<(&'g Node<K, V, R>, Shared<'g, Node<K, V, R>, R>)> {
        // SAFETY: the invariant: protected, and not retired when it became so. The reference is
        // used until the shield moves on, or with the shields in a `Place` or `Entry`. Nobody
        // makes mutable references to published nodes.
        let node = unsafe { self.cur.deref::<'g>() }?;
        Some((node, self.guard.protect(&mut self.shields.next, &node.next)))
    }

    /// Goes on behind `cur`, which is `node`, with the link `next`.
    fn go_on(&mut self, node: &'g Node<K, V, R>, next: Shared<'g, Node<K, V, R>, R>) {
        if next.tag() != MARK {
            // `node` was not marked when `next` was protected, so still linked, and `next` too.
            self.shields.advance();
            self.prev = &node.next;
            self.first = next;
            self.cur = next;
            return;
        }
        if self.cur == self.first {
            std::mem::swap(&mut self.first_shield, &mut self.shields.cur);
        }
        std::mem::swap(&mut self.shields.cur, &mut self.shields.next);
        self.cur = next.with_tag(0);
        // A constant: see the module. Acquire: pairs with the CAS that unlinks; orders nothing
        // else here, the protection of `next` is behind a barrier already.
        let validate = !matches!(R::FACTS.strength, Strength::Region);
        if validate && self.prev.load(Acquire, self.guard) != self.first {
            self.go_back();
        }
    }

    /// Goes back to `prev`, which changed, or to the head.
    fn go_back(&mut self) {
        self.cur = self.guard.protect(&mut self.shields.cur, self.prev);
        if self.cur.tag() == MARK {
            crate::restarts::count();
            self.prev = self.head;
            self.cur = self.guard.protect(&mut self.shields.cur, self.head);
        }
        self.first = self.cur;
    }

    fn lookup<Q: Ord + ?Sized>(mut self, key: &Q) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        loop {
            let (node, next) = self.read()?;
            if node.key.borrow() >= key {
                if node.key.borrow() != key {
                    return None;
                }
                if next.tag() != MARK {
                    return Some(node.entry(self.shields.cur));
                }
                // Removed, or replaced by what is behind it.
            }
            self.go_on(node, next);
        }
    }

    fn find(mut self, before: impl Fn(&K) -> bool) -> Place<'g, 'h, Node<K, V, R>, R> {
        loop {
            let (node, next) = match self.read() {
                Some((node, next)) if next.tag() == MARK || before(&node.key) => {
                    self.go_on(node, next);
                    continue;
                }
                Some((node, next)) => (Some(node), next),
                None => (None, Shared::null()),
            };
            let Self { guard, prev, first, cur, .. } = self;
            // SAFETY: from `first`, which is protected, up to `cur` all nodes were marked.
            if first != cur && !unsafe { unlink(guard, prev, first, cur) } {
                self.go_back();
                continue;
            }
            // A mark that `cur` got since is found by the CAS that would rely on it.
            return Place { shields: self.shields, prev, cur, node, next };
        }
    }
}
