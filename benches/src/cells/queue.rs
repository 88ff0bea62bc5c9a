//! Michael and Scott's queue (1996).

use std::hint::black_box;

use super::{Cell, FILL, Payload, WORDS};
use crate::contender::{Contender, Pointer};

struct QueueNode<C: Contender> {
    value: Payload<WORDS>,
    next: C::Atomic<QueueNode<C>>,
}

// Written out, because the compiler goes round in circles: some atomic pointers are `Send` and `Sync`
// if what they point to is.
// SAFETY: the payload is numbers, and a contender's atomic pointer may be sent and shared.
unsafe impl<C: Contender> Send for QueueNode<C> {}
// SAFETY: as above.
unsafe impl<C: Contender> Sync for QueueNode<C> {}

impl<C: Contender> QueueNode<C> {
    #[inline(always)]
    fn alloc(value: u64) -> C::Pointer<Self> {
        C::alloc(Self { value: Payload::of(value), next: C::atomic(Pointer::null()) })
    }
}

/// Michael and Scott's queue; enqueues and dequeues in equal parts.
pub struct Queue<C: Contender> {
    head: Padded<C::Atomic<QueueNode<C>>>,
    tail: Padded<C::Atomic<QueueNode<C>>>,
}

#[repr(align(128))]
struct Padded<T>(T);

impl<C: Contender> Queue<C> {
    #[inline(always)]
    fn enqueue(&self, contender: &C, local: &mut C::Local, value: u64) {
        let mut guard = contender.pin(local);
        let new = QueueNode::<C>::alloc(value);
        loop {
            let tail = C::load(&mut guard, 0, &self.tail.0);
            // SAFETY: protected by the first slot, and a queue is never empty of nodes.
            let node: &QueueNode<C> = unsafe { tail.deref() };
            match C::compare_exchange(&guard, &node.next, Pointer::null(), new) {
                Ok(()) => {
                    self.advance(&guard, tail, new);
                    return;
                }
                Err(next) => self.advance(&guard, tail, next),
            }
        }
    }

    /// Moves the tail on, unless somebody else has.
    #[inline(always)]
    fn advance(
        &self,
        guard: &C::Guard<'_>,
        tail: C::Pointer<QueueNode<C>>,
        to: C::Pointer<QueueNode<C>>,
    ) {
        let _ = C::compare_exchange(guard, &self.tail.0, tail, to);
    }

    #[inline(always)]
    fn dequeue(&self, contender: &C, local: &mut C::Local) -> Option<u64> {
        let mut guard = contender.pin(local);
        loop {
            let head = C::load(&mut guard, 0, &self.head.0);
            // SAFETY: protected by the first slot, and never null.
            let node: &QueueNode<C> = unsafe { head.deref() };
            let next = C::load(&mut guard, 1, &node.next);
            // The successor was reachable when it was protected only if its node still was.
            if C::peek(&guard, &self.head.0) != head {
                continue;
            }
            if next.is_null() {
                return None;
            }
            if C::peek(&guard, &self.tail.0) == head {
                self.advance(&guard, head, next);
                continue;
            }
            if C::compare_exchange(&guard, &self.head.0, head, next).is_ok() {
                // SAFETY: `next` was reachable when the second slot protected it; `head` is
                // unlinked by the exchange, once.
                unsafe {
                    let value = next.deref().value.read();
                    C::retire(&guard, head);
                    return Some(value);
                }
            }
        }
    }
}

impl<C: Contender> Cell<C> for Queue<C> {
    const NAME: &'static str = "Michael-Scott queue";
    fn new(contender: &C) -> Self {
        let dummy = QueueNode::<C>::alloc(0);
        let queue = Self { head: Padded(C::atomic(dummy)), tail: Padded(C::atomic(dummy)) };
        let mut local = contender.register();
        (0..FILL).for_each(|value| queue.enqueue(contender, &mut local, value));
        queue
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
        if random & 1 == 0 {
            self.enqueue(contender, local, random);
        } else {
            black_box(self.dequeue(contender, local));
        }
    }
}

impl<C: Contender> Drop for Queue<C> {
    fn drop(&mut self) {
        // SAFETY: nobody else is left, and what is linked was not retired.
        unsafe {
            let mut node = C::load_exclusive(&self.head.0);
            while !node.is_null() {
                let next = C::load_exclusive(&node.deref().next);
                C::dealloc(node);
                node = next;
            }
        }
    }
}
