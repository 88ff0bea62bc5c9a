//! The DoubleLink queue of Correia and Ramalhete (2017).
//!
//! An enqueuer moves the tail first, by the only CAS of an enqueue, and links its predecessor to the
//! new node afterwards. Before it moves the tail it links the predecessor's predecessor, if that
//! enqueuer was slow, by the new node's link back. So the tail never lags, and the links forward
//! have at most one gap before the last node: an enqueue takes effect when its link forward is
//! written. Every node but the dummy is linked back until it becomes the dummy.
//!
//! **What is read is not retired.**
//! - The tail: the head passes a node by its link forward, which is written after the tail has left
//!   the node for good.
//! - The head, and the node behind it: as in [`ms_queue`](crate::ms_queue).
//! - The node behind a link back, `last.prev`: this is where the published algorithm changes the
//!   reclamation scheme. Here a dequeuer that moved the head from `first` to `second` clears
//!   `second.prev` before it retires `first`. If the link back is still there after its node was
//!   protected, the node was not retired at that time. If it is gone, the head has come by the link
//!   forward, and there is nothing to help with.

use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::{Relaxed, Release};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Strength};

use crate::chain::Link;
use crate::front::{Head, Valued, front_queue};
use crate::padded::Padded;
use crate::structure::{Content, Kind, Nodes, Structure, StructureFacts};

struct Node<T, R: Reclaimer> {
    /// Initialised in all nodes but the dummy.
    value: MaybeUninit<T>,
    /// The node before; null in the dummy, or soon.
    prev: Atomic<Node<T, R>, R>,
    /// Null, then the node behind, whoever writes it.
    next: Atomic<Node<T, R>, R>,
}

impl<T, R: Reclaimer> Link<R> for Node<T, R> {
    fn link(&self) -> &Atomic<Self, R> {
        &self.next
    }
    fn link_mut(&mut self) -> &mut Atomic<Self, R> {
        &mut self.next
    }
}

impl<T, R: Reclaimer> Valued<R> for Node<T, R> {
    type Value = T;
    fn value(&self) -> &MaybeUninit<T> {
        &self.value
    }
    fn into_value(self) -> MaybeUninit<T> {
        self.value
    }
}

/// A lock-free queue with one CAS for each operation. These panic if the guard is of another domain.
///
/// There is no reference to the value at the head, only a copy: a dequeue moves the value out of its
/// node, so that somebody else owns it while a guard still protects the node.
pub struct DoubleLinkQueue<T, R: Reclaimer> {
    domain: Domain<R>,
    head: Head<Node<T, R>, R>,
    tail: Padded<Atomic<Node<T, R>, R>>,
}

impl<T: Send + 'static, R: Reclaimer> DoubleLinkQueue<T, R> {
    /// An empty queue.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        let handle = domain.register();
        let guard = handle.pin();
        let value = MaybeUninit::uninit();
        let dummy = guard.alloc(Node { value, prev: Atomic::null(), next: Atomic::null() });
        let dummy = dummy.into_shared();
        Self { domain: domain.clone(), head: Head::new(dummy), tail: Padded(Atomic::new(dummy)) }
    }

    /// Adds `value` at the tail.
    pub fn enqueue(&self, guard: &Guard<'_, R>, value: T) {
        self.domain.check(guard);
        let value = MaybeUninit::new(value);
        let new = guard.alloc(Node { value, prev: Atomic::null(), next: Atomic::null() });
        let new = new.into_shared();
        let (mut last_shield, mut prev_shield) = (guard.shield(), guard.shield());
        loop {
            let tail = guard.protect(&mut last_shield, &self.tail);
            // SAFETY: protected by `last_shield`: the tail is not retired (see the module). Nobody
            // makes mutable references to published nodes.
            let Some(last) = (unsafe { tail.deref() }) else { unreachable!("a tail always is") };
            let prev = guard.protect(&mut prev_shield, &last.prev);
            // SAFETY: protected by `prev_shield`: `last.prev` still led to it after that was set,
            // so it was not retired (see the module).
            if let Some(prev) = unsafe { prev.deref() }
                && prev.next.load(Relaxed, guard).is_null()
            {
                // Release: publishes `last`, whose contents came with the tail.
                prev.next.store(tail, Release);
            }
            // SAFETY: ours alone: not published until the CAS below succeeds.
            if let Some(node) = unsafe { new.deref() } {
                // Relaxed: published by the release of the CAS.
                node.prev.store(tail, Relaxed);
            }
            if self.tail.compare_exchange(tail, new, guard).is_ok() {
                #[cfg(test)]
                crate::pause::at("tail moved");
                // `last` is still protected. Others may write the same. Release: publishes `new`.
                last.next.store(new, Release);
                return;
            }
        }
    }

    /// Takes the value at the head.
    pub fn dequeue(&self, guard: &Guard<'_, R>) -> Option<T> {
        self.domain.check(guard);
        let (mut first, mut second) = (guard.shield(), guard.shield());
        loop {
            let front = self.head.front(guard, &mut first, &mut second);
            // SAFETY: protected by `second`, and was not retired when that was set: see `front`.
            let node = unsafe { front.next.deref() }?;
            if self.head.advance(guard, &front) {
                // Release, and before the retirement: whoever still reads the link back after it
                // protected the dummy is seen by the scheme, as the retirement has a full barrier
                // between this store and its look at the protections.
                node.prev.store(Shared::null(), Release);
                // SAFETY: a node becomes the dummy by one successful CAS, this one, so only this
                // thread takes the value, once; it is initialised until then. Still protected.
                let value = unsafe { node.value.assume_init_read() };
                // SAFETY: 1: not null, allocated in this domain (`check`), and retired by the one
                // who moved the head on. 2: the head has left it, and the tail before; the link
                // back to it was cleared above, and no new one can come, as it is not the tail.
                unsafe { guard.retire(front.dummy) };
                #[cfg(test)]
                crate::pause::at("dummy is retired");
                return Some(value);
            }
        }
    }
}

