//! A program without `std` that shares a stack: what the library has without it is enough.
#![no_std]
#![allow(clippy::undocumented_unsafe_blocks)] // Every node is unlinked and retired once.

extern crate alloc;

use alloc::sync::Arc;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::*};

use kovan::{Atomic, Builder, Collector, Free, Handle, Mode, Owned, Region, Robust, Shared};

struct Node {
    drops: Arc<AtomicUsize>,
    next: *mut Node,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

struct Stack {
    head: Atomic<Node>,
}

impl Stack {
    fn push<M: Mode>(&self, drops: &Arc<AtomicUsize>, handle: &Handle<M>) {
        let guard = handle.pin();
        let mut head = self.head.load(Relaxed, &guard);
        let node = Node { drops: Arc::clone(drops), next: ptr::null_mut() };
        let node = Owned::new(node, &guard).into_raw();
        loop {
            unsafe { (*node).next = head.as_raw() };
            let new = unsafe { Shared::from_raw(node) };
            match self.head.compare_exchange_weak(head, new, Release, Relaxed, &guard) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Pops a value. Returns whether there was one.
    fn pop<M: Mode>(&self, handle: &Handle<M>) -> bool {
        let guard = handle.pin();
        loop {
            let head = self.head.load(Acquire, &guard);
            let Some(node) = (unsafe { head.as_ref() }) else { return false };
            let next = unsafe { Shared::from_raw(node.next) };
            if self.head.compare_exchange(head, next, AcqRel, Relaxed, &guard).is_ok() {
                unsafe { guard.retire_owned(head.as_raw()) };
                return true;
            }
        }
    }
}

/// Two users of one stack, as a program and its interrupt handler are.
fn a_stack_is_shared_and_freed<M: Mode>(collector: &Collector<M>) {
    let drops = Arc::new(AtomicUsize::new(0));
    let stack = Stack { head: Atomic::null() };
    let (one, two) = (collector.register(), collector.register());
    let guard = two.pin();
    for _ in 0..1000 {
        stack.push(&drops, &one);
    }
    let first = stack.head.load(Acquire, &guard);
    while stack.pop(&one) {}
    let left = one.try_quiesce().expect_err("a guard is there");
    assert_eq!((left.retired, left.pinned), (1000, 1));
    assert_eq!(left.unreclaimed() as usize, 1000 - drops.load(SeqCst));
    assert!(!unsafe { first.deref() }.next.is_null(), "it is protected");
    drop(guard);
    assert_eq!(one.try_quiesce(), Ok(()));
    assert_eq!(drops.load(SeqCst), 1000);
}

#[test]
fn a_stack_of_a_region_collector() {
    a_stack_is_shared_and_freed(&Collector::<Region>::new());
}

#[test]
fn a_stack_of_a_robust_collector_with_parameters() {
    let builder: Builder<Robust> = Collector::builder();
    a_stack_is_shared_and_freed(&builder.batch(8).free(Free::AtOnce).build());
}
