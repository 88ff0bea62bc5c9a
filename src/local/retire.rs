//! What becomes of retired nodes: they are collected in open batches, batches are published to the
//! slots that may hold them, acknowledged, and freed.

use alloc::boxed::Box;
use core::cell::Cell;
use core::ptr;

use super::Local;
use super::drain::{ADOPTED, SURPLUS};
use crate::batch::{Batch, CAPACITY, Ended, Link, List};
use crate::config::Config;
use crate::node::{Entry, era};
use crate::slot::BACKLOG;
use crate::stats::count;
use crate::sync::{Ordering, fence};
use crate::unwind::{Depth, Panic, catch, discard, resume};

/// Retirements that free together. Two threads that fight for a line disturb each other less if one
/// of them is away from it for a while. The cache of glibc's allocator for a thread has room for seven
/// blocks of a size. Each in models, so that programs stay small.
const FREE_GROUP: usize = if cfg!(any(kovan_loom, kovan_shuttle)) { 1 } else { 7 };
/// Batches that may wait for the frees per retirement before pins help.
const KEPT_BATCHES: usize = 4;
/// Lists that a thread takes since it last closed a full batch, before it no longer counts as one
/// whose retirements free what it has.
const RETIRING: usize = 32;

/// Links that one pin acknowledges. After a long section there may be any number: then the next pins
/// go on.
const PIN_LINKS: usize = if cfg!(any(kovan_loom, kovan_shuttle)) { 2 } else { 256 };

/// Times that a flush goes round, if it finds nodes that guards held. Once in loom's models.
const FLUSH_ROUNDS: usize = if cfg!(kovan_loom) { 1 } else { 2 };

impl Local {
    /// Adds a node to the open batch, which is published when it is full; after each group of
    /// retirements frees a few nodes.
    #[inline(always)]
    pub(crate) fn retire(&self, entry: Entry) {
        if let Err(entry) = self.open.try_push(entry) {
            self.retire_slowly(entry);
        }
    }

    #[inline(never)]
    fn retire_slowly(&self, entry: Entry) {
        self.add(entry);
        let waiting = self.queue.len();
        if waiting > 0 {
            // Per retirement one node for each batch that waits: a thread that retires as much as
            // it allocates gives its allocator as much as it takes.
            let nodes = match self.config.get().frees {
                Config::AT_ONCE => waiting * CAPACITY,
                frees => FREE_GROUP * frees.min(waiting),
            };
            if self.dues.are_none() {
                self.run_destructors(nodes);
            } else {
                self.free_with_dues(nodes);
            }
        }
    }

    /// As a retirement that frees so many nodes, if there is more to free for what destructors have
    /// retired: at most a batch. Inside of a destructor, the call that runs it frees. What is left is for
    /// the next retirement, which comes here.
    #[cold]
    #[inline(never)]
    fn free_with_dues(&self, nodes: usize) {
        if self.dues.is_freeing() {
            self.dues.owe(nodes / FREE_GROUP);
            return self.open.stop();
        }
        self.free(nodes + self.dues.take(CAPACITY.saturating_sub(nodes)));
        if self.queue.len() == 0 {
            self.dues.take(usize::MAX);
        } else if self.dues.are_owed() {
            self.open.stop();
        }
    }

    /// Adds a node to the open batch, and publishes it when it is full. Runs no destructor.
    fn add(&self, entry: Entry) {
        let len = self.open.push(entry, || self.queue.spare());
        let capacity = self.config.get().batch;
        if len >= capacity {
            self.publish_full();
        } else {
            // The last node of a group, and the last of a batch, come here again.
            self.open.allow((FREE_GROUP - 1).min(capacity - 1 - len));
        }
    }

    #[cold]
    fn publish_full(&self) {
        let mut ended = Ended::default();
        self.take_unpinned(&mut ended);
        self.publish_open(&mut ended);
        self.adopt(ADOPTED, &mut ended);
        self.route_freed(ended.free);
        self.retiring.set(RETIRING);
    }

    /// Publishes the open batch: pushes it to every slot that may hold one of its nodes. Returns
    /// whether it had a node.
    pub(super) fn publish_open(&self, ended: &mut Ended) -> bool {
        let Some(batch) = self.open.take() else { return false };
        count(&self.counts.retired, batch.len as u64);
        if self.config.get().robust && batch.has_birth() {
            era::advance();
        }
        // SeqCst: the unlinks of the nodes before the look at the slots; pairs with the fence in
        // `Slot::take_and_stay` (slot activated before loads).
        fence(Ordering::SeqCst);
        let mut targets = self.targets.take();
        let own_exempt = !self.is_pinned();
        targets.extend(self.core().locals.iter().filter_map(|local| {
            let exempt = own_exempt && ptr::eq(local, self);
            (!exempt && local.slot.is_active()).then_some(ptr::from_ref(local))
        }));
        let batch = Batch::share(Box::into_raw(batch), targets.len(), self);
        let mut pushed = 0;
        for (at, local) in targets.drain(..).enumerate() {
            // SAFETY: locals live as long as the core.
            let local = unsafe { &*local };
            // SAFETY: `submit` has not run, so the batch cannot be freed yet, however many links of
            // it are acknowledged.
            if self.push(local, unsafe { &(*batch).links()[at] }, ended) {
                pushed += 1;
                if local.slot.backlog_is_due() {
                    self.drain(local, ended);
                }
            }
        }
        self.targets.set(targets);
        // SAFETY: submitted once, here.
        if unsafe { Batch::submit(batch, pushed) } {
            // SAFETY: all links were acknowledged.
            ended.add(unsafe { Batch::unshare(batch) });
        }
        true
    }

