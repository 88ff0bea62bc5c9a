//! What is measured. Every cell is written once, over [`Contender`], with the validation that the
//! weakest contender needs.

use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::contender::Contender;

/// A workload over one shared state.
pub trait Cell<C: Contender>: Sync + Sized {
    /// Its name.
    const NAME: &'static str;
    /// Operations per call of `step`.
    const OPERATIONS: u64 = 1;
    /// The state, filled.
    fn new(contender: &C) -> Self;
    /// One step; `random` is fresh.
    fn step(&self, contender: &C, local: &mut C::Local, random: u64);
}

/// One shared pointer.
struct Shared<C: Contender>(AtomicPtr<C::Node<u64>>);

impl<C: Contender> Shared<C> {
    fn new(contender: &C) -> Self {
        let mut local = contender.register();
        let guard = contender.pin(&mut local);
        Self(AtomicPtr::new(contender.alloc(&guard, 0)))
    }

    #[inline(always)]
    fn load(&self, guard: &mut C::Guard<'_>) -> u64 {
        // SAFETY: protected, and never null.
        unsafe { **C::protect(guard, 0, &self.0) }
    }

    #[inline(always)]
    fn replace(&self, contender: &C, guard: &C::Guard<'_>, value: u64) {
        let new = contender.alloc(guard, value);
        let old = self.0.swap(new, Ordering::AcqRel);
        // SAFETY: unlinked by the swap, once.
        unsafe { contender.retire(guard, old) };
    }
}

impl<C: Contender> Drop for Shared<C> {
    fn drop(&mut self) {
        // SAFETY: nobody else is left.
        unsafe { C::dealloc(*self.0.get_mut()) };
    }
}

macro_rules! shared_cell {
    ($(#[$doc:meta])* $name:ident, $label:literal, $operations:literal, $step:expr) => {
        $(#[$doc])*
        pub struct $name<C: Contender>(Shared<C>);
        impl<C: Contender> Cell<C> for $name<C> {
            const NAME: &'static str = $label;
            const OPERATIONS: u64 = $operations;
            fn new(contender: &C) -> Self {
                Self(Shared::new(contender))
            }
            #[inline(always)]
            fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
                let step: fn(&Shared<C>, &C, &mut C::Local, u64) = $step;
                step(&self.0, contender, local, random);
            }
        }
    };
}
shared_cell!(
    /// An empty critical section.
    Pin, "pin+unpin", 1, |_, contender, local, _| {
        black_box(&mut contender.pin(local));
    }
);
shared_cell!(
    /// A critical section with one protected load.
    PinLoad, "pin+load", 1, |shared, contender, local, _| {
        black_box(shared.load(&mut contender.pin(local)));
    }
);
shared_cell!(
    /// A hundred protected loads in one critical section.
    Loads, "one of 100 loads", 100, |shared, contender, local, _| {
        let mut guard = contender.pin(local);
        for _ in 0..100 {
            black_box(shared.load(&mut guard));
        }
    }
);
shared_cell!(
    /// Allocate, swap, retire.
    Retire, "swap+retire", 1, |shared, contender, local, random| {
        shared.replace(contender, &contender.pin(local), random);
    }
);
shared_cell!(
    /// Loads, and one replacement in twenty.
    ReadHeavy, "read-heavy 95/5", 1, |shared, contender, local, random| {
        let mut guard = contender.pin(local);
        if random % 20 == 0 {
            shared.replace(contender, &guard, random);
        } else {
            black_box(shared.load(&mut guard));
        }
    }
);

/// Elements that a stack or queue starts with.
const FILL: u64 = 1000;

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
