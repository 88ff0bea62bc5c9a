//! How a tree is changed: insertions, replacements and removals.

use std::borrow::Borrow;
use std::ptr;
use std::sync::atomic::Ordering::Acquire;

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared};

use super::{FLAG, NmTree, Node, Place, TAG};
use crate::fresh::Fresh;
use crate::guarded::Entry;
use crate::structure::{Key, Value};
use crate::tree::{Bound, sides};

impl<K: Key + Clone, V: Value, R: Reclaimer> NmTree<K, V, R> {
    #[inline]
    pub(super) fn add<'g, 'h, const KEEP: bool, O>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
        occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
    ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
        let mut place = match self.locate(guard, &key).found(&key) {
            Ok(entry) => return Err(occupied(entry, (key, value))),
            Err(place) => place,
        };
        let leaf = Fresh::new(guard, Node::leaf(Bound::Key(key.clone()), Some(value)));
        loop {
            if KEEP {
                // This shield is the search's alone.
                leaf.protect(&mut place.shields.next);
            }
            if Self::grow(guard, &place, &key, leaf.shared()) {
                let shared = leaf.shared();
                leaf.keep();
                if !KEEP {
                    return Ok(None);
                }
                // SAFETY: protected since before its publication.
                let node = unsafe { shared.deref::<'g>() };
                return Ok(node.and_then(|node| node.entry(place.shields.next)));
            }
            drop(place);
            place = match self.locate(guard, &key).found(&key) {
                Ok(entry) => {
                    let Some(value) = leaf.into_value().value else { unreachable!("a new leaf") };
                    return Err(occupied(entry, (key, value)));
                }
                Err(place) => place,
            };
        }
    }

    /// Puts an inner node above the leaf of `place` and the new one, which the caller keeps then.
    /// If that fails, helps whoever is in the way.
    fn grow<'g>(
        guard: &'g Guard<'_, R>,
        place: &Place<'g, '_, K, V, R>,
        key: &K,
        leaf: Shared<'g, Node<K, V, R>, R>,
    ) -> bool {
        let old = &place.leaf.bound;
        let side = old.side(key);
        let bound = if side == 0 { old.clone() } else { Bound::Key(key.clone()) };
        let edges = sides(side, Atomic::new(leaf), Atomic::new(place.leaf_at));
        let inner = Fresh::new(guard, Node { bound, value: None, edges });
        // The leaf is protected, so not reused: if it is there, and clean, the parent is in
        // the tree and this is the leaf's only edge, whatever was in between.
        let Err((_, now)) = inner.publish(place.edge, place.leaf_at) else { return true };
        if now.with_tag(0) == place.leaf_at {
            Self::cleanup(guard, place);
        }
        false
    }

    pub(super) fn replace<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        let mut leaf = Fresh::new(guard, Node::leaf(Bound::Key(key.clone()), Some(value)));
        loop {
            let place = self.locate(guard, &key);
            if !place.leaf.bound.is(&key) {
                if Self::grow(guard, &place, &key, leaf.shared()) {
                    leaf.keep();
                    return None;
                }
                continue;
            }
            // This is the replacement: see the module.
            match leaf.publish(place.edge, place.leaf_at) {
                Ok(_) => {
                    guard.retire_value(place.leaf.value.as_ref());
                    // SAFETY: 1: not null, allocated in this domain (callers `check`); our exchange
                    // replaced it, at its only edge in the tree, which was clean: so no removal had
                    // it, nor can. 2: what still leads to it are edges of removed nodes: see
                    // `cleanup`.
                    unsafe { guard.retire(place.leaf_at) };
                    return place.into_entry();
                }
                Err((back, now)) => {
                    leaf = back;
                    if now.with_tag(0) == place.leaf_at {
                        Self::cleanup(guard, &place);
                    }
                }
            }
        }
    }

    pub(super) fn take<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        let place = loop {
            let place = self.locate(guard, key);
            if !place.leaf.bound.is(key) {
                return None;
            }
            // Whoever flags removes the key.
            let flagged = place.leaf_at.with_tag(FLAG);
            match place.edge.compare_exchange(place.leaf_at, flagged, guard) {
                Ok(_) => break place,
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
        let (leaf_at, entry) = (place.leaf_at, place.into_entry());
        // If this panics, the key is removed all the same, and others unlink the leaf.
        while !done {
            let place = self.locate(guard, key);
            done = place.leaf_at != leaf_at || Self::cleanup(guard, &place);
        }
        entry
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
        #[cfg(test)]
        crate::pause::at("sibling is tagged");
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
            // SAFETY: as of `at`.
            guard.retire_value(unsafe { leaf.deref() }.and_then(|leaf| leaf.value.as_ref()));
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
