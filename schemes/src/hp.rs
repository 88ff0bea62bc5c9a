//! `hp-naive` and `hp-asym`: hazard pointers (Michael 2004), plain and as fast as we know how.
//!
//! A reader publishes the address it is about to use, makes sure with a fence that the publication
//! is visible, and reads the source again. Who retires frees what no hazard holds.
//!
//! | | `hp-naive` | `hp-asym` |
//! |---|---|---|
//! | reader's fence | a full fence per load | a compiler fence |
//! | reclaimer's fence | a full fence | `membarrier` |
//! | scan, by default | at each retirement | when 256 nodes, or as many as there are hazards, are new |
//!
//! Deviations from the paper. Its threshold is a constant times the number of hazards; `hp-naive`
//! scans for each node, which costs most time and least memory, `hp-asym` has a floor under it. A
//! threshold that is set is exact, and does not grow.
//! Hazards are not a fixed number per thread: they come in chunks, as shields need them. What an
//! exited thread left is taken over by the next scan of any thread.

use std::ptr;
use std::sync::Arc;

use crate::canary;
use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::parts::barrier;
use crate::parts::limbo::{self, Erased, Garbage, Limbo, Orphans, Threshold};
use crate::parts::pool::{self, Cells, Pool};
use crate::reclaimer::Reclaimer;
use crate::sync::{AtomicPtr, Ordering, fence};

type Hazard = AtomicPtr<()>;

/// The scheme `hp-naive`.
pub type HpNaive = Scheme<false>;
/// The scheme `hp-asym`.
pub type HpAsym = Scheme<true>;

/// The threshold of `hp-asym`. Its default is large, as a `membarrier` costs microseconds.
const FLOOR: Parameter = Parameter {
    default: if cfg!(kovan_loom) { 1 } else { 256 },
    description: "A thread scans when its list has this many new nodes. By default, it is the larger \
                  of 256 and C, the hazards allocated: 14 ceil(K / 14) for each thread. A value that \
                  is set is exact.",
    ..Threshold::PARAMETER
};

/// Hazard pointers, with the asymmetric pair of fences or the full ones.
#[derive(Debug)]
pub struct Scheme<const ASYMMETRIC: bool> {
    hazards: Arc<Cells<Hazard>>,
    orphans: Arc<Orphans<()>>,
    threshold: Threshold,
}

/// A thread's hazards and retired nodes.
#[derive(Debug)]
pub struct Local<const ASYMMETRIC: bool> {
    pool: Pool<Hazard>,
    limbo: Limbo<()>,
    threshold: Threshold,
}

/// A hazard on loan from its thread's pool.
#[derive(Debug)]
pub struct Shield<'l> {
    hazard: &'l Hazard,
    pool: &'l Pool<Hazard>,
}

impl Drop for Shield<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: our uses of the node come before its free by a scan that reads this.
        self.hazard.store(ptr::null_mut(), Ordering::Release);
        self.pool.give(self.hazard);
    }
}

/// Returns the threshold of the variant.
fn threshold(asymmetric: bool, parameters: &Parameters) -> Threshold {
    if asymmetric {
        Threshold::growing(parameters, &FLOOR)
    } else {
        Threshold::exact(parameters, &Threshold::PARAMETER)
    }
}

impl<const ASYMMETRIC: bool> Local<ASYMMETRIC> {
    fn threshold(&self) -> usize {
        self.threshold.of(self.pool.all().count() as u64) as usize
    }

    /// The reader's fence.
    #[inline]
    fn light() {
        if ASYMMETRIC { barrier::light() } else { fence(Ordering::SeqCst) }
    }

    /// The reclaimer's fence. If it is false, nothing can be concluded.
    fn heavy() -> bool {
        if ASYMMETRIC {
            return barrier::heavy();
        }
        fence(Ordering::SeqCst);
        true
    }

    #[cold]
    fn scan(&self) {
        self.limbo.adopt();
        // Between the unlinks of all that is in limbo and the reads of the hazards; pairs with
        // `light` in `protect`. If the reader's is first, we see its hazard; if ours is first, its
        // second read of the source sees the unlink.
        if !Self::heavy() {
            return self.limbo.postpone(self.threshold());
        }
        // Acquire: pairs with the release of those who moved on: their uses are before our frees.
        let held = self.pool.all().cells().map(|hazard| hazard.load(Ordering::Acquire));
        let mut held: Vec<_> = held.filter(|node| !node.is_null()).collect();
        held.sort_unstable();
        let keep = |garbage: &Garbage<()>| held.binary_search(&garbage.node.address()).is_ok();
        // SAFETY: no new protection of an unlinked node passes the second read of its source, and
        // the earlier ones are among the hazards, as said at the fence.
        unsafe { self.limbo.sweep(self.threshold(), keep) };
    }
}

