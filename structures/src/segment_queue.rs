//! A queue of array segments: the FAA array queue of Correia and Ramalhete (2016), of the family of
//! Morrison and Afek's LCRQ (2013).
//!
//! A segment has an array of cells and a counter for each end. An enqueue takes the next cell by a
//! fetch-and-add and fills it; a dequeue takes the next cell at the other end and empties it. Every
//! cell is used once. A dequeue that is at a cell before its enqueue spoils it, and both go on. A
//! segment whose cells were all given out gets a successor, which holds one value from the start,
//! so an enqueue that brings a segment along cannot fail. The segment is the node: one that all
//! dequeues have passed is retired.
//!
//! **When a dequeue finds the queue empty.** It reads the dequeue counter, then the enqueue counter
//! of the head, then the link to the successor. If the first is not less than the second and there
//! is no successor, then at the second read every cell given to an enqueue had been given to a
//! dequeue, which will take its value or spoil it.
//!
//! Whether it is empty is another question: it must not say "no" for an enqueue that has its cell
//! and has not filled it, since a dequeue would spoil the cell and find nothing. So
//! [`is_empty`](SegmentQueue::is_empty) looks at the cells.
//!
//! **What is read is not retired.** The head is not: a segment is retired after the head left it.
//! The tail is not: a dequeue moves the tail off the segment before it moves the head, as in
//! [`ms_queue`](crate::ms_queue), where the published algorithm lets the tail lag behind the head.
//! Successors are compared and linked, but only read as head or tail.
//!
//! Progress: lock-free. An enqueue tries again only if a dequeue spoiled its cell, or others filled
//! the segment; a spoiled cell is paid for by an enqueue, so dequeues that spoil find no more of
//! them.

mod cell;
#[cfg(test)]
mod tests;

use std::mem::replace;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Owned, Reclaimer, Shared, Strength, canary};

use self::cell::{Cell, EMPTY, FULL};
use crate::chain::{self, Link};
use crate::interface::into_iter_of;
use crate::padded::Padded;
use crate::structure::{
    Content, Kind, Nodes, Structure, StructureFacts, debug_with_domain, sequence_operations,
};

/// Cells of a segment.
const CELLS: usize = 32;

struct Segment<T, R: Reclaimer> {
    /// Cells given to enqueues; counts on beyond the last.
    enqueues: Padded<AtomicUsize>,
    /// Cells given to dequeues; counts on beyond the last.
    dequeues: Padded<AtomicUsize>,
    /// Changes once, from null.
    next: Atomic<Segment<T, R>, R>,
    cells: [Cell<T>; CELLS],
}

impl<T, R: Reclaimer> Link<R> for Segment<T, R> {
    fn link(&self) -> &Atomic<Self, R> {
        &self.next
    }
    fn link_mut(&mut self) -> &mut Atomic<Self, R> {
        &mut self.next
    }
}

impl<T, R: Reclaimer> Segment<T, R> {
    /// A segment with at most one value, built where it stays: it may be larger than a stack.
    fn alloc(guard: &Guard<'_, R>, mut first: Option<T>) -> Owned<Self, R> {
        let enqueues = usize::from(first.is_some());
        let build = |at: *mut Self| {
            // SAFETY: `alloc_with` gives the address of a node that is to be initialised.
            unsafe {
                (&raw mut (*at).enqueues).write(Padded(AtomicUsize::new(enqueues)));
                (&raw mut (*at).dequeues).write(Padded(AtomicUsize::new(0)));
                (&raw mut (*at).next).write(Atomic::null());
                let cells = (&raw mut (*at).cells).cast::<Cell<T>>();
                (0..CELLS).for_each(|index| Cell::build(cells.add(index), first.take()));
            }
        };
        // SAFETY: `build` initialises every field.
        unsafe { guard.alloc_with(build) }
    }

    /// The next cell for an enqueue or a dequeue, which the caller alone gets.
    fn next_cell(&self, end: &AtomicUsize) -> Option<&Cell<T>> {
        // Relaxed: gives out the cell; its state orders the value.
        let cell = self.cells.get(end.fetch_add(1, Relaxed));
        canary::pause();
        cell
    }

    /// Returns whether every cell that an enqueue was given was given to a dequeue too, and no segment
    /// follows: see the module.
    fn is_given_out(&self, guard: &Guard<'_, R>) -> bool {
        // Acquire, twice: the reads happen in this order.
        let dequeues = self.dequeues.load(Acquire);
        canary::pause();
        let enqueues = self.enqueues.load(Acquire).min(CELLS);
        dequeues >= enqueues && self.next.load(Acquire, guard).is_null()
    }

