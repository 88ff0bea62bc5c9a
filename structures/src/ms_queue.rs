//! The queue of Michael and Scott (1996).
//!
//! The first node is a dummy whose value was moved out (or never was). The tail never points to a
//! node before the head, so nothing that head, tail or the links after them lead to is retired.

use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::Acquire;

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Strength};

use crate::chain::Node;
use crate::front::{Head, Valued, front_queue};
use crate::padded::Padded;
use crate::structure::{Content, Kind, Nodes, Structure, StructureFacts};

impl<T, R: Reclaimer> Valued<R> for Node<T, R> {
    type Value = T;
    fn value(&self) -> &MaybeUninit<T> {
        &self.value
    }
    fn into_value(self) -> MaybeUninit<T> {
        self.value
    }
}

/// A lock-free queue. Its operations panic if the guard is of another domain.
///
/// There is no reference to the value at the head, only a copy: a dequeue moves the value out of its
/// node, so that somebody else owns it while a guard still protects the node.
pub struct MsQueue<T, R: Reclaimer> {
    domain: Domain<R>,
    head: Head<Node<T, R>, R>,
    tail: Padded<Atomic<Node<T, R>, R>>,
}

impl<T: Send + 'static, R: Reclaimer> MsQueue<T, R> {
    /// An empty queue.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        let handle = domain.register();
        let guard = handle.pin();
        let dummy = Node::alloc(&guard, MaybeUninit::uninit());
        Self { domain: domain.clone(), head: Head::new(dummy), tail: Padded(Atomic::new(dummy)) }
    }

    /// Adds `value` at the tail.
    #[inline(always)] // As the operations of `TreiberStack`.
    pub fn enqueue(&self, guard: &Guard<'_, R>, value: T) {
        self.domain.check(guard);
        let node = Node::alloc(guard, MaybeUninit::new(value));
        let mut shield = guard.shield();
        loop {
            let tail = guard.protect(&mut shield, &self.tail.0);
            // SAFETY: protected by `shield`: loaded from `tail`, which does not point to retired
            // nodes (see `dequeue`). Nobody makes mutable references to published nodes.
            let Some(last) = (unsafe { tail.deref() }) else { unreachable!("a tail always is") };
            let next = last.next.load(Acquire, guard);
            if !next.is_null() {
                // Helps: the tail lags. `next` is not dereferenced. If the CAS succeeds the tail
                // was still `tail` (protected, so not reused), hence `next` not yet retired.
                let _ = self.tail.0.compare_exchange(tail, next, guard);
                continue;
            }
            if last.next.compare_exchange(next, node, guard).is_ok() {
                #[cfg(test)]
                crate::pause::at("queue linked");
                // If it fails, someone has helped.
                let _ = self.tail.0.compare_exchange(tail, node, guard);
                return;
            }
        }
    }

    /// Takes the value at the head.
    #[inline(always)]
    pub fn dequeue(&self, guard: &Guard<'_, R>) -> Option<T> {
        self.domain.check(guard);
        let (mut first, mut second) = (guard.shield(), guard.shield());
        loop {
            let front = self.head.front(guard, &mut first, &mut second);
            // SAFETY: protected by `second`, and was not retired when that was set: see `front`.
            let node = unsafe { front.next.deref() }?;
            // Acquire, and loaded after the head: whoever moved the head to the dummy had
            // seen the tail there or further, so by coherence this load does too. If it is not
            // there it is therefore behind it, for good: the tail only moves forward.
            let tail = self.tail.0.load(Acquire, guard);
            if front.dummy == tail {
                let _ = self.tail.0.compare_exchange(tail, front.next, guard);
                continue;
            }
            if self.head.advance(guard, &front) {
                // SAFETY: a node becomes the dummy by one successful CAS, this one, so only this
                // thread reads the value, once; it is initialised until then. Still protected.
                let value = unsafe { node.value.assume_init_read() };
                // SAFETY: 1: not null, allocated in this domain (`check`), and retired by the one
                // who moved the head on. 2: neither head nor (see above) tail points to it any
                // more, nor will again; no node behind them links to it.
                unsafe { guard.retire(front.dummy) };
                return Some(value);
            }
        }
    }
}

front_queue! {
    MsQueue {
        name: "ms-queue",
        paper: "Michael and Scott, Simple, fast, and practical non-blocking and blocking concurrent queue algorithms, PODC 1996",
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use kovan_schemes::{Domain, Reclaimer};

    use super::*;
    use crate::pause::{self, over_each_kind};

    /// An enqueuer stops after it has linked its node and before it moves the tail. The head must
    /// not pass the tail.
    fn a_slow_tail_is_moved<R: Reclaimer>() {
        let domain = Domain::<R>::new();
        let queue = Rc::new(MsQueue::<u64, R>::new(&domain));
        let handle = domain.register();
        let others = (Rc::clone(&queue), domain.clone());
        let values = 3;
        for value in 0..values {
            queue.enqueue(&handle.pin(), value);
        }
        pause::set("queue linked", move || {
            let (queue, domain) = others;
            let handle = domain.register();
            let guard = handle.pin();
            for value in 0..=values {
                assert_eq!(queue.dequeue(&guard), Some(value));
            }
            assert_eq!(queue.dequeue(&guard), None);
            let head = queue.head.dummy(&guard);
            assert_eq!(
                queue.tail.load(Acquire, &guard),
                head,
                "the tail is where nodes are retired"
            );
        });
        queue.enqueue(&handle.pin(), values);
        assert!(pause::done());
        queue.enqueue(&handle.pin(), 100);
        assert_eq!(queue.dequeue(&handle.pin()), Some(100));
        assert_eq!(domain.meter().totals().live(), 1);
    }

    #[test]
    fn a_slow_tail_is_moved_by_dequeues() {
        over_each_kind!(a_slow_tail_is_moved);
    }
}