    /// Pushes a link to a slot. Returns whether the slot took it. Bounded steps, and three for each
    /// link of a list that is left to it.
    pub(super) fn push(&self, to: &Self, link: &Link, ended: &mut Ended) -> bool {
        let Some(left) = to.slot.push(link) else { return false };
        // SAFETY: left to this thread alone, by somebody who acknowledged what was above it for an
        // owner outside of guards.
        unsafe { ended.acknowledge_all(left) };
        true
    }

    /// Returns each batch to the thread that retired it: where a thread frees what it retired, it
    /// gives its allocator back about as much as it takes from it. Keeps those that are back, or
    /// whose thread is away, but for what it has too many of. Bounded steps per batch, and per link of
    /// lists that are left to it.
    fn route_freed(&self, mut free: List) {
        let mut routed = 0;
        while let Some(mut batch) = free.take() {
            routed += 1;
            // SAFETY: locals live as long as the core.
            let retirer = unsafe { batch.take_retirer().as_ref() };
            match retirer {
                Some(to) if !ptr::eq(to, self) && to.slot.is_accepting_returns() => {
                    let mut ended = Ended::default();
                    self.send(batch, ptr::null_mut(), to, &mut ended);
                    // Those that come back are not sent again.
                    self.queue.add_all(ended.free);
                }
                _ => self.queue.add(batch),
            }
        }
        // While destructors run, what waits is theirs to free: for instance by a flush.
        if self.queue.len() > SURPLUS && !self.dues.is_freeing() && !self.frees_at_once() {
            self.share_surplus(routed + BACKLOG);
        }
    }

    /// Pushes a batch that no guard holds, or one that carries a list, to a slot, by its return
    /// link. What the slot does not take is added to `ended`.
    pub(super) fn send(&self, batch: Box<Batch>, parcel: *mut Link, to: &Self, ended: &mut Ended) {
        let batch = Batch::share_return_link(batch, parcel);
        // SAFETY: as in `publish_open`: not submitted yet.
        let pushed = self.push(to, unsafe { (*batch).return_link() }, ended);
        // Counted for `is_accepting_returns`; whoever publishes drains.
        to.slot.backlog_is_due();
        // SAFETY: submitted once since it was shared again.
        if unsafe { Batch::submit(batch, usize::from(pushed)) } {
            // SAFETY: its link was not pushed, or was acknowledged.
            ended.add(unsafe { Batch::unshare(batch) });
        }
    }

    /// Takes this thread's list, acknowledges at most so much of it as one pin may, leaves the rest
    /// to others, and frees nothing. Returns whether there was a list.
    pub(super) fn take_own(&self) -> bool {
        if self.config.get().robust {
            self.slot.shields.forget();
            // What this thread has made headers for until now; see `RetiredNode::new`. The fence of
            // `take_and_stay` follows.
            self.slot.shields.publish_era(era::now());
        }
        let mut list = self.slot.take_and_stay();
        let found = !list.is_null();
        let (mut ended, mut left) = (Ended::default(), PIN_LINKS);
        loop {
            // SAFETY: taken by this call alone; the owner, outside or at an outermost pin, holds no
            // pointer.
            let rest = unsafe { ended.acknowledge_some(list, &mut left) };
            let to = if self.frees_at_once() { self } else { &self.core().orphans };
            self.put_back(to, rest, &mut ended);
            let Some(parcel) = ended.take_parcel() else { break };
            list = parcel;
        }
        self.route_freed(ended.free);
        found
    }

    /// As [`take_own`](Self::take_own). Returns how many batches need not be freed by pins.
    pub(super) fn acknowledge_own(&self) -> usize {
        let found = self.take_own();
        let retiring = self.retiring.get();
        self.retiring.set(retiring.saturating_sub(usize::from(found)));
        let keep = if retiring > 0 && !self.frees_at_once() { KEPT_BATCHES } else { 0 };
        if self.core().has_orphans() && self.queue.len() <= keep {
            self.help(keep);
        }
        keep
    }

    /// Takes some of what was too much for a thread, or was left by one: the pins of all threads free
    /// it.
    #[cold]
    #[inline(never)]
    fn help(&self, keep: usize) {
        self.adopt_some();
        if self.queue.len() <= keep && self.core().has_orphans() {
            self.slot.stay_on_slow_path();
        }
    }

    /// Outside of guards this thread holds no pointer: its own list need not wait for a pin.
    pub(super) fn take_unpinned(&self, ended: &mut Ended) {
        if !self.is_pinned() && self.slot.has_list() {
            // SAFETY: taken by this call alone; the owner is outside.
            unsafe { ended.acknowledge_all(self.slot.take_and_deactivate()) };
        }
    }

