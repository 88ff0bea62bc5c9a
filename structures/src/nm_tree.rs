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
//! An entry is replaced by an exchange of the clean edge to its leaf, as an insertion would exchange
//! it: until then the old leaf is the one of its key, from then on the new one. An edge that is clean
//! is in the tree, and is the leaf's only one there. A removal flags that edge, and a removal of the
//! sibling tags it, so either is before the exchange, which fails, or after it, and has the new leaf.
//! (The paper has sets of keys only; this is its insertion, without the inner node.)
//!
//! A traversal follows flagged and tagged edges. Below one that is clean the child was in the tree.
//! Below another it may be freed, if the scheme protects less than a region, unless the anchor
//! still is what it was once the child is protected: then neither has been removed. That check of
//! the entry to a chain is due to Nikolaev and others (SCOT, arXiv 2504.06254).
//!
//! Deviation: one edge (`root`) and one leaf behind all keys do for the paper's five sentinels.

#[cfg(test)]
mod tests;
mod update;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::mem::{replace, swap};
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Shield, Strength};

use crate::fresh::into_items;
use crate::guarded::Entry;
use crate::interface::{
    cursor_interface, into_iter_of, iterate_interface, map_interface, search_steps,
};
use crate::structure::{
    Content, Key, Nodes, Structure, StructureFacts, Value, debug_with_domain, map_operations,
};
use crate::tree::{self, Bound, Branches, leaf_reads, place_entries};

/// The bit of an edge whose leaf is being removed. Set once, on a clean edge.
const FLAG: usize = 1;
/// The bit of an edge whose upper node is being removed: nothing is inserted at it any more.
const TAG: usize = 2;

struct Node<K, V, R: Reclaimer> {
    /// Keys on the left are less; those on the right are not. The key itself of a leaf.
    bound: Bound<K>,
    /// The value of a leaf of a key.
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
    /// The shield of the node of the anchor.
    ancestor: Shield<'h, R>,
    /// The shield of the node below the anchor, if that is not the parent.
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
    /// True if the edge was flagged, so the leaf's key removed.
    flagged: bool,
}

impl<'g, 'h, K, V, R: Reclaimer> Place<'g, 'h, K, V, R> {
    /// The key at the place, if it was not removed.
    fn key(&self) -> Option<&'g K> {
        self.leaf.bound.key().filter(|_| !self.flagged)
    }

    place_entries!();
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
    /// True if what a traversal meets in removed parts is protected by the guard alone.
    const REGION: bool = matches!(R::FACTS.strength, Strength::Region);

    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        let handle = domain.register();
        let end = handle.pin().alloc(Node::leaf(Bound::End, None));
        Self { domain: domain.clone(), root: Atomic::new(end.into_shared()) }
    }

    leaf_reads!(descend);

    /// The leaf where `key` is, or would be.
    fn locate<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Place<'g, 'h, K, V, R>
    where
        K: Borrow<Q>,
    {
        self.descend(guard, |bound| bound.side(key), |_| ())
    }

    /// The leaf where the search ends that goes to this side of each inner node. Calls `turn` with
    /// the bound of each that it leaves to the left, while that is protected.
    fn descend<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        side: impl Fn(&Bound<K>) -> usize,
        mut turn: impl FnMut(&Bound<K>),
    ) -> Place<'g, 'h, K, V, R> {
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
                let to = side(&leaf.bound);
                if to == 0 {
                    turn(&leaf.bound);
                }
                let down = &leaf.edges[to];
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
                    crate::restarts::count();
                    continue 'again;
                }
                swap(&mut shields.parent, &mut shields.leaf);
                swap(&mut shields.leaf, &mut shields.next);
                (parent, parent_at) = (Some(leaf), at.with_tag(0));
                (edge, at) = (down, next);
            }
        }
    }
}

impl<K, V, R: Reclaimer> Node<K, V, R> {
    fn leaf(bound: Bound<K>, value: Option<V>) -> Self {
        Self { bound, value, edges: [Atomic::null(), Atomic::null()] }
    }

    /// The entry of a leaf, which `shield` protects.
    fn entry<'g, 'h>(&'g self, shield: Shield<'h, R>) -> Option<Entry<'g, 'h, K, V, R>> {
        Some(Entry::new(self.bound.key()?, self.value.as_ref()?, shield))
    }
}

into_iter_of! {
    [K: Key, V: Value, R: Reclaimer] NmTree<K, V, R>, (K, V),
    |tree| {
        // SAFETY: exclusive; what is linked is not retired. The root is not used any more.
        let nodes = unsafe { tree::take_all(&mut replace(&mut tree.root, Atomic::null())) };
        let mut nodes: Vec<_> = nodes.collect();
        let edges = nodes.iter_mut().flat_map(|node| node.value_mut().edges.each_mut());
        let flagged = edges.map(Atomic::load_exclusive).filter(|edge| edge.tag() & FLAG != 0);
        // SAFETY: exclusive. The leaf of a removal that panicked.
        let removed: HashSet<_> =
            flagged.filter_map(|leaf| unsafe { leaf.deref() }).map(ptr::from_ref).collect();
        let (removed, nodes): (Vec<_>, Vec<_>) =
            nodes.into_iter().partition(|node| removed.contains(&ptr::from_ref(node.value())));
        tree.domain.discard(removed.into_iter());
        let item = |node: Node<K, V, R>| node.bound.into_key().zip(node.value);
        tree::sorted(into_items(&tree.domain, nodes.into_iter(), item))
    }
}

impl<K, V, R: Reclaimer> Drop for NmTree<K, V, R> {
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`; what is linked is not retired, flagged or not.
        self.domain.discard(unsafe { tree::take_all(&mut self.root) });
    }
}

debug_with_domain!(NmTree<K, V>);

impl<V: Content, R: Reclaimer> Structure<R> for NmTree<u64, V, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "nm-tree",
        paper: "Natarajan and Mittal, Fast concurrent lock-free binary search trees, PPoPP 2014",
        shields: 6,
        nodes: Nodes { per_key: 2, fixed: 1, ..Nodes::ONE_PER_KEY },
        ..StructureFacts::MAP
    };

    map_operations!(by_key);

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let mut place = self.locate(guard, &key);
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
        let key = |node: &Node<u64, V, R>| node.value.as_ref().and(node.bound.key().copied());
        // SAFETY: exclusive by `&mut self`.
        unsafe { tree::contents(&self.domain, &mut self.root, key) }
    }
}
