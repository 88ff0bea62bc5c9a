//! What a thread has to free: batches that no guard holds any more.

use alloc::boxed::Box;
use core::cell::Cell;
use core::ptr;

use crate::batch::{Batch, List};
use crate::node::Entry;

/// Empty batches that a thread keeps to fill again.
const SPARES: usize = 2;

/// A thread's private queue. Destructors may add to it while one of them runs: a node is out of the
/// queue before its destructor runs.
pub(crate) struct FreeQueue {
    /// The batch whose nodes are freed now, and has one; or null. A raw pointer costs less here:
    /// each node that is freed goes through it.
    current: Cell<*mut Batch>,
    /// Nodes of the current batch when they were last counted.
    from: Cell<usize>,
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
            from: Cell::new(0),
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

    /// Frees nodes until `left` is zero; gives those that a guard protects to `keep`. If a
    /// destructor panics, so does this: its node counts as freed, and the caller goes on with
    /// [`settle`](Self::settle). Neither destructors nor `keep` call this or [`take`](Self::take).
    #[inline(always)]
    pub(crate) fn free(&self, left: &Cell<usize>, keep: impl Fn(Entry)) {
        while left.get() > 0 {
            if self.current.get().is_null() {
                let Some(batch) = take_from(&self.batches) else { return };
                self.current.set(Box::into_raw(batch));
            }
            // SAFETY: the queue owns it, and nobody else uses it during this call.
            let batch = unsafe { &mut *self.current.get() };
            let end = batch.len.saturating_sub(left.get());
            self.from.set(batch.len);
            match batch.kept() {
                0 => {
                    for at in (end..batch.len).rev() {
                        // SAFETY: the last node; nobody else takes one meanwhile. The contract of
                        // `retire`, when no thread can use the node: every link of its batch was
                        // acknowledged, and none for a guard that protects it.
                        unsafe { batch.pop(at).free() };
                    }
                }
                kept => {
                    for at in (end..batch.len).rev() {
                        // SAFETY: as above.
                        let entry = unsafe { batch.pop(at) };
                        if kept >> at & 1 == 0 {
                            // SAFETY: as above.
                            unsafe { entry.free() };
                        } else {
                            keep(entry);
                        }
                    }
                }
            }
            self.settle(left);
        }
    }

    /// Lowers `left` by the nodes that were taken from the current batch since it was last lowered.
    pub(crate) fn settle(&self, left: &Cell<usize>) {
        // SAFETY: null, or the queue's own.
        let Some(batch) = (unsafe { self.current.get().as_ref() }) else { return };
        left.set(left.get() - (self.from.replace(batch.len) - batch.len));
        if batch.len == 0 {
            self.end_current();
        }
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