    /// The number of cells that an enqueue was given, and no dequeue.
    fn len(&self) -> usize {
        // Acquire, so the dequeues are read first. What was given to dequeues only is spoiled.
        let dequeues = self.dequeues.load(Acquire);
        self.enqueues.load(Acquire).min(CELLS).saturating_sub(dequeues)
    }

    /// Returns whether no value is in a cell that no dequeue was given, and no segment follows.
    fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        loop {
            // Acquire, as all of these loads: they happen in this order.
            let dequeues = self.dequeues.load(Acquire);
            let enqueues = self.enqueues.load(Acquire).min(CELLS);
            let mut states = self.cells.iter().take(enqueues).skip(dequeues).map(Cell::state);
            match states.find(|state| *state != EMPTY) {
                // A cell is empty once, so all these were when the enqueues were read.
                None => return self.next.load(Acquire, guard).is_null(),
                // It was full before any dequeue was given it.
                Some(FULL) if self.dequeues.load(Acquire) == dequeues => return false,
                // A dequeue came between.
                Some(_) => {}
            }
        }
    }
}

/// A lock-free queue in segments. Its operations panic if the guard is of another domain.
///
/// It has no `peek`: an enqueue that was given an earlier cell may fill it at any later time, so that
/// its value comes out before one that a peek has found at the head.
pub struct SegmentQueue<T, R: Reclaimer> {
    domain: Domain<R>,
    head: Padded<Atomic<Segment<T, R>, R>>,
    tail: Padded<Atomic<Segment<T, R>, R>>,
}

impl<T: Send + 'static, R: Reclaimer> SegmentQueue<T, R> {
    /// An empty queue.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        let handle = domain.register();
        let first = Segment::alloc(&handle.pin(), None).into_shared();
        Self {
            domain: domain.clone(),
            head: Padded(Atomic::new(first)),
            tail: Padded(Atomic::new(first)),
        }
    }

    /// Adds `value` at the tail.
    pub fn enqueue(&self, guard: &Guard<'_, R>, mut value: T) {
        self.domain.check(guard);
        let mut shield = guard.shield();
        loop {
            let tail = guard.protect(&mut shield, &self.tail);
            // SAFETY: protected by `shield`: loaded from `tail`, which does not point to retired
            // segments (see the module). Nobody makes mutable references to published ones.
            let Some(last) = (unsafe { tail.deref() }) else { unreachable!("a tail always is") };
            let put = match last.next_cell(&last.enqueues) {
                // SAFETY: given to this enqueue.
                Some(cell) => unsafe { cell.put(value) },
                None => self.append(guard, tail, last, value),
            };
            let Err(back) = put else { return };
            value = back;
        }
    }

    /// Appends a segment with `value` to the tail, or moves the tail if there is one by now.
    fn append<'g>(
        &self,
        guard: &'g Guard<'_, R>,
        tail: Shared<'g, Segment<T, R>, R>,
        last: &Segment<T, R>,
        value: T,
    ) -> Result<(), T> {
        let next = last.next.load(Acquire, guard);
        if !next.is_null() {
            // Not dereferenced. If the CAS succeeds, the tail was still `tail` (protected, so not
            // reused), hence `next` not retired.
            let _ = self.tail.compare_exchange(tail, next, guard);
            return Err(value);
        }
        let new = Segment::alloc(guard, Some(value)).into_shared();
        if last.next.compare_exchange(next, new, guard).is_ok() {
            #[cfg(test)]
            crate::pause::at("segment linked");
            // If it fails, someone has helped.
            let _ = self.tail.compare_exchange(tail, new, guard);
            return Ok(());
        }
        // SAFETY: not null, and the CAS that would have published it failed.
        let mut new = unsafe { new.into_owned() };
        let value = new.value_mut().cells[0].take_exclusive();
        guard.discard(new);
        value.map_or(Ok(()), Err)
    }

    /// Takes the value at the head.
    pub fn dequeue(&self, guard: &Guard<'_, R>) -> Option<T> {
        self.domain.check(guard);
        let mut shield = guard.shield();
        loop {
            let head = guard.protect(&mut shield, &self.head);
            // SAFETY: protected by `shield`: loaded from `head`, which points to no retired
            // segment.
            let Some(first) = (unsafe { head.deref() }) else { unreachable!("a head always is") };
            if first.is_given_out(guard) {
                return None;
            }
            if let Some(cell) = first.next_cell(&first.dequeues) {
                #[cfg(test)]
                crate::pause::at("cell given");
                // SAFETY: given to this dequeue.
                let value = unsafe { cell.take() };
                if value.is_some() {
                    return value;
                }
                continue;
            }
            // All cells of the segment were given to dequeues.
            let next = first.next.load(Acquire, guard);
            if next.is_null() {
                return None;
            }
            // Acquire, and after the head: as in the queue of Michael and Scott, the tail is at
            // `head` or behind it, and only moves forward. Once it is not here, it never is.
            if self.tail.load(Acquire, guard) == head {
                let _ = self.tail.compare_exchange(head, next, guard);
            }
            if self.head.compare_exchange(head, next, guard).is_ok() {
                // SAFETY: 1: not null, allocated in this domain (`check`), and retired by the one
                // who moved the head on. 2: neither head nor tail points to it any more, nor will
                // again; no segment behind them links to it. It holds no value: each cell was
                // given to a dequeue, which takes it under its own protection.
                unsafe { guard.retire(head) };
            }
        }
    }

    /// Counts the values by a walk over the segments. Approximate while others work: a value is counted
    /// from when its enqueue was given a cell until a dequeue is. Where the scheme protects less than a
    /// region it starts again whenever a segment is retired; lock-free.
    #[must_use]
    pub fn len(&self, guard: &Guard<'_, R>) -> usize {
        self.domain.check(guard);
        chain::sum(guard, &self.head, Segment::len)
    }

    /// Returns whether the queue is empty now. Lock-free: it looks again only if a dequeue came between.
    #[must_use]
    pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        self.domain.check(guard);
        let mut shield = guard.shield();
        let head = guard.protect(&mut shield, &self.head);
        // SAFETY: as in `dequeue`.
        unsafe { head.deref() }.is_none_or(|first| first.is_empty(guard))
    }
}

