//! Michael and Scott's queue (1996).

use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{Cell, FILL};
use crate::contender::Contender;

struct QueueNode<C: Contender> {
    value: u64,
    next: AtomicPtr<C::Node<QueueNode<C>>>,
}

/// Michael and Scott's queue; enqueues and dequeues in equal parts.
pub struct Queue<C: Contender> {
    head: Padded<AtomicPtr<C::Node<QueueNode<C>>>>,
    tail: Padded<AtomicPtr<C::Node<QueueNode<C>>>>,
}

#[repr(align(128))]
struct Padded<T>(T);

impl<C: Contender> Queue<C> {
    #[inline(always)]
    fn enqueue(&self, contender: &C, local: &mut C::Local, value: u64) {
        let mut guard = contender.pin(local);
        let new = contender.alloc(&guard, QueueNode { value, next: AtomicPtr::default() });
        loop {
            let tail = C::protect(&mut guard, 0, &self.tail.0);
            // SAFETY: protected, and a queue is never empty of nodes.
            let next = unsafe { &(**tail).next };
            match next.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let _ = self.advance(tail, new);
                    return;
                }
                Err(next) => {
                    let _ = self.advance(tail, next);
                }
            }
        }
    }

    #[inline(always)]
    fn advance(&self, tail: *mut C::Node<QueueNode<C>>, to: *mut C::Node<QueueNode<C>>) -> bool {
        self.tail.0.compare_exchange(tail, to, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    #[inline(always)]
    fn dequeue(&self, contender: &C, local: &mut C::Local) -> Option<u64> {
        let mut guard = contender.pin(local);
        loop {
            let head = C::protect(&mut guard, 0, &self.head.0);
            // SAFETY: protected.
            let next = C::protect(&mut guard, 1, unsafe { &(**head).next });
            if self.head.0.load(Ordering::Acquire) != head {
                continue;
            }
            if next.is_null() {
                return None;
            }
            let tail = self.tail.0.load(Ordering::Acquire);
            if tail == head {
                let _ = self.advance(tail, next);
                continue;
            }
            if self.head.0.compare_exchange(head, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                // SAFETY: `next` was reachable when it was protected; `head` is unlinked, once.
                unsafe {
                    let value = (**next).value;
                    contender.retire(&guard, head);
                    return Some(value);
                }
            }
        }
    }
}

impl<C: Contender> Cell<C> for Queue<C> {
    const NAME: &'static str = "Michael-Scott queue";
    fn new(contender: &C) -> Self {
        let mut local = contender.register();
        let dummy = {
            let guard = contender.pin(&mut local);
            contender.alloc(&guard, QueueNode { value: 0, next: AtomicPtr::default() })
        };
        let queue =
            Self { head: Padded(AtomicPtr::new(dummy)), tail: Padded(AtomicPtr::new(dummy)) };
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
        let mut node = *self.head.0.get_mut();
        while !node.is_null() {
            // SAFETY: nobody else is left.
            unsafe {
                let next = (**node).next.load(Ordering::Relaxed);
                C::dealloc(node);
                node = next;
            }
        }
    }
}
