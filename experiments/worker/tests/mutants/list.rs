//! A small sorted list after Michael, right for fault [`NONE`] and wrong in one place for each other.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Shield, Strength};
use kovan_structures::{Kind, Nodes, Structure, StructureFacts};

pub(crate) const NONE: u8 = 0;
pub(crate) const INSERT_WITHOUT_SECOND_SEARCH: u8 = 1;
pub(crate) const REMOVE_WITHOUT_MARK: u8 = 2;
pub(crate) const FOLLOWS_MARKED_NODES: u8 = 3;
pub(crate) const BOTH_REMOVERS_WIN: u8 = 4;
pub(crate) const GIVES_UP_AT_A_MARK: u8 = 5;
pub(crate) const RETIRED_BY_WHO_MARKS: u8 = 6;
pub(crate) const ITERATES_ANEW: u8 = 7;
pub(crate) const ITERATES_TO_A_GAP: u8 = 8;
pub(crate) const ENTRY_WITHOUT_SHIELD: u8 = 9;
pub(crate) const SCANS_PAST_A_GAP: u8 = 10;
pub(crate) const SCANS_MARKED_NODES: u8 = 11;
pub(crate) const SCANS_BACK: u8 = 12;
pub(crate) const SCANS_TOO_FAR: u8 = 13;

const MARK: usize = 1;

struct Node<R: Reclaimer> {
    key: u64,
    next: Atomic<Node<R>, R>,
}

/// A list.
pub(crate) struct List<R: Reclaimer, const FAULT: u8> {
    domain: Domain<R>,
    head: Atomic<Node<R>, R>,
}

struct Place<'g, 'h, R: Reclaimer> {
    _shields: [Shield<'h, R>; 3],
    prev: &'g Atomic<Node<R>, R>,
    cur: Shared<'g, Node<R>, R>,
    node: Option<&'g Node<R>>,
    next: Shared<'g, Node<R>, R>,
}

// SAFETY of the unsafe blocks: as in Michael's list: a node is read under a shield that was set from
// an unmarked link of a protected node, and retired by the thread whose CAS unlinked it, after it
// was marked; exclusive in `drop`. For the mutants it does not hold: they are to be caught.
impl<R: Reclaimer, const FAULT: u8> List<R, FAULT> {
    fn find<'g, 'h>(&'g self, guard: &'g Guard<'h, R>, key: u64) -> Place<'g, 'h, R> {
        let mut shields = [guard.shield(), guard.shield(), guard.shield()];
        'again: loop {
            let mut prev = &self.head;
            let mut cur = guard.protect(&mut shields[1], prev);
            loop {
                // SAFETY: see above.
                let Some(node) = (unsafe { cur.deref::<'g>() }) else {
                    return Place {
                        _shields: shields,
                        prev,
                        cur,
                        node: None,
                        next: Shared::null(),
                    };
                };
                let next = guard.protect(&mut shields[2], &node.next);
                if next.tag() == MARK {
                    if prev.compare_exchange(cur, next.with_tag(0), guard).is_err() {
                        continue 'again;
                    }
                    if FAULT != RETIRED_BY_WHO_MARKS {
                        // SAFETY: see above.
                        unsafe { guard.retire(cur) };
                    }
                    cur = guard.protect(&mut shields[1], prev);
                    if cur.tag() == MARK {
                        continue 'again;
                    }
                    continue;
                }
                if node.key >= key && next.tag() != MARK {
                    return Place { _shields: shields, prev, cur, node: Some(node), next };
                }
                shields.rotate_left(1);
                prev = &node.next;
                cur = next.with_tag(0);
            }
        }
    }

    fn put(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        let mut place = self.find(guard, key);
        if place.node.is_some_and(|node| node.key == key) {
            return false;
        }
        let mut node = guard.alloc(Node { key, next: Atomic::null() });
        loop {
            node.value().next.store(place.cur, Relaxed);
            let new = node.into_shared();
            if place.prev.compare_exchange(place.cur, new, guard).is_ok() {
                return true;
            }
            // SAFETY: see above.
            node = unsafe { new.into_owned() };
            drop(place);
            place = self.find(guard, key);
            let found = place.node.is_some_and(|node| node.key == key);
            if found && FAULT != INSERT_WITHOUT_SECOND_SEARCH {
                guard.discard(node);
                return false;
            }
        }
    }

    fn take(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        loop {
            let place = self.find(guard, key);
            let Some(node) = place.node.filter(|node| node.key == key) else { return false };
            if FAULT != REMOVE_WITHOUT_MARK {
                let marked = place.next.with_tag(MARK);
                let won = node.next.compare_exchange(place.next, marked, guard).is_ok();
                if !won && FAULT != BOTH_REMOVERS_WIN {
                    continue;
                }
                if won && FAULT == RETIRED_BY_WHO_MARKS {
                    // SAFETY: see above.
                    unsafe { guard.retire(place.cur) };
                    return true;
                }
                // Whoever passes unlinks the node.
                if !won || FAULT == SCANS_MARKED_NODES {
                    return true;
                }
            }
            if place.prev.compare_exchange(place.cur, place.next, guard).is_ok() {
                // SAFETY: see above.
                unsafe { guard.retire(place.cur) };
            } else if FAULT == REMOVE_WITHOUT_MARK {
                continue;
            } else {
                drop(place);
                let _ = self.find(guard, key);
            }
            return true;
        }
    }

