//! Eras: a clock that allocations drive, the eras of a node's life, and the eras in use.

use std::sync::Arc;

use crate::facts::BoundInput;
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::every::Every;
use crate::parts::limbo::{self, Erased, Garbage, Limbo, Orphans, Threshold};
use crate::sync::{AtomicU64, Ordering, fence};

/// Allocations of one thread per step of the clock.
pub(crate) const FREQUENCY: Parameter = Parameter {
    name: "era_frequency",
    unit: "allocations",
    default: if cfg!(kovan_loom) { 1 } else { 128 },
    min: 1,
    max: 1_000_000,
    description: "The era clock advances each time one thread has made this many allocations, however \
                  many threads there are.",
    source: "Wen et al., Interval-based memory reclamation, PPoPP 2018, sec. 3 (their harness: epochf)",
};

/// The threshold of schemes that scan eras; its default grows.
pub(crate) const THRESHOLD: Parameter = Parameter {
    default: if cfg!(kovan_loom) { 1 } else { 128 },
    source: "Wen et al., Interval-based memory reclamation, PPoPP 2018, sec. 3 (their harness: emptyf)",
    ..Threshold::PARAMETER
};

/// The most nodes that are born in one era, before some handle makes the step, with two for each handle
/// that are on their way in or out.
pub(crate) fn born_in_an_era(input: &BoundInput, parameters: &Parameters) -> u64 {
    input.all_handles() * (parameters.value(&FREQUENCY) + 2)
}

/// The most nodes that are alive at some time of one era: those live when it begins, and its own.
pub(crate) fn alive_in_an_era(input: &BoundInput, parameters: &Parameters) -> u64 {
    input.live + born_in_an_era(input, parameters)
}

/// The most nodes that wait on all lists for the next scan of each, where so many reservations exist.
pub(crate) fn waiting(input: &BoundInput, parameters: &Parameters, reservations: u64) -> u64 {
    limbo::waiting(input, Threshold::growing(parameters, &THRESHOLD).of(reservations))
}

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

/// A thread's view of the era clock, and its count of allocations, which move the clock.
#[derive(Debug)]
pub(crate) struct Births {
    clock: Arc<Clock>,
    count: Every,
}

impl Births {
    /// A view of a domain's clock.
    pub(crate) fn new(clock: &Arc<Clock>, parameters: &Parameters) -> Self {
        Self { clock: Arc::clone(clock), count: Every::new(parameters.value(&FREQUENCY)) }
    }

    /// The era.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// The birth of a node that is about to be allocated, and counted. Read before the node can be
    /// published: too early an era keeps it for longer, too late a one frees it in use.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        let now = self.now();
        if self.count.count() {
            self.clock.step(now);
        }
        now
    }
}

impl Drop for Births {
    /// As in [`Thread::end_births`].
    fn drop(&mut self) {
        if self.count.has_begun() {
            self.clock.step(self.now());
        }
    }
}

/// The eras of a retired node's life, both inclusive. The birth was read before the node was
/// published, the retirement after it was unlinked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    birth: u64,
    retired: u64,
}

/// A snapshot of the intervals of eras that threads reserved.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    /// The intervals, by their first era; the second number is the greatest last era so far.
    intervals: Vec<(u64, u64)>,
}

impl Reserved {
    /// Takes `(first, last)` pairs. Those with no last (0), or one before the first, are empty.
    pub(crate) fn new(intervals: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut intervals: Vec<_> =
            intervals.filter(|&(first, last)| first <= last && last != 0).collect();
        intervals.sort_unstable();
        let mut greatest = 0;
        for (_, last) in &mut intervals {
            greatest = greatest.max(*last);
            *last = greatest;
        }
        Self { intervals }
    }

    /// Returns whether a node of this life was alive in a reserved era.
    pub(crate) fn meets(&self, life: &Life) -> bool {
        let begun = self.intervals.partition_point(|&(first, _)| first <= life.retired);
        begun > 0 && life.birth <= self.intervals[begun - 1].1
    }
}

/// What a thread of an era scheme has besides its reservations. `S` is what it keeps of a retired node.
#[derive(Debug)]
pub(crate) struct Thread<S: Send = Life> {
    pub(crate) clock: Arc<Clock>,
    births: Every,
    threshold: Threshold,
    limbo: Limbo<S>,
}

impl<S: Send> Thread<S> {
    pub(crate) fn new(
        clock: &Arc<Clock>,
        orphans: &Arc<Orphans<S>>,
        parameters: &Parameters,
    ) -> Self {
        let threshold = Threshold::growing(parameters, &THRESHOLD);
        let births = Every::new(parameters.value(&FREQUENCY));
        let limbo = Limbo::new(orphans, threshold.of(0) as usize);
        Self { clock: Arc::clone(clock), births, threshold, limbo }
    }

    /// The birth era of a node allocated now, which is not published yet. Calls `step` when the
    /// clock should move.
    #[inline]
    pub(crate) fn birth(&self, step: impl FnOnce(&Clock)) -> u64 {
        if self.births.count() {
            step(&self.clock);
        }
        self.clock.now()
    }

    /// The owner leaves: calls `step` for its births since the last one. Nobody else counts those, so
    /// threads with short lives would stop the clock, and an era would be without an end.
    pub(crate) fn end_births(&self, step: impl FnOnce(&Clock)) {
        if self.births.has_begun() {
            step(&self.clock);
        }
    }

    /// Takes a retired node. Returns whether a scan is due.
    #[inline]
    pub(crate) fn push(&self, node: Erased, stamp: S) -> bool {
        self.limbo.push(Garbage { node, stamp })
    }

    /// The owner goes; see [`Limbo::depart`].
    pub(crate) fn depart(&self, scan: impl Fn()) {
        self.limbo.depart(scan);
    }

    /// Frees the nodes that the predicate does not keep. `read` makes it of the `count` reservations.
    ///
    /// # Safety
    /// 1. `read` reads the reservations when it is called, with acquire.
    /// 2. The predicate keeps a node if a thread with one of them may hold it.
    pub(crate) unsafe fn sweep<K: Fn(&S) -> bool>(&self, count: usize, read: impl FnOnce() -> K) {
        // Before the reservations are read: the fences of `retirement` of those who left the nodes
        // come before the reads, too.
        self.limbo.adopt();
        let keep = read();
        let threshold = self.threshold.of(count as u64) as usize;
        // SAFETY: by this function's clauses.
        unsafe { self.limbo.sweep(threshold, |garbage| keep(&garbage.stamp)) };
    }
}

impl Thread {
    /// Takes a node with its birth in the header. Returns whether a scan is due.
    ///
    /// # Safety
    /// The clauses of `Reclaimer::retire`.
    #[inline]
    pub(crate) unsafe fn retire<T: Send + 'static>(&self, node: *mut Node<T, u64>) -> bool {
        // SAFETY: not freed yet.
        let birth = unsafe { (*node).header };
        self.push(Erased::new(node), Life { birth, retired: self.clock.retirement() })
    }

    /// Frees what no reservation meets.
    ///
    /// # Safety
    /// `reservations` are `(first, last)` eras, read with acquire when the iterator is asked: of
    /// every thread that may hold an unlinked node there is one that meets the node's life.
    pub(crate) unsafe fn scan(&self, count: usize, reservations: impl Iterator<Item = (u64, u64)>) {
        let read = || {
            let reserved = Reserved::new(reservations);
            move |life: &Life| reserved.meets(life)
        };
        // SAFETY: by this function's clause.
        unsafe { self.sweep(count, read) };
    }
}
