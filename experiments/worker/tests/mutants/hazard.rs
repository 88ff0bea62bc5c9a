//! Small hazard pointers, right for fault [`NONE`] and wrong in one place for each other.

use std::cell::RefCell;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kovan_schemes::node::Retired;
use kovan_schemes::{
    BoundInput, Facts, Node, Parameters, Progress, Reclaimer, Robustness, Strength, canary,
};

pub(crate) const NONE: u8 = 0;
pub(crate) const NO_SECOND_READ: u8 = 1;
pub(crate) const SKIPS_A_HAZARD: u8 = 2;
pub(crate) const OLD_SNAPSHOT: u8 = 3;
pub(crate) const BOUND_TOO_SMALL: u8 = 4;
pub(crate) const ONE_SHIELD_FOR_ALL: u8 = 5;
pub(crate) const NO_FENCE: u8 = 6;

/// Nodes that a thread keeps before it scans. Few, so that what is wrong is freed soon.
const THRESHOLD: usize = 4;

/// A retired node.
struct Garbage {
    node: *mut (),
    free: unsafe fn(*mut ()),
}

// SAFETY: a retired node is `Send`.
unsafe impl Send for Garbage {}

type Hazard = Arc<AtomicUsize>;

#[derive(Default)]
struct Shared {
    /// Never shorter: a hazard is reused by its thread, and by later ones.
    hazards: Mutex<Vec<Hazard>>,
    free: Mutex<Vec<Hazard>>,
    orphans: Mutex<Vec<Garbage>>,
    snapshot: Mutex<(u64, Vec<usize>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A domain.
pub(crate) struct Hazards<const FAULT: u8> {
    shared: Arc<Shared>,
}

/// A registered thread.
pub(crate) struct Local<const FAULT: u8> {
    shared: Arc<Shared>,
    bag: RefCell<Vec<Garbage>>,
}

/// A hazard on loan.
pub(crate) struct Shield<'l, const FAULT: u8> {
    hazard: Hazard,
    local: &'l Local<FAULT>,
}

impl<const FAULT: u8> Drop for Shield<'_, FAULT> {
    fn drop(&mut self) {
        self.hazard.store(0, Ordering::Release);
        lock(&self.local.shared.free).push(Arc::clone(&self.hazard));
    }
}

impl<const FAULT: u8> Drop for Local<FAULT> {
    fn drop(&mut self) {
        lock(&self.shared.orphans).append(&mut self.bag.borrow_mut());
    }
}

impl<const FAULT: u8> Drop for Hazards<FAULT> {
    fn drop(&mut self) {
        let orphans = std::mem::take(&mut *lock(&self.shared.orphans));
        orphans.into_iter().for_each(free);
    }
}

fn free(garbage: Garbage) {
    // SAFETY: retired, and no hazard holds it, unless this is a mutant.
    unsafe { (garbage.free)(garbage.node) };
}

impl<const FAULT: u8> Local<FAULT> {
    fn hazards(&self) -> Vec<usize> {
        let hazards = lock(&self.shared.hazards);
        let skipped = usize::from(FAULT == SKIPS_A_HAZARD);
        let read = |hazard: &Hazard| hazard.load(Ordering::SeqCst);
        let now: Vec<_> = hazards.iter().skip(skipped).map(read).collect();
        if FAULT != OLD_SNAPSHOT {
            return now;
        }
        let mut snapshot = lock(&self.shared.snapshot);
        if snapshot.0.is_multiple_of(8) {
            snapshot.1 = now;
        }
        snapshot.0 += 1;
        snapshot.1.clone()
    }

    fn scan(&self) {
        let mut garbage = self.bag.take();
        garbage.append(&mut lock(&self.shared.orphans));
        // The unlinks before the hazards; pairs with the fence of `protect`.
        fence(Ordering::SeqCst);
        let hazards = self.hazards();
        let held = |garbage: &mut Garbage| hazards.contains(&garbage.node.addr());
        let kept: Vec<_> = garbage.extract_if(.., held).collect();
        self.bag.borrow_mut().extend(kept);
        garbage.into_iter().for_each(free);
    }
}

// SAFETY: 1: a node is freed once, when no hazard holds it; `protect` publishes it and sees it in its
// source after that. 2: in retirement, flush and drops. 3: no borrow is held meanwhile. For the
// mutants none of it holds: they are to be caught.
unsafe impl<const FAULT: u8> Reclaimer for Hazards<FAULT> {
    const FACTS: Facts = Facts {
        name: "small-hazard",
        version: "0",
        paper: "Michael 2004",
        strength: Strength::Pointer,
        load: Progress::LockFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: true, long_reader: true },
        parameters: &[],
        constants: "",
        bound: "",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    type Header = ();
    type Local = Local<FAULT>;
    type Guard<'l> = &'l Local<FAULT>;
    type Shield<'l> = Shield<'l, FAULT>;

    fn new(_: &Parameters) -> Self {
        Self { shared: Arc::default() }
    }
    fn bound(input: &BoundInput, _: &Parameters) -> Option<u64> {
        let hazards = input.all_handles() * (input.shields + 3);
        let each = if FAULT == BOUND_TOO_SMALL { 1 } else { 2 * THRESHOLD as u64 + hazards };
        Some(each * (input.handles + 1) + if FAULT == BOUND_TOO_SMALL { 0 } else { hazards })
    }
    unsafe fn register(&self) -> Local<FAULT> {
        Local { shared: Arc::clone(&self.shared), bag: RefCell::default() }
    }
    fn header(&self, _: &Local<FAULT>) {}
    fn pin<'l>(&'l self, local: &'l Local<FAULT>) -> &'l Local<FAULT> {
        local
    }
    fn shield<'l>(&'l self, local: &'l Local<FAULT>) -> Shield<'l, FAULT> {
        let free = lock(&self.shared.free).pop();
        let hazard = free.unwrap_or_else(|| {
            let mut hazards = lock(&self.shared.hazards);
            if FAULT == ONE_SHIELD_FOR_ALL && !hazards.is_empty() {
                return Arc::clone(&hazards[0]);
            }
            hazards.push(Arc::default());
            Arc::clone(&hazards[hazards.len() - 1])
        });
        Shield { hazard, local }
    }

    fn protect<T>(
        _: &&Local<FAULT>,
        shield: &mut Shield<'_, FAULT>,
        source: &AtomicPtr<Node<T, ()>>,
        tag_mask: usize,
    ) -> *mut Node<T, ()> {
        let mut seen = source.load(Ordering::Acquire);
        loop {
            canary::pause();
            shield.hazard.store(seen.addr() & !tag_mask, Ordering::Release);
            // The hazard before the second read; pairs with the fence of `scan`.
            if FAULT != NO_FENCE {
                fence(Ordering::SeqCst);
            }
            let again = source.load(Ordering::Acquire);
            if again == seen || FAULT == NO_SECOND_READ {
                return seen;
            }
            seen = again;
        }
    }

    unsafe fn retire<T: Send + 'static>(&self, guard: &&Local<FAULT>, node: *mut Node<T, ()>) {
        let garbage = Garbage { node: node.cast(), free: Retired::<T, ()>::free };
        guard.bag.borrow_mut().push(garbage);
        if guard.bag.borrow().len() >= THRESHOLD {
            guard.scan();
        }
    }

    fn flush(&self, local: &Local<FAULT>) {
        local.scan();
    }
}