into_iter_of! {
    [T, R: Reclaimer] SegmentQueue<T, R>, T,
    |queue| {
        // SAFETY: exclusive; segments from the head on are not retired. The head is not used any more.
        let nodes = unsafe { chain::take_all(&mut replace(&mut queue.head.0, Atomic::null())) };
        let mut items = Vec::new();
        queue.domain.discard_with(nodes, |mut segment| {
            items.extend(segment.value_mut().cells.iter_mut().filter_map(Cell::take_exclusive));
        });
        items.into_iter()
    }
}

impl<T, R: Reclaimer> Drop for SegmentQueue<T, R> {
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`; segments from the head on are not retired.
        self.domain.discard(unsafe { chain::take_all(&mut self.head.0) });
    }
}

debug_with_domain!(SegmentQueue<T>);

impl<V: Content, R: Reclaimer> Structure<R> for SegmentQueue<V, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "segment-queue",
        kind: Kind::Queue,
        paper: "Correia and Ramalhete, FAAArrayQueue, 2016; after Morrison and Afek, Fast concurrent queues for x86 processors, PPoPP 2013",
        needs: Strength::Pointer,
        restarts: false,
        shields: 2,
        nodes: Nodes { keys_per_node: CELLS as u64, fixed: 1, ..Nodes::ONE_PER_KEY },
    };

    sequence_operations!(enqueue, dequeue);

    fn contains(&self, guard: &Guard<'_, R>, _: u64) -> bool {
        !self.is_empty(guard)
    }

    fn hold_inside(&self, guard: &Guard<'_, R>, _: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let mut shield = guard.shield();
        let _ = guard.protect(&mut shield, &self.head);
        // Of a walk through the segments.
        let mut walk = guard.shield();
        let _ = guard.protect(&mut walk, &self.head);
        inside();
    }

    fn contents(&mut self) -> Vec<u64> {
        let visit = |segment: &Segment<V, R>, _, keys: &mut Vec<_>| {
            // Relaxed: exclusive.
            for cell in segment.cells.iter().filter(|cell| cell.state.load(Relaxed) == FULL) {
                // SAFETY: full, so written; exclusive by `&mut self`.
                keys.push(unsafe { (*cell.value.get()).assume_init_ref() }.word());
            }
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::contents(&self.domain, &mut self.head.0, visit) }
    }
}
