//! `kovan-upstream`: the published crate kovan, unmodified.
//!
//! A variant of Crystalline-W with one slot per thread. It has one collector per process, so
//! another domain's guard can hold this domain's nodes, and a domain that is dropped meanwhile
//! cannot wait for them: see `parts/process_wide.rs`.
//!
//! A slot keeps its era when a guard ends. A thread that stays idle is as one that stalled, until
//! it pins, flushes or drops its handle, which flushes.
//!
//! A stalled thread mostly holds little. But no bound can be given, because births are stamped with
//! the era of the thread's last outermost pin: all that is made and retired under one long guard
//! counts as old as that guard, and a reader that stopped since holds all of it. Besides, a load
//! that sees the era move 16 times gives up on eras, and a thread that stops in that guard holds
//! everything.

use std::sync::atomic::{AtomicPtr, Ordering};

use ::kovan_upstream as upstream;
use upstream::{Reclaimable, RetiredNode};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::Parameters;
use crate::parts::home::{Collector, Home, PerThread, thread_locals};
use crate::parts::limbo::Erased;
use crate::parts::process_wide::{Joined, Pinned};
use crate::reclaimer::{GuardProtection, Reclaimer};

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

impl PerThread for KovanUpstream {
    thread_locals!(KovanUpstream);
}

impl Collector for KovanUpstream {
    type Guard = upstream::Guard;

    #[inline]
    fn pin() -> upstream::Guard {
        upstream::pin()
    }
    /// Also gives up the slot, unless the thread has guards of other domains.
    fn flush() {
        upstream::flush();
    }
}

impl Drop for KovanUpstream {
    fn drop(&mut self) {
        // SAFETY: the locals are gone.
        unsafe { Home::close::<Self>(self.home) };
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
        retire: Progress::LockFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[],
        constants: "batch=64 era_frequency=128 load_attempts=16",
        bound: "none: a stall holds little while all guards are short, else all made under a long one",
        frees_on_drop: false,
        frees_meanwhile: true,
        frees_others: true,
    };
    type Header = Header;
    type Local = Joined<Self>;
    type Guard<'l> = Pinned<'l, Self>;
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        Self { home: Home::new() }
    }

    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }

    unsafe fn register(&self) -> Joined<Self> {
        Joined::new(self.home)
    }

    #[inline]
    fn header(&self, _: &Joined<Self>) -> Header {
        Header { retired: RetiredNode::new(), home: self.home }
    }

    #[inline]
    fn pin<'l>(&'l self, local: &'l Joined<Self>) -> Self::Guard<'l> {
        local.pin()
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Joined<Self>) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        guard: &Self::Guard<'_>,
        (): &mut (),
        source: &AtomicPtr<Node<T, Header>>,
        _: usize,
    ) -> *mut Node<T, Header> {
        const { assert!(size_of::<upstream::Atomic<u8>>() == size_of::<AtomicPtr<u8>>()) };
        // SAFETY: the only field of this pinned version's `Atomic` that has a size is an
        // `AtomicUsize` with the pointer in it; the sizes are compared above. It loads only.
        let atomic = unsafe { &*std::ptr::from_ref(source).cast::<upstream::Atomic<_>>() };
        atomic.load(Ordering::Acquire, guard).as_raw()
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(
        &self,
        guard: &Self::Guard<'_>,
        node: *mut Node<T, Header>,
    ) {
        let member = guard.member();
        member.count_out();
        // SAFETY: the caller's clauses; `Reclaimable` is implemented above.
        member.within(|| unsafe { upstream::retire_reclaimable(node) });
    }

    fn flush(&self, local: &Joined<Self>) {
        local.flush();
    }
}

// SAFETY: a guard's loads raise its slot's era, and do not drain the slot.
unsafe impl GuardProtection for KovanUpstream {}
