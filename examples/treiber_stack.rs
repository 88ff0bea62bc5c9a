//! A lock-free stack (R. K. Treiber, 1986) over the default collector.
//!
//! A pop moves the value out of its node and retires the node. Another thread may still read the link of that node
//! under its own guard, so the node outlives that guard; the value does not have to.

use std::mem::ManuallyDrop;
use std::ptr;
use std::thread;

use kovan::{Atomic, Ordering, Shared, pin, retire};

/// A stack. `T: Send`, since a value may be popped or dropped on another thread than the one that pushed it.
struct Stack<T: Send + 'static> {
    top: Atomic<Node<T>>,
}

struct Node<T> {
    /// Moved out by whoever unlinks the node.
    value: ManuallyDrop<T>,
    /// Not changed once the node is published.
    next: Atomic<Self>,
}

impl<T: Send + 'static> Stack<T> {
    const fn new() -> Self {
        Self { top: Atomic::null() }
    }

    fn push(&self, value: T) {
        let guard = pin();
        let node = Node { value: ManuallyDrop::new(value), next: Atomic::null() };
        // SAFETY: the node is valid, and stays so for the guard's life: once it is published, the exchange has
        // made the guard protect it.
        let node = unsafe { Shared::from_raw(Box::into_raw(Box::new(node))) };
        loop {
            let top = self.top.load(Ordering::Relaxed, &guard);
            // SAFETY: nobody else can reach the node before the exchange succeeds.
            unsafe { node.deref() }.next.store(top, Ordering::Relaxed);
            let (success, failure) = (Ordering::Release, Ordering::Relaxed);
            if self.top.compare_exchange(top, node, success, failure, &guard).is_ok() {
                return;
            }
        }
    }

    fn pop(&self) -> Option<T> {
        let guard = pin();
        loop {
            let top = self.top.load(Ordering::Acquire, &guard);
            // SAFETY: loaded through `guard` from `top`, which is always reachable. Nodes are retired only after
            // they have left it, and nobody has a mutable reference to a published node.
            let node = unsafe { top.as_ref() }?;
            // `next` is compared and linked here, never dereferenced. While the guard holds `top`, its memory is not
            // another node's, so an exchange that succeeds has found the same node with the same successor.
            let next = node.next.load(Ordering::Relaxed, &guard);
            let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
            if self.top.compare_exchange(top, next, success, failure, &guard).is_ok() {
                // SAFETY: one exchange unlinks a node, so the value is moved out once.
                let value = unsafe { ptr::read(&raw const node.value) };
                // SAFETY: from `Box::into_raw`, unlinked by the exchange, and retired by the thread that did it. Who
                // still uses the node has loaded it through a guard of the default collector. The node does not
                // drop its value.
                unsafe { retire(top.as_raw()) };
                return Some(ManuallyDrop::into_inner(value));
            }
        }
    }
}

impl<T: Send + 'static> Drop for Stack<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

fn main() {
    const THREADS: u64 = 4;
    const EACH: u64 = 10_000;
    let stack = Stack::new();
    let popped: u64 = thread::scope(|scope| {
        let work = |thread| {
            let stack = &stack;
            move || {
                let values = thread * EACH..(thread + 1) * EACH;
                values
                    .map(|value| stack.push(Box::new(value)))
                    .filter_map(|()| stack.pop())
                    .map(|value| *value)
                    .sum::<u64>()
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).sum()
    });
    assert_eq!(popped, (0..THREADS * EACH).sum(), "every value is popped once");
    println!("{} values went through the stack", THREADS * EACH);
}
