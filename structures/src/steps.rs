//! Iteration over a sorted list of marked links: over a list, a bucket, the bottom of a skip list.
//!
//! An iterator stands at a protected node. If the link of that node is untagged after the next node
//! was protected, the node was not marked then, so linked, and so was the next one: that is not
//! retired, and no key lies between. Otherwise the iterator searches for its place again from the
//! head. Every step comes to a greater key, or to the same one because another thread has replaced its
//! entry, so it is lock-free, as the search is, and ends if only finitely many keys come.

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::mem::{swap, take};
use std::ops::{Bound, RangeBounds};
use std::sync::atomic::Ordering::Acquire;

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared, Shield};

use crate::bucket::MARK;
use crate::chain::Link;
use crate::guarded::Entry;

/// A node of a sorted list.
pub trait Pair<R: Reclaimer>: Link<R> {
    type Key;
    type Value;
    fn pair(&self) -> (&Self::Key, &Self::Value);
}

/// A node, and the shield that protects it.
pub(crate) type Found<'g, 'h, N, R> = (Shared<'g, N, R>, Shield<'h, R>);

/// Returns what is true of the keys that are not within a bound from below.
pub(crate) fn before<K: Borrow<Q>, Q: Ord + ?Sized>(from: Bound<&Q>) -> impl Fn(&K) -> bool {
    move |at| !(from, Bound::Unbounded).contains(at.borrow())
}

/// The iterator. `seek` searches for the first node whose key is within the bound from below.
pub(crate) struct Steps<'g, 'h, N, R: Reclaimer, F> {
    guard: &'g Guard<'h, R>,
    seek: F,
    /// The node where it stands, if there is one.
    at: Option<Found<'g, 'h, N, R>>,
    /// True if that is still to be yielded.
    first: bool,
    next: Shield<'h, R>,
}

impl<'g, 'h, N, R, F> Steps<'g, 'h, N, R, F>
where
    N: Pair<R> + 'g,
    R: Reclaimer,
    F: FnMut(Bound<&N::Key>) -> Option<Found<'g, 'h, N, R>>,
{
    /// Begins at the node `at`, which `seek` or a like search found.
    pub(crate) fn new(guard: &'g Guard<'h, R>, at: Option<Found<'g, 'h, N, R>>, seek: F) -> Self {
        Self { guard, seek, at, first: true, next: guard.shield() }
    }

    /// Goes to the next node, and stays at the last one if there is none.
    fn step(&mut self) -> Option<()> {
        let (at, shield) = self.at.as_mut()?;
        if take(&mut self.first) {
            return Some(());
        }
        // SAFETY: not null, and protected by `shield`.
        let node = unsafe { at.deref::<'g>() }?;
        let next = self.guard.protect(&mut self.next, node.link());
        if next.tag() != MARK {
            // SAFETY: null, or protected by `self.next` and not retired when that was set: see the
            // module.
            let after = unsafe { next.deref() }?;
            // Acquire: as any link that is followed. A marked node is not in the map any more; the
            // search finds what is there in its place.
            if after.link().load(Acquire, self.guard).tag() != MARK {
                swap(shield, &mut self.next);
                *at = next;
                return Some(());
            }
        }
        crate::restarts::count();
        *self.at.as_mut()? = (self.seek)(Bound::Excluded(node.pair().0))?;
        Some(())
    }
}

impl<'g, 'h, N, R, F> Iterator for Steps<'g, 'h, N, R, F>
where
    N: Pair<R> + 'g,
    N::Key: 'g,
    N::Value: 'g,
    R: Reclaimer,
    F: FnMut(Bound<&N::Key>) -> Option<Found<'g, 'h, N, R>>,
{
    type Item = Entry<'g, 'h, N::Key, N::Value, R>;

    fn next(&mut self) -> Option<Self::Item> {
        // The entry has a shield of its own, as the iterator's moves on.
        let mut shield = self.guard.shield();
        self.step()?;
        #[cfg(test)]
        crate::pause::at("iterator stands");
        loop {
            let (at, _) = self.at.as_ref()?;
            let _ = self.guard.protect(&mut shield, &Atomic::new(*at));
            // SAFETY: not null, and protected by the iterator's shield, or by the guard; from here on by
            // `shield`, if it is returned: see below. Nobody makes mutable references to published nodes.
            let node = unsafe { at.deref::<'g>() }?;
            // A copy of a protection holds a node only if that was not retired when the copy was made: a
            // scan may have looked at the one before, and look at the other when it has moved on; and an
            // era that is published later than a retirement does not cover it. Who retires the node
            // marks it before. Acquire: keeps the load behind the protection it validates.
            if node.link().load(Acquire, self.guard).tag() != MARK {
                let (key, value) = node.pair();
                return Some(Entry::new(key, value, shield));
            }
            // Another entry may have replaced it.
            crate::restarts::count();
            *self.at.as_mut()? = (self.seek)(Bound::Included(node.pair().0))?;
        }
    }
}
