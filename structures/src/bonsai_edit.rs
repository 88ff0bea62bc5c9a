//! Path copying for [`Bonsai`](crate::Bonsai): views of one root, and edits that make another.
//!
//! Nodes do not change once they are published. What hangs from a root is retired only after the
//! root was replaced, so a node that is shielded while the root still is the same is protected.
//!
//! The balance is that of Hirai and Yamamoto, Balancing weight-balanced trees, JFP 21(3), 2011:
//! a side weighs its nodes plus one, and at most `DELTA` times the other.

mod view;

use std::borrow::Borrow;
use std::cmp::Ordering::{Equal, Greater, Less};
use std::mem::replace;
use std::sync::atomic::Ordering::Relaxed;

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared, Shield};

use crate::fresh::Fresh;
use crate::structure::{Key, Value};
use crate::tree::{Branches, sides};

pub(crate) use self::view::{Attempt, Changed, View};

/// How much heavier one side may be than the other.
pub(crate) const DELTA: usize = 3;
/// How much heavier the inner grandchild must be for a double rotation.
const GAMMA: usize = 2;

pub(crate) struct Node<K, V, R: Reclaimer> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) links: [Link<K, V, R>; 2],
}

/// A subtree and its size.
pub(crate) struct Link<K, V, R: Reclaimer> {
    pub(crate) node: Atomic<Node<K, V, R>, R>,
    pub(crate) size: usize,
}

impl<K, V, R: Reclaimer> Branches<R> for Node<K, V, R> {
    fn branches(&self) -> [&Atomic<Self, R>; 2] {
        self.links.each_ref().map(|link| &link.node)
    }
    fn branches_mut(&mut self) -> [&mut Atomic<Self, R>; 2] {
        self.links.each_mut().map(|link| &mut link.node)
    }
}

impl<K, V, R: Reclaimer> Node<K, V, R> {
    pub(crate) fn size(&self) -> usize {
        1 + self.links[0].size + self.links[1].size
    }

    fn subs<'g>(&self, guard: &'g Guard<'_, R>) -> [Sub<'g, K, V, R>; 2] {
        // Relaxed: not changed after the publication that the load of the root acquired.
        self.links
            .each_ref()
            .map(|link| Sub { at: link.node.load(Relaxed, guard), size: link.size })
    }
}

/// A loaded [`Link`].
struct Sub<'g, K, V, R: Reclaimer> {
    at: At<'g, K, V, R>,
    size: usize,
}

impl<K, V, R: Reclaimer> Clone for Sub<'_, K, V, R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, V, R: Reclaimer> Copy for Sub<'_, K, V, R> {}

impl<K, V, R: Reclaimer> Sub<'_, K, V, R> {
    fn empty() -> Self {
        Self { at: Shared::null(), size: 0 }
    }
    fn weight(&self) -> usize {
        self.size + 1
    }
}

/// A pointer into a view or an edit.
pub(crate) type At<'g, K, V, R> = Shared<'g, Node<K, V, R>, R>;

/// A node of a view, and the shield that protects it. Not null.
pub(crate) type Found<'g, 'h, K, V, R> = (At<'g, K, V, R>, Shield<'h, R>);

/// What a node is made of: its key and value, and its sides.
type Parts<'g, K, V, R> = ((K, V), [Sub<'g, K, V, R>; 2]);

/// A node that is to be taken out of a tree, and the rest.
type Split<'g, K, V, R> = (At<'g, K, V, R>, Sub<'g, K, V, R>);

