//! What a collector holds.

use crate::collector::{Collector, Core, Handle};
use crate::mode::Mode;
use crate::sync::{AtomicU64, Ordering};

/// What one thread has done, with one writer at a time.
pub(crate) struct Counts {
    /// Nodes in batches that this thread published, less those that it has retired again.
    pub(crate) retired: AtomicU64,
    /// Nodes that it has freed.
    pub(crate) freed: AtomicU64,
    /// Lists that it has drained, mostly those of others.
    pub(crate) drains: AtomicU64,
}

impl Counts {
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { retired: zero(), freed: zero(), drains: zero() }
    }
}

/// Adds to a count of this thread: no read-modify-write. Counts wrap, and so does their sum.
pub(crate) fn count(counter: &AtomicU64, more: u64) {
    // Release: what was retired was counted before it is counted as freed; pairs with `stats`.
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Release);
}

/// The state of a collector at some time during [`Collector::stats`]. Exact if no thread retires or
/// frees meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Nodes retired, those in open batches too.
    pub retired: u64,
    /// Nodes freed.
    pub freed: u64,
    /// Nodes in open batches: a thread has retired them and not handed them in yet, since its
    /// batch is not full and it has not flushed.
    pub open: u64,
    /// Threads that are registered.
    pub threads: usize,
    /// Threads in a critical section.
    pub pinned: usize,
    /// Lists that threads have drained, mostly those of others.
    pub drains: u64,
}

impl Stats {
    /// Returns the nodes that are retired and not freed yet.
    #[must_use]
    pub const fn unreclaimed(&self) -> u64 {
        self.retired.saturating_sub(self.freed)
    }

    /// Returns the nodes that were handed in and are not freed yet: those that wait for a guard, or
    /// for the thread that is to free them.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.unreclaimed().saturating_sub(self.open)
    }
}

impl Core {
    fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        // Acquire: pairs with the Release of `count`. A free counts after its retirement, so what
        // is freed is read first, of all threads: it is never ahead of what is retired.
        for Counts { freed, .. } in self.locals.all().map(|local| &local.counts) {
            stats.freed = stats.freed.wrapping_add(freed.load(Ordering::Acquire));
        }
        for counts in self.locals.all().map(|local| &local.counts) {
            // Relaxed: numbers to look at; nothing is read through them.
            stats.retired = stats.retired.wrapping_add(counts.retired.load(Ordering::Relaxed));
            stats.drains += counts.drains.load(Ordering::Relaxed);
        }
        for local in self.locals.iter() {
            stats.open += local.open.len() as u64;
            stats.threads += 1;
            stats.pinned += usize::from(!local.slot.pinned.is_outside());
        }
        // A node that is retired again is not in the sum until its batch is published, so the
        // difference may be below zero for a moment, and then wraps to more than any program retires.
        let unreclaimed = stats.retired.wrapping_add(stats.open).wrapping_sub(stats.freed);
        let unreclaimed = if unreclaimed > u64::MAX / 2 { 0 } else { unreclaimed };
        stats.retired = stats.freed.wrapping_add(unreclaimed);
        stats
    }
}

impl<M: Mode> Collector<M> {
    /// Returns what it holds. Takes a few loads for each of the most threads that were registered at
    /// once, and costs other threads nothing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }
}

impl<M: Mode> Handle<M> {
    /// [Flushes](Self::flush), and says whether all that was handed in is freed.
    ///
    /// # Errors
    /// What is left: [`Stats::waiting`] nodes wait for guards, this thread's too, or for a thread
    /// that has to free them.
    ///
    /// # Panics
    /// As [`flush`](crate::flush).
    pub fn try_quiesce(&self) -> Result<(), Stats> {
        self.flush();
        let mut stats = self.local().core().stats();
        // What a guard held, or what destructors have retired, is in this thread's open batch by now,
        // and the next flush hands it in.
        stats.open -= self.local().open.len() as u64;
        if stats.waiting() == 0 { Ok(()) } else { Err(stats) }
    }

    /// Repeats [`try_quiesce`](Self::try_quiesce) until all that was handed in is freed or `timeout`
    /// is over. What lies in the open batches of other threads was not handed in yet
    /// ([`Stats::open`]); what another thread has to free, and does not, is waited for.
    ///
    /// # Errors
    /// What was left when `timeout` was over.
    ///
    /// # Panics
    /// As [`flush`](crate::flush).
    #[cfg(feature = "std")]
    pub fn quiesce(&self, timeout: std::time::Duration) -> Result<(), Stats> {
        let start = std::time::Instant::now();
        loop {
            match self.try_quiesce() {
                Err(_) if start.elapsed() < timeout => std::thread::yield_now(),
                done => return done,
            }
        }
    }
}
