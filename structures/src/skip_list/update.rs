//! How a skip list is changed: insertions, replacements and removals.

use std::borrow::Borrow;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::fence;

use kovan_schemes::{Guard, Reclaimer};

use super::SkipList;
use super::node::{Node, Place, Ptr, mark, random_height, release};
use crate::bucket::{MARK, Shields};
use crate::fresh::{Fresh, OnUnwind};
use crate::guarded::Entry;
use crate::structure::{Key, Value};

impl<K: Key, V: Value, R: Reclaimer> SkipList<K, V, R> {
    /// Does what [`interface`](crate::interface) says of `add`, with the height of the new node.
    #[inline]
    pub(super) fn add_node<'g, 'h, const KEEP: bool, O>(
        &'g self,
        guard: &'g Guard<'h, R>,
        (key, value): (K, V),
        height: impl FnOnce() -> usize,
        occupied: impl FnOnce(Entry<'g, 'h, K, V, R>, (K, V)) -> O,
    ) -> Result<Option<Entry<'g, 'h, K, V, R>>, O> {
        let mut place = self.search(guard, 0, |at| *at < key);
        if let Some(node) = place.found(&key) {
            return Err(occupied(node.entry(place.shields.cur), (key, value)));
        }
        let mut new = Fresh::new(guard, Node::new(key, value, height()));
        loop {
            // Relaxed: published by the release of the CAS.
            new.value().at(0).store(place.cur, Relaxed);
            if KEEP {
                // Its node is not read any more.
                new.protect(&mut place.shields.next);
            }
            // `cur` is protected, so it was not freed and linked again. It is untagged: the CAS
            // fails if the node of `prev` was marked.
            let published = new.publish(place.prev, place.cur);
            let Place { shields: Shields { prev, cur, next }, .. } = place;
            // The shields go back before others are taken.
            drop((prev, cur));
            match published {
                Ok(shared) if KEEP => {
                    self.build(guard, shared);
                    // SAFETY: protected since before its publication.
                    let node = unsafe { shared.deref::<'g>() };
                    return Ok(node.map(|node| node.entry(next)));
                }
                Ok(shared) => {
                    drop(next);
                    self.build(guard, shared);
                    return Ok(None);
                }
                Err((back, _)) => new = back,
            }
            drop(next);
            let key = &new.value().key;
            place = self.search(guard, 0, |at| at < key);
            if let Some(node) = place.found(key) {
                let Node { key, value, .. } = new.into_value();
                return Err(occupied(node.entry(place.shields.cur), (key, value)));
            }
        }
    }

    pub(super) fn replace<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: K,
        value: V,
    ) -> Option<Entry<'g, 'h, K, V, R>> {
        let mut new = Fresh::new(guard, Node::new(key, value, random_height()));
        'again: loop {
            let key = &new.value().key;
            let place = self.search(guard, 0, |at| at < key);
            let Some(old) = place.found(key) else {
                // As in `add_node`.
                new.value().at(0).store(place.cur, Relaxed);
                let published = new.publish(place.prev, place.cur);
                drop(place);
                match published {
                    Ok(shared) => {
                        self.build(guard, shared);
                        return None;
                    }
                    Err((back, _)) => new = back,
                }
                continue;
            };
            for level in old.upper().rev() {
                mark(guard, old.at(level));
            }
            let mut next = old.at(0).load(Acquire, guard);
            let shared = loop {
                if next.tag() == MARK {
                    // Another thread removed or replaced it.
                    continue 'again;
                }
                // Relaxed: published by the release of the CAS.
                new.value().at(0).store(next, Relaxed);
                // This is the replacement: see the module. `next` is not protected, and need not
                // be: whatever node is there if the CAS succeeds, is the successor.
                match new.publish_tagged(old.at(0), next, MARK) {
                    Ok(shared) => break shared,
                    Err((back, now)) => (new, next) = (back, now),
                }
            };
            #[cfg(test)]
            crate::pause::at("bottom is replaced");
            let Place { shields: Shields { prev, cur, next }, .. } = place;
            drop((prev, next));
            // If a comparison panics there, it unlinks `old`, too.
            self.build(guard, shared);
            self.detach(guard, old);
            return Some(old.entry(cur));
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
            let place = self.search(guard, 0, |at| at.borrow() < key);
            let node = place.found(key)?;
            for level in node.upper().rev() {
                mark(guard, node.at(level));
            }
            // Whoever marks the bottom has removed the entry. If that was another thread, the key may
            // still be there: it may have replaced the entry.
            if mark(guard, node.at(0)) {
                #[cfg(test)]
                crate::pause::at("bottom is marked");
                let Place { shields: Shields { prev, cur, next }, .. } = place;
                drop((prev, next));
                self.detach(guard, node);
                return Some(node.entry(cur));
            }
        }
    }

    /// Unlinks a protected node, which this thread has marked, from all levels. If a comparison
    /// panics, it is unlinked all the same.
    fn detach(&self, guard: &Guard<'_, R>, node: &Node<K, V, R>) {
        let halfway = OnUnwind(|| self.sweep(guard));
        // SeqCst: the mark before the search; pairs with the fence in `build`.
        fence(SeqCst);
        drop(self.search(guard, 0, |at| *at < node.key));
        halfway.defuse();
    }

    /// Links the upper levels of a node that this thread has just linked at the bottom, and takes the
    /// inserter's count off.
    pub(super) fn build(&self, guard: &Guard<'_, R>, shared: Ptr<'_, K, V, R>) {
        // SAFETY: not retired before the inserter's count is off, at the end; not used after that.
        // Not a parameter: that would have to be valid until the function returns.
        let Some(node) = (unsafe { shared.deref() }) else { return };
        // The node is in the map, if not as high as it was to be.
        let halfway = OnUnwind(|| {
            self.sweep(guard);
            // SAFETY: the inserter's count, which is not taken off below then.
            unsafe { release(guard, shared) };
        });
        'levels: for level in node.upper() {
            let link = node.at(level);
            loop {
                let place = self.search(guard, level, |at| *at < node.key);
                let old = link.load(Relaxed, guard);
                // Only this thread changes an unmarked link of a level that is not linked yet; the
                // remover marks it. So from here on `link` is `cur`, or marked.
                if old.tag() == MARK || link.compare_exchange(old, place.cur, guard).is_err() {
                    break 'levels;
                }
                // Relaxed: this thread still has its own count, so it cannot come from zero.
                node.links.fetch_add(1, Relaxed);
                #[cfg(test)]
                crate::pause::at("level is linked next");
                // `cur` is protected, so not reused; if it is still behind `prev`, it is linked.
                if place.prev.compare_exchange(place.cur, shared, guard).is_ok() {
                    break;
                }
                node.links.fetch_sub(1, Relaxed);
            }
        }
        // SeqCst: the links above before the read of the mark; pairs with the fence in `remove`.
        // If this one is first, the remover's search sees the links. If that one is first, this
        // thread sees the mark, and unlinks what it linked too late.
        fence(SeqCst);
        if node.at(0).load(Relaxed, guard).tag() == MARK {
            drop(self.search(guard, 0, |at| *at < node.key));
        }
        halfway.defuse();
        // SAFETY: the inserter's count.
        unsafe { release(guard, shared) };
    }
}
