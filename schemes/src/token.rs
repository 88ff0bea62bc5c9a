//! `token` and `token-af`: Token-EBR, a token in a ring of threads in the place of epochs (Kim and others).
//!
//! A thread that has the token when it begins an outermost guard passes it to the next thread, frees its
//! older bag, and makes its newer bag the older one. This is the variant "pass first" of the paper: the
//! next thread does not wait for the frees. `token-af` frees the nodes of a bag two at a time, with later
//! retirements. The begin of a guard without the token costs one load, its end nothing.
//!
//! The price is that of `qsbr`: between its guards a thread keeps the token, and one that is idle there holds
//! up all reclamation. [`Handle::flush`](crate::Handle::flush) takes it offline until its next pin, as it starts.
//!
//! # Why a free is sound
//! The token is with one thread or parked, and who takes it acquires what the one before released. So
//! all holders are in one order. The token moves forward in the list of the records, and from its end to
//! its head: that is a *wrap*. On its way the holder visits records:
//!
//! - It grants the token to an online one, with release. Its thread passes it on between two guards.
//! - It skips an offline one, which it has read behind a full fence (F1). A thread that comes online
//!   stores that in its record, makes a full fence (F2), and then loads.
//! - It does not see a record that is pushed after the fence of the wrap (F1 too), behind which it loads
//!   the head. Such a record is pushed before its thread comes online, so before F2.
//!
//! Let T put a node into a bag and later pass the token on, and let X be any other thread. Before T has
//! the token again, the record of X is visited.
//!
//! 1. If it is granted the token, X passes it on between guards. What X used in the guards before comes
//!    before the next receipt by T, and the guards after see the unlink: both by the order of holders.
//! 2. If it is skipped, and X went offline by a store with release, the uses before it precede the read,
//!    which acquires. If X comes online later, F1 precedes F2. The unlink precedes F1 by the order of
//!    holders, so X sees it in all loads behind F2.
//!
//! So at a receipt nobody holds what T put into its bag before the last receipt. A thread that sees the
//! unlink does not come to the node by other unlinked nodes either, for what the node was reachable
//! through was unlinked before it was retired.
//!
//! If all others are offline, the token comes back to the record that passes it on. If that is offline
//! too, the token is parked. All records were visited since the wrap then, so the next holder may go on
//! at any place in the list. Who parked it looks for online records behind one more full fence (F3), and
//! takes it back if there is one. A thread that comes online looks for the token behind F2. One of the
//! two sees the other, so the token does not stay parked while threads are online.
//!
//! A thread that leaves puts its nodes into a bag of the ring, which acts as one more thread at the end
//! of the list: each wrap frees its older bag, and makes the newer one the older.
//!
//! # Deviations from the paper
//! Its threads are in an array, always registered, and always in operations. Ours come, go and idle: the
//! list, offline records, fences, the parked token and the bags of the ring are ours, as are guards that
//! nest. `token-af` frees two nodes per retirement unless told otherwise, in the paper one per operation.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::Arc;
use std::{iter, mem};

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::Parameters;
use crate::parts::free::{self, Amortised, Free, Immediate};
use crate::parts::limbo::{Erased, Freeing, Garbage, Orphans};
use crate::parts::slots::{Lease, Slot, Slots};
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence};

/// Bags of a thread, and of the ring. A flush makes one round more.
const BAGS: usize = 2;

/// A thread that holds nothing and that the token skips. Only its owner changes the record then.
const OFFLINE: u64 = 0;
/// A thread that may be in a guard. The holder of the token may grant it.
const ONLINE: u64 = 1;
/// The thread that the token was granted to. Only its owner changes the record then.
const TOKEN: u64 = 2;

/// The scheme `token`.
pub type Token = Scheme<Immediate>;
/// The scheme `token-af`.
pub type TokenAf = Scheme<Amortised>;

/// The scheme, with one of the free policies.
#[derive(Debug)]
pub struct Scheme<F> {
    ring: Arc<Ring>,
    parameters: Parameters,
    policy: PhantomData<fn() -> F>,
}

/// The records of the threads, the token if nobody has it, and the bags of threads that left.
#[derive(Debug, Default)]
struct Ring {
    records: Arc<Slots<AtomicU64>>,
    /// True if a thread has the token; else it is parked.
    held: AtomicBool,
    /// The newer bag of the ring: what threads left since the last wrap.
    left: Orphans<()>,
    /// The older bag of the ring. Only the holder of the token uses it.
    older: Orphans<()>,
}

/// Gives the token to the first thread that is online, from one record to the end of the list.
fn grant_from(first: Option<&Slot<AtomicU64>>) -> bool {
    iter::successors(first, |record| record.next()).any(grant)
}

/// Gives the token to a thread. Returns false if it was offline.
fn grant(record: &Slot<AtomicU64>) -> bool {
    // Acquire, both: pairs with the release of a thread that goes offline, whose uses come before the
    // frees of later holders. Release: pairs with the acquires of `enter` and `go_offline`.
    let state = record.value();
    state.load(Ordering::Acquire) == ONLINE
        && state.compare_exchange(ONLINE, TOKEN, Ordering::Release, Ordering::Acquire).is_ok()
}

