//! The external search tree of Ellen, Fatourou, Ruppert and van Breugel (2010), a map.
//!
//! An operation announces itself in a *record* that it installs, by a flag, in the update field of
//! the inner node whose child it replaces: the record's *home*. A removal also marks the parent of
//! its leaf, for good. Others finish an announced operation, then retry theirs.
//!
//! Who retires what, once:
//! - The nodes that an operation replaces: the one whose exchange takes its flag back. So they are
//!   not retired while the flag stands, which is what a helper validates after it shielded them.
//! - A record: the one whose exchange puts another flag or mark in its place at its home. Until
//!   then it stays there, clean, so that no exchange takes a new state for an old one. In a marked
//!   node it is not at home: there it is compared, not read, as it may be freed.
//!
//! An entry is replaced as a leaf is by an insertion, but for the copy and the inner node: the record
//! names the new leaf, and the exchange of the child is the replacement. The old leaf is never linked
//! again, so that exchange takes place once, whoever makes it, and the one who takes the flag back
//! retires the old leaf.
//!
//! Under schemes that protect less than a region a traversal validates each step once the child is
//! shielded: a node that is not marked is in the tree. A marked one is if its parent leads to it,
//! and is not marked itself.
//!
//! Deviations from the paper: one inner sentinel (the root) and one leaf behind all keys. A
//! removal's record does not keep the parent's update field as it was but its *version*, which
//! records count: a pointer would have to be protected in all records that keep it. A removal
//! whose mark fails takes its flag back without helping who was first: that is done when it is met
//! again. So help does not recurse, and the shields are fixed; as flags fail for flags below them
//! only, and the tree is finite, it stays lock-free.

mod update;

use std::borrow::Borrow;
use std::mem::{replace, swap};
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Owned, Reclaimer, Shared, Shield, Strength};

use crate::ellen_record::{FLAG, MARK, Node, Record, finish, leads_to};
use crate::fresh::into_items;
use crate::guarded::Entry;
use crate::interface::{
    cursor_interface, into_iter_of, iterate_interface, map_interface, search_steps,
};
use crate::structure::{
    Content, Key, Nodes, Structure, StructureFacts, Value, debug_with_domain, map_operations,
};
use crate::tree::{self, Bound, leaf_reads, place_entries};

/// The shields of one operation.
struct Shields<'h, R: Reclaimer> {
    grand: Shield<'h, R>,
    grand_update: Shield<'h, R>,
    parent: Shield<'h, R>,
    update: Shield<'h, R>,
    leaf: Shield<'h, R>,
    /// The shield of this operation's record, or of what a helped one replaces.
    own: Shield<'h, R>,
}

/// Where the search for a key ends. What it points to is protected by its shields, or is the root.
struct Place<'g, 'h, K, V, R: Reclaimer> {
    shields: Shields<'h, R>,
    /// The parent of `parent`; none if that is the root.
    grand: Option<&'g Node<K, V, R>>,
    /// The update fields are as they were before the child was loaded, and not marked.
    grand_update: Shared<'g, Record<K, V, R>, R>,
    /// The side of `grand` that `parent` is on, and of that the leaf. Remembered, not compared again:
    /// an inconsistent order of keys must not name a child that the search did not find.
    grand_side: usize,
    side: usize,
    parent: &'g Node<K, V, R>,
    parent_at: Shared<'g, Node<K, V, R>, R>,
    update: Shared<'g, Record<K, V, R>, R>,
    leaf: &'g Node<K, V, R>,
    leaf_at: Shared<'g, Node<K, V, R>, R>,
}

impl<'g, 'h, K, V, R: Reclaimer> Place<'g, 'h, K, V, R> {
    /// The key at the place.
    fn key(&self) -> Option<&'g K> {
        self.leaf.bound.key()
    }

    place_entries!();
}

/// A lock-free sorted map in an external binary search tree, which is not balanced. Its operations
/// panic if the guard is of another domain.
///
/// An insertion copies the leaf next to the new one, so values are cloned. Large ones belong in an
/// [`Arc`](std::sync::Arc), and so do those that are written to in place, as a counter in a `Cell` or an
/// atomic: what is written to a value that is being copied is lost with it.
///
/// The key of an entry that was removed may stay alive as the boundary between two others, until one of
/// these is removed: at most as many keys as the map has entries.
pub struct EllenTree<K, V, R: Reclaimer> {
    domain: Domain<R>,
    /// An inner node, never removed; the tree is on its left.
    root: Atomic<Node<K, V, R>, R>,
}