/// The node that was made, if one was, and the node that was there.
type Inserted<'g, 'h, K, V, R> = (Option<At<'g, K, V, R>>, Option<Found<'g, 'h, K, V, R>>);

/// A new tree in the making, which shares with a view what it does not replace.
pub(crate) struct Edit<'g, 'h, K, V, R: Reclaimer> {
    view: View<'g, 'h, K, V, R>,
    cursor: Shield<'h, R>,
    /// Nodes of the new tree alone.
    fresh: Vec<Fresh<'g, 'h, Node<K, V, R>, R>>,
    /// The node of the key that is edited, if the view has one.
    found: Option<Found<'g, 'h, K, V, R>>,
    /// Nodes of the view that the new tree does not have.
    replaced: Vec<At<'g, K, V, R>>,
}

impl<'g, 'h, K: Key + Clone, V: Value + Clone, R: Reclaimer> Edit<'g, 'h, K, V, R> {
    pub(crate) fn new(view: View<'g, 'h, K, V, R>) -> Self {
        let cursor = view.guard.shield();
        Self { view, cursor, fresh: Vec::new(), found: None, replaced: Vec::new() }
    }

    /// Adds `key`, or replaces its node if the edit is to `REPLACE`. Whether it changed the tree, and
    /// the node that was there. If a node is made, `own` protects it.
    pub(crate) fn insert<const REPLACE: bool>(
        mut self,
        key: &K,
        value: &V,
        own: Option<&mut Shield<'h, R>>,
    ) -> Attempt<Inserted<'g, 'h, K, V, R>> {
        let root = self.put::<REPLACE>(self.view.root, key, value)?;
        let found = self.found.take();
        let Some(root) = root else { return Ok((None, found)) };
        let mut new = root.at;
        if let Some(own) = own {
            let fresh = self.fresh.iter().find(|fresh| fresh.value().key == *key);
            let Some(fresh) = fresh else { unreachable!("the key's node was made") };
            fresh.protect(own);
            new = fresh.shared();
        }
        self.publish(root)?;
        Ok((Some(new), found))
    }

    /// Removes `key`. Its node; `None` if it is not present.
    pub(crate) fn remove<Q: Ord + ?Sized>(
        mut self,
        key: &Q,
    ) -> Attempt<Option<Found<'g, 'h, K, V, R>>>
    where
        K: Borrow<Q>,
    {
        let Some(root) = self.cut(self.view.root, key)? else { return Ok(None) };
        let found = self.found.take();
        self.publish(root)?;
        Ok(found)
    }

    /// Keeps the node at `at`, which the cursor protects.
    fn keep(&mut self, at: At<'g, K, V, R>) {
        let shield = replace(&mut self.cursor, self.view.guard.shield());
        self.found = Some((at, shield));
    }

    /// Makes the new tree the tree, if that is still the one of the view.
    fn publish(self, new: Sub<'g, K, V, R>) -> Attempt<()> {
        let View { guard, source, root, .. } = self.view;
        // The root is protected, so not reused; it comes back never, or as empty as it was.
        if source.compare_exchange(root, new.at, guard).is_err() {
            return Err(Changed);
        }
        self.fresh.into_iter().for_each(Fresh::keep);
        for node in self.replaced {
            // SAFETY: retired below, by nobody else.
            guard.retire_value(unsafe { node.deref() }.map(|node| &node.value));
            // SAFETY: 1: not null, allocated in this domain (callers `check`); a node is replaced
            // by one exchange of the root, as it is in no later tree. 2: the root does not lead to
            // it; views of earlier roots look at the root before they read on, unless a guard that
            // began before now protects a region.
            unsafe { guard.retire(node) };
        }
        Ok(())
    }

    fn put<const REPLACE: bool>(
        &mut self,
        at: At<'g, K, V, R>,
        key: &K,
        value: &V,
    ) -> Attempt<Option<Sub<'g, K, V, R>>> {
        let Some(node) = self.view.read(&mut self.cursor, at)? else {
            return Ok(Some(self.make_of(key, value, [Sub::empty(); 2])));
        };
        let order = key.cmp(&node.key);
        let mut subs = node.subs(self.view.guard);
        let side = match order {
            Equal => {
                self.keep(at);
                if !REPLACE {
                    return Ok(None);
                }
                self.replaced.push(at);
                return Ok(Some(self.make_of(key, value, subs)));
            }
            Less => 0,
            Greater => 1,
        };
        let Some(sub) = self.put::<REPLACE>(subs[side].at, key, value)? else { return Ok(None) };
        subs[side] = sub;
        self.make_again(at, subs).map(Some)
    }

    fn cut<Q: Ord + ?Sized>(
        &mut self,
        at: At<'g, K, V, R>,
        key: &Q,
    ) -> Attempt<Option<Sub<'g, K, V, R>>>
    where
        K: Borrow<Q>,
    {
        let Some(node) = self.view.read(&mut self.cursor, at)? else { return Ok(None) };
        let order = key.cmp(node.key.borrow());
        let mut subs = node.subs(self.view.guard);
        let side = match order {
            Equal => {
                self.keep(at);
                self.replaced.push(at);
                return self.join(subs).map(Some);
            }
            Less => 0,
            Greater => 1,
        };
        let Some(sub) = self.cut(subs[side].at, key)? else { return Ok(None) };
        subs[side] = sub;
        self.make_again(at, subs).map(Some)
    }

    /// One tree of two that were the sides of a node.
    fn join(&mut self, mut subs: [Sub<'g, K, V, R>; 2]) -> Attempt<Sub<'g, K, V, R>> {
        let side = usize::from(subs[1].size > subs[0].size);
        if subs[1 - side].size == 0 {
            return Ok(subs[side]);
        }
        let (far, sub) = self.without_furthest(subs[side].at, 1 - side)?;
        subs[side] = sub;
        self.make_again(far, subs)
    }

    /// The node of the view below `at` that is furthest to `side`, and the tree at `at` without it.
    fn without_furthest(
        &mut self,
        at: At<'g, K, V, R>,
        side: usize,
    ) -> Attempt<Split<'g, K, V, R>> {
        let Some(node) = self.view.read(&mut self.cursor, at)? else {
            unreachable!("the heavier side is not empty");
        };
        let mut subs = node.subs(self.view.guard);
        if subs[side].size == 0 {
            return Ok((at, subs[1 - side]));
        }
        let (far, sub) = self.without_furthest(subs[side].at, side)?;
        subs[side] = sub;
        Ok((far, self.make_again(at, subs)?))
    }

    /// A tree of a node that the new tree will not have: its item and its sides.
    fn take(&mut self, at: At<'g, K, V, R>) -> Attempt<Parts<'g, K, V, R>> {
        let guard = self.view.guard;
        // Made last, if at all.
        if let Some(index) = self.fresh.iter().rposition(|fresh| fresh.shared() == at) {
            // Linked to by nothing that will be published.
            let fresh = self.fresh.swap_remove(index);
            let node = fresh.value();
            return Ok(((node.key.clone(), node.value.clone()), node.subs(guard)));
        }
        let Some(node) = self.view.read(&mut self.cursor, at)? else {
            unreachable!("the heavier side is not empty");
        };
        self.replaced.push(at);
        Ok(((node.key.clone(), node.value.clone()), node.subs(guard)))
    }

    // What recurses calls these two, so that its own frames hold no keys and values, which may be large.

    /// The node at `at` again, with other sides.
    fn make_again(
        &mut self,
        at: At<'g, K, V, R>,
        subs: [Sub<'g, K, V, R>; 2],
    ) -> Attempt<Sub<'g, K, V, R>> {
        let (item, _) = self.take(at)?;
        self.balance(item, subs)
    }

    fn make_of(&mut self, key: &K, value: &V, subs: [Sub<'g, K, V, R>; 2]) -> Sub<'g, K, V, R> {
        self.make((key.clone(), value.clone()), subs)
    }

    fn make(&mut self, (key, value): (K, V), subs: [Sub<'g, K, V, R>; 2]) -> Sub<'g, K, V, R> {
        let links = subs.map(|sub| Link { node: Atomic::new(sub.at), size: sub.size });
        let node = Node { key, value, links };
        let size = node.size();
        let fresh = Fresh::new(self.view.guard, node);
        let at = fresh.shared();
        self.fresh.push(fresh);
        Sub { at, size }
    }

    /// A node of `item` between `subs`, of which one may be a node too heavy or too light.
    fn balance(&mut self, item: (K, V), subs: [Sub<'g, K, V, R>; 2]) -> Attempt<Sub<'g, K, V, R>> {
        let side = usize::from(subs[1].size > subs[0].size);
        let (heavy, light) = (subs[side], subs[1 - side]);
        if heavy.weight() <= DELTA * light.weight() {
            return Ok(self.make(item, subs));
        }
        let (top, below) = self.take(heavy.at)?;
        let (outer, inner) = (below[side], below[1 - side]);
        if inner.weight() < GAMMA * outer.weight() {
            let low = self.make(item, sides(side, inner, light));
            return Ok(self.make(top, sides(side, outer, low)));
        }
        let (middle, apart) = self.take(inner.at)?;
        let near = self.make(top, sides(side, outer, apart[side]));
        let far = self.make(item, sides(side, apart[1 - side], light));
        Ok(self.make(middle, sides(side, near, far)))
    }
}

#[cfg(test)]
mod tests;
