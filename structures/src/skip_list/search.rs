//! How a skip list is read: the search that unlinks, and the walk that does not.

use std::borrow::Borrow;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::fence;

use kovan_schemes::{Guard, Reclaimer, Shared};

use super::SkipList;
use super::node::{LEVELS, Node, Place, release};
use crate::bucket::{MARK, Shields};
use crate::guarded::Entry;
use crate::structure::{Key, Value};

impl<K: Key, V: Value, R: Reclaimer> SkipList<K, V, R> {
    /// The place at `level` behind all keys that are `before`. Unlinks, at this level and above,
    /// the marked nodes on the way.
    pub(super) fn search<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        level: usize,
        before: impl Fn(&K) -> bool,
    ) -> Place<'g, 'h, K, V, R> {
        self.search_from(guard, self.top(guard, level), level, before)
    }

    /// The highest level with a node, or `level` if that is higher: a search passes by the empty
    /// ones above.
    fn top(&self, guard: &Guard<'_, R>, level: usize) -> usize {
        // Relaxed: a level that is read as empty has nothing to follow; the others are read again.
        let empty = |here: usize| self.head[here].load(Relaxed, guard).is_null();
        (level + 1..LEVELS).rev().find(|&here| !empty(here)).unwrap_or(level)
    }

    /// Unlinks all marked nodes, at all levels, without a comparison: for when those panic. A node
    /// that was unlinked at the bottom first would stay above, where the drop does not look.
    pub(super) fn sweep(&self, guard: &Guard<'_, R>) {
        // SeqCst: as the fences of `build` and `remove`, in whose place this is.
        fence(SeqCst);
        for level in (0..LEVELS).rev() {
            drop(self.search_from(guard, level, level, |_| true));
        }
    }

    /// As [`search`](Self::search), from the level `top` down.
    fn search_from<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        top: usize,
        level: usize,
        before: impl Fn(&K) -> bool,
    ) -> Place<'g, 'h, K, V, R> {
        let mut shields = Shields::new(guard);
        'again: loop {
            let mut from: Option<&'g Node<K, V, R>> = None;
            let mut here = top + 1;
            loop {
                here -= 1;
                let mut prev = from.map_or(&self.head[here], |node| node.at(here));
                let mut cur = guard.protect(&mut shields.cur, prev);
                if cur.tag() == MARK {
                    crate::restarts::count();
                    continue 'again;
                }
                let (node, next) = loop {
                    // SAFETY: protected by `shields.cur`: loaded untagged from `prev` after that
                    // shield was set, so linked and not retired: see the module. The node of
                    // `prev`, `from`, is protected by `shields.prev`. The reference lives as long
                    // as `Place`, or until the shields move on; nobody makes mutable references
                    // to published nodes.
                    let Some(node) = (unsafe { cur.deref::<'g>() }) else {
                        break (None, Shared::null());
                    };
                    let next = guard.protect(&mut shields.next, node.at(here));
                    if next.tag() == MARK {
                        // `next` may be freed already: it is linked here, never dereferenced. If
                        // `cur` is still linked behind `prev`, so is its frozen successor.
                        if prev.compare_exchange(cur, next.with_tag(0), guard).is_err() {
                            crate::restarts::count();
                            continue 'again;
                        }
                        // SAFETY: this thread unlinked it from this level. Still protected.
                        unsafe { release(guard, cur) };
                        cur = guard.protect(&mut shields.cur, prev);
                        if cur.tag() == MARK {
                            crate::restarts::count();
                            continue 'again;
                        }
                        continue;
                    }
                    if !before(&node.key) {
                        break (Some(node), next);
                    }
                    shields.advance();
                    from = Some(node);
                    prev = node.at(here);
                    cur = next;
                };
                if here == level {
                    return Place { shields, prev, cur, node, next };
                }
            }
        }
    }

    /// Looks `key` up without a write and without going back, under region schemes only.
    pub(super) fn walk<'g, 'h, Q: Ord + ?Sized>(
        &'g self,
        guard: &'g Guard<'h, R>,
        key: &Q,
    ) -> Option<Entry<'g, 'h, K, V, R>>
    where
        K: Borrow<Q>,
    {
        let mut from: Option<&'g Node<K, V, R>> = None;
        for here in (0..=self.top(guard, 0)).rev() {
            let link = from.map_or(&self.head[here], |node| node.at(here));
            let mut at = link.load(Acquire, guard);
            // SAFETY: protected by the guard: loaded under it from the head, or from the link of a
            // node so protected. A marked node's links do not change, so what is behind it was
            // linked when it was unlinked, or later, hence in the guard's life. Nobody makes
            // mutable references to published nodes.
            while let Some(node) = unsafe { at.deref::<'g>() } {
                let after = node.key.borrow() >= key;
                // Above the bottom its link need not be read: the level below decides.
                if after && here > 0 {
                    break;
                }
                let next = node.at(here).load(Acquire, guard);
                if next.tag() != MARK {
                    if after {
                        break;
                    }
                    from = Some(node);
                }
                at = next;
            }
            // SAFETY: as above.
            let node = unsafe { at.deref::<'g>() };
            if let Some(node) = node.filter(|node| here == 0 && node.key.borrow() == key) {
                return Some(node.entry(guard.shield()));
            }
        }
        None
    }
}