impl<const ASYMMETRIC: bool> Drop for Local<ASYMMETRIC> {
    fn drop(&mut self) {
        self.limbo.depart(|| self.scan());
    }
}

// SAFETY: 1: see `scan`; addresses are published and compared untagged. 2: scans run in `retire`,
// `flush` and the drop of locals; the rest is freed with the orphans, in the drop of the domain.
// 3: neither the limbo nor the pool is borrowed while nodes are freed.
unsafe impl<const ASYMMETRIC: bool> Reclaimer for Scheme<ASYMMETRIC> {
    const FACTS: Facts = {
        let naive = Facts {
            name: "hp-naive",
            version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
            paper: "Michael, Hazard Pointers, IEEE TPDS 15(6), 2004, sec. 3",
            strength: Strength::Pointer,
            load: Progress::LockFree,
            retire: Progress::WaitFree,
            robust: Robustness { stalled: true, long_reader: true },
            parameters: &[Threshold::PARAMETER],
            constants: "",
            bound: "(2 N + 1) (R + H + 2 X), H = N K hazards, R = threshold",
            frees_on_drop: true,
            frees_meanwhile: true,
            frees_others: false,
        };
        let asymmetric = Facts {
            name: "hp-asym",
            paper: "Michael, IEEE TPDS 15(6), 2004; \
                    Dice, Herlihy & Kogan, Fast non-intrusive memory reclamation, ISMM 2016, sec. 3",
            parameters: &[FLOOR],
            bound: "(2 N + 1) (R + H + 2 X), H = N K hazards, R = threshold, \
                    or max(256, C) if it is not set, C = 14 N ceil(K / 14) hazards allocated",
            ..naive
        };
        if ASYMMETRIC { asymmetric } else { naive }
    };
    const UNPIN_FREES: bool = false;
    type Header = ();
    type Local = Local<ASYMMETRIC>;
    type Guard<'l> = &'l Local<ASYMMETRIC>;
    type Shield<'l> = Shield<'l>;

    fn new(parameters: &Parameters) -> Self {
        barrier::detect();
        let threshold = threshold(ASYMMETRIC, parameters);
        Self { hazards: Arc::default(), orphans: Arc::default(), threshold }
    }

    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        let handles = input.all_handles();
        let hazards = handles * input.shields;
        // A list keeps what hazards held at its last scan, and what waits for the next. (Scans are at
        // different times, so each list may keep as much as there are hazards.)
        let allocated = pool::count_for(handles, input.shields);
        let threshold = threshold(ASYMMETRIC, parameters).of(allocated);
        Some(limbo::waiting(input, threshold) + limbo::lists(handles) * hazards)
    }

    unsafe fn register(&self) -> Local<ASYMMETRIC> {
        let threshold = self.threshold;
        let limbo = Limbo::new(&self.orphans, threshold.of(0) as usize);
        Local { pool: Pool::new(&self.hazards), limbo, threshold }
    }
    #[inline]
    fn header(&self, _: &Local<ASYMMETRIC>) {}
    #[inline]
    fn pin<'l>(&'l self, local: &'l Local<ASYMMETRIC>) -> &'l Local<ASYMMETRIC> {
        local
    }
    #[inline]
    fn shield<'l>(&'l self, local: &'l Local<ASYMMETRIC>) -> Shield<'l> {
        Shield { hazard: local.pool.take(), pool: &local.pool }
    }

    #[inline]
    fn protect<T>(
        _: &&Local<ASYMMETRIC>,
        shield: &mut Shield<'_>,
        source: &AtomicPtr<Node<T, ()>>,
        tag_mask: usize,
    ) -> *mut Node<T, ()> {
        let mut seen = source.load(Ordering::Relaxed);
        loop {
            canary::pause();
            // Release: our uses of the node held before come before its free.
            shield.hazard.store(seen.map_addr(|a| a & !tag_mask).cast(), Ordering::Release);
            // The publication before the second read; pairs with `heavy` in `scan`.
            Local::<ASYMMETRIC>::light();
            let again = source.load(Ordering::Acquire);
            if again == seen {
                return seen;
            }
            seen = again;
        }
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, local: &&Local<ASYMMETRIC>, node: *mut Node<T, ()>) {
        if local.limbo.push(Garbage { node: Erased::new(node), stamp: () }) {
            local.scan();
        }
    }

    fn flush(&self, local: &Local<ASYMMETRIC>) {
        local.scan();
    }
}