front_queue! {
    DoubleLinkQueue {
        name: "double-link-queue",
        paper: "Correia and Ramalhete, DoubleLink: a low-overhead lock-free queue, 2017",
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::atomic::Ordering::Acquire;

    use kovan_schemes::{Domain, Reclaimer};

    use super::*;
    use crate::pause::{self, over_each_kind};

    /// An enqueuer stops between the move of the tail and its link forward. The next one must
    /// write that link, or its own value could not be found.
    fn a_gap_is_closed<R: Reclaimer>() {
        let domain = Domain::<R>::new();
        let queue = Rc::new(DoubleLinkQueue::<u64, R>::new(&domain));
        let handle = domain.register();
        let others = (Rc::clone(&queue), domain.clone());
        queue.enqueue(&handle.pin(), 0);
        pause::set("tail moved", move || {
            let (queue, domain) = others;
            let handle = domain.register();
            let guard = handle.pin();
            assert_eq!(queue.dequeue(&guard), Some(0));
            assert_eq!(queue.dequeue(&guard), None, "not linked yet");
            queue.enqueue(&guard, 2);
            assert_eq!(queue.dequeue(&guard), Some(1));
            assert_eq!(queue.dequeue(&guard), Some(2));
            drop(guard);
            handle.flush();
        });
        queue.enqueue(&handle.pin(), 1);
        assert!(pause::done());
        queue.enqueue(&handle.pin(), 3);
        assert_eq!(queue.dequeue(&handle.pin()), Some(3));
        assert_eq!(domain.meter().totals().live(), 1);
    }

    #[test]
    fn gaps_are_closed() {
        over_each_kind!(a_gap_is_closed);
    }

    /// No link leads back to a node that is retired.
    fn no_link_leads_back<R: Reclaimer>() {
        let domain = Domain::<R>::new();
        let queue = DoubleLinkQueue::<u64, R>::new(&domain);
        let handle = domain.register();
        for value in 0..3 {
            queue.enqueue(&handle.pin(), value);
            let guard = handle.pin();
            assert_eq!(queue.dequeue(&guard), Some(value));
            let tail = queue.tail.load(Acquire, &guard);
            // SAFETY: the tail is not retired, and no other thread is here.
            let dummy = unsafe { tail.deref() }.expect("a tail always is");
            assert!(dummy.prev.load(Acquire, &guard).is_null());
        }
    }

    /// Nor does one at the moment of the retirement, when an enqueuer may come.
    fn no_link_leads_back_to_what_is_retired<R: Reclaimer>() {
        let domain = Domain::<R>::new();
        let queue = Rc::new(DoubleLinkQueue::<u64, R>::new(&domain));
        let handle = domain.register();
        queue.enqueue(&handle.pin(), 1);
        let others = (Rc::clone(&queue), domain.clone());
        pause::set("dummy is retired", move || {
            let (queue, domain) = others;
            let handle = domain.register();
            let guard = handle.pin();
            // SAFETY: the tail is not retired, and no other thread is here.
            let last =
                unsafe { queue.tail.load(Acquire, &guard).deref() }.expect("a tail always is");
            assert!(last.prev.load(Acquire, &guard).is_null(), "over {}", R::FACTS.name);
        });
        assert_eq!(queue.dequeue(&handle.pin()), Some(1));
        assert!(pause::done());
    }

    #[test]
    fn no_links_lead_back() {
        over_each_kind!(no_link_leads_back);
        over_each_kind!(no_link_leads_back_to_what_is_retired);
    }
}
