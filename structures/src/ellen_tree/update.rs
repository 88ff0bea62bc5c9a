//! How a tree is changed: insertions, replacements and removals.

use std::borrow::Borrow;

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared};

use super::{EllenTree, Place, Shields};
use crate::ellen_record::{CLEAN, Node, Record, Step, announce, finish, version};
use crate::fresh::Fresh;
use crate::guarded::Entry;
use crate::structure::{Key, Value};
use crate::tree::{Bound, sides};

impl<K: Key + Clone, V: Value + Clone, R: Reclaimer> EllenTree<K, V, R> {
    #[inline]
    pub(super) fn add<'g, 'h, const KEEP: bool, O>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
        occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
    ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
        let (mut value, mut leaf) = (Some(value), None::<Fresh<'_, '_, Node<K, V, R>, R>>);
        loop {
            let mut place = match self.locate(guard, &key).found(&key) {
                Ok(entry) => {
                    let value = value.or_else(|| leaf?.into_value().value);
                    let Some(value) = value else { unreachable!("it is in the leaf, or is not") };
                    return Err(occupied(entry, (key, value)));
                }
                Err(place) => place,
            };
            if place.update.tag() != CLEAN {
                Self::assist(guard, place.parent, &mut place.shields);
                continue;
            }
            let fresh = leaf.get_or_insert_with(|| {
                Fresh::new(guard, Node::leaf(Bound::Key(key.clone()), value.take()))
            });
            if KEEP {
                // The record above is not read any more.
                fresh.protect(&mut place.shields.grand_update);
            }
            let shared = fresh.shared();
            if Self::grow(guard, &mut place, &key, shared) {
                leaf.into_iter().for_each(Fresh::keep);
                if !KEEP {
                    return Ok(None);
                }
                // SAFETY: protected since before its publication.
                let node = unsafe { shared.deref::<'g>() };
                return Ok(node.and_then(|node| node.entry(place.shields.grand_update)));
            }
        }
    }

    /// Puts an inner node in the place of the leaf of `place`, above a copy of that and the new leaf,
    /// which the caller keeps then. The update field is clean.
    fn grow<'g, 'h>(
        guard: &'g Guard<'h, R>,
        place: &mut Place<'g, 'h, K, V, R>,
        key: &K,
        leaf: Shared<'g, Node<K, V, R>, R>,
    ) -> bool {
        let Node { bound, value, .. } = place.leaf;
        let side = bound.side(key);
        let upper = if side == 0 { bound.clone() } else { Bound::Key(key.clone()) };
        // A copy: if the leaf itself stayed, it could come back to where it is now, and an
        // insertion that is helped late would take place twice.
        let copy = Fresh::new(guard, Node::leaf(bound.clone(), value.clone()));
        let below = sides(side, Atomic::new(leaf), Atomic::new(copy.shared()));
        let new = Fresh::new(guard, Node::new(upper, None, below));
        let grown = Self::install(guard, place, new.shared());
        if grown {
            [new, copy].into_iter().for_each(Fresh::keep);
        }
        grown
    }

    /// Replaces the leaf of `place` by a new node, which the caller keeps then. The update field is
    /// clean.
    fn install<'g, 'h>(
        guard: &'g Guard<'h, R>,
        place: &mut Place<'g, 'h, K, V, R>,
        new: Shared<'g, Node<K, V, R>, R>,
    ) -> bool {
        let record = Record {
            // SAFETY: protected by its shield at its home: it is clean.
            version: unsafe { version(place.update) } + 1,
            side: place.side,
            old: Atomic::new(place.leaf_at),
            step: Step::Insert { new: Atomic::new(new) },
        };
        let Shields { own, grand, .. } = &mut place.shields;
        let Some(flag) = announce(guard, place.parent, place.update, record, own) else {
            return false;
        };
        // SAFETY: `own` protects the record; the leaf was still the child when it got there.
        unsafe { finish(guard, place.parent, flag, place.leaf_at, grand) };
        true
    }

    pub(super) fn replace<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        let leaf = Fresh::new(guard, Node::leaf(Bound::Key(key.clone()), Some(value)));
        loop {
            let mut place = self.locate(guard, &key);
            if place.update.tag() != CLEAN {
                Self::assist(guard, place.parent, &mut place.shields);
                continue;
            }
            let present = place.leaf.bound.is(&key);
            let done = if present {
                // This is the replacement: see the module.
                Self::install(guard, &mut place, leaf.shared())
            } else {
                Self::grow(guard, &mut place, &key, leaf.shared())
            };
            if done {
                leaf.keep();
                return if present { place.into_entry() } else { None };
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
        loop {
            let mut place = self.locate(guard, key);
            // The leaf of a key always has an inner parent.
            let grand = place.grand.filter(|_| place.leaf.bound.is(key))?;
            let homes = [(grand, place.grand_update), (place.parent, place.update)];
            if let Some((home, _)) = homes.iter().find(|(_, update)| update.tag() != CLEAN) {
                Self::assist(guard, home, &mut place.shields);
                continue;
            }
            // SAFETY: both are protected by their shields at their homes: they are clean.
            let [above, version] =
                [place.grand_update, place.update].map(|update| unsafe { version(update) });
            let record = Record {
                version: above + 1,
                side: place.grand_side,
                old: Atomic::new(place.parent_at),
                step: Step::Remove { victim: place.side, version },
            };
            let Shields { own, update, .. } = &mut place.shields;
            if let Some(flag) = announce(guard, grand, place.grand_update, record, own)
                // SAFETY: `own` protects the record; the parent was still the child when it got
                // there. Its update is not read any more.
                && unsafe { finish(guard, grand, flag, place.parent_at, update) }
            {
                return place.into_entry();
            }
        }
    }
}
