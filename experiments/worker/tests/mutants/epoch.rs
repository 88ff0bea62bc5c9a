//! A small epoch scheme, right for fault [`NONE`] and wrong in one place for each other.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kovan_schemes::node::Retired;
use kovan_schemes::{
    BoundInput, Facts, GuardProtection, Node, Parameters, Progress, Reclaimer, RegionProtection,
    Robustness, Strength,
};

pub(crate) const NONE: u8 = 0;
pub(crate) const ONE_EPOCH_EARLY: u8 = 1;
pub(crate) const SKIPS_A_SLOT: u8 = 2;
pub(crate) const NESTED_GUARD_ENDS_SECTION: u8 = 3;
pub(crate) const FREES_AT_ONCE: u8 = 4;
pub(crate) const LEAKS_AT_THREAD_EXIT: u8 = 5;
pub(crate) const LOSES_A_BATCH: u8 = 6;
pub(crate) const FREES_TWICE: u8 = 7;
pub(crate) const FREES_ORPHANS_AT_ONCE: u8 = 8;
pub(crate) const BOUND_TOO_SMALL: u8 = 9;
pub(crate) const SLOT_REUSED_TOO_SOON: u8 = 10;
pub(crate) const PINS_AN_OLD_EPOCH: u8 = 11;
pub(crate) const NO_FENCE: u8 = 12;

/// Retirements between two attempts to free.
const BATCH: u64 = 16;
/// The state of a slot outside of a section; inside it is the epoch.
const OUTSIDE: u64 = u64::MAX;

/// A retired node.
struct Garbage {
    epoch: u64,
    node: *mut (),
    free: unsafe fn(*mut ()),
}

// SAFETY: a retired node is `Send`.
unsafe impl Send for Garbage {}

#[derive(Default)]
struct Shared {
    epoch: AtomicU64,
    slots: Mutex<Vec<Arc<AtomicU64>>>,
    /// Slots of threads that left, for the fault that hands them out again.
    left: Mutex<Vec<Arc<AtomicU64>>>,
    orphans: Mutex<Vec<Garbage>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A domain.
pub(crate) struct Epoch<const FAULT: u8> {
    shared: Arc<Shared>,
}

/// A registered thread.
pub(crate) struct Local<const FAULT: u8> {
    shared: Arc<Shared>,
    slot: Arc<AtomicU64>,
    nested: Cell<u32>,
    retired: Cell<u64>,
    bag: RefCell<Vec<Garbage>>,
}

/// A section.
pub(crate) struct Section<'l, const FAULT: u8>(&'l Local<FAULT>);

impl<const FAULT: u8> Drop for Section<'_, FAULT> {
    fn drop(&mut self) {
        let nested = self.0.nested.get() - 1;
        self.0.nested.set(nested);
        if nested == 0 || FAULT == NESTED_GUARD_ENDS_SECTION {
            self.0.slot.store(OUTSIDE, Ordering::SeqCst);
        }
    }
}

impl<const FAULT: u8> Drop for Local<FAULT> {
    fn drop(&mut self) {
        let bag = self.bag.take();
        match FAULT {
            LEAKS_AT_THREAD_EXIT => {}
            FREES_ORPHANS_AT_ONCE => bag.into_iter().for_each(free::<FAULT>),
            _ => lock(&self.shared.orphans).extend(bag),
        }
        lock(&self.shared.slots).retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        if FAULT == SLOT_REUSED_TOO_SOON {
            lock(&self.shared.left).push(Arc::clone(&self.slot));
        }
    }
}

impl<const FAULT: u8> Drop for Epoch<FAULT> {
    fn drop(&mut self) {
        let orphans = std::mem::take(&mut *lock(&self.shared.orphans));
        orphans.into_iter().for_each(free::<FAULT>);
    }
}

fn free<const FAULT: u8>(garbage: Garbage) {
    for _ in 0..if FAULT == FREES_TWICE && garbage.node.addr() % 512 < 128 { 2 } else { 1 } {
        // SAFETY: retired, and two epochs old, unless this is a mutant.
        unsafe { (garbage.free)(garbage.node) };
    }
}

