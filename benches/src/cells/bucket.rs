//! Michael's sorted list (2002): a bucket of the hash map, or a map of its own. Its traversal
//! validates every step, as hazard pointers need; the other contenders take the same steps.

use super::{Payload, WORDS};
use crate::contender::{Contender, Pointer};

struct Entry<C: Contender> {
    key: u64,
    value: Payload<WORDS>,
    /// The link to the successor. It is marked when the node is removed, and does not change after.
    next: Link<C>,
}

// Written out, because the compiler goes round in circles: some atomic pointers are `Send` and `Sync`
// if what they point to is.
// SAFETY: the payload is numbers, and a contender's atomic pointer may be sent and shared.
unsafe impl<C: Contender> Send for Entry<C> {}
// SAFETY: as above.
unsafe impl<C: Contender> Sync for Entry<C> {}

type Node<C> = <C as Contender>::Pointer<Entry<C>>;
type Link<C> = <C as Contender>::Atomic<Entry<C>>;

/// A place in the list. What it points to is protected until the guard protects something else.
struct Place<'l, C: Contender> {
    /// The link that led to `current`: the head, or of a node that is protected too.
    previous: &'l Link<C>,
    /// The first node whose key is not less than the one looked for, or null.
    current: Node<C>,
    /// The target of `current`.
    entry: Option<&'l Entry<C>>,
    /// The successor of `current`, unmarked.
    next: Node<C>,
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
        Self { head: C::atomic(Pointer::null()) }
    }

    /// Finds the place of `key`, and unlinks the marked nodes on the way.
    #[inline(always)]
    fn find<'l>(&'l self, guard: &mut C::Guard<'_>, key: u64) -> Place<'l, C> {
        'again: loop {
            // The slots that protect the node of `previous`, `current` and `next`.
            let mut slots = [0, 1, 2];
            let mut previous = &self.head;
            // The head is never marked.
            let mut current = C::load_unmarked(guard, slots[1], previous);
            loop {
                if current.is_null() {
                    return Place { previous, current, entry: None, next: Pointer::null() };
                }
                // SAFETY: protected, as `current` was loaded unmarked from `previous` by
                // `load_unmarked`. That is the head, or the link of a protected node; unmarked,
                // this node was still linked (nodes are unlinked only after marking), so `current`
                // was reachable. The reference is used until its slot protects something else;
                // nobody makes mutable references to published nodes.
                let entry: &'l Entry<C> = unsafe { current.deref() };
                let next = C::load_unmarked(guard, slots[2], &entry.next);
                if next.is_marked() {
                    // SAFETY: `current` is protected and marked.
                    if !unsafe { unlink::<C>(guard, previous, current, next.unmarked()) } {
                        continue 'again;
                    }
                    current = C::load_unmarked(guard, slots[1], previous);
                    if current.is_marked() {
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
    pub(crate) fn get(&self, guard: &mut C::Guard<'_>, key: u64) -> Option<u64> {
        self.find(guard, key).found(key).map(|entry| entry.value.read())
    }

    /// Adds `key`. Returns false, and changes nothing, if it is present.
    #[inline(always)]
    pub(crate) fn insert(&self, guard: &mut C::Guard<'_>, key: u64, value: u64) -> bool {
        let mut place = self.find(guard, key);
        if place.found(key).is_some() {
            return false;
        }
        let next = C::atomic(Pointer::null());
        let new = C::alloc(Entry::<C> { key, value: Payload::of(value), next });
        loop {
            // SAFETY: the node is not published yet, so nobody frees it.
            C::store(unsafe { &new.deref().next }, place.current);
            // `current` is protected, so it was not freed and linked again; it is unmarked, so
            // this fails if the node of `previous` was removed.
            if C::compare_exchange(guard, place.previous, place.current, new).is_ok() {
                return true;
            }
            place = self.find(guard, key);
            if place.found(key).is_some() {
                // SAFETY: not published.
                unsafe { C::dealloc(new) };
                return false;
            }
        }
    }

    /// Removes `key`, and returns its value.
    #[inline(always)]
    pub(crate) fn remove(&self, guard: &mut C::Guard<'_>, key: u64) -> Option<u64> {
        loop {
            let place = self.find(guard, key);
            let entry = place.found(key)?;
            // Whoever marks has removed the key.
            if C::compare_exchange(guard, &entry.next, place.next, place.next.marked()).is_err() {
                continue;
            }
            let value = entry.value.read();
            let Place { previous, current, next, .. } = place;
            // SAFETY: `current` is protected, and marked just now.
            if !unsafe { unlink::<C>(guard, previous, current, next) } {
                // Unlinks it on the way, unless someone else has.
                let _ = self.find(guard, key);
            }
            return Some(value);
        }
    }

    /// Returns the keys, in order.
    pub(crate) fn keys(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        // SAFETY: nobody else is left, and linked nodes are not freed.
        unsafe {
            let mut node = C::load_exclusive(&self.head);
            while !node.is_null() {
                let entry: &Entry<C> = node.deref();
                let next = C::load_exclusive(&entry.next);
                if !next.is_marked() {
                    keys.push(entry.key);
                }
                node = next.unmarked();
            }
        }
        keys
    }
}

/// Unlinks `current` from `previous` and retires it. Returns false if `previous` does not hold it.
///
/// # Safety
/// `current` is protected and marked, and `next` is its successor, unmarked. (It may be freed
/// already, and is only linked: if `current` is still behind `previous`, so is its successor.)
#[inline(always)]
unsafe fn unlink<C: Contender>(
    guard: &C::Guard<'_>,
    previous: &Link<C>,
    current: Node<C>,
    next: Node<C>,
) -> bool {
    let unlinked = C::compare_exchange(guard, previous, current, next).is_ok();
    if unlinked {
        // SAFETY: unlinked by the exchange, which happens once; `previous` was unmarked, so
        // linked, and held the only link that a traversal follows.
        unsafe { C::retire(guard, current) };
    }
    unlinked
}

impl<C: Contender> Drop for Bucket<C> {
    fn drop(&mut self) {
        // SAFETY: nobody else is left, and what is linked was not retired, marked or not.
        unsafe {
            let mut node = C::load_exclusive(&self.head);
            while !node.is_null() {
                let next = C::load_exclusive(&node.deref().next).unmarked();
                C::dealloc(node);
                node = next;
            }
        }
    }
}
