//! Small interval-based reclamation, right for fault [`NONE`] and wrong in one place for each other.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kovan_schemes::node::Retired;
use kovan_schemes::{
    BoundInput, Facts, GuardProtection, Node, Parameters, Progress, Reclaimer, Robustness,
    Strength, canary,
};

pub(crate) const NONE: u8 = 0;
pub(crate) const NO_FENCE_AT_BEGIN: u8 = 1;
pub(crate) const NO_FENCE_AT_LOAD: u8 = 2;

/// Allocations of a thread per step of the clock.
const STEP: u64 = 32;
/// Nodes that a thread keeps before it scans.
const THRESHOLD: usize = 16;
/// Threads at a time.
const SLOTS: usize = 32;
/// A first era after all last ones.
const OUTSIDE: u64 = u64::MAX;

/// A retired node and the eras of its life.
struct Garbage {
    birth: u64,
    retired: u64,
    node: *mut (),
    free: unsafe fn(*mut ()),
}

// SAFETY: a retired node is `Send`.
unsafe impl Send for Garbage {}

/// A thread's place.
#[repr(align(128))]
struct Slot {
    taken: AtomicBool,
    first: AtomicU64,
    last: AtomicU64,
}

struct Shared {
    era: AtomicU64,
    slots: [Slot; SLOTS],
    orphans: Mutex<Vec<Garbage>>,
}

impl Shared {
    fn orphans(&self) -> MutexGuard<'_, Vec<Garbage>> {
        self.orphans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A domain.
pub(crate) struct Intervals<const FAULT: u8> {
    shared: Arc<Shared>,
}

/// A registered thread.
pub(crate) struct Local<const FAULT: u8> {
    shared: Arc<Shared>,
    slot: usize,
    nested: Cell<u32>,
    births: Cell<u64>,
    bag: RefCell<Vec<Garbage>>,
}

/// A section.
pub(crate) struct Section<'l, const FAULT: u8>(&'l Local<FAULT>);

impl<const FAULT: u8> Drop for Section<'_, FAULT> {
    fn drop(&mut self) {
        self.0.nested.set(self.0.nested.get() - 1);
        if self.0.nested.get() == 0 {
            self.0.slot().first.store(OUTSIDE, Ordering::Release);
        }
    }
}

impl<const FAULT: u8> Drop for Local<FAULT> {
    fn drop(&mut self) {
        self.shared.orphans().append(&mut self.bag.borrow_mut());
        self.slot().taken.store(false, Ordering::Release);
    }
}

impl<const FAULT: u8> Drop for Intervals<FAULT> {
    fn drop(&mut self) {
        let orphans = std::mem::take(&mut *self.shared.orphans());
        orphans.into_iter().for_each(free);
    }
}

fn free(garbage: Garbage) {
    // SAFETY: retired, and no interval meets its life, unless this is a mutant.
    unsafe { (garbage.free)(garbage.node) };
}

impl<const FAULT: u8> Local<FAULT> {
    fn slot(&self) -> &Slot {
        &self.shared.slots[self.slot]
    }

    fn scan(&self) {
        let mut garbage = self.bag.take();
        garbage.append(&mut self.shared.orphans());
        let read =
            |slot: &Slot| (slot.first.load(Ordering::Acquire), slot.last.load(Ordering::Acquire));
        let intervals: Vec<_> = self.shared.slots.iter().map(read).collect();
        let held = |garbage: &mut Garbage| {
            let meets = |&(first, last)| first <= garbage.retired && garbage.birth <= last;
            intervals.iter().any(meets)
        };
        let kept: Vec<_> = garbage.extract_if(.., held).collect();
        self.bag.borrow_mut().extend(kept);
        garbage.into_iter().for_each(free);
    }
}

// SAFETY: 1: a node is freed once, when no interval meets its life; `protect` extends the interval to
// the era in which it reads the source. 2: in retirement, flush and drops. 3: no borrow is held
// meanwhile. For the mutants none of it holds: they are to be caught.
unsafe impl<const FAULT: u8> Reclaimer for Intervals<FAULT> {
    const FACTS: Facts = Facts {
        name: "small-intervals",
        version: "0",
        paper: "Wen et al. 2018",
        strength: Strength::Guard,
        load: Progress::LockFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[],
        constants: "",
        bound: "none",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    type Header = u64;
    type Local = Local<FAULT>;
    type Guard<'l> = Section<'l, FAULT>;
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        let slot = |_| Slot {
            taken: AtomicBool::new(false),
            first: AtomicU64::new(OUTSIDE),
            last: AtomicU64::new(0),
        };
        let slots = std::array::from_fn(slot);
        let shared = Shared { era: AtomicU64::new(1), slots, orphans: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Local<FAULT> {
        let free = |slot: &Slot| !slot.taken.swap(true, Ordering::AcqRel);
        let slot = self.shared.slots.iter().position(free).expect("few threads");
        Local {
            shared: Arc::clone(&self.shared),
            slot,
            nested: Cell::new(0),
            births: Cell::new(0),
            bag: RefCell::default(),
        }
    }
    fn header(&self, local: &Local<FAULT>) -> u64 {
        local.births.set(local.births.get() + 1);
        if local.births.get().is_multiple_of(STEP) {
            self.shared.era.fetch_add(1, Ordering::AcqRel);
        }
        self.shared.era.load(Ordering::Acquire)
    }

    fn pin<'l>(&'l self, local: &'l Local<FAULT>) -> Section<'l, FAULT> {
        if local.nested.get() == 0 {
            let era = self.shared.era.load(Ordering::Acquire);
            local.slot().last.store(era, Ordering::Release);
            local.slot().first.store(era, Ordering::Release);
            // The interval before the loads; pairs with the fence of `retire`.
            if FAULT != NO_FENCE_AT_BEGIN {
                fence(Ordering::SeqCst);
            }
        }
        local.nested.set(local.nested.get() + 1);
        Section(local)
    }
    fn shield<'l>(&'l self, _: &'l Local<FAULT>) -> Self::Shield<'l> {}

    fn protect<T>(
        Section(local): &Section<'_, FAULT>,
        (): &mut (),
        source: &AtomicPtr<Node<T, u64>>,
        _: usize,
    ) -> *mut Node<T, u64> {
        loop {
            let node = source.load(Ordering::Acquire);
            canary::pause();
            let era = local.shared.era.load(Ordering::Acquire);
            if era == local.slot().last.load(Ordering::Relaxed) {
                return node;
            }
            local.slot().last.store(era, Ordering::Release);
            // The interval before the next load; pairs with the fence of `retire`.
            if FAULT != NO_FENCE_AT_LOAD {
                fence(Ordering::SeqCst);
            }
        }
    }

    unsafe fn retire<T: Send + 'static>(
        &self,
        Section(local): &Section<'_, FAULT>,
        node: *mut Node<T, u64>,
    ) {
        // The unlink before the era and the intervals; pairs with those of `pin` and `protect`.
        fence(Ordering::SeqCst);
        let retired = self.shared.era.load(Ordering::Acquire);
        // SAFETY: the caller's clauses: not freed yet.
        let birth = unsafe { (*node).header };
        let free = Retired::<T, u64>::free;
        local.bag.borrow_mut().push(Garbage { birth, retired, node: node.cast(), free });
        if local.bag.borrow().len() >= THRESHOLD {
            local.scan();
        }
    }

    fn flush(&self, local: &Local<FAULT>) {
        local.scan();
    }
}

// SAFETY: as above.
unsafe impl<const FAULT: u8> GuardProtection for Intervals<FAULT> {}
