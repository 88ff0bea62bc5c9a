//! The external search tree of Natarajan and Mittal (2014), a map.
//!
//! Keys are in the leaves. A removal flags the edge to its leaf, tags the edge to the leaf's
//! sibling, and then lifts the sibling to the *anchor*: the last edge above the parent that is not
//! tagged. Below the anchor may be a chain of tagged edges, whose inner nodes are all being
//! removed; one exchange of the anchor removes the chain and the flagged leaves that hang from it.
//! Flagged and tagged edges do not change. Removed inner nodes have no others.
//!
//! A key is removed by its flag: nobody finds a flagged leaf, and an insertion of its key helps to
//! remove it first. So a removal that panics after the flag has taken place. (In the paper the
//! exchange of the anchor is when the key goes.)
//!
//! A traversal follows flagged and tagged edges. Below one that is clean the child was in the tree.
//! Below another it may be freed, if the scheme protects less than a region, unless the anchor
//! still is what it was once the child is protected: then neither has been removed. That check of
//! the entry to a chain is due to Nikolaev and others (SCOT, arXiv 2504.06254).
//!
//! Deviation: one edge (`root`) and one leaf behind all keys do for the paper's five sentinels.

use std::mem::swap;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Shield, Strength};

use crate::fresh::Fresh;
use crate::structure::{
    Key, Kind, Nodes, Structure, StructureFacts, Value, debug_with_domain, map_operations,
};
use crate::tree::{self, Bound, Branches, leaf_reads, sides};

/// The bit of an edge whose leaf is being removed. Set once, on a clean edge.
const FLAG: usize = 1;
/// The bit of an edge whose upper node is being removed: nothing is inserted at it any more.
const TAG: usize = 2;

struct Node<K, V, R: Reclaimer> {
    /// Keys on the left are less; those on the right are not. The key itself of a leaf.
    bound: Bound<K>,
    /// Of a leaf of a key.
    value: Option<V>,
    /// Null in leaves, for good.
    edges: [Atomic<Node<K, V, R>, R>; 2],
}

impl<K, V, R: Reclaimer> Branches<R> for Node<K, V, R> {
    fn branches(&self) -> [&Atomic<Self, R>; 2] {
        self.edges.each_ref()
    }
    fn branches_mut(&mut self) -> [&mut Atomic<Self, R>; 2] {
        self.edges.each_mut()
    }
}

/// The shields of one traversal, by what their nodes are for it.
struct Shields<'h, R: Reclaimer> {
    /// Of the node of the anchor.
    ancestor: Shield<'h, R>,
    /// Of the node below the anchor, if that is not the parent.
    successor: Shield<'h, R>,
    parent: Shield<'h, R>,
    leaf: Shield<'h, R>,
    next: Shield<'h, R>,
}

/// Where the search for a key ends. What it points to is protected by its shields.
struct Place<'g, 'h, K, V, R: Reclaimer> {
    shields: Shields<'h, R>,
    /// The last untagged edge above `parent`, which led to `successor`.
    anchor: &'g Atomic<Node<K, V, R>, R>,
    successor: Shared<'g, Node<K, V, R>, R>,
    /// The node of `edge`; none if that is the root.
    parent: Option<&'g Node<K, V, R>>,
    parent_at: Shared<'g, Node<K, V, R>, R>,
    /// The edge that led to the leaf, and the leaf, untagged.
    edge: &'g Atomic<Node<K, V, R>, R>,
    leaf_at: Shared<'g, Node<K, V, R>, R>,
    leaf: &'g Node<K, V, R>,
    /// Whether the edge was flagged, so the leaf's key removed.
    flagged: bool,
}

impl<'h, K: Ord, V, R: Reclaimer> Place<'_, 'h, K, V, R> {
    fn holds(&self, key: &K) -> bool {
        !self.flagged && self.leaf.bound.is(key)
    }

    /// The shield of the leaf. The others are given back.
    fn keep_leaf(self) -> Shield<'h, R> {
        self.shields.leaf
    }
}

/// A lock-free sorted map in an external binary search tree, which is not balanced. Its operations
/// panic if the guard is of another domain.
///
/// The key of an entry that was removed may stay alive as the boundary between two others, until one of
/// these is removed: at most as many keys as the map has entries.
pub struct NmTree<K, V, R: Reclaimer> {
    domain: Domain<R>,
    /// Never flagged or tagged, and never null.
    root: Atomic<Node<K, V, R>, R>,
}

