//! Treiber's stack (1986).

use std::hint::black_box;

use super::{Cell, FILL, Payload, WORDS};
use crate::contender::{Contender, Pointer};

struct StackNode<C: Contender> {
    value: Payload<WORDS>,
    next: C::Atomic<StackNode<C>>,
}

// Written out, because the compiler goes round in circles: some atomic pointers are `Send` and `Sync`
// if what they point to is.
// SAFETY: the payload is numbers, and a contender's atomic pointer may be sent and shared.
unsafe impl<C: Contender> Send for StackNode<C> {}
// SAFETY: as above.
unsafe impl<C: Contender> Sync for StackNode<C> {}

/// Treiber's stack; pushes and pops in equal parts.
pub struct Stack<C: Contender> {
    head: C::Atomic<StackNode<C>>,
}

impl<C: Contender> Stack<C> {
    #[inline(always)]
    fn push(&self, contender: &C, local: &mut C::Local, value: u64) {
        let guard = contender.pin(local);
        let next = C::atomic(Pointer::null());
        let node = C::alloc(StackNode { value: Payload::of(value), next });
        let mut head = C::peek(&guard, &self.head);
        loop {
            // SAFETY: the node is not published yet, so nobody frees it.
            C::store(unsafe { &node.deref().next }, head);
            match C::compare_exchange(&guard, &self.head, head, node) {
                Ok(()) => return,
                Err(now) => head = now,
            }
        }
    }

    #[inline(always)]
    fn pop(&self, contender: &C, local: &mut C::Local) -> Option<u64> {
        let mut guard = contender.pin(local);
        loop {
            let head = C::load(&mut guard, 0, &self.head);
            if head.is_null() {
                return None;
            }
            // SAFETY: protected by the first slot, and never marked.
            let node: &StackNode<C> = unsafe { head.deref() };
            let next = C::peek(&guard, &node.next);
            if C::compare_exchange(&guard, &self.head, head, next).is_ok() {
                let value = node.value.read();
                // SAFETY: unlinked by the exchange, once.
                unsafe { C::retire(&guard, head) };
                return Some(value);
            }
        }
    }
}

impl<C: Contender> Cell<C> for Stack<C> {
    const NAME: &'static str = "Treiber stack";
    fn new(contender: &C) -> Self {
        let stack = Self { head: C::atomic(Pointer::null()) };
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
        // SAFETY: nobody else is left, and what is linked was not retired.
        unsafe {
            let mut node = C::load_exclusive(&self.head);
            while !node.is_null() {
                let next = C::load_exclusive(&node.deref().next);
                C::dealloc(node);
                node = next;
            }
        }
    }
}
