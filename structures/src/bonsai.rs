//! A balanced search tree that is updated by copying paths, a map, after Clements, Kaashoek and
//! Zeldovich (2012).
//!
//! A writer copies the nodes from the root to the place of its key, rotates where a side became too
//! heavy, exchanges the root, and retires the nodes it replaced. So every root is a snapshot, and
//! whatever an update does, replacing an entry too, is one step: the exchange of the root.
//!
//! Progress: updates are lock-free. Look-ups are wait-free where the scheme protects a region, and
//! lock-free elsewhere, as they start again whenever the tree changes.
//!
//! Deviations from the paper: writers do not exclude each other, they exchange the root alone (as
//! the variant that evaluations of reclamation use), and their work is lost if it changed.

use std::borrow::Borrow;
use std::fmt;
use std::mem::replace;
use std::ops::{Bound, RangeBounds};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, RegionProtection};

use crate::bonsai_edit::{Attempt, Edit, Found, Node, View};
use crate::fresh::into_items;
use crate::guarded::Entry;
use crate::interface::{cursor_interface, into_iter_of, map_interface, search_steps};
use crate::steps::before;
use crate::structure::{
    Content, Key, Structure, StructureFacts, Value, debug_with_domain, map_operations,
};
use crate::tree;

/// A lock-free sorted map in a balanced tree, with snapshots. Its operations panic if the guard is
/// of another domain.
///
/// An update copies a path, so keys and values are cloned. Large ones belong in an
/// [`Arc`](std::sync::Arc): a few copies are on the stack for each level of the tree. So do values that
/// are written to in place, as an atomic counter: what is written to a value that is being copied is lost
/// with it.
pub struct Bonsai<K, V, R: Reclaimer> {
    domain: Domain<R>,
    root: Atomic<Node<K, V, R>, R>,
}

impl<K: Key + Clone, V: Value + Clone, R: Reclaimer> Bonsai<K, V, R> {
    /// An empty map.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), root: Atomic::null() }
    }

    map_interface!();
    cursor_interface!();
    search_steps!();

    #[inline]
    fn add<'g, 'h, const KEEP: bool, O>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
        occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
    ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
        let mut own = KEEP.then(|| guard.shield());
        let insert = |view| Edit::new(view).insert::<false>(&key, &value, own.as_mut());
        let (new, found) = self.until_unchanged(guard, insert);
        match found.and_then(Self::entry) {
            Some(entry) => Err(occupied(entry, (key, value))),
            None => Ok(new.zip(own).and_then(Self::entry)),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "as the other maps have it")]
    fn replace<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        let insert = |view| Edit::new(view).insert::<true>(&key, &value, None);
        self.until_unchanged(guard, insert).1.and_then(Self::entry)
    }

    fn take<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        self.until_unchanged(guard, |view| Edit::new(view).remove(key)).and_then(Self::entry)
    }

    fn find<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        let mut shield = guard.shield();
        let found = self.until_unchanged(guard, |view| view.find(&mut shield, key))?;
        Self::entry((found, shield))
    }

    fn seek<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        bound: Bound<&Q>,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        self.until_unchanged(guard, |view| view.first_not(before(bound))).and_then(Self::entry)
    }

    /// What `attempt` makes of a view of the root, as soon as the root does not change meanwhile.
    #[inline]
    fn until_unchanged<'g, 'h, T>(
        &'g self,
        guard: &'g Guard<'h, R>,
        mut attempt: impl FnMut(View<'g, 'h, K, V, R>) -> Attempt<T>,
    ) -> T {
        loop {
            if let Ok(result) = attempt(View::new(guard, &self.root)) {
                return result;
            }
        }
    }

    /// The entry of a node and its shield.
    fn entry<'g, 'h>((at, shield): Found<'g, 'h, K, V, R>) -> Option<Entry<'g, 'h, K, V, R>> {
        // SAFETY: protected by `shield`, or by the guard, for the life of the entry: the shield was
        // set before the node was published, or while its root was the tree's. Nobody makes mutable
        // references to published nodes.
        let node = unsafe { at.deref::<'g>() }?;
        Some(Entry::new(&node.key, &node.value, shield))
    }

    /// Iterates over the entries, in ascending order of their keys, with a search from the root for
    /// each. Weakly consistent: it meets each key that was present throughout, and none that was not
    /// present at some time, once. [`snapshot`](Self::snapshot) is consistent and cheaper, where the
    /// scheme protects a region.
    pub fn iter<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
    ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> {
        self.domain.check(guard);
        self.steps::<K>(guard, Bound::Unbounded)
    }

    /// The number of keys. Constant time.
    #[must_use]
    pub fn len(&self, guard: &Guard<'_, R>) -> usize {
        self.domain.check(guard);
        let mut shield = guard.shield();
        let root = guard.protect(&mut shield, &self.root);
        // SAFETY: protected by `shield`: loaded from the root, which leads to no retired node.
        unsafe { root.deref() }.map_or(0, Node::size)
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        self.len(guard) == 0
    }

    /// The map as it is now, unchanged for as long as the guard lives.
    #[must_use]
    pub fn snapshot<'g, 'h>(&'g self, guard: &'g Guard<'h, R>) -> Snapshot<'g, 'h, K, V, R>
    where
        R: RegionProtection,
    {
        self.domain.check(guard);
        let root = self.root.load(Acquire, guard);
        // SAFETY: protected by the guard, as is all that hangs from it: it was reachable in the
        // guard's life. Nobody makes mutable references to published nodes.
        Snapshot { root: unsafe { root.deref() }, guard }
    }
}

/// A [`Bonsai`] as it was at one time.
pub struct Snapshot<'g, 'h, K, V, R: RegionProtection> {
    root: Option<&'g Node<K, V, R>>,
    guard: &'g Guard<'h, R>,
}

impl<'g, 'h, K: Ord, V, R: RegionProtection> Snapshot<'g, 'h, K, V, R> {
    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.root.map_or(0, Node::size)
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The keys within the bounds and their values, in order.
    pub fn range<B: RangeBounds<K>>(&self, bounds: B) -> Range<'g, 'h, K, V, R, B> {
        let mut range = Range { bounds, above: Vec::new(), guard: self.guard };
        let mut at = self.root;
        while let Some(node) = at {
            let before = !(range.bounds.start_bound(), Bound::Unbounded).contains(&node.key);
            if !before {
                range.above.push(node);
            }
            at = range.child(node, usize::from(before));
        }
        range
    }

    /// All keys and their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'g K, &'g V)> + use<'g, 'h, K, V, R> {
        self.range(..)
    }
}

