//! `hp-naive` and `hp-asym`: hazard pointers (Michael 2004), plain and as fast as we know how.
//!
//! A reader publishes the address it is about to use, makes sure with a fence that the publication
//! is visible, and reads the source again. Who retires frees what no hazard holds.
//!
//! | | `hp-naive` | `hp-asym` |
//! |---|---|---|
//! | reader's fence | a full fence per load | a compiler fence |
//! | reclaimer's fence | a full fence | `membarrier` |
//! | scan | at each retirement | when 256 nodes, or as many as there are hazards, are new |
//!
//! Deviations from the paper. Its threshold is a constant times the number of hazards; `hp-naive`
//! scans for each node, which costs most time and least memory, `hp-asym` has a floor under it.
//! Hazards are not a fixed number per thread: they come in chunks, as shields need them. What an
//! exited thread left is taken over by the next scan of any thread.

use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering, fence};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parts::barrier;
use crate::parts::limbo::{Erased, Garbage, Limbo, Orphans};
use crate::parts::pool::{self, Cells, Pool};
use crate::reclaimer::Reclaimer;

type Hazard = AtomicPtr<()>;

/// The scheme `hp-naive`.
pub type HpNaive = Scheme<Naive>;
/// The scheme `hp-asym`.
pub type HpAsym = Scheme<Asymmetric>;

/// Hazard pointers with one of the pairs of fences.
#[derive(Debug)]
pub struct Scheme<V> {
    hazards: Arc<Cells<Hazard>>,
    orphans: Arc<Orphans<()>>,
    variant: PhantomData<V>,
}

/// The pairs of fences, and the thresholds that suit them.
pub trait Variant: Send + Sync + 'static {
    /// The facts.
    const FACTS: Facts;
    /// New nodes that make a scan due, where so many hazards exist.
    fn threshold(hazards: u64) -> u64;
    /// The reader's fence.
    fn light();
    /// The reclaimer's fence. Of a `light` and a `heavy` one comes first, and the other's thread
    /// then sees what was stored before it. If it is false, nothing can be concluded.
    fn heavy() -> bool;
}

/// Full fences on both sides, and a scan for each node.
#[derive(Debug)]
pub struct Naive;

/// The fence of readers moved to the scan, which is rare.
#[derive(Debug)]
pub struct Asymmetric;

impl Variant for Naive {
    const FACTS: Facts = Facts {
        name: "hp-naive",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "Michael, Hazard Pointers, IEEE TPDS 15(6), 2004, sec. 3",
        strength: Strength::Pointer,
        load: Progress::LockFree,
        reclaim: Progress::WaitFree,
        robust: Robustness { stalled: true, long_reader: true },
        parameters: "threshold=1",
        bound: "(N + 1) (1 + H), N = T + s threads, H = N K hazards",
        frees_on_drop: true,
    };
    fn threshold(_: u64) -> u64 {
        1
    }
    #[inline]
    fn light() {
        fence(Ordering::SeqCst);
    }
    #[inline]
    fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }
}

/// The least number of nodes that `hp-asym` scans for: a `membarrier` costs microseconds.
const FLOOR: u64 = 256;

impl Variant for Asymmetric {
    const FACTS: Facts = Facts {
        name: "hp-asym",
        paper: "Michael, Hazard Pointers, IEEE TPDS 15(6), 2004; \
                Dice, Herlihy & Kogan, Fast non-intrusive memory reclamation, ISMM 2016, sec. 3",
        parameters: "threshold=max(256,H)",
        bound: "(N + 1) (max(256, C) + H), N = T + s threads, H = N K hazards, \
                C = 14 N ceil(K / 14) hazards allocated",
        ..Naive::FACTS
    };
    fn threshold(hazards: u64) -> u64 {
        FLOOR.max(hazards)
    }
    #[inline]
    fn light() {
        barrier::light();
    }
    fn heavy() -> bool {
        barrier::heavy()
    }
}

/// A thread's hazards and retired nodes.
#[derive(Debug)]
pub struct Local<V: Variant> {
    pool: Pool<Hazard>,
    limbo: Limbo<()>,
    variant: PhantomData<V>,
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

impl<V: Variant> Local<V> {
    fn threshold(&self) -> usize {
        V::threshold(self.pool.all().count() as u64) as usize
    }

    #[cold]
    fn scan(&self) {
        self.limbo.adopt();
        // Between the unlinks of all that is in limbo and the reads of the hazards; pairs with
        // `light` in `protect`. If the reader's is first, we see its hazard; if ours is first, its
        // second read of the source sees the unlink.
        if !V::heavy() {
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

impl<V: Variant> Drop for Local<V> {
    fn drop(&mut self) {
        // Else threads that exit before a scan is due would pile up garbage.
        if self.limbo.adopt() {
            self.scan();
        }
    }
}

// SAFETY: 1: see `scan`; addresses are published and compared untagged. 2: scans run in `retire`,
// `flush` and the drop of locals; the rest is freed with the orphans, in the drop of the domain.
// 3: neither the limbo nor the pool is borrowed while nodes are freed.
unsafe impl<V: Variant> Reclaimer for Scheme<V> {
    const FACTS: Facts = V::FACTS;
    type Header = ();
    type Local = Local<V>;
    type Guard<'l> = &'l Local<V>;
    type Shield<'l> = Shield<'l>;

    fn new() -> Self {
        barrier::detect();
        Self { hazards: Arc::default(), orphans: Arc::default(), variant: PhantomData }
    }

    fn bound(input: &BoundInput) -> Option<u64> {
        let threads = input.threads + input.stalled;
        let hazards = threads * input.shields;
        // A thread keeps what hazards held at its last scan, and as much as makes the next due.
        // (The scans of two threads are at different times, so both may keep as much as there are
        // hazards.) Exited threads leave as much as one thread has.
        let threshold = V::threshold(pool::count_for(threads, input.shields));
        Some((threads + 1) * (threshold + hazards))
    }

    unsafe fn register(&self) -> Local<V> {
        Local {
            pool: Pool::new(&self.hazards),
            limbo: Limbo::new(&self.orphans, V::threshold(self.hazards.count() as u64) as usize),
            variant: PhantomData,
        }
    }
    fn header(&self, _: &Local<V>) {}
    #[inline]
    fn pin<'l>(&'l self, local: &'l Local<V>) -> &'l Local<V> {
        local
    }
    #[inline]
    fn shield<'l>(&'l self, local: &'l Local<V>) -> Shield<'l> {
        Shield { hazard: local.pool.take(), pool: &local.pool }
    }

    #[inline]
    fn protect<T>(
        _: &&Local<V>,
        shield: &mut Shield<'_>,
        source: &AtomicPtr<Node<T, ()>>,
        tag_mask: usize,
    ) -> *mut Node<T, ()> {
        let mut seen = source.load(Ordering::Relaxed);
        loop {
            // Release: our uses of the node held before come before its free.
            shield.hazard.store(seen.map_addr(|a| a & !tag_mask).cast(), Ordering::Release);
            // The publication before the second read; pairs with `heavy` in `scan`.
            V::light();
            let again = source.load(Ordering::Acquire);
            if again == seen {
                return seen;
            }
            seen = again;
        }
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, local: &&Local<V>, node: *mut Node<T, ()>) {
        if local.limbo.push(Garbage { node: Erased::new(node), stamp: () }) {
            local.scan();
        }
    }

    fn flush(&self, local: &Local<V>) {
        local.scan();
    }
}
