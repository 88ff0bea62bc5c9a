//! Eras: a clock that allocations drive, the eras of a node's life, and the eras in use.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::node::Node;
use crate::parts::limbo::{Erased, Garbage};

/// Allocations of one thread per step of the clock.
pub(crate) const FREQUENCY: u64 = 128;

/// The era clock of a domain, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Clock {
    era: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        // 0 is no era, so that an empty reservation can be zero.
        Self { era: AtomicU64::new(1) }
    }
}

impl Clock {
    /// The era. Acquire: pairs with the step, so that what came before a step is before us.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// The era in which a node unlinked before this call is retired.
    ///
    /// SeqCst fence: between the unlink and both the read of the clock and the later reads of the
    /// reservations; pairs with the fence of a reader between its reservation and its load. If the
    /// reader's is first, this era is not before the one it reserved, and each later scan sees the
    /// reservation; if ours is first, the reader's load sees the unlink.
    #[inline]
    pub(crate) fn retirement(&self) -> u64 {
        fence(Ordering::SeqCst);
        self.now()
    }

    /// One step, if nobody else made it since `from` was read.
    pub(crate) fn step(&self, from: u64) {
        // Release: what was done for the step is before whoever reads the new era.
        let _ = self.era.compare_exchange(from, from + 1, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Counts a thread's allocations.
#[derive(Debug, Default)]
pub(crate) struct Births(Cell<u64>);

impl Births {
    /// Counts one. Returns whether a step of the clock is due.
    #[inline]
    pub(crate) fn count(&self) -> bool {
        let count = self.0.get() + 1;
        self.0.set(count);
        count.is_multiple_of(FREQUENCY)
    }
}

/// The eras of a retired node's life, both inclusive. The birth was read before the node was
/// published, the retirement after it was unlinked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    birth: u64,
    retired: u64,
}

impl Garbage<Life> {
    /// A node with its birth era in its header, retired now.
    ///
    /// # Safety
    /// The clauses of `Reclaimer::retire`, for a node with the header that this clock gave.
    #[inline]
    pub(crate) unsafe fn retired<T: Send + 'static>(
        node: *mut Node<T, u64>,
        clock: &Clock,
    ) -> Self {
        // SAFETY: retired and not freed yet: the node is alive.
        let birth = unsafe { (*node).header };
        Self { node: Erased::new(node), stamp: Life { birth, retired: clock.retirement() } }
    }
}

/// A snapshot of the intervals of eras that threads reserved.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    /// By their first era; the second number is the greatest last era so far.
    intervals: Vec<(u64, u64)>,
}

impl Reserved {
    /// Of `(first, last)` pairs. Empty ones have a first era after their last, or none (0).
    pub(crate) fn new(intervals: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut intervals: Vec<_> = intervals.filter(|&(_, last)| last != 0).collect();
        intervals.sort_unstable();
        let mut greatest = 0;
        for (_, last) in &mut intervals {
            greatest = greatest.max(*last);
            *last = greatest;
        }
        Self { intervals }
    }

    /// Whether a node of this life was alive in a reserved era.
    pub(crate) fn meets(&self, life: &Life) -> bool {
        let begun = self.intervals.partition_point(|&(first, _)| first <= life.retired);
        begun > 0 && life.birth <= self.intervals[begun - 1].1
    }
}
