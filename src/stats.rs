//! What a collector holds.

use crate::collector::{Collector, Core, Handle};
use crate::mode::Mode;
use crate::sync::Ordering;

/// The state of a collector at some time during [`Collector::stats`]. Nodes are counted when their
/// batch is closed, and when the freeing thread closes one or flushes: with `n` threads at most
/// `2 n` batches are not seen yet, nor what their retirements freed. Exact once every thread has flushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Nodes retired.
    pub retired: u64,
    /// Nodes freed.
    pub freed: u64,
    /// Most threads that were registered at once.
    pub slots: usize,
    /// Threads in a critical section.
    pub pinned: usize,
    /// Lists of idle threads that others have drained.
    pub drains: u64,
}

impl Stats {
    /// Nodes retired and not freed yet.
    #[must_use]
    pub const fn unreclaimed(&self) -> u64 {
        self.retired.saturating_sub(self.freed)
    }
}

impl Core {
    fn stats(&self) -> Stats {
        // Acquire: pairs with the Release of `count`. A free counts after its retirement, so what is
        // freed is read first, of all slots: it is never ahead of what is retired.
        let freed = self.iter().map(|slot| slot.freed.load(Ordering::Acquire)).sum();
        let mut stats = Stats { freed, ..Stats::default() };
        for slot in self.iter() {
            // Relaxed: numbers to look at; nothing is read through them.
            stats.retired += slot.retired.load(Ordering::Relaxed);
            stats.drains += slot.drains.load(Ordering::Relaxed);
            stats.pinned += usize::from(slot.pins.load(Ordering::Relaxed) != 0);
            stats.slots += 1;
        }
        stats
    }
}

impl<M: Mode> Collector<M> {
    /// What it holds. A few loads per thread ever registered; costs others nothing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }
}

impl<M: Mode> Handle<M> {
    /// Flushes and drains idle threads once.
    ///
    /// # Errors
    /// What is left: it waits for guards, this thread's too, or for a thread that has to free it.
    pub fn try_quiesce(&self) -> Result<(), Stats> {
        self.local().drain_idle();
        let stats = self.local().core().stats();
        if stats.unreclaimed() == 0 { Ok(()) } else { Err(stats) }
    }

    /// [`try_quiesce`](Self::try_quiesce), until all that was handed in is freed or `patience` is
    /// over. What lies in the open batches of other threads was not handed in yet; what another
    /// thread has to free, and does not, is waited for.
    ///
    /// # Errors
    /// What was left when `patience` was over.
    #[cfg(feature = "std")]
    pub fn quiesce(&self, patience: std::time::Duration) -> Result<(), Stats> {
        let start = std::time::Instant::now();
        loop {
            match self.try_quiesce() {
                Err(_) if start.elapsed() < patience => std::thread::yield_now(),
                done => return done,
            }
        }
    }
}