impl Ring {
    /// Passes the token on from a record, whose thread is between two guards: to itself if it alone is
    /// online. Returns false if all are offline. Adds to `dead` what a wrap finds to be free.
    fn pass(&self, record: &Slot<AtomicU64>, dead: &mut Vec<Erased>) -> bool {
        let next = record.next();
        // Skips nothing, so it needs no fence.
        if next.is_some_and(grant) {
            return true;
        }
        if next.is_some() {
            // F1: between the unlinks of what is in bags and the looks at records; pairs with F2.
            fence(Ordering::SeqCst);
            if grant_from(next) {
                return true;
            }
        }
        self.wrap(dead);
        // F1, for what the wrap has taken too. The head is loaded behind it.
        fence(Ordering::SeqCst);
        grant_from(self.records.first())
    }

    /// Takes the older bag of the ring, and makes the newer one the older.
    fn wrap(&self, dead: &mut Vec<Erased>) {
        let mut bag = Vec::new();
        self.older.adopt(&mut bag);
        dead.extend(bag.drain(..).map(|garbage| garbage.node));
        self.left.adopt(&mut bag);
        self.older.leave(bag);
    }

    /// Takes the token if it is parked.
    fn unpark(&self) -> bool {
        // Acquire: pairs with the release of the thread that parked it, as `enter` with `grant`.
        !self.held.load(Ordering::Relaxed) && !self.held.swap(true, Ordering::Acquire)
    }

    /// Passes the token on from the record of a thread that has gone offline, or parks it.
    fn abandon(&self, record: &Slot<AtomicU64>, dead: &mut Vec<Erased>) {
        while !self.pass(record, dead) {
            // Release: pairs with the acquire of `unpark`.
            self.held.store(false, Ordering::Release);
            // F3: a thread that came online meanwhile is seen here, or it sees the token; pairs with F2.
            fence(Ordering::SeqCst);
            let is_online = |record: &AtomicU64| record.load(Ordering::Relaxed) == ONLINE;
            if !self.records.iter().any(is_online) || !self.unpark() {
                return;
            }
        }
    }

    /// Leaves nodes to others, in the newer bag of the ring.
    fn leave(&self, nodes: impl IntoIterator<Item = Erased>) {
        self.left.leave(nodes.into_iter().map(|node| Garbage { node, stamp: () }).collect());
    }
}

/// What a thread has retired.
#[derive(Debug, Default)]
struct Bags {
    /// Since its last receipt of the token.
    newer: Vec<Erased>,
    /// Between the receipt before and the last one.
    older: Vec<Erased>,
}

impl Bags {
    /// Takes the older bag, and makes the newer one the older.
    fn rotate(&mut self) -> Vec<Erased> {
        mem::replace(&mut self.older, mem::take(&mut self.newer))
    }
}

/// A thread's registration. Its depth counts guards that nest.
#[derive(Debug)]
pub struct Local<F: Free> {
    ring: Arc<Ring>,
    record: Lease<AtomicU64>,
    depth: Cell<usize>,
    bags: RefCell<Bags>,
    free: F,
}

/// A guard. Nothing happens at its end.
#[derive(Debug)]
pub struct Guard<'l, F: Free> {
    local: &'l Local<F>,
}

impl<F: Free> Drop for Guard<'_, F> {
    #[inline]
    fn drop(&mut self) {
        self.local.leave();
    }
}

impl<F: Free> Local<F> {
    /// Begins a guard.
    #[inline]
    fn enter(&self) {
        if self.depth.replace(self.depth.get() + 1) == 0 {
            // Acquire: pairs with the release of `grant`. This guard sees what earlier holders have
            // unlinked, and what they used comes before our frees.
            let state = self.record.load(Ordering::Acquire);
            if state != ONLINE {
                self.begin(state);
            }
        }
    }

    #[inline]
    fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    /// Begins an outermost guard of a thread that is offline, or has the token.
    #[cold]
    fn begin(&self, state: u64) {
        if state == OFFLINE {
            // Relaxed: who reads it frees nothing for it, but waits for this thread.
            self.record.store(ONLINE, Ordering::Relaxed);
            // F2: before all loads of the thread until it goes offline; pairs with F1 and F3.
            fence(Ordering::SeqCst);
        }
        if state == TOKEN || self.ring.unpark() {
            self.receive();
        }
    }

    /// Passes the token on, frees the older bag, and makes the newer one the older.
    fn receive(&self) {
        // First, as the token may come back. Relaxed: no holder looks at it before the token is passed.
        self.record.store(ONLINE, Ordering::Relaxed);
        let mut dead = self.bags.borrow_mut().rotate();
        let passed = self.ring.pass(self.record.slot(), &mut dead);
        debug_assert!(passed, "this record is online");
        self.release(&mut dead);
        let mut bags = self.bags.borrow_mut();
        if bags.newer.capacity() == 0 {
            // Kept for its capacity.
            bags.newer = dead;
        }
    }