impl<const FAULT: u8> Local<FAULT> {
    fn advance(&self) {
        let epoch = self.shared.epoch.load(Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let skipped = usize::from(FAULT == SKIPS_A_SLOT);
        let slots = lock(&self.shared.slots);
        let all = slots.iter().skip(skipped).all(|slot| {
            let state = slot.load(Ordering::SeqCst);
            state == OUTSIDE || state == epoch
        });
        if all {
            let _ = self.shared.epoch.compare_exchange(
                epoch,
                epoch + 1,
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
        }
    }

    fn collect(&self) {
        self.advance();
        let age = if FAULT == ONE_EPOCH_EARLY { 1 } else { 2 };
        let epoch = self.shared.epoch.load(Ordering::SeqCst);
        let ripe = |garbage: &mut Garbage| garbage.epoch + age <= epoch;
        let mut ready: Vec<_> = self.bag.borrow_mut().extract_if(.., ripe).collect();
        ready.extend(lock(&self.shared.orphans).extract_if(.., ripe));
        if FAULT == LOSES_A_BATCH && epoch % 16 == 5 {
            ready.clear();
        }
        ready.into_iter().for_each(free::<FAULT>);
    }
}

// SAFETY: 1: a node is freed once, two epochs after it was retired, and no guard that could have
// seen it is older than one. 2: in retirement, flush and drops. 3: no borrow is held meanwhile. For
// the mutants none of it holds: they are to be caught.
unsafe impl<const FAULT: u8> Reclaimer for Epoch<FAULT> {
    const FACTS: Facts = Facts {
        name: "small-epoch",
        version: "0",
        paper: "Fraser 2004",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::LockFree,
        robust: Robustness { stalled: FAULT == BOUND_TOO_SMALL, long_reader: false },
        parameters: &[],
        constants: "",
        bound: "unbounded: one stalled thread holds all that is retired",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    type Header = ();
    type Local = Local<FAULT>;
    type Guard<'l> = Section<'l, FAULT>;
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        Self { shared: Arc::default() }
    }
    fn bound(input: &BoundInput, _: &Parameters) -> Option<u64> {
        (FAULT == BOUND_TOO_SMALL).then_some(100 * input.handles)
    }
    unsafe fn register(&self) -> Local<FAULT> {
        let reused = lock(&self.shared.left).pop();
        // Two threads may have it: each ends the sections of the other.
        let shared_slot = (FAULT == SLOT_REUSED_TOO_SOON)
            .then(|| lock(&self.shared.slots).last().cloned())
            .flatten();
        let new = || Arc::new(AtomicU64::new(OUTSIDE));
        let slot = shared_slot.or(reused).unwrap_or_else(new);
        lock(&self.shared.slots).push(Arc::clone(&slot));
        Local {
            shared: Arc::clone(&self.shared),
            slot,
            nested: Cell::new(0),
            retired: Cell::new(0),
            bag: RefCell::default(),
        }
    }
    fn header(&self, _: &Local<FAULT>) {}

    fn pin<'l>(&'l self, local: &'l Local<FAULT>) -> Section<'l, FAULT> {
        if local.nested.get() == 0 {
            let epoch = self.shared.epoch.load(Ordering::SeqCst);
            let old = if FAULT == PINS_AN_OLD_EPOCH { OUTSIDE } else { epoch };
            local.slot.store(old, Ordering::Release);
            // The slot before what the section loads; pairs with the fence of `advance`.
            if FAULT != NO_FENCE {
                fence(Ordering::SeqCst);
            }
        }
        local.nested.set(local.nested.get() + 1);
        Section(local)
    }
    fn shield<'l>(&'l self, _: &'l Local<FAULT>) -> Self::Shield<'l> {}

    fn protect<T>(
        _: &Section<'_, FAULT>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }

    unsafe fn retire<T: Send + 'static>(
        &self,
        Section(local): &Section<'_, FAULT>,
        node: *mut Node<T, ()>,
    ) {
        fence(Ordering::SeqCst);
        let epoch = self.shared.epoch.load(Ordering::SeqCst);
        let garbage = Garbage { epoch, node: node.cast(), free: Retired::<T, ()>::free };
        if FAULT == FREES_AT_ONCE {
            return free::<FAULT>(garbage);
        }
        local.bag.borrow_mut().push(garbage);
        local.retired.set(local.retired.get() + 1);
        if local.retired.get().is_multiple_of(BATCH) {
            local.collect();
        }
    }

    fn flush(&self, local: &Local<FAULT>) {
        (0..3).for_each(|_| local.collect());
    }
}

// SAFETY: as above.
unsafe impl<const FAULT: u8> GuardProtection for Epoch<FAULT> {}
// SAFETY: as above.
unsafe impl<const FAULT: u8> RegionProtection for Epoch<FAULT> {}
