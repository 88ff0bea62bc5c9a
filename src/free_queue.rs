//! What a thread has to free: batches that no guard holds any more.

use alloc::boxed::Box;
use core::cell::Cell;
use core::ptr;

use crate::batch::{Batch, List};
use crate::node::Entry;
use crate::sync::{AtomicPtr, Ordering};

/// Empty batches that a thread keeps to fill again.
const SPARES: usize = 2;

/// A thread's queue. Destructors may add to it while one of them runs: a node is out of the queue before
/// its destructor runs. Private, but for the batches that wait, which any flush may take: a thread may
/// sleep for long.
pub(crate) struct FreeQueue {
    /// The batch whose nodes are freed now, and has one; or null. A raw pointer costs less here:
    /// each node that is freed goes through it.
    current: Cell<*mut Batch>,
    /// Nodes of the current batch when they were last counted.
    from: Cell<usize>,
    waiting: Waiting,
    /// How many batches there are, with the current one. Too high after others took some, until the
    /// owner finds none.
    len: Cell<usize>,
    spares: Cell<List>,
    spare: Cell<usize>,
}

impl FreeQueue {
    pub(crate) fn new() -> Self {
        Self {
            current: Cell::new(ptr::null_mut()),
            from: Cell::new(0),
            waiting: Waiting(AtomicPtr::new(ptr::null_mut())),
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
        let mut list = List::default();
        list.add(batch);
        self.waiting.append(list);
        self.len.set(self.len.get() + 1);
    }

    /// Adds all batches of a list.
    pub(crate) fn add_all(&self, mut list: List) {
        let mut added = List::default();
        while let Some(batch) = list.take() {
            if batch.len == 0 {
                self.recycle(batch);
            } else {
                added.add(batch);
                self.len.set(self.len.get() + 1);
            }
        }
        self.waiting.append(added);
    }

    /// Takes what waits in the queue of another thread.
    pub(crate) fn steal(&self) -> List {
        self.waiting.take_all()
    }

    /// Takes a batch as a whole.
    pub(crate) fn take(&self) -> Option<Box<Batch>> {
        let current = self.current.replace(ptr::null_mut());
        let batch = if current.is_null() {
            self.next()?
        } else {
            // SAFETY: came from `Box::into_raw` in `pop`, and is not there any more.
            unsafe { Box::from_raw(current) }
        };
        self.len.set(self.len.get().saturating_sub(1));
        Some(batch)
    }

    /// Takes a batch of which no node is freed yet. May be called while one of another is.
    pub(crate) fn take_whole(&self) -> Option<Box<Batch>> {
        let batch = self.next()?;
        self.len.set(self.len.get().saturating_sub(1));
        Some(batch)
    }

    /// Takes the newest batch that waits.
    fn next(&self) -> Option<Box<Batch>> {
        let batch = self.waiting.take();
        if batch.is_none() {
            self.len.set(usize::from(!self.current.get().is_null()));
        }
        batch
    }

    /// Frees nodes until `left` is zero; gives those that a guard protects to `keep`. If a
    /// destructor panics, so does this: its node counts as freed, and the caller goes on with
    /// [`settle`](Self::settle). Neither destructors nor `keep` call this or [`take`](Self::take).
    #[inline(always)]
    pub(crate) fn free(&self, left: &Cell<usize>, keep: impl Fn(Entry)) {
        while left.get() > 0 {
            if self.current.get().is_null() {
                let Some(batch) = self.next() else { return };
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

/// Batches to free, the newest first: its nodes are the likeliest to be in the cache. The owner adds
/// and takes; others take all. So null stays null until the owner stores again.
struct Waiting(AtomicPtr<Batch>);

impl Waiting {
    fn append(&self, list: List) {
        if !list.is_empty() {
            let mut all = self.take_all();
            all.append(list);
            self.store(all);
        }
    }

    fn take(&self) -> Option<Box<Batch>> {
        let mut all = self.take_all();
        let first = all.take();
        self.store(all);
        first
    }

    fn store(&self, list: List) {
        // Release: what is in the batches, and that nobody uses their nodes any more; pairs with
        // `take_all`.
        let first = list.into_raw();
        if cfg!(kovan_loom) {
            // loom does not know that a store comes after the exchange of another thread which has read
            // what this thread's own exchange had left.
            self.0.swap(first, Ordering::Release);
        } else {
            self.0.store(first, Ordering::Release);
        }
    }

    fn take_all(&self) -> List {
        if self.0.load(Ordering::Relaxed).is_null() {
            return List::default();
        }
        // Acquire: pairs with `store`.
        // SAFETY: null, or from `store`; whoever takes it out owns it.
        unsafe { List::from_raw(self.0.swap(ptr::null_mut(), Ordering::Acquire)) }
    }
}

impl Drop for FreeQueue {
    fn drop(&mut self) {
        while let Some(batch) = self.take() {
            drop(batch);
        }
    }
}