    /// Frees nodes that nobody holds, by the policy.
    fn release(&self, dead: &mut Vec<Erased>) {
        if let Some(_freeing) = Freeing::enter() {
            // SAFETY: out of the bags, so freed once; held by nobody: see the head of this file.
            unsafe { self.free.free(dead) };
        } else {
            // Destructors nest too deep: as if retired now.
            self.bags.borrow_mut().newer.append(dead);
        }
    }

    /// Lets the token skip this thread until its next guard. Passes it on if it is here; see [`Ring::pass`].
    fn go_offline(&self, dead: &mut Vec<Erased>) {
        // Release: pairs with the acquires of `grant`; our uses come before frees of those who skip us.
        // Acquire: pairs with its release.
        let (record, release) = (&self.record, Ordering::Release);
        if record.compare_exchange(ONLINE, OFFLINE, release, Ordering::Acquire) == Err(TOKEN) {
            record.store(OFFLINE, release);
            self.ring.abandon(record.slot(), dead);
        }
    }
}

impl<F: Free> Drop for Local<F> {
    fn drop(&mut self) {
        let Bags { newer, older } = self.bags.take();
        self.ring.leave(newer.into_iter().chain(older));
        let mut dead = self.free.take();
        self.go_offline(&mut dead);
        if let Some(_freeing) = Freeing::enter() {
            for node in dead {
                // SAFETY: out of the bags, so freed once; held by nobody: see the head of this file.
                unsafe { node.free() };
            }
        } else {
            self.ring.leave(dead);
        }
    }
}

// SAFETY: 1: the head of this file. 2: nodes are freed when a guard begins, in `retire` and `flush`, and in
// the drop of locals; the rest in the drop of the domain. 3: no borrow is held while nodes are freed.
unsafe impl<F: Free> Reclaimer for Scheme<F> {
    const FACTS: Facts = {
        let token = Facts {
            name: "token",
            version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
            paper: "Kim, Brown & Singh, Are your epochs too epic?, PPoPP 2024 (Token-EBR, pass first)",
            strength: Strength::Region,
            load: Progress::WaitFree,
            retire: Progress::WaitFree,
            robust: Robustness { stalled: false, long_reader: false },
            parameters: &[],
            constants: "bags=2",
            bound: "unbounded: one thread that stalls, or idles without a flush, holds all",
            frees_on_drop: true,
            frees_meanwhile: true,
            frees_others: false,
        };
        if F::AMORTISED {
            Facts {
                name: "token-af",
                paper: "Kim, Brown & Singh, Are your epochs too epic?, PPoPP 2024 (Token-EBR, amortised free)",
                parameters: &[free::PER_RETIREMENT],
                ..token
            }
        } else {
            token
        }
    };
    const UNPIN_FREES: bool = false;
    type Header = ();
    type Local = Local<F>;
    type Guard<'l> = Guard<'l, F>;
    type Shield<'l> = ();

    fn new(parameters: &Parameters) -> Self {
        Self { ring: Arc::default(), parameters: parameters.clone(), policy: PhantomData }
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Local<F> {
        Local {
            ring: Arc::clone(&self.ring),
            record: self.ring.records.acquire(),
            depth: Cell::new(0),
            bags: RefCell::default(),
            free: F::new(&self.parameters),
        }
    }
    #[inline]
    fn header(&self, _: &Local<F>) {}

    #[inline]
    fn pin<'l>(&'l self, local: &'l Local<F>) -> Guard<'l, F> {
        local.enter();
        Guard { local }
    }
    #[inline]
    fn shield<'l>(&'l self, _: &'l Local<F>) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        _: &Guard<'_, F>,
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Guard<'_, F>, node: *mut Node<T, ()>) {
        guard.local.free.step();
        guard.local.bags.borrow_mut().newer.push(Erased::new(node));
    }

    fn flush(&self, local: &Local<F>) {
        if local.depth.get() > 0 {
            return;
        }
        // If all others are offline, each round frees a bag.
        for _ in 0..=BAGS {
            // As a guard, so that destructors do not begin an outermost one.
            local.enter();
            local.free.finish();
            local.leave();
            if local.depth.get() > 0 {
                // A destructor has left a guard behind.
                return;
            }
        }
        let mut dead = Vec::new();
        local.go_offline(&mut dead);
        // Their destructors could begin guards here: they wait for another round.
        local.ring.leave(dead);
    }
}

// SAFETY: a node that was reachable in a guard's life is freed after the guard ends.
unsafe impl<F: Free> GuardProtection for Scheme<F> {}
// SAFETY: as above; how a node was reached does not matter.
#[diagnostic::do_not_recommend]
unsafe impl<F: Free> RegionProtection for Scheme<F> {}
