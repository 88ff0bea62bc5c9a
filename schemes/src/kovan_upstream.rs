//! `kovan-upstream`: the published crate kovan, unmodified.
//!
//! A variant of Crystalline-W with one slot per thread. It has one collector per process, so
//! another domain's guard can hold this domain's nodes, and a domain that is dropped meanwhile
//! cannot wait for them: see `parts/process_wide.rs`.
//!
//! A slot keeps its era when a guard ends. A thread that stays idle is as one that stalled, until
//! it pins, flushes or drops its handle, which flushes. Two things escape the bound: a load that
//! sees the era move 16 times gives up on eras, and a thread that stops in that guard holds
//! everything; and births are stamped with the era of the thread's last outermost pin, so nodes
//! that are made under a long guard count as old ones.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicPtr, Ordering};

use ::kovan_upstream as upstream;
use upstream::{Reclaimable, RetiredNode};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parts::limbo::Erased;
use crate::parts::process_wide::{Home, Member};
use crate::reclaimer::{GuardProtection, Reclaimer};

/// Nodes per batch, at least (its `RETIRE_FREQ`).
const BATCH: u64 = 64;
/// Retirements of one thread per step of the era (its `EPOCH_FREQ`).
const ERA_FREQUENCY: u64 = 128;

/// The scheme `kovan-upstream`.
#[derive(Debug)]
pub struct KovanUpstream {
    home: *const Home,
}

// SAFETY: a home is shared: members are its threads' own, the rest of it is atomic.
unsafe impl Send for KovanUpstream {}
// SAFETY: as above.
unsafe impl Sync for KovanUpstream {}

/// What the crate wants in front of a node, and where the node comes back to.
#[repr(C)]
pub struct Header {
    retired: RetiredNode,
    home: *const Home,
}

// SAFETY: `RetiredNode` is both; the home is only passed on.
unsafe impl Send for Header {}
// SAFETY: as above.
unsafe impl Sync for Header {}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Header").finish_non_exhaustive()
    }
}

// SAFETY: both types are `repr(C)` and their first fields lead to the `RetiredNode`.
unsafe impl<T: Send + 'static> Reclaimable for Node<T, Header> {
    fn retired_node(&self) -> &RetiredNode {
        &self.header.retired
    }
    fn retired_node_mut(&mut self) -> &mut RetiredNode {
        &mut self.header.retired
    }
    unsafe fn dealloc(node: *mut Self) {
        // SAFETY: the crate gives the node back once, alive and unprotected; it was counted out.
        unsafe { Home::give_back((*node).header.home, Erased::new(node)) };
    }
}

/// A thread's registration.
#[derive(Debug)]
pub struct Local {
    member: Member,
}

impl Drop for Local {
    fn drop(&mut self) {
        // Gives up the slot, unless the thread has guards of other domains.
        self.member.within(upstream::flush);
    }
}

/// A guard of the crate.
pub struct Guard<'l> {
    guard: ManuallyDrop<upstream::Guard>,
    local: &'l Local,
}

impl std::fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: dropped once, here.
        self.local.member.within(|| unsafe { ManuallyDrop::drop(&mut self.guard) });
    }
}

impl Drop for KovanUpstream {
    fn drop(&mut self) {
        // SAFETY: the locals are gone.
        unsafe { Home::close(self.home, upstream::flush) };
    }
}

// SAFETY: 1: the crate gives a node back once, when no guard holds it; then the home frees it.
// 2: the home frees in calls of this trait; for what is out when it closes see `frees_on_drop`.
// 3: the home frees outside of the crate's calls, and holds no borrow then.
unsafe impl Reclaimer for KovanUpstream {
    const FACTS: Facts = Facts {
        name: "kovan-upstream",
        version: "kovan 0.2.0",
        paper: "after Nikolaev & Ravindran, Crystalline, DISC 2021 (Crystalline-W, one slot)",
        strength: Strength::Guard,
        load: Progress::WaitFree,
        reclaim: Progress::WaitFree,
        robust: Robustness { stalled: true, long_reader: false },
        parameters: "batch=64 era_frequency=128 load_attempts=16",
        bound: "N B (L + 2 N E) + 2 N B, N = T + s threads; not for a reader that gave up on eras",
        frees_on_drop: false,
    };
    type Header = Header;
    type Local = Local;
    type Guard<'l> = Guard<'l>;
    type Shield<'l> = ();

    fn new() -> Self {
        Self { home: Home::new() }
    }

    fn bound(input: &BoundInput) -> Option<u64> {
        // Every thread may be off the processor and holds, as a stalled one does, the nodes born
        // in its era or before: those alive then, and one step of every thread's births, twice
        // because stamps lag by an operation. At worst each is alone in a batch of newer nodes.
        let threads = input.threads + input.stalled;
        let batch = BATCH.max((threads + 1).next_multiple_of(BATCH));
        let old = input.live_at_stall + 2 * threads * ERA_FREQUENCY;
        Some(threads * batch * old + 2 * threads * batch)
    }

    unsafe fn register(&self) -> Local {
        Local { member: Member::new(self.home) }
    }

    #[inline]
    fn header(&self, _: &Local) -> Header {
        Header { retired: RetiredNode::new(), home: self.home }
    }

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local) -> Guard<'l> {
        let guard = ManuallyDrop::new(local.member.within(upstream::pin));
        Guard { guard, local }
    }
    fn shield<'l>(&'l self, _: &'l Local) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        guard: &Guard<'_>,
        (): &mut (),
        source: &AtomicPtr<Node<T, Header>>,
        _: usize,
    ) -> *mut Node<T, Header> {
        const { assert!(size_of::<upstream::Atomic<u8>>() == size_of::<AtomicPtr<u8>>()) };
        // SAFETY: the only field of this pinned version's `Atomic` that has a size is an
        // `AtomicUsize` with the pointer in it; the sizes are compared above. It loads only.
        let atomic = unsafe { &*std::ptr::from_ref(source).cast::<upstream::Atomic<_>>() };
        atomic.load(Ordering::Acquire, &guard.guard).as_raw()
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_>, node: *mut Node<T, Header>) {
        let member = &guard.local.member;
        member.count_out();
        // SAFETY: the caller's clauses; `Reclaimable` is implemented above.
        member.within(|| unsafe { upstream::retire_reclaimable(node) });
    }

    fn flush(&self, local: &Local) {
        local.member.within(upstream::flush);
    }
}

// SAFETY: a guard's loads raise its slot's era, and do not drain the slot.
unsafe impl GuardProtection for KovanUpstream {}