/// An iterator over a part of a [`Snapshot`].
pub struct Range<'g, 'h, K, V, R: RegionProtection, B> {
    bounds: B,
    /// The nodes that are still to come, and that have been passed on their left.
    above: Vec<&'g Node<K, V, R>>,
    guard: &'g Guard<'h, R>,
}

impl<'g, K, V, R: RegionProtection, B> Range<'g, '_, K, V, R, B> {
    fn child(&self, node: &Node<K, V, R>, side: usize) -> Option<&'g Node<K, V, R>> {
        // Relaxed: not changed after the publication that the load of the root acquired.
        let child = node.links[side].node.load(Relaxed, self.guard);
        // SAFETY: protected by the guard: it hangs from the root of the snapshot.
        unsafe { child.deref() }
    }
}

impl<'g, K: Ord, V, R: RegionProtection, B: RangeBounds<K>> Iterator for Range<'g, '_, K, V, R, B> {
    type Item = (&'g K, &'g V);

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.above.pop()?;
        if !(Bound::Unbounded, self.bounds.end_bound()).contains(&node.key) {
            self.above.clear();
            return None;
        }
        let mut at = self.child(node, 1);
        while let Some(next) = at {
            self.above.push(next);
            at = self.child(next, 0);
        }
        Some((&node.key, &node.value))
    }
}

into_iter_of! {
    [K: Key, V: Value, R: Reclaimer] Bonsai<K, V, R>, (K, V),
    |tree| {
        // SAFETY: exclusive; what hangs from the root is not retired. The root is not used any more.
        let nodes = unsafe { tree::take_all(&mut replace(&mut tree.root, Atomic::null())) };
        tree::sorted(into_items(&tree.domain, nodes, |node| Some((node.key, node.value))))
    }
}

impl<K, V, R: Reclaimer> Drop for Bonsai<K, V, R> {
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`; what hangs from the root is not retired.
        self.domain.discard(unsafe { tree::take_all(&mut self.root) });
    }
}

debug_with_domain!(Bonsai<K, V>);

impl<K: Ord, V, R: RegionProtection> fmt::Debug for Snapshot<'_, '_, K, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<K, V, R: RegionProtection, B> fmt::Debug for Range<'_, '_, K, V, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Range").finish_non_exhaustive()
    }
}

impl<V: Content, R: Reclaimer> Structure<R> for Bonsai<u64, V, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "bonsai",
        paper: "Clements, Kaashoek and Zeldovich, Scalable address spaces using RCU balanced trees, ASPLOS 2012",
        shields: 3,
        ..StructureFacts::MAP
    };

    map_operations!(counted: len);

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let mut shield = guard.shield();
        let view = loop {
            let view = View::new(guard, &self.root);
            if view.find(&mut shield, &key).is_ok() {
                break view;
            }
        };
        // An update keeps the node that it replaces, a cursor the best one yet.
        let mut kept = guard.shield();
        let _ = guard.protect(&mut kept, &self.root);
        inside();
        drop((view, shield, kept));
    }

    fn contents(&mut self) -> Vec<u64> {
        // SAFETY: exclusive by `&mut self`.
        unsafe { tree::contents(&self.domain, &mut self.root, |node| Some(node.key)) }
    }
}
