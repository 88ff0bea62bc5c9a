//! Programs written for the published crate of this name, with its header in each node or without.
#![cfg(feature = "std")]
#![allow(clippy::undocumented_unsafe_blocks)] // As its users write it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

mod common;

use common::Counted;
use kovan::{
    Atom, AtomGuard, AtomMap, AtomMapGuard, AtomOption, Atomic, CachePadded, Guard, NodeBox,
    Ordering, Reclaimable, Removed, RetiredNode, Shared, alloc_node, alloc_node_uninit, drop_node,
    flush, free_node, pin, retire, retire_node, retire_reclaimable,
};

/// Waits until `drops` reaches `expected`: other tests of this process hold guards now and then.
fn assert_dropped(drops: &AtomicUsize, expected: usize) {
    for _ in 0..10_000 {
        flush();
        if drops.load(SeqCst) == expected {
            return;
        }
        thread::yield_now();
    }
    assert_eq!(drops.load(SeqCst), expected);
}

#[test]
fn a_stack_with_embedded_headers() {
    #[repr(C)]
    struct Node {
        retired: RetiredNode,
        value: Counted,
        next: Atomic<Node>,
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let head: Atomic<Node> = Atomic::null();
    let push = || {
        let guard: Guard = pin();
        let node = alloc_node(Node {
            retired: RetiredNode::new(),
            value: Counted(Arc::clone(&drops)),
            next: Atomic::null(),
        });
        loop {
            let now = head.load(Ordering::Acquire, &guard);
            unsafe { &*node }.next.store(now, Ordering::Relaxed);
            let new = unsafe { Shared::from_raw(node) };
            let done =
                head.compare_exchange_weak(now, new, Ordering::AcqRel, Ordering::Acquire, &guard);
            if done.is_ok() {
                return;
            }
        }
    };
    let pop = || {
        let guard = pin();
        loop {
            let now = head.load(Ordering::Acquire, &guard);
            let Some(node) = (unsafe { now.as_ref() }) else { return false };
            let next = unsafe { node.next.load_unprotected(Ordering::Acquire, &guard) };
            if head.compare_exchange(now, next, Ordering::AcqRel, Ordering::Acquire, &guard).is_ok()
            {
                unsafe { retire_node(now.as_raw()) };
                return true;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    push();
                    assert!(pop());
                }
            });
        }
    });
    assert!(!pop());
    assert_dropped(&drops, 20_000);
}

#[test]
fn plain_boxes() {
    let drops = Arc::new(AtomicUsize::new(0));
    let cell = Atomic::new(Box::into_raw(Box::new(Counted(Arc::clone(&drops)))));
    let guard = pin();
    let old =
        cell.swap(unsafe { Shared::from_raw(std::ptr::null_mut()) }, Ordering::AcqRel, &guard);
    assert_eq!(unsafe { old.deref() }.0.load(SeqCst), 0);
    unsafe { retire(old.as_raw()) };
    drop(guard);
    assert_dropped(&drops, 1);
}

#[test]
fn nodes_that_go_to_a_pool() {
    static POOLED: AtomicUsize = AtomicUsize::new(0);
    struct Node {
        retired: RetiredNode,
        value: u64,
    }
    unsafe impl Reclaimable for Node {
        fn retired_node(&self) -> &RetiredNode {
            &self.retired
        }
        fn retired_node_mut(&mut self) -> &mut RetiredNode {
            &mut self.retired
        }
        unsafe fn dealloc(pointer: *mut Self) {
            POOLED.fetch_add(1, SeqCst);
            unsafe { drop_node(pointer) };
        }
    }
    let mut node = NodeBox::new(Node { retired: RetiredNode::new(), value: 1 });
    node.value += 1;
    let _ = (node.retired_node(), node.value);
    let _ = node.retired_node_mut();
    unsafe { retire_reclaimable(NodeBox::into_raw(node)) };
    assert_dropped(&POOLED, 1);
    let uninit = alloc_node_uninit::<Node>();
    unsafe { free_node(uninit.cast::<Node>()) };
    drop(unsafe { NodeBox::from_raw(alloc_node(CachePadded::new(3_u8))) });
    assert_eq!(size_of::<CachePadded<u8>>(), 128);
    assert_eq!(*CachePadded::from(4), CachePadded::new(4).into_inner());
}

