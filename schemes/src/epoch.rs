//! `epoch`: epoch-based reclamation (Fraser 2004) by the crate crossbeam-epoch, unmodified.

use std::sync::atomic::{AtomicPtr, Ordering};

use crossbeam_epoch::{Collector, Guard, LocalHandle};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::{Node, Retired};
use crate::parameters::Parameters;
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};

/// The scheme `epoch`.
#[derive(Debug)]
pub struct Epoch {
    collector: Collector,
}

// SAFETY: 1: `defer_unchecked` runs each function once, after every guard that was pinned at the
// time has ended. 2: the collector frees when pinning, flushing and when its last
// handle is dropped, all of them calls of this trait. 3: crossbeam-epoch documents re-entrancy.
unsafe impl Reclaimer for Epoch {
    const FACTS: Facts = Facts {
        name: "epoch",
        version: "crossbeam-epoch 0.9.21",
        paper: "Fraser, Practical lock-freedom, 2004, sec. 5.2.3",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::LockFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[],
        constants: "bag=64 pins_between_collect=128",
        bound: "unbounded: one stalled thread holds all that is retired",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: true,
    };
    const UNPIN_FREES: bool = false;
    type Header = ();
    type Local = LocalHandle;
    type Guard<'l> = Guard;
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        Self { collector: Collector::new() }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> LocalHandle {
        self.collector.register()
    }
    #[inline]
    fn header(&self, _: &LocalHandle) {}

    #[inline]
    fn pin<'l>(&'l self, local: &'l LocalHandle) -> Guard {
        local.pin()
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l LocalHandle) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        _: &Guard,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard, node: *mut Node<T, ()>) {
        let node = node.cast::<()>();
        // SAFETY: the caller's clauses: unlinked, retired once; `T` is `Send` and `'static`, so it
        // may be dropped later and elsewhere.
        unsafe { guard.defer_unchecked(move || Retired::<T, ()>::free(node)) };
    }

    fn flush(&self, local: &LocalHandle) {
        local.pin().flush();
    }
}

// SAFETY: an epoch guard keeps every node from being freed that was not yet retired when it began.
unsafe impl GuardProtection for Epoch {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for Epoch {}
