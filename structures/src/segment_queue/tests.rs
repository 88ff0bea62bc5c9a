//! Threads that stop at the end of a segment, or at a cell.

use std::rc::Rc;

use kovan_schemes::{Domain, Reclaimer};

use super::*;
use crate::pause::{self, over_each_kind};

/// An enqueuer stops after it has linked its segment and before it moves the tail. The head must
/// not pass the tail.
fn a_slow_tail_is_moved<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let queue = Rc::new(SegmentQueue::<u64, R>::new(&domain));
    let handle = domain.register();
    let others = (Rc::clone(&queue), domain.clone());
    let values = CELLS as u64;
    for value in 0..values {
        queue.enqueue(&handle.pin(), value);
    }
    pause::set("segment linked", move || {
        let (queue, domain) = others;
        let handle = domain.register();
        let guard = handle.pin();
        for value in 0..=values {
            assert_eq!(queue.dequeue(&guard), Some(value));
        }
        assert_eq!(queue.dequeue(&guard), None);
        let head = queue.head.load(Acquire, &guard);
        assert_eq!(queue.tail.load(Acquire, &guard), head, "the tail is where nodes are retired");
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

/// An enqueuer stops before its cell is full; a dequeuer finds an older value gone, spoils the
/// cell, and finds the queue empty. The value must go elsewhere, once.
fn a_spoiled_cell_is_left<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let queue = Rc::new(SegmentQueue::<Box<u64>, R>::new(&domain));
    let handle = domain.register();
    let others = (Rc::clone(&queue), domain.clone());
    pause::set("cell written", move || {
        let (queue, domain) = others;
        let handle = domain.register();
        assert_eq!(queue.dequeue(&handle.pin()), None);
        assert!(queue.is_empty(&handle.pin()));
    });
    queue.enqueue(&handle.pin(), Box::new(7));
    assert!(pause::done());
    assert_eq!(queue.dequeue(&handle.pin()), Some(Box::new(7)));
    assert_eq!(queue.dequeue(&handle.pin()), None);
}

#[test]
fn spoiled_cells_are_left() {
    over_each_kind!(a_spoiled_cell_is_left);
}

/// Beside an enqueuer that stops before its cell is full, the queue is empty if no other value is
/// there: a dequeue finds nothing then, with no operation between.
fn an_unfilled_cell_is_no_value<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let queue = Rc::new(SegmentQueue::<u64, R>::new(&domain));
    let handle = domain.register();
    let others = (Rc::clone(&queue), domain.clone());
    pause::set("cell written", move || {
        let (queue, domain) = others;
        let handle = domain.register();
        assert!(queue.is_empty(&handle.pin()));
        queue.enqueue(&handle.pin(), 2);
        assert!(!queue.is_empty(&handle.pin()), "a full cell behind one that is not");
        assert_eq!(queue.dequeue(&handle.pin()), Some(2));
        assert_eq!(queue.dequeue(&handle.pin()), None);
        assert!(queue.is_empty(&handle.pin()));
    });
    queue.enqueue(&handle.pin(), 1);
    assert!(pause::done());
    assert!(!queue.is_empty(&handle.pin()));
    assert_eq!(queue.dequeue(&handle.pin()), Some(1));
}

#[test]
fn unfilled_cells_are_no_values() {
    over_each_kind!(an_unfilled_cell_is_no_value);
}

/// A dequeuer stops at the cell it was given, while others take the rest of the segment and
/// more, and the segment is retired.
fn a_slow_dequeue_keeps_its_cell<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let queue = Rc::new(SegmentQueue::<Box<u64>, R>::new(&domain));
    let handle = domain.register();
    let others = (Rc::clone(&queue), domain.clone());
    for value in 0..2 * CELLS as u64 {
        queue.enqueue(&handle.pin(), Box::new(value));
    }
    pause::set("cell given", move || {
        let (queue, domain) = others;
        let handle = domain.register();
        for value in 1..2 * CELLS as u64 {
            assert_eq!(queue.dequeue(&handle.pin()), Some(Box::new(value)));
        }
        assert_eq!(domain.meter().totals().retired, 1);
        handle.flush();
    });
    assert_eq!(queue.dequeue(&handle.pin()), Some(Box::new(0)));
    assert!(pause::done());
    assert_eq!(queue.dequeue(&handle.pin()), None);
}

#[test]
fn slow_dequeues_keep_their_cells() {
    over_each_kind!(a_slow_dequeue_keeps_its_cell);
}
