//! What hangs from one root of a tree, for as long as it is the tree.

use std::borrow::Borrow;
use std::cmp::Ordering::{Equal, Greater, Less};
use std::mem::swap;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Guard, Reclaimer, Shield, Strength};

use super::{At, Found, Node};

/// The root is not the one of the view any more.
pub(crate) struct Changed;

/// What reads of a view lead to, while it is the tree.
pub(crate) type Attempt<T> = Result<T, Changed>;

/// What hangs from one root.
pub(crate) struct View<'g, 'h, K, V, R: Reclaimer> {
    pub(super) guard: &'g Guard<'h, R>,
    pub(super) source: &'g Atomic<Node<K, V, R>, R>,
    pub(super) root: At<'g, K, V, R>,
    /// Keeps the root from being reused, so that another at its address is not taken for it.
    _kept: Shield<'h, R>,
}

impl<'g, 'h, K: Ord, V, R: Reclaimer> View<'g, 'h, K, V, R> {
    /// True if the guard alone protects the whole view.
    const REGION: bool = matches!(R::FACTS.strength, Strength::Region);

    /// The view of the root that `source` holds now.
    pub(crate) fn new(guard: &'g Guard<'h, R>, source: &'g Atomic<Node<K, V, R>, R>) -> Self {
        let mut shield = guard.shield();
        let root = guard.protect(&mut shield, source);
        Self { guard, source, root, _kept: shield }
    }

    /// The node, protected by `shield` unless it is null.
    pub(super) fn read<'s>(
        &self,
        shield: &'s mut Shield<'h, R>,
        at: At<'g, K, V, R>,
    ) -> Attempt<Option<&'s Node<K, V, R>>> {
        if !Self::REGION && !at.is_null() {
            let _ = self.guard.protect(shield, &Atomic::new(at));
            // Acquire: keeps the load behind the protection it validates.
            if self.source.load(Acquire, self.guard) != self.root {
                crate::restarts::count();
                return Err(Changed);
            }
        }
        // SAFETY: `at` is of this view. It is protected by `shield`, set when it was not retired,
        // as the root is the same since it was loaded; or the guard protects a region, in which
        // the root was when it was loaded. Nobody makes mutable references to published nodes.
        Ok(unsafe { at.deref() })
    }

    /// The node of `key`, protected by `shield`. If there is none, that protects the last one met.
    pub(crate) fn find<Q: Ord + ?Sized>(
        &self,
        shield: &mut Shield<'h, R>,
        key: &Q,
    ) -> Attempt<Option<At<'g, K, V, R>>>
    where
        K: Borrow<Q>,
    {
        let mut at = self.root;
        while let Some(node) = self.read(shield, at)? {
            let side = match key.cmp(node.key.borrow()) {
                Equal => return Ok(Some(at)),
                Less => 0,
                Greater => 1,
            };
            // Relaxed: as in `subs`.
            at = node.links[side].node.load(Relaxed, self.guard);
        }
        Ok(None)
    }

    /// The first node that is not `before`, which is true of a prefix of the order of keys.
    pub(crate) fn first_not(
        &self,
        before: impl Fn(&K) -> bool,
    ) -> Attempt<Option<Found<'g, 'h, K, V, R>>> {
        let (mut cursor, mut shield) = (self.guard.shield(), self.guard.shield());
        let (mut at, mut found) = (self.root, None);
        while let Some(node) = self.read(&mut cursor, at)? {
            let side = usize::from(before(&node.key));
            // Relaxed: as in `subs`.
            let next = node.links[side].node.load(Relaxed, self.guard);
            if side == 0 {
                found = Some(at);
                swap(&mut cursor, &mut shield);
            }
            at = next;
        }
        Ok(found.map(|at| (at, shield)))
    }
}
