//! A small queue after Michael and Scott, right for fault [`NONE`] and wrong in one place for each
//! other.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Strength};
use kovan_structures::{Kind, Nodes, Structure, StructureFacts};

pub(crate) const NONE: u8 = 0;
pub(crate) const NO_LOOK_AT_THE_HEAD: u8 = 1;
pub(crate) const RETIRES_THE_NEW_DUMMY: u8 = 2;
pub(crate) const ENQUEUE_WITHOUT_CAS: u8 = 3;
pub(crate) const EMPTY_BY_THE_TAIL: u8 = 4;

struct Node<R: Reclaimer> {
    value: u64,
    next: Atomic<Node<R>, R>,
}

/// A queue.
pub(crate) struct Queue<R: Reclaimer, const FAULT: u8> {
    domain: Domain<R>,
    head: Atomic<Node<R>, R>,
    tail: Atomic<Node<R>, R>,
}

// SAFETY of the unsafe blocks: as in the queue of Michael and Scott: head and tail point to no
// retired node, and a node behind the head was not retired if the head is still the same;
// exclusive in `drop`. For the mutants it does not hold: they are to be caught.
impl<R: Reclaimer, const FAULT: u8> Queue<R, FAULT> {
    fn enqueue(&self, guard: &Guard<'_, R>, value: u64) {
        let node = guard.alloc(Node { value, next: Atomic::null() }).into_shared();
        let mut shield = guard.shield();
        loop {
            let tail = guard.protect(&mut shield, &self.tail);
            // SAFETY: see above.
            let Some(last) = (unsafe { tail.deref() }) else { unreachable!("a tail always is") };
            let next = last.next.load(Acquire, guard);
            if !next.is_null() {
                let _ = self.tail.compare_exchange(tail, next, guard);
                continue;
            }
            if FAULT == ENQUEUE_WITHOUT_CAS {
                last.next.store(node, Release);
            } else if last.next.compare_exchange(next, node, guard).is_err() {
                continue;
            }
            let _ = self.tail.compare_exchange(tail, node, guard);
            return;
        }
    }

    fn dequeue(&self, guard: &Guard<'_, R>) -> Option<u64> {
        let (mut first, mut second) = (guard.shield(), guard.shield());
        loop {
            let head = guard.protect(&mut first, &self.head);
            // SAFETY: see above.
            let Some(dummy) = (unsafe { head.deref() }) else { unreachable!("a head always is") };
            let next = guard.protect(&mut second, &dummy.next);
            if FAULT != NO_LOOK_AT_THE_HEAD && self.head.load(Acquire, guard) != head {
                continue;
            }
            let tail = self.tail.load(Acquire, guard);
            if FAULT == EMPTY_BY_THE_TAIL && head == tail {
                return None;
            }
            // SAFETY: see above.
            let node = unsafe { next.deref() }?;
            if head == tail {
                let _ = self.tail.compare_exchange(tail, next, guard);
                continue;
            }
            if self.head.compare_exchange(head, next, guard).is_ok() {
                let value = node.value;
                let old = if FAULT == RETIRES_THE_NEW_DUMMY { next } else { head };
                // SAFETY: see above.
                unsafe { guard.retire(old) };
                return Some(value);
            }
        }
    }

    fn walk(&mut self, mut visit: impl FnMut(Shared<'static, Node<R>, R>)) {
        let handle = self.domain.register();
        let guard = handle.pin();
        let mut at = self.head.load_exclusive();
        // SAFETY: see above.
        while let Some(node) = unsafe { at.deref() } {
            let next = Atomic::new(node.next.load(Relaxed, &guard)).load_exclusive();
            visit(at);
            at = next;
        }
    }
}

impl<R: Reclaimer, const FAULT: u8> Drop for Queue<R, FAULT> {
    fn drop(&mut self) {
        let domain = self.domain.clone();
        // SAFETY: see above.
        self.walk(|node| domain.discard(std::iter::once(unsafe { node.into_owned() })));
    }
}

impl<R: Reclaimer, const FAULT: u8> Structure<R> for Queue<R, FAULT> {
    const FACTS: StructureFacts = StructureFacts {
        name: "small-queue",
        kind: Kind::Queue,
        paper: "Michael and Scott 1996",
        needs: Strength::Pointer,
        shields: 2,
        nodes: Nodes { fixed: 1, ..Nodes::ONE_PER_KEY },
        restarts: false,
    };
    fn new(domain: &Domain<R>, _: usize) -> Self {
        let handle = domain.register();
        let guard = handle.pin();
        let dummy = guard.alloc(Node { value: 0, next: Atomic::null() }).into_shared();
        Self { domain: domain.clone(), head: Atomic::new(dummy), tail: Atomic::new(dummy) }
    }
    fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.enqueue(guard, key);
        true
    }
    fn remove(&self, guard: &Guard<'_, R>, _: u64) -> Option<u64> {
        self.dequeue(guard)
    }
    fn contains(&self, guard: &Guard<'_, R>, _: u64) -> bool {
        let (mut first, mut second) = (guard.shield(), guard.shield());
        loop {
            let head = guard.protect(&mut first, &self.head);
            // SAFETY: see above.
            let Some(dummy) = (unsafe { head.deref() }) else { unreachable!("a head always is") };
            let next = guard.protect(&mut second, &dummy.next);
            if self.head.load(Acquire, guard) == head {
                return !next.is_null();
            }
        }
    }
    fn hold_inside(&self, guard: &Guard<'_, R>, _: u64, inside: &mut dyn FnMut()) {
        let mut shield = guard.shield();
        let _ = guard.protect(&mut shield, &self.head);
        inside();
    }
    fn contents(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        // SAFETY: see above.
        self.walk(|node| keys.extend(unsafe { node.deref() }.map(|node| node.value)));
        if !keys.is_empty() {
            keys.remove(0);
        }
        keys
    }
}
