//! The batch that a thread is filling.

use alloc::boxed::Box;
use core::cell::Cell;
use core::ptr;

use crate::batch::Batch;
use crate::node::Entry;
use crate::sync::{AtomicPtr, Ordering};

/// Written by its owner only. The pointers are atomic so that others can count the nodes.
pub(crate) struct OpenBatch {
    /// Where the next node goes.
    cursor: AtomicPtr<Entry>,
    /// Where the cursor is when the next node takes the slow path.
    stop: Cell<*mut Entry>,
    /// Null if there is no batch: then cursor and stop are null, too.
    batch: AtomicPtr<Batch>,
}

impl OpenBatch {
    pub(crate) fn new() -> Self {
        Self {
            cursor: AtomicPtr::new(ptr::null_mut()),
            stop: Cell::new(ptr::null_mut()),
            batch: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Adds a node, unless it must take the slow path: then gives it back.
    #[inline(always)]
    pub(crate) fn try_push(&self, entry: Entry) -> Result<(), Entry> {
        let cursor = self.cursor.load(Ordering::Relaxed);
        if cursor == self.stop.get() {
            return Err(entry);
        }
        // SAFETY: `stop` is ahead of the cursor, and in the batch, which this thread owns.
        unsafe { cursor.write(entry) };
        // Relaxed: others only count.
        self.cursor.store(cursor.wrapping_add(1), Ordering::Relaxed);
        Ok(())
    }

    /// Adds a node to a batch that has room: `empty()`, if there is none. Returns how many nodes it
    /// has now. The next node takes the slow path, unless [`allow`](Self::allow) lets it not.
    #[inline(always)]
    pub(crate) fn push(&self, entry: Entry, empty: impl FnOnce() -> Box<Batch>) -> usize {
        let mut batch = self.batch.load(Ordering::Relaxed);
        if batch.is_null() {
            batch = Box::into_raw(empty());
            self.begin(batch);
        }
        let cursor = self.cursor.load(Ordering::Relaxed);
        // SAFETY: batches are closed when they are full, so there is room.
        unsafe { cursor.write(entry) };
        let next = cursor.wrapping_add(1);
        self.cursor.store(next, Ordering::Relaxed);
        self.stop.set(next);
        len(batch, next)
    }

    /// Lets so many nodes come without the slow path, after a push.
    #[inline(always)]
    pub(crate) fn allow(&self, nodes: usize) {
        self.stop.set(self.stop.get().wrapping_add(nodes));
    }

    /// Makes the next node take the slow path.
    pub(crate) fn stop(&self) {
        self.stop.set(self.cursor.load(Ordering::Relaxed));
    }

    fn begin(&self, batch: *mut Batch) {
        let entries = if batch.is_null() { ptr::null_mut() } else { Batch::entries(batch) };
        self.stop.set(entries);
        self.cursor.store(entries, Ordering::Relaxed);
        self.batch.store(batch, Ordering::Relaxed);
    }

    /// Returns how many nodes there are. A guess, unless the owner asks or does nothing meanwhile.
    pub(crate) fn len(&self) -> usize {
        let batch = self.batch.load(Ordering::Relaxed);
        if batch.is_null() {
            return 0;
        }
        len(batch, self.cursor.load(Ordering::Relaxed))
    }

    /// Takes the batch, if it has a node.
    pub(crate) fn take(&self) -> Option<Box<Batch>> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        let batch = self.batch.load(Ordering::Relaxed);
        self.begin(ptr::null_mut());
        // SAFETY: came from `Box::into_raw` in `push`, and is not used through the cursor any more.
        let mut batch = unsafe { Box::from_raw(batch) };
        batch.len = len;
        Some(batch)
    }
}

fn len(batch: *mut Batch, cursor: *mut Entry) -> usize {
    cursor.addr().wrapping_sub(Batch::entries(batch).addr()) / size_of::<Entry>()
}
