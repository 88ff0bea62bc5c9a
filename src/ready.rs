//! What a thread has to free: batches whose last acknowledgement was its own.

use alloc::boxed::Box;
use core::cell::Cell;

use crate::batch::{Batch, Entry, List};
use crate::unwind::{Panic, catch, discard};

/// Empty batches that a thread keeps to fill again.
const SPARES: usize = 2;

/// A thread's private queue. Destructors may come back here while one of them runs.
#[derive(Default)]
pub(crate) struct Ready {
    /// Batches to free, the newest first: its nodes are the likeliest to be in the cache.
    batches: Cell<List>,
    len: Cell<usize>,
    spares: Cell<List>,
    spare: Cell<usize>,
    /// Whether a destructor of this thread runs: then nested calls leave their work to it.
    busy: Cell<bool>,
    freed: Cell<u64>,
}

/// Ends `busy` when a destructor panics, too.
struct Busy<'a>(&'a Cell<bool>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Ready {
    /// Batches that wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// Nodes freed since the last call.
    pub(crate) fn take_freed(&self) -> u64 {
        self.freed.take()
    }

    /// Adds a batch that no thread can use any more.
    pub(crate) fn add(&self, batch: Box<Batch>) {
        add_to(&self.batches, batch);
        self.len.set(self.len.get() + 1);
    }

    /// An empty batch.
    #[cold]
    pub(crate) fn spare(&self, capacity: usize) -> Box<Batch> {
        let Some(batch) = take_from(&self.spares) else { return Batch::new(capacity) };
        self.spare.set(self.spare.get() - 1);
        batch
    }

    /// Frees at most so many nodes. Does nothing inside of a destructor: destructors that retire
    /// do not recurse. If a destructor panics, so does this; its node counts as freed.
    pub(crate) fn free(&self, nodes: usize) {
        if self.busy.replace(true) {
            return;
        }
        let _busy = Busy(&self.busy);
        for _ in 0..nodes {
            let Some(entry) = self.next() else { break };
            self.freed.set(self.freed.get() + 1);
            // SAFETY: contract of `retire`: the function fits the pointer and runs once, when no
            // thread can use the node: every link of its batch was acknowledged.
            unsafe { (entry.free)(entry.pointer) };
        }
    }

    /// Frees everything. A panicking destructor does not keep the others from running; the first
    /// panic is returned.
    pub(crate) fn free_all(&self) -> Option<Panic> {
        let mut first = None;
        loop {
            match catch(|| self.free(usize::MAX)) {
                Ok(()) => return first,
                Err(panic) if first.is_none() => first = Some(panic),
                Err(panic) => discard(Some(panic)),
            }
        }
    }

    fn next(&self) -> Option<Entry> {
        let mut batch = take_from(&self.batches)?;
        let entry = batch.entries.pop();
        if batch.entries.is_empty() {
            self.len.set(self.len.get() - 1);
            self.keep(batch);
        } else {
            add_to(&self.batches, batch);
        }
        entry
    }

    fn keep(&self, batch: Box<Batch>) {
        if self.spare.get() < SPARES {
            add_to(&self.spares, batch);
            self.spare.set(self.spare.get() + 1);
        }
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