impl<K: Key + Clone, V: Value, R: Reclaimer> NmTree<K, V, R> {
    /// Whether what a traversal meets in removed parts is protected by the guard alone.
    const REGION: bool = matches!(R::FACTS.strength, Strength::Region);

    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        let handle = domain.register();
        let end = handle.pin().alloc(Node::leaf(Bound::End, None));
        Self { domain: domain.clone(), root: Atomic::new(end.into_shared()) }
    }

    /// Adds `key`; false, and nothing changes, if it is present. Lock-free.
    pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
        self.domain.check(guard);
        let mut place = self.seek(guard, &key);
        if place.holds(&key) {
            return false;
        }
        let leaf = Fresh::new(guard, Node::leaf(Bound::Key(key.clone()), Some(value)));
        loop {
            let old = &place.leaf.bound;
            let side = old.side(&key);
            let bound = if side == 0 { old.clone() } else { Bound::Key(key.clone()) };
            let edges = sides(side, Atomic::new(leaf.shared()), Atomic::new(place.leaf_at));
            let inner = Fresh::new(guard, Node { bound, value: None, edges });
            // The leaf is protected, so not reused: if it is there, and clean, the parent is in
            // the tree and this is the leaf's only edge, whatever was in between.
            let Err((_, now)) = inner.publish(place.edge, place.leaf_at) else {
                leaf.keep();
                return true;
            };
            if now.with_tag(0) == place.leaf_at {
                Self::cleanup(guard, &place);
            }
            drop(place);
            place = self.seek(guard, &key);
            if place.holds(&key) {
                return false;
            }
        }
    }

    /// Removes `key`, and returns a copy of its value. Lock-free.
    pub fn remove(&self, guard: &Guard<'_, R>, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.domain.check(guard);
        let (place, value) = loop {
            let place = self.seek(guard, key);
            if !place.leaf.bound.is(key) {
                return None;
            }
            // Before the removal: if this panics, there is none.
            let value = place.leaf.value.clone();
            // Whoever flags removes the key.
            let flagged = place.leaf_at.with_tag(FLAG);
            match place.edge.compare_exchange(place.leaf_at, flagged, guard) {
                Ok(_) => break (place, value),
                Err(now) if now.with_tag(0) == place.leaf_at => {
                    Self::cleanup(guard, &place);
                }
                Err(_) => {}
            }
        };
        #[cfg(test)]
        crate::pause::at("leaf is flagged");
        let mut done = Self::cleanup(guard, &place);
        // Kept, so that no other leaf gets this address while we look for it.
        let leaf_at = place.leaf_at;
        let _shield = place.keep_leaf();
        // If this panics, the key is removed all the same, and others unlink the leaf.
        while !done {
            let place = self.seek(guard, key);
            done = place.leaf_at != leaf_at || Self::cleanup(guard, &place);
        }
        value
    }

    leaf_reads!(seek);

    /// The leaf where `key` is, or would be.
    fn seek<'g, 'h>(&'g self, guard: &'g Guard<'h, R>, key: &K) -> Place<'g, 'h, K, V, R> {
        let mut shields = Shields {
            ancestor: guard.shield(),
            successor: guard.shield(),
            parent: guard.shield(),
            leaf: guard.shield(),
            next: guard.shield(),
        };
        'again: loop {
            let mut edge = &self.root;
            let mut at = guard.protect(&mut shields.leaf, edge);
            let (mut anchor, mut successor) = (edge, at);
            let (mut parent, mut parent_at) = (None, Shared::null());
            loop {
                // SAFETY: protected by `shields.leaf`, set when the node was not yet retired (see
                // the module): it was loaded from a clean edge, or from another before the anchor
                // was found unchanged, or the guard protects a region, in which `at` was when the
                // guard began or later. The reference lives as long as `Place`, or until the
                // shield moves on. Nobody makes mutable references to published nodes.
                let Some(leaf) = (unsafe { at.deref::<'g>() }) else { unreachable!("no child") };
                // Relaxed: only whether it is null, which does not change.
                if leaf.edges[0].load(Relaxed, guard).is_null() {
                    let (leaf_at, flagged) = (at.with_tag(0), at.tag() & FLAG != 0);
                    return Place {
                        shields,
                        anchor,
                        successor,
                        parent,
                        parent_at,
                        edge,
                        leaf_at,
                        leaf,
                        flagged,
                    };
                }
                let down = &leaf.edges[leaf.bound.side(key)];
                let next = guard.protect(&mut shields.next, down);
                if at.tag() & TAG == 0 {
                    (anchor, successor) = (edge, at);
                    swap(&mut shields.ancestor, &mut shields.parent);
                } else if successor == parent_at {
                    // The successor is not the parent any more.
                    swap(&mut shields.successor, &mut shields.parent);
                }
                // Acquire: keeps the load behind the protection it validates. The successor is
                // protected, so it is the same node.
                if !Self::REGION && next.tag() != 0 && anchor.load(Acquire, guard) != successor {
                    continue 'again;
                }
                swap(&mut shields.parent, &mut shields.leaf);
                swap(&mut shields.leaf, &mut shields.next);
                (parent, parent_at) = (Some(leaf), at.with_tag(0));
                (edge, at) = (down, next);
            }
        }
    }

    /// Removes the parent and the flagged one of its leaves, with the chain above it; false if the
    /// anchor is not what it was. One of the parent's edges is flagged.
    fn cleanup<'g>(guard: &'g Guard<'_, R>, place: &Place<'g, '_, K, V, R>) -> bool {
        // There is a parent, as no edge of the root is flagged or tagged.
        let Some(parent) = place.parent else { return false };
        // Where the search went: a key is not compared again, which might panic.
        let side = usize::from(ptr::eq(place.edge, &raw const parent.edges[1]));
        let flagged = parent.edges[side].load(Acquire, guard).tag() & FLAG != 0;
        let victim = if flagged { side } else { 1 - side };
        let kept = &parent.edges[1 - victim];
        let mut sibling = kept.load(Acquire, guard);
        while sibling.tag() & TAG == 0 {
            // The sibling is not protected; whatever node it is now, its edge gets the tag.
            match kept.compare_exchange(sibling, sibling.with_tag(sibling.tag() | TAG), guard) {
                Ok(_) => break,
                Err(now) => sibling = now,
            }
        }
        // The sibling's own flag, if it is being removed too, goes with it.
        let lifted = sibling.with_tag(sibling.tag() & FLAG);
        // The successor is protected, so not reused; if the anchor leads to it and is clean, the
        // chain from it to the parent is in the tree, and as it was seen.
        if place.anchor.compare_exchange(place.successor, lifted, guard).is_err() {
            return false;
        }
        let mut at = place.successor;
        loop {
            // SAFETY: removed by our exchange just now, and retired by nobody but us, below.
            let Some(node) = (unsafe { at.deref() }) else { unreachable!("no inner node") };
            let last = at == place.parent_at;
            // Above the parent a node's flagged edge leads to its leaf. Not by the key: that must not
            // be compared again, lest an inconsistent order retires what is not removed.
            let flagged = |side: usize| node.edges[side].load(Acquire, guard).tag() & FLAG != 0;
            let side = if last { 1 - victim } else { usize::from(flagged(0)) };
            let [next, leaf] = [side, 1 - side].map(|side| node.edges[side].load(Acquire, guard));
            // SAFETY: for both: 1: not null; allocated in this domain (callers `check`); retired
            // by the one whose exchange removed them, which happens once, as nodes do not return.
            // 2: the anchor was the only edge of a node in the tree that led to the chain. What
            // leads to it otherwise are edges of removed nodes, which are tagged or flagged, so
            // traversals look at their anchor before they read on, unless a guard that began
            // before now protects a region.
            unsafe { guard.retire(leaf) };
            // SAFETY: as above.
            unsafe { guard.retire(at) };
            if last {
                return true;
            }
            at = next.with_tag(0);
        }
    }
}