    fn frees_at_once(&self) -> bool {
        self.config.get().frees == Config::AT_ONCE
    }

    /// Frees, per pin on the slow path, at most one batch of what the frees per retirement do not
    /// keep up with.
    pub(super) fn free_due(&self) {
        let batches = if self.frees_at_once() { self.queue.len() } else { 1 };
        self.free(batches * CAPACITY);
    }

    /// Frees the batches that wait now. What their destructors retire waits for the next call.
    pub(super) fn free_waiting(&self) -> Freed {
        // A node that a guard protected when its batch was acknowledged is taken twice: it is retired
        // again, and may be free then. But no more often, since another guard may protect it.
        let takes = if self.config.get().robust { 2 } else { 1 };
        self.free(takes * self.queue.len() * CAPACITY)
    }

    /// As [`run_destructors`](Self::run_destructors), but does nothing inside of a destructor that this
    /// local runs: so destructors that retire do not recurse; nor too deep inside of destructors of
    /// other locals, which may be made in each of them.
    pub(super) fn free(&self, nodes: usize) -> Freed {
        if self.dues.is_freeing() {
            return Freed::default();
        }
        Depth::enter().map_or_else(Freed::default, |_depth| self.run_destructors(nodes))
    }

    /// Takes at most so many nodes and frees them; what a guard protects is retired again. A panic of a
    /// destructor is kept for the next flush. No destructor of this local runs.
    #[inline(never)]
    fn run_destructors(&self, nodes: usize) -> Freed {
        self.dues.begin_freeing();
        let run = Freeing { local: self, nodes, left: Cell::new(nodes), kept: Cell::new(0) };
        while let Err(panic) = catch(|| self.queue.free(&run.left, |entry| self.keep(entry, &run)))
        {
            self.queue.settle(&run.left);
            self.hold_panic(panic);
        }
        run.freed()
    }

    /// Retires a node again. It is counted again when its batch is published.
    #[cold]
    #[inline(never)]
    fn keep(&self, entry: Entry, run: &Freeing<'_>) {
        run.kept.set(run.kept.get() + 1);
        count(&self.counts.retired, 1u64.wrapping_neg());
        self.add(entry);
    }

    /// Holds the first panic for the next flush.
    #[cold]
    fn hold_panic(&self, panic: Panic) {
        let first = self.panic.take();
        let (held, other) =
            if first.is_none() { (Some(panic), None) } else { (first, Some(panic)) };
        self.panic.set(held);
        discard(other);
    }

    /// Lets the first panic since the last call go on.
    fn resume_panic(&self) {
        if self.dues.is_freeing() {
            return;
        }
        if let Some(panic) = self.panic.take() {
            resume(panic);
        }
    }

    /// Publishes the open batch, drains every slot whose owner is not in the way, and frees what no
    /// guard holds. Looks once more at what guards held when it was drained before.
    pub(crate) fn flush(&self) {
        for _ in 0..FLUSH_ROUNDS {
            let mut ended = Ended::default();
            self.take_unpinned(&mut ended);
            self.publish_open(&mut ended);
            self.drain_all(&mut ended);
            self.queue.add_all(ended.free);
            if self.free_waiting().kept == 0 {
                break;
            }
        }
        self.resume_panic();
    }

    /// Publishes the open batch and frees what no guard holds, if the batch has a node.
    pub(crate) fn flush_pending(&self) {
        let mut ended = Ended::default();
        if self.open.len() > 0 {
            self.take_unpinned(&mut ended);
            self.publish_open(&mut ended);
            self.adopt(ADOPTED, &mut ended);
            self.queue.add_all(ended.free);
            self.free_waiting();
            self.resume_panic();
        }
    }

    /// Frees the spare memory of a local that is given back.
    pub(super) fn drop_scratch(&self) {
        self.queue.drop_spares();
        drop(self.targets.take());
        drop(self.addresses.take());
    }
}

/// While it lives, destructors run on behalf of this local.
struct Freeing<'l> {
    local: &'l Local,
    nodes: usize,
    /// How many of the nodes are left.
    left: Cell<usize>,
    /// How many were not freed.
    kept: Cell<usize>,
}

/// What became of nodes that were taken to be freed.
#[derive(Clone, Copy, Default)]
pub(super) struct Freed {
    /// How many were freed.
    pub(super) nodes: usize,
    /// How many were retired again.
    kept: usize,
}

impl Freeing<'_> {
    fn freed(&self) -> Freed {
        let kept = self.kept.get();
        Freed { nodes: self.nodes - self.left.get() - kept, kept }
    }
}

impl Drop for Freeing<'_> {
    /// Ends the run, also when a destructor panics and nothing catches it.
    fn drop(&mut self) {
        #[cfg(not(feature = "std"))]
        self.local.queue.settle(&self.left);
        self.local.dues.end_freeing();
        count(&self.local.counts.freed, self.freed().nodes as u64);
    }
}
