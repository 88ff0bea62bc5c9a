//! Treiber's stack (1986).

use std::hint::black_box;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{Cell, FILL};
use crate::contender::Contender;

struct StackNode<C: Contender> {
    value: u64,
    next: AtomicPtr<C::Node<StackNode<C>>>,
}

/// Treiber's stack; pushes and pops in equal parts.
pub struct Stack<C: Contender> {
    head: AtomicPtr<C::Node<StackNode<C>>>,
}

impl<C: Contender> Stack<C> {
    #[inline(always)]
    fn push(&self, contender: &C, local: &mut C::Local, value: u64) {
        let guard = contender.pin(local);
        let node = contender.alloc(&guard, StackNode { value, next: AtomicPtr::default() });
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: not published yet.
            unsafe { &**node }.next.store(head, Ordering::Relaxed);
            match self.head.compare_exchange_weak(head, node, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    #[inline(always)]
    fn pop(&self, contender: &C, local: &mut C::Local) -> Option<u64> {
        let mut guard = contender.pin(local);
        loop {
            let head = C::protect(&mut guard, 0, &self.head);
            if head.is_null() {
                return None;
            }
            // SAFETY: protected.
            let node = unsafe { &**head };
            let next = node.next.load(Ordering::Relaxed);
            if self.head.compare_exchange(head, next, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                let value = node.value;
                // SAFETY: unlinked by the exchange, once.
                unsafe { contender.retire(&guard, head) };
                return Some(value);
            }
        }
    }
}

impl<C: Contender> Cell<C> for Stack<C> {
    const NAME: &'static str = "Treiber stack";
    fn new(contender: &C) -> Self {
        let stack = Self { head: AtomicPtr::default() };
        let mut local = contender.register();
        (0..FILL).for_each(|value| stack.push(contender, &mut local, value));
        stack
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
        if random & 1 == 0 {
            self.push(contender, local, random);
        } else {
            black_box(self.pop(contender, local));
        }
    }
}

impl<C: Contender> Drop for Stack<C> {
    fn drop(&mut self) {
        let mut node = *self.head.get_mut();
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
