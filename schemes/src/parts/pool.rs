//! A thread's cells, such as hazards: in chunks that are added as shields need them.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::parts::slots::{Lease, Slots};

/// Cells per chunk: of one word each, they fill 128 bytes with what the slot adds.
pub(crate) const CHUNK: usize = if cfg!(kovan_loom) { 1 } else { 14 };

/// Cells side by side, all of one thread.
#[derive(Debug, Default)]
pub(crate) struct Chunk<C>([C; CHUNK]);

/// The cells of all threads of a domain.
pub(crate) type Cells<C> = Slots<Chunk<C>>;

impl<C: Default + Send + Sync + 'static> Cells<C> {
    /// Every cell, in use or not.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &C> {
        self.iter().flat_map(|chunk| &chunk.0)
    }

    /// How many cells there are, in use or not.
    pub(crate) fn count(&self) -> usize {
        self.len() * CHUNK
    }
}

/// The most cells that so many threads come to have with so many in use each.
pub(crate) fn count_for(threads: u64, in_use: u64) -> u64 {
    threads * in_use.div_ceil(CHUNK as u64) * CHUNK as u64
}

/// A thread's cells that nobody uses at the moment. Those who return one leave it empty.
#[derive(Debug)]
pub(crate) struct Pool<C> {
    free: RefCell<Vec<NonNull<C>>>,
    chunks: RefCell<Vec<Lease<Chunk<C>>>>,
    all: Arc<Cells<C>>,
}

impl<C: Default + Send + Sync + 'static> Pool<C> {
    /// A pool without cells yet.
    pub(crate) fn new(all: &Arc<Cells<C>>) -> Self {
        Self { free: RefCell::default(), chunks: RefCell::default(), all: Arc::clone(all) }
    }

    /// A cell for the caller alone.
    #[inline]
    pub(crate) fn take(&self) -> &C {
        let pooled = self.free.borrow_mut().pop();
        let cell = pooled.unwrap_or_else(|| self.grow());
        // SAFETY: in a chunk that this pool leases, and so alive as long as the pool.
        unsafe { cell.as_ref() }
    }

    #[cold]
    fn grow(&self) -> NonNull<C> {
        let chunk = self.all.acquire();
        let mut free = self.free.borrow_mut();
        free.extend(chunk.0[1..].iter().map(NonNull::from));
        let first = NonNull::from(&chunk.0[0]);
        self.chunks.borrow_mut().push(chunk);
        first
    }

    /// Every cell that this pool leases, in use or not.
    pub(crate) fn each(&self, visit: impl FnMut(&C)) {
        self.chunks.borrow().iter().flat_map(|chunk| &chunk.0).for_each(visit);
    }

    /// The cells of all threads.
    pub(crate) fn all(&self) -> &Cells<C> {
        &self.all
    }

    /// Takes a cell back, which must be one of this pool.
    #[inline]
    pub(crate) fn give(&self, cell: &C) {
        self.free.borrow_mut().push(NonNull::from(cell));
    }
}
