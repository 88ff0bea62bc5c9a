//! Michael's sorted list (2002): a bucket of the hash map, or a map of its own. Its traversal
//! validates every step, as hazard pointers need; the other contenders take the same steps.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::contender::{Contender, is_marked, marked, unmarked};

struct Entry<C: Contender> {
    key: u64,
    value: u64,
    /// Marked once the node is removed; it does not change after.
    next: AtomicPtr<C::Node<Entry<C>>>,
}

type Node<C> = <C as Contender>::Node<Entry<C>>;
type Link<C> = AtomicPtr<Node<C>>;

/// A place in the list. What it points to is protected until the guard protects something else.
struct Place<'l, C: Contender> {
    /// The link that led to `current`: the head, or of a node that is protected too.
    previous: &'l Link<C>,
    /// The first node whose key is not less than the one looked for, or null.
    current: *mut Node<C>,
    /// What `current` is.
    entry: Option<&'l Entry<C>>,
    /// The successor of `current`, unmarked.
    next: *mut Node<C>,
}

impl<'l, C: Contender> Place<'l, C> {
    fn found(&self, key: u64) -> Option<&'l Entry<C>> {
        self.entry.filter(|entry| entry.key == key)
    }
}

/// A lock-free sorted map in a linked list.
pub(crate) struct Bucket<C: Contender> {
    head: Link<C>,
}

impl<C: Contender> Bucket<C> {
    pub(crate) fn new() -> Self {
        // Marks are in the lowest bit of a pointer to a node.
        const { assert!(align_of::<Node<C>>() > 1) };
        Self { head: AtomicPtr::default() }
    }

    /// The place of `key`; unlinks the marked nodes on the way.
    #[inline(always)]
    fn find<'l>(&'l self, contender: &C, guard: &mut C::Guard<'_>, key: u64) -> Place<'l, C> {
        'again: loop {
            // The slots that protect the node of `previous`, `current` and `next`.
            let mut slots = [0, 1, 2];
            let mut previous = &self.head;
            // The head is never marked.
            let mut current = C::protect_unmarked(guard, slots[1], previous);
            loop {
                if current.is_null() {
                    return Place { previous, current, entry: None, next: ptr::null_mut() };
                }
                // SAFETY: protected, as `current` was loaded unmarked from `previous` by
                // `protect_unmarked`. That is the head, or the link of a protected node; unmarked,
                // this node was still linked (nodes are unlinked only after marking), so `current`
                // was reachable. The reference is used until its slot protects something else;
                // nobody makes mutable references to published nodes.
                let entry: &'l Entry<C> = unsafe { &*current };
                let next = C::protect_unmarked(guard, slots[2], &entry.next);
                if is_marked(next) {
                    // SAFETY: `current` is protected and marked.
                    if !unsafe { unlink(contender, guard, previous, current, unmarked(next)) } {
                        continue 'again;
                    }
                    current = C::protect_unmarked(guard, slots[1], previous);
                    if is_marked(current) {
                        continue 'again;
                    }
                } else if entry.key >= key {
                    return Place { previous, current, entry: Some(entry), next };
                } else {
                    // One step: `previous` is of `current`, `current` is `next`, and the slot of
                    // the node of `previous` is free.
                    slots.rotate_left(1);
                    previous = &entry.next;
                    current = next;
                }
            }
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self, contender: &C, guard: &mut C::Guard<'_>, key: u64) -> Option<u64> {
        self.find(contender, guard, key).found(key).map(|entry| entry.value)
    }

    /// Adds `key`; false, and nothing changes, if it is present.
    #[inline(always)]
    pub(crate) fn insert(
        &self,
        contender: &C,
        guard: &mut C::Guard<'_>,
        key: u64,
        value: u64,
    ) -> bool {
        let mut place = self.find(contender, guard, key);
        if place.found(key).is_some() {
            return false;
        }
        let new = contender.alloc(guard, Entry::<C> { key, value, next: AtomicPtr::default() });
        loop {
            // SAFETY: not published yet.
            unsafe { &**new }.next.store(place.current, Ordering::Relaxed);
            // `current` is protected, so it was not freed and linked again; it is unmarked, so
            // this fails if the node of `previous` was removed.
            if exchange::<C>(place.previous, place.current, new) {
                return true;
            }
            place = self.find(contender, guard, key);
            if place.found(key).is_some() {
                // SAFETY: not published.
                unsafe { C::dealloc(new) };
                return false;
            }
        }
    }

    /// Removes `key`, and returns its value.
    #[inline(always)]
    pub(crate) fn remove(&self, contender: &C, guard: &mut C::Guard<'_>, key: u64) -> Option<u64> {
        loop {
            let place = self.find(contender, guard, key);
            let entry = place.found(key)?;
            // Whoever marks has removed the key.
            if !exchange::<C>(&entry.next, place.next, marked(place.next)) {
                continue;
            }
            let value = entry.value;
            let Place { previous, current, next, .. } = place;
            // SAFETY: `current` is protected, and marked just now.
            if !unsafe { unlink(contender, guard, previous, current, next) } {
                // Unlinks it on the way, unless someone else has.
                let _ = self.find(contender, guard, key);
            }
            return Some(value);
        }
    }

    /// The keys, in order.
    pub(crate) fn keys(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        let mut node = *self.head.get_mut();
        // SAFETY: linked nodes are not freed, and nobody else is left.
        while let Some(entry) = unsafe { node.as_ref() } {
            let next = entry.next.load(Ordering::Relaxed);
            if !is_marked(next) {
                keys.push(entry.key);
            }
            node = unmarked(next);
        }
        keys
    }
}

#[inline(always)]
fn exchange<C: Contender>(link: &Link<C>, from: *mut Node<C>, to: *mut Node<C>) -> bool {
    link.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Unlinks `current` from `previous` and retires it; false if `previous` does not hold it.
///
/// # Safety
/// `current` is protected and marked, and `next` is its successor, unmarked. (It may be freed
/// already, and is only linked: if `current` is still behind `previous`, so is its successor.)
#[inline(always)]
unsafe fn unlink<C: Contender>(
    contender: &C,
    guard: &C::Guard<'_>,
    previous: &Link<C>,
    current: *mut Node<C>,
    next: *mut Node<C>,
) -> bool {
    let unlinked = exchange::<C>(previous, current, next);
    if unlinked {
        // SAFETY: unlinked by the exchange, which happens once; `previous` was unmarked, so
        // linked, and held the only link that a traversal follows.
        unsafe { contender.retire(guard, current) };
    }
    unlinked
}

impl<C: Contender> Drop for Bucket<C> {
    fn drop(&mut self) {
        let mut node = *self.head.get_mut();
        while !node.is_null() {
            // SAFETY: nobody else is left, and what is linked was not retired, marked or not.
            unsafe {
                let next = unmarked((**node).next.load(Ordering::Relaxed));
                C::dealloc(node);
                node = next;
            }
        }
    }
}
