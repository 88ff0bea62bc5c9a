//! How a sorted list is changed: insertions, replacements and removals.

use std::borrow::Borrow;
use std::sync::atomic::Ordering::Relaxed;

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared};

use super::{Bucket, Find, MARK, Node, Place, Shields};
use crate::fresh::Fresh;
use crate::guarded::Entry;
use crate::structure::{Key, Value};

impl<K: Key, V: Value, R: Reclaimer> Bucket<K, V, R> {
    /// This and the next two do what [`interface`](crate::interface) says, with the traversal `T`.
    #[inline]
    pub(crate) fn add<'g, 'h, T: Find<R>, const KEEP: bool, O>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
        occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
    ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
        let mut place = T::find(&self.head, guard, |at| *at < key);
        if let Some(node) = place.found(&key) {
            return Err(occupied(node.entry(place.shields.cur), (key, value)));
        }
        let mut new = Fresh::new(guard, Node { key, value, next: Atomic::null() });
        loop {
            // Relaxed: published by the release of the CAS.
            new.value().next.store(place.cur, Relaxed);
            if KEEP {
                // Of the successor of `cur`, which is not read any more.
                new.protect(&mut place.shields.next);
            }
            // `cur` is protected, so it was not freed and linked again. It is untagged: the CAS
            // fails if the node of `prev` was marked.
            match new.publish(place.prev, place.cur) {
                Ok(shared) if KEEP => {
                    // SAFETY: protected since before its publication.
                    let node = unsafe { shared.deref::<'g>() };
                    return Ok(node.map(|node| node.entry(place.shields.next)));
                }
                Ok(_) => return Ok(None),
                Err((back, _)) => new = back,
            }
            // The shields go back before others are taken.
            drop(place);
            let key = &new.value().key;
            place = T::find(&self.head, guard, |at| at < key);
            if let Some(node) = place.found(key) {
                let Node { key, value, .. } = new.into_value();
                return Err(occupied(node.entry(place.shields.cur), (key, value)));
            }
        }
    }

    pub(crate) fn replace<'g, 'h, T: Find<R>>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        let mut new = Fresh::new(guard, Node { key, value, next: Atomic::null() });
        loop {
            let key = &new.value().key;
            let place = T::find(&self.head, guard, |at| at < key);
            let Some(old) = place.found(key) else {
                // As in `add`.
                new.value().next.store(place.cur, Relaxed);
                match new.publish(place.prev, place.cur) {
                    Ok(_) => return None,
                    Err((back, _)) => new = back,
                }
                continue;
            };
            // Relaxed: published by the release of the CAS.
            new.value().next.store(place.next, Relaxed);
            // This is the replacement: see the module. `next` is protected, so not reused.
            match new.publish_tagged(&old.next, place.next, MARK) {
                Ok(shared) => return Some(self.detach::<T>(guard, place, old, shared)),
                Err((back, _)) => new = back,
            }
        }
    }

    pub(crate) fn take<'g, 'h, T: Find<R>, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        loop {
            let place = T::find(&self.head, guard, |at| at.borrow() < key);
            let node = place.found(key)?;
            let (next, marked) = (place.next, place.next.with_tag(MARK));
            // Whoever marks has removed the key.
            if node.next.compare_exchange(next, marked, guard).is_ok() {
                return Some(self.detach::<T>(guard, place, node, next));
            }
        }
    }

    /// Unlinks the node of `place`, which this thread has marked, and whose successor is `end`. If a
    /// comparison panics, the key is removed all the same, and others unlink the node.
    fn detach<'g, 'h, T: Find<R>>(
        &'g self,
        guard: &'g Guard<'h, R>,
        place: Place<'g, 'h, Node<K, V, R>, R>,
        node: &'g Node<K, V, R>,
        end: Shared<'g, Node<K, V, R>, R>,
    ) -> Entry<'g, 'h, K, V, R> {
        // SAFETY: `cur` is protected by the shields of `place` and marked just now, which froze
        // `end` as its successor: it alone is the chain.
        let unlinked = unsafe { unlink(guard, place.prev, place.cur, end) };
        let Shields { prev, cur, next } = place.shields;
        // The shields go back before others are taken, but for that of the node.
        drop((prev, next));
        if !unlinked {
            // Unlinks it on the way, unless someone else has.
            drop(T::find(&self.head, guard, |at| *at < node.key));
        }
        node.entry(cur)
    }
}

/// Unlinks the chain `first..end` from `prev` and retires it; false if `prev` changed.
///
/// # Safety
/// The chain is not empty, and all nodes in it are marked and lead to `end` (untagged). `first` is
/// protected.
pub(crate) unsafe fn unlink<'g, K: Key, V: Value, R: Reclaimer>(
    guard: &'g Guard<'_, R>,
    prev: &Atomic<Node<K, V, R>, R>,
    first: Shared<'g, Node<K, V, R>, R>,
    end: Shared<'g, Node<K, V, R>, R>,
) -> bool {
    // Succeeds only on an untagged link, so one of a linked node. `first` is protected, so not
    // reused: it is linked there, and the chain behind it is as it was seen, because the links of
    // marked nodes do not change. So `end` is linked, too, though perhaps not protected.
    if prev.compare_exchange(first, end, guard).is_err() {
        return false;
    }
    let mut at = first;
    while at != end {
        // SAFETY: allocated: it is retired below at the earliest, see there.
        let Some(node) = (unsafe { at.deref() }) else { break };
        // Relaxed: marked, so it does not change, and it was acquired before.
        let next = node.next.load(Relaxed, guard).with_tag(0);
        guard.retire_value(Some(&node.value));
        // SAFETY: 1: not null; allocated in the domain of the list, which is the guard's; retired
        // by the one whose CAS unlinked it, which happens once: it is not linked again. 2: the
        // only link to the chain from a linked node is gone. Others are in unlinked nodes, which
        // later guards cannot reach; guards that exist now may be at them, and follow them only
        // where that is protected: see the traversals.
        unsafe { guard.retire(at) };
        at = next;
    }
    true
}
