//! Instrumentation, identical for every scheme: owner-written counters per thread.
//!
//! A thread counts in its own padded cell with plain loads and stores; nothing shared is written on
//! a hot path. A free is counted by the thread that frees. The cell of an exiting thread is folded
//! into the totals of its domain.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::atomic::{AtomicU64, fence};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// True if anything is counted. Without it a program can be compared with one that has no counters.
const COUNTED: bool = cfg!(not(feature = "uncounted"));

/// Sums over all threads of a domain, in nodes and in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Nodes allocated.
    pub allocated: u64,
    /// Nodes given to the scheme.
    pub retired: u64,
    /// Retired nodes whose memory was freed.
    pub freed: u64,
    /// Nodes freed without retirement: never published, or owned by a structure being dropped.
    pub dropped: u64,
    /// Destructors that panicked (the node was freed all the same).
    pub panicked: u64,
    /// Bytes of the nodes given to the scheme: the sizes of their allocations, and of the blocks of
    /// their [payloads](crate::Payload).
    pub retired_bytes: u64,
    /// Bytes of the retired nodes whose memory was freed.
    pub freed_bytes: u64,
}

impl Totals {
    /// Nodes retired and not yet freed.
    #[must_use]
    pub fn unreclaimed(&self) -> u64 {
        self.retired.saturating_sub(self.freed)
    }

    /// Bytes of the nodes retired and not yet freed.
    #[must_use]
    pub fn unreclaimed_bytes(&self) -> u64 {
        self.retired_bytes.saturating_sub(self.freed_bytes)
    }

    /// Nodes allocated and neither retired nor dropped.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.allocated.saturating_sub(self.retired + self.dropped)
    }
}

/// One thread's counters. Padded: neighbours must not share its cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Cells {
    allocated: AtomicU64,
    retired: AtomicU64,
    freed: AtomicU64,
    dropped: AtomicU64,
    panicked: AtomicU64,
    retired_bytes: AtomicU64,
    freed_bytes: AtomicU64,
}

/// Owner-written: a load and a store, no read-modify-write. Only the owning thread writes a cell.
#[inline]
fn bump(cell: &AtomicU64, by: u64) {
    if COUNTED {
        cell.store(cell.load(Relaxed) + by, Relaxed);
    }
}

impl Cells {
    #[inline]
    pub(crate) fn count_allocated(&self) {
        bump(&self.allocated, 1);
    }
    #[inline]
    pub(crate) fn count_retired(&self, bytes: usize) {
        bump(&self.retired, 1);
        self.count_retired_bytes(bytes);
    }
    #[inline]
    pub(crate) fn count_retired_bytes(&self, bytes: usize) {
        bump(&self.retired_bytes, bytes as u64);
    }
    #[inline]
    pub(crate) fn count_dropped(&self) {
        bump(&self.dropped, 1);
    }

    /// Returns what the owner has counted.
    #[inline]
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.add_to(&mut totals);
        totals
    }

    fn add_to(&self, totals: &mut Totals) {
        // `retired` before `freed`: a node freed in between makes the difference too small, never
        // too large, so a sample above a bound is a real violation.
        totals.allocated += self.allocated.load(Relaxed);
        totals.retired += self.retired.load(Relaxed);
        totals.freed += self.freed.load(Relaxed);
        totals.dropped += self.dropped.load(Relaxed);
        totals.panicked += self.panicked.load(Relaxed);
        totals.retired_bytes += self.retired_bytes.load(Relaxed);
        totals.freed_bytes += self.freed_bytes.load(Relaxed);
    }
}

/// All counters of a domain.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    live: Vec<Arc<Cells>>,
    /// Sums of the cells of threads that left.
    gone: Totals,
}

impl Registry {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // The lock is held only for additions that cannot leave the sums half-done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register(&self) -> Arc<Cells> {
        let cells = Arc::new(Cells::default());
        self.lock().live.push(Arc::clone(&cells));
        cells
    }

    pub(crate) fn unregister(&self, cells: &Arc<Cells>) {
        let mut inner = self.lock();
        if let Some(at) = inner.live.iter().position(|c| Arc::ptr_eq(c, cells)) {
            inner.live.swap_remove(at);
            cells.add_to(&mut inner.gone);
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let inner = self.lock();
        let mut totals = inner.gone;
        // Two passes, all retirements first: see `add_to`.
        for cells in &inner.live {
            totals.retired += cells.retired.load(Relaxed);
            totals.retired_bytes += cells.retired_bytes.load(Relaxed);
        }
        let Totals { retired, retired_bytes, .. } = totals;
        // Acquire: the second pass after the first, on processors that would read ahead.
        fence(Acquire);
        for cells in &inner.live {
            cells.add_to(&mut totals);
        }
        Totals { retired, retired_bytes, ..totals }
    }
}

thread_local! {
    /// The cells that frees on this thread are counted in: those of the call of a domain that it
    /// is in, or was in last.
    static CURRENT: Cell<*const Cells> = const { Cell::new(ptr::null()) };
}

/// Frees on this thread are counted in these cells from now on: at the beginning of each call of a
/// domain that may free. Nobody sets them back at its end: the next call sets its own, and what runs
/// within a call, a destructor, is in a [`Scope`] of what frees it.
#[inline]
pub(crate) fn count_frees_in(cells: &Cells) {
    // A thread works in one domain mostly.
    if COUNTED && !ptr::eq(CURRENT.get(), cells) {
        CURRENT.set(cells);
    }
}

/// The cells of the call that this thread is in are about to go.
pub(crate) fn count_frees_nowhere() {
    CURRENT.set(ptr::null());
}

/// When it ends, frees on this thread are counted where they were when it began.
pub(crate) struct Scope {
    outer: *const Cells,
}

impl Scope {
    /// Around anything that may call a domain while another call frees.
    #[inline]
    pub(crate) fn enter() -> Self {
        Self { outer: if COUNTED { CURRENT.get() } else { ptr::null() } }
    }
}

impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        if COUNTED {
            CURRENT.set(self.outer);
        }
    }
}

/// Calls `count` with the cells that frees on this thread are counted in.
#[inline]
fn with_current(count: impl FnOnce(&Cells)) {
    if !COUNTED {
        return;
    }
    let cells = CURRENT.get();
    debug_assert!(!cells.is_null(), "a scheme freed a node outside a call of its domain");
    // SAFETY: a scheme frees only inside calls of its domain (`Reclaimer`, clause 2), which begin
    // with `count_frees_in`; whoever called keeps its cells alive, and owns them.
    if let Some(cells) = unsafe { cells.as_ref() } {
        count(cells);
    }
}

/// Counts one free of a node of so many bytes, by the thread that frees.
#[inline]
pub(crate) fn count_freed(bytes: usize, panicked: bool) {
    with_current(|cells| {
        bump(&cells.freed, 1);
        bump(&cells.freed_bytes, bytes as u64);
        if panicked {
            bump(&cells.panicked, 1);
        }
    });
}

/// Counts bytes that a retired node had elsewhere, and that go with it.
pub(crate) fn count_freed_bytes(bytes: usize) {
    with_current(|cells| bump(&cells.freed_bytes, bytes as u64));
}
