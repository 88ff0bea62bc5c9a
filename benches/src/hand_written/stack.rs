//! Treiber's stack (1986).

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crossbeam_epoch::{Atomic, Guard, Owned, unprotected};

use super::HandWritten;

struct Node {
    value: u64,
    next: Atomic<Node>,
}

/// Treiber's stack over crossbeam-epoch.
pub struct Stack {
    head: Atomic<Node>,
}

impl HandWritten for Stack {
    fn new(_: usize) -> Self {
        Self { head: Atomic::null() }
    }

    fn insert(&self, guard: &Guard, value: u64) -> bool {
        let mut node = Owned::new(Node { value, next: Atomic::null() });
        loop {
            let head = self.head.load(Relaxed, guard);
            node.next.store(head, Relaxed);
            match self.head.compare_exchange(head, node, Release, Relaxed, guard) {
                Ok(_) => return true,
                Err(error) => node = error.new,
            }
        }
    }

    fn remove(&self, guard: &Guard, _: u64) -> Option<u64> {
        loop {
            let head = self.head.load(Acquire, guard);
            // SAFETY: loaded under the guard.
            let node = unsafe { head.as_ref() }?;
            let next = node.next.load(Relaxed, guard);
            if self.head.compare_exchange(head, next, AcqRel, Relaxed, guard).is_ok() {
                // SAFETY: unlinked by the exchange, once.
                unsafe { guard.defer_destroy(head) };
                return Some(node.value);
            }
        }
    }

    fn contains(&self, guard: &Guard, _: u64) -> bool {
        !self.head.load(Acquire, guard).is_null()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: nobody else is left.
        let guard = unsafe { unprotected() };
        let mut next = self.head.load(Relaxed, guard);
        while !next.is_null() {
            // SAFETY: as above; each node is linked once.
            let node = unsafe { next.into_owned() };
            next = node.next.load(Relaxed, guard);
        }
    }
}