impl<K, V, R: Reclaimer> Node<K, V, R> {
    fn leaf(bound: Bound<K>, value: Option<V>) -> Self {
        Self { bound, value, edges: [Atomic::null(), Atomic::null()] }
    }
}

impl<K, V, R: Reclaimer> Drop for NmTree<K, V, R> {
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`; what is linked is not retired, flagged or not.
        self.domain.discard(unsafe { tree::take_all(&mut self.root) });
    }
}

debug_with_domain!(NmTree<K, V>);

impl<R: Reclaimer> Structure<R> for NmTree<u64, u64, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "nm-tree",
        kind: Kind::Map,
        paper: "Natarajan and Mittal, Fast concurrent lock-free binary search trees, PPoPP 2014",
        needs: Strength::Pointer,
        shields: 6,
        nodes: Nodes { per_key: 2, fixed: 1, ..Nodes::ONE_PER_KEY },
    };

    map_operations!();

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let mut place = self.seek(guard, &key);
        // A removal keeps the shield of its leaf while it seeks again.
        let mut kept = guard.shield();
        let shields = &mut place.shields;
        let first = |shield| _ = guard.protect(shield, &self.root);
        first(&mut kept);
        first(&mut shields.next);
        if ptr::eq(place.anchor, &raw const self.root) {
            first(&mut shields.ancestor);
        }
        if place.successor == place.parent_at || place.parent.is_none() {
            first(&mut shields.successor);
        }
        if place.parent.is_none() {
            first(&mut shields.parent);
        }
        inside();
        drop((kept, place));
    }

    fn contents(&mut self) -> Vec<u64> {
        // SAFETY: exclusive by `&mut self`.
        unsafe { tree::contents(&self.domain, &mut self.root, |node| node.value) }
    }
}

#[cfg(test)]
mod tests;
