//! The queue of Michael and Scott (1996).

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crossbeam_epoch::{Atomic, Guard, Owned, unprotected};

use super::HandWritten;

struct Node {
    value: u64,
    next: Atomic<Node>,
}

#[repr(align(128))]
struct Padded(Atomic<Node>);

/// The queue of Michael and Scott over crossbeam-epoch.
pub struct Queue {
    head: Padded,
    tail: Padded,
}

impl HandWritten for Queue {
    fn new(_: usize) -> Self {
        let queue = Self { head: Padded(Atomic::null()), tail: Padded(Atomic::null()) };
        // SAFETY: nobody else has it yet.
        let guard = unsafe { unprotected() };
        let dummy = Owned::new(Node { value: 0, next: Atomic::null() }).into_shared(guard);
        queue.head.0.store(dummy, Relaxed);
        queue.tail.0.store(dummy, Relaxed);
        queue
    }

    fn insert(&self, guard: &Guard, value: u64) -> bool {
        let node = Owned::new(Node { value, next: Atomic::null() }).into_shared(guard);
        loop {
            let tail = self.tail.0.load(Acquire, guard);
            // SAFETY: never null, and loaded under the guard.
            let last = unsafe { tail.deref() };
            let next = last.next.load(Acquire, guard);
            if !next.is_null() {
                let _ = self.tail.0.compare_exchange(tail, next, Release, Relaxed, guard);
            } else if last.next.compare_exchange(next, node, Release, Relaxed, guard).is_ok() {
                let _ = self.tail.0.compare_exchange(tail, node, Release, Relaxed, guard);
                return true;
            }
        }
    }

    fn remove(&self, guard: &Guard, _: u64) -> Option<u64> {
        loop {
            let head = self.head.0.load(Acquire, guard);
            // SAFETY: never null, and loaded under the guard.
            let next = unsafe { head.deref() }.next.load(Acquire, guard);
            // SAFETY: as above.
            let node = unsafe { next.as_ref() }?;
            let tail = self.tail.0.load(Acquire, guard);
            if head == tail {
                let _ = self.tail.0.compare_exchange(tail, next, Release, Relaxed, guard);
            } else if self.head.0.compare_exchange(head, next, AcqRel, Relaxed, guard).is_ok() {
                // SAFETY: head and tail have passed it; once.
                unsafe { guard.defer_destroy(head) };
                return Some(node.value);
            }
        }
    }

    fn contains(&self, guard: &Guard, _: u64) -> bool {
        let head = self.head.0.load(Acquire, guard);
        // SAFETY: never null, and loaded under the guard.
        !unsafe { head.deref() }.next.load(Acquire, guard).is_null()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: nobody else is left.
        let guard = unsafe { unprotected() };
        let mut next = self.head.0.load(Relaxed, guard);
        while !next.is_null() {
            // SAFETY: as above; each node is linked once.
            let node = unsafe { next.into_owned() };
            next = node.next.load(Relaxed, guard);
        }
    }
}