#[test]
fn an_atom_is_read_replaced_and_projected() {
    let atom = Atom::new((1, String::from("one")));
    let seen: AtomGuard<'_, _> = atom.load();
    let removed: Removed<_> = atom.swap((2, String::from("two")));
    assert_eq!((seen.0, removed.0, atom.peek(|pair| pair.0)), (1, 1, 2));
    assert!(removed == (1, String::from("one")));
    drop(removed);
    assert_eq!(seen.1, "one", "the guard holds what was removed and dropped");
    let names: AtomMap<'_, _, String, _> = atom.map(|pair| &pair.1);
    let name: AtomMapGuard<'_, _, _, _> = names.load();
    atom.store((3, String::from("three")));
    assert_eq!((name.as_str(), names.load().as_str()), ("two", "three"));
    drop((name, seen));
    atom.rcu(|(number, name)| (number + 1, format!("after {name}")));
    assert_eq!(atom.load_clone(), (4, String::from("after three")));
    assert_eq!(atom.into_inner().0, 4);
    assert_eq!(*Atom::<u8>::from(5).load() + *Atom::<u8>::default().load(), 5);
}

#[test]
fn compare_and_swap_compares_identity_and_gives_back_what_it_rejects() {
    let atom = Atom::new(1);
    let first = atom.load();
    assert_eq!(*atom.compare_and_swap(&first, 2).unwrap(), 2);
    atom.store(1);
    assert_eq!(atom.compare_and_swap(&first, 3).unwrap_err(), 3, "equal, but not the same");
    assert_eq!(*atom.load(), 1);
}

#[test]
fn an_option_is_filled_and_emptied() {
    let drops = Arc::new(AtomicUsize::new(0));
    let option = AtomOption::none();
    assert!(option.is_none() && option.load().is_none() && option.take().is_none());
    option.store_some(Counted(Arc::clone(&drops)));
    assert!(option.is_some() && option.load().is_some());
    option.store_some(Counted(Arc::clone(&drops)));
    assert_dropped(&drops, 1);
    let taken = option.take().unwrap();
    let value = unsafe { taken.into_inner_unchecked() };
    assert_eq!(drops.load(SeqCst), 1);
    drop(value);
    option.store_some(Counted(Arc::clone(&drops)));
    option.store_none();
    assert_dropped(&drops, 3);
    drop(AtomOption::some(Counted(Arc::clone(&drops))));
    assert_eq!(drops.load(SeqCst), 4);
}

#[test]
fn concurrent_updates_are_neither_lost_nor_leaked() {
    let drops = Arc::new(AtomicUsize::new(0));
    let atom = Atom::new((0_usize, Counted(Arc::clone(&drops))));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    atom.rcu(|(count, _)| (count + 1, Counted(Arc::clone(&drops))));
                }
            });
            scope.spawn(|| {
                let mut last = 0;
                for _ in 0..5000 {
                    let now = atom.load().0;
                    assert!(now >= last);
                    last = now;
                }
            });
        }
    });
    assert_eq!(atom.load().0, 20_000);
    // Each rejected attempt is dropped too: at least one drop per replaced value.
    let made = Arc::strong_count(&drops);
    drop(atom);
    for _ in 0..10_000 {
        flush();
        if Arc::strong_count(&drops) == 1 {
            break;
        }
        thread::yield_now();
    }
    assert_eq!(Arc::strong_count(&drops), 1, "of {made} that were alive");
    assert!(drops.load(SeqCst) > 20_000);
}

#[test]
fn auto_traits_are_those_of_the_published_crate() {
    fn shared<T: Send + Sync>() {}
    shared::<Atom<String>>();
    shared::<AtomOption<String>>();
    shared::<Removed<String>>();
    shared::<Atomic<String>>();
    shared::<RetiredNode>();
    shared::<NodeBox<String>>();
    shared::<CachePadded<String>>();
}
