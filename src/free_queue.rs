//! What a thread has to free: batches that no guard holds any more.

use alloc::boxed::Box;
use core::cell::Cell;
use core::ptr;

use crate::batch::{Batch, List};
use crate::node::Entry;

/// Empty batches that a thread keeps to fill again.
const SPARES: usize = 2;

/// A thread's private queue. Destructors may come back here while one of them runs: a node is out
/// of the queue before its destructor runs.
pub(crate) struct FreeQueue {
    /// The batch whose nodes are freed now, and has one; or null. A raw pointer costs less here:
    /// each node that is freed goes through it.
    current: Cell<*mut Batch>,
    /// Batches to free, the newest first: its nodes are the likeliest to be in the cache.
    batches: Cell<List>,
    /// How many batches there are, with the current one.
    len: Cell<usize>,
    spares: Cell<List>,
    spare: Cell<usize>,
}

impl FreeQueue {
    pub(crate) fn new() -> Self {
        Self {
            current: Cell::new(ptr::null_mut()),
            batches: Cell::default(),
            len: Cell::new(0),
            spares: Cell::default(),
            spare: Cell::new(0),
        }
    }

    /// Returns how many batches wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// Adds a batch that no thread can use any more.
    pub(crate) fn add(&self, batch: Box<Batch>) {
        if batch.len == 0 {
            return self.recycle(batch);
        }
        add_to(&self.batches, batch);
        self.len.set(self.len.get() + 1);
    }

    /// Adds all batches of a list.
    pub(crate) fn add_all(&self, mut list: List) {
        while let Some(batch) = list.take() {
            self.add(batch);
        }
    }

    /// Takes a batch as a whole.
    pub(crate) fn take(&self) -> Option<Box<Batch>> {
        let current = self.current.replace(ptr::null_mut());
        let batch = if current.is_null() {
            take_from(&self.batches)?
        } else {
            // SAFETY: came from `Box::into_raw` in `pop`, and is not there any more.
            unsafe { Box::from_raw(current) }
        };
        self.len.set(self.len.get() - 1);
        Some(batch)
    }

    /// Takes a node, and whether a guard protects it.
    #[inline]
    pub(crate) fn pop(&self) -> Option<(Entry, bool)> {
        let mut current = self.current.get();
        if current.is_null() {
            current = Box::into_raw(take_from(&self.batches)?);
            self.current.set(current);
        }
        // SAFETY: the queue owns it, and nobody else has a reference.
        let batch = unsafe { &mut *current };
        let node = batch.pop();
        if batch.len == 0 {
            self.end_current();
        }
        node
    }

    #[cold]
    fn end_current(&self) {
        if let Some(batch) = self.take() {
            self.recycle(batch);
        }
    }

    /// Returns an empty batch.
    pub(crate) fn spare(&self) -> Box<Batch> {
        let Some(batch) = take_from(&self.spares) else { return Batch::new() };
        self.spare.set(self.spare.get() - 1);
        batch
    }

    fn recycle(&self, batch: Box<Batch>) {
        if self.spare.get() < SPARES {
            add_to(&self.spares, batch);
            self.spare.set(self.spare.get() + 1);
        }
    }

    /// Frees the spare batches.
    pub(crate) fn drop_spares(&self) {
        self.spare.set(0);
        drop(self.spares.take());
    }
}

fn add_to(cell: &Cell<List>, batch: Box<Batch>) {
    let mut list = cell.take();
    list.add(batch);
    cell.set(list);
}

fn take_from(cell: &Cell<List>) -> Option<Box<Batch>> {
    let mut list = cell.take();
    let batch = list.take();
    cell.set(list);
    batch
}

impl Drop for FreeQueue {
    fn drop(&mut self) {
        while let Some(batch) = self.take() {
            drop(batch);
        }
    }
}