impl<K: Key + Clone, V: Value + Clone, R: Reclaimer> EllenTree<K, V, R> {
    /// True if what a traversal meets in removed parts is protected by the guard alone.
    const REGION: bool = matches!(R::FACTS.strength, Strength::Region);

    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        let handle = domain.register();
        let guard = handle.pin();
        let end = Atomic::new(guard.alloc(Node::leaf(Bound::End, None)).into_shared());
        let root = guard.alloc(Node::new(Bound::End, None, [end, Atomic::null()]));
        Self { domain: domain.clone(), root: Atomic::new(root.into_shared()) }
    }

    leaf_reads!(descend::<false>);

    /// The leaf where `key` is, or would be, for an update.
    fn locate<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Place<'g, 'h, K, V, R>
    where
        K: Borrow<Q>,
    {
        self.descend::<true>(guard, |bound| bound.side(key), |_| ())
    }

    /// The leaf where the search ends that goes to this side of each inner node. Calls `turn` with
    /// the bound of each that it leaves to the left, while that is protected. `UPDATE` says whether to protect
    /// update fields, for an operation that changes them.
    fn descend<'g, 'h, const UPDATE: bool>(
        &'g self,
        guard: &'g Guard<'h, R>,
        side: impl Fn(&Bound<K>) -> usize,
        mut turn: impl FnMut(&Bound<K>),
    ) -> Place<'g, 'h, K, V, R> {
        let mut shields = Shields {
            grand: guard.shield(),
            grand_update: guard.shield(),
            parent: guard.shield(),
            update: guard.shield(),
            leaf: guard.shield(),
            own: guard.shield(),
        };
        'again: loop {
            let mut parent_at = self.root.load(Relaxed, guard);
            let (mut grand, mut grand_update, mut grand_side) = (None, Shared::null(), 0);
            // SAFETY: the root is not retired.
            let Some(mut parent) = (unsafe { parent_at.deref::<'g>() }) else { unreachable!() };
            loop {
                let mut update = Shared::null();
                if UPDATE {
                    update = guard.protect(&mut shields.update, &parent.update);
                }
                let side = side(&parent.bound);
                if side == 0 {
                    turn(&parent.bound);
                }
                let down = &parent.children[side];
                let leaf_at = guard.protect(&mut shields.leaf, down);
                // Acquire: keeps this load, and those of `leads_to`, behind the protection they
                // validate.
                if (UPDATE || !Self::REGION) && parent.update.load(Acquire, guard).tag() == MARK {
                    let Some(grand) = grand else { unreachable!("the root is not marked") };
                    if UPDATE {
                        // Its removal is flagged there, or is done.
                        Self::assist(guard, grand, &mut shields);
                        crate::restarts::count();
                        continue 'again;
                    }
                    if !leads_to(guard, grand, grand_side, parent_at) {
                        crate::restarts::count();
                        continue 'again;
                    }
                }
                // SAFETY: protected by `shields.leaf`, set when the node was not yet retired: its
                // parent was in the tree then (see the module), or the guard protects a region,
                // in which the parent was when the guard began or later. The reference lives as
                // long as `Place`, or until the shield moves on. Nobody makes mutable references
                // to published nodes.
                let Some(leaf) = (unsafe { leaf_at.deref::<'g>() }) else { unreachable!() };
                // Relaxed: only whether it is null, which does not change.
                if leaf.children[0].load(Relaxed, guard).is_null() {
                    return Place {
                        shields,
                        grand,
                        grand_update,
                        grand_side,
                        side,
                        parent,
                        parent_at,
                        update,
                        leaf,
                        leaf_at,
                    };
                }
                swap(&mut shields.grand, &mut shields.parent);
                swap(&mut shields.parent, &mut shields.leaf);
                swap(&mut shields.grand_update, &mut shields.update);
                (grand, grand_update, grand_side) = (Some(parent), update, side);
                (parent, parent_at) = (leaf, leaf_at);
            }
        }
    }

    /// Finishes the operation that is flagged at `home`, if there is one. `home` is protected, or
    /// the root, by none of the shields used here.
    fn assist<'h>(guard: &Guard<'h, R>, home: &Node<K, V, R>, shields: &mut Shields<'h, R>) {
        let Shields { own, update, grand_update, .. } = shields;
        let flag = guard.protect(update, &home.update);
        if flag.tag() != FLAG {
            return;
        }
        // SAFETY: protected by `update`, set when the record was at home here, so not retired.
        let Some(record) = (unsafe { flag.deref() }) else { return };
        let old = guard.protect(own, &record.old);
        // Acquire: keeps the load behind the protection it validates. The record is protected, so
        // it is the same.
        if Self::REGION || home.update.load(Acquire, guard) == flag {
            // SAFETY: the record is protected by `update`; the flag stood after `own` was set, or
            // after the guard began, which protects a region.
            unsafe { finish(guard, home, flag, old, grand_update) };
        }
    }
}

into_iter_of! {
    [K: Key, V: Value, R: Reclaimer] EllenTree<K, V, R>, (K, V),
    |tree| {
        let nodes = tree.take_nodes();
        let item = |node: Node<K, V, R>| node.bound.into_key().zip(node.value);
        tree::sorted(into_items(&tree.domain, nodes.into_iter(), item))
    }
}

impl<K, V, R: Reclaimer> EllenTree<K, V, R> {
    /// Frees all records and takes all nodes, after which the tree is not used.
    fn take_nodes(&mut self) -> Vec<Owned<Node<K, V, R>, R>> {
        let mut root = replace(&mut self.root, Atomic::null());
        // SAFETY: exclusive by `&mut self`; what is linked is not retired.
        let mut nodes: Vec<_> = unsafe { tree::take_all(&mut root) }.collect();
        let updates = nodes.iter_mut().map(|node| node.value_mut().update.load_exclusive());
        let records = updates.filter(|update| !update.is_null() && update.tag() != MARK);
        // SAFETY: not null, not retired, and each at one home.
        self.domain.discard(records.map(|record| unsafe { record.into_owned() }));
        nodes
    }
}

impl<K, V, R: Reclaimer> Drop for EllenTree<K, V, R> {
    fn drop(&mut self) {
        let nodes = self.take_nodes();
        self.domain.discard(nodes.into_iter());
    }
}

debug_with_domain!(EllenTree<K, V>);

impl<V: Content, R: Reclaimer> Structure<R> for EllenTree<u64, V, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "ellen-tree",
        paper: "Ellen, Fatourou, Ruppert and van Breugel, Non-blocking binary search trees, PODC 2010",
        shields: 6,
        // Each inner node may be the home of a record.
        nodes: Nodes { per_key: 2, fixed: 2, records: 1, ..Nodes::ONE_PER_KEY },
        ..StructureFacts::MAP
    };

    map_operations!(by_key);

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let mut place = self.locate(guard, &key);
        let shields = &mut place.shields;
        let first = |shield| _ = guard.protect(shield, &self.root);
        first(&mut shields.own);
        if place.update.is_null() {
            first(&mut shields.update);
        }
        if place.grand_update.is_null() {
            first(&mut shields.grand_update);
        }
        // The root needs no shield where it is the parent, or its parent.
        let root = self.root.load(Relaxed, guard);
        // SAFETY: the root is not retired.
        let root = unsafe { root.deref() };
        let is_root = |node: &Node<_, _, R>| root.is_some_and(|root| ptr::eq(root, node));
        if place.grand.is_none() {
            first(&mut shields.parent);
        }
        if place.grand.is_none_or(is_root) {
            first(&mut shields.grand);
        }
        inside();
        drop(place);
    }

    fn contents(&mut self) -> Vec<u64> {
        let key = |node: &Node<u64, V, R>| node.value.as_ref().and(node.bound.key().copied());
        // SAFETY: exclusive by `&mut self`.
        unsafe { tree::contents(&self.domain, &mut self.root, key) }
    }
}