    fn has(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        if FAULT != GIVES_UP_AT_A_MARK && FAULT != FOLLOWS_MARKED_NODES {
            return self.find(guard, key).node.is_some_and(|node| node.key == key);
        }
        let mut shields = [guard.shield(), guard.shield()];
        let mut at = guard.protect(&mut shields[0], &self.head);
        // SAFETY: see above.
        while let Some(node) = unsafe { at.deref() } {
            let next = guard.protect(&mut shields[1], &node.next);
            if FAULT == GIVES_UP_AT_A_MARK && next.tag() == MARK {
                return false;
            }
            if node.key >= key {
                return node.key == key && next.tag() != MARK;
            }
            shields.swap(0, 1);
            at = next.with_tag(0);
        }
        false
    }

    fn scan_raw(&self, guard: &Guard<'_, R>, from: u64, count: u64, see: &mut dyn FnMut(u64)) {
        let (mut at, mut left) = (self.head.load(Acquire, guard), count);
        // SAFETY: over a scheme that protects a region, for this is the fault of scans only.
        while let Some(node) = unsafe { at.deref() }.filter(|_| left > 0) {
            if node.key >= from {
                see(node.key);
                left -= 1;
            }
            at = node.next.load(Acquire, guard);
        }
    }

    fn walk(&mut self, mut visit: impl FnMut(Shared<'static, Node<R>, R>, bool)) {
        let handle = self.domain.register();
        let guard = handle.pin();
        let mut at = self.head.load_exclusive();
        // SAFETY: see above.
        while let Some(node) = unsafe { at.deref() } {
            let next = Atomic::new(node.next.load(Acquire, &guard)).load_exclusive();
            visit(at, next.tag() == MARK);
            at = next;
        }
    }
}

impl<R: Reclaimer, const FAULT: u8> Drop for List<R, FAULT> {
    fn drop(&mut self) {
        let domain = self.domain.clone();
        // SAFETY: see above.
        self.walk(|node, _| domain.discard(std::iter::once(unsafe { node.into_owned() })));
    }
}

impl<R: Reclaimer, const FAULT: u8> Structure<R> for List<R, FAULT> {
    const FACTS: StructureFacts = StructureFacts {
        name: "small-list",
        kind: Kind::Map,
        paper: "Michael 2002",
        needs: Strength::Pointer,
        shields: 3,
        nodes: Nodes::ONE_PER_KEY,
        restarts: true,
    };
    fn new(domain: &Domain<R>, _: usize) -> Self {
        Self { domain: domain.clone(), head: Atomic::null() }
    }
    fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.put(guard, key)
    }
    fn remove(&self, guard: &Guard<'_, R>, key: u64) -> Option<u64> {
        self.take(guard, key).then_some(key)
    }
    fn contains(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.has(guard, key)
    }
    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        let place = self.find(guard, key);
        inside();
        drop(place);
    }
    fn held(
        &self,
        guard: &Guard<'_, R>,
        key: u64,
        inside: &mut dyn FnMut(),
    ) -> Option<Option<u64>> {
        let Place { node, _shields: shields, .. } = self.find(guard, key);
        let node = node.filter(|node| node.key == key);
        let kept = (FAULT != ENTRY_WITHOUT_SHIELD).then_some(shields);
        inside();
        let value = node.map(|node| node.key);
        drop(kept);
        Some(value)
    }
    fn iterate(&self, guard: &Guard<'_, R>, see: &mut dyn FnMut(u64)) -> bool {
        let mut least = 0;
        while let Some(node) = self.find(guard, least).node {
            let key = node.key;
            see(key);
            let gone = !self.has(guard, key);
            if FAULT == ITERATES_TO_A_GAP && gone {
                break;
            }
            least = if FAULT == ITERATES_ANEW && gone { 0 } else { key + 1 };
        }
        true
    }
    fn scan(&self, guard: &Guard<'_, R>, from: u64, count: u64, see: &mut dyn FnMut(u64)) -> bool {
        if FAULT == SCANS_MARKED_NODES {
            self.scan_raw(guard, from, count, see);
            return true;
        }
        let (mut least, mut left) = (from, count + u64::from(FAULT == SCANS_TOO_FAR));
        while left > 0
            && let Some(node) = self.find(guard, least).node
        {
            let key = node.key;
            see(key);
            left -= 1;
            let gone = !self.has(guard, key);
            least = match FAULT {
                SCANS_PAST_A_GAP if gone => key + 2,
                SCANS_BACK if gone => from,
                _ => key + 1,
            };
        }
        true
    }
    fn contents(&mut self) -> Vec<u64> {
        if FAULT == SCANS_MARKED_NODES {
            let (domain, most) = (self.domain.clone(), u64::MAX);
            drop(self.find(&domain.register().pin(), most));
        }
        let mut keys = Vec::new();
        self.walk(|node, marked| {
            // SAFETY: see above.
            keys.extend(unsafe { node.deref() }.filter(|_| !marked).map(|node| node.key));
        });
        keys
    }
}
