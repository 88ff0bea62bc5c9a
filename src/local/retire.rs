//! What becomes of retired nodes: they are collected in open batches, batches are pushed to the
//! slots that may hold them, acknowledged, and freed.

use alloc::boxed::Box;
use core::{mem, ptr};

use super::{Local, OUTSIDE, Open, Unread};
use crate::batch::{self, Batch, Entry, Link, List};
use crate::mode::Mode;
use crate::prefetch::prefetch;
use crate::slot::{EVERYTHING, Slot, count};
use crate::sync::{Ordering, fence};
use crate::unwind::{discard, panicking, resume};

/// Allocations of one thread between two steps of the era clock. One in models, so that eras move.
const ERA_FREQUENCY: u64 = if cfg!(any(kovan_loom, kovan_shuttle)) { 1 } else { 128 };
/// A slot this many eras behind counts as lagging when nodes are sorted into batches.
const LAG: u64 = 4;
/// Retirements that free together. Two threads that fight for a line disturb each other less if one
/// of them is away from it for a while; an allocator's cache for a thread has room for so few. Each
/// in models, so that programs stay small.
const GROUP: usize = if cfg!(any(kovan_loom, kovan_shuttle)) { 1 } else { 4 };
/// Batches that may wait for the frees per retirement before pins help.
const KEEP: usize = 4;
/// Lists that a thread takes since it last closed a full batch, before it no longer counts as one
/// whose retirements free what it has.
const RETIRING: usize = 32;

impl Unread {
    #[inline]
    fn read(&self) -> u64 {
        // SAFETY: the caller of `retire_born`: it can be read until the node is freed, which it is
        // not before it is in a batch.
        unsafe { *self.birth }
    }
}

impl<M: Mode> Local<M> {
    /// The slow path of `pin`: takes the list, acknowledges it, and frees some of what became
    /// free. The caller holds no protected pointer, and its guard exists: destructors may panic.
    #[cold]
    pub(super) fn acknowledge_own(&self) {
        let found = self.take_own();
        let retiring = self.retiring.get();
        self.retiring.set(retiring.saturating_sub(usize::from(found)));
        let keep = if retiring > 0 && !self.frees_at_once() { KEEP } else { 0 };
        if self.ready.len() > keep {
            let _outside = Outside::of(self, keep);
            self.free_due(keep);
        }
    }

    /// Takes this thread's list and acknowledges it. Returns whether there was one.
    fn take_own(&self) -> bool {
        let (mut free, mut found) = (List::default(), false);
        self.slot().take(|list| {
            found |= !list.is_null();
            collect(list, &mut free);
        });
        self.settle(free);
        found
    }

    /// Sends each batch home, to the thread that retired it: where a thread frees what it retired,
    /// it gives its allocator back about as much as it takes from it. Keeps those that are at home,
    /// or that nobody is at home for, and those that it gains by lists that are left to it. Steps: at
    /// most nine per batch, and those of such lists.
    fn settle(&self, mut free: List) {
        let mut gained = List::default();
        while let Some(mut batch) = free.take() {
            // SAFETY: slots live as long as the core.
            let home = unsafe { batch.take_home().as_ref() };
            match home.filter(|home| !ptr::eq(*home, self.slot) && home.is_at_home()) {
                Some(home) => Self::send(batch, home, &mut gained),
                None => self.ready.add(batch),
            }
        }
        self.keep(gained);
    }

    /// Keeps batches that no guard holds any more, to be freed here.
    fn keep(&self, mut free: List) {
        while let Some(batch) = free.take() {
            self.ready.add(batch);
        }
    }

    /// Pushes a batch to the slot of the thread that retired it; adds it to `gained` if it is back
    /// already.
    fn send(batch: Box<Batch>, home: &Slot, gained: &mut List) {
        let batch = Batch::share_way_home(batch);
        // SAFETY: as in `close`: not submitted yet.
        let pushed = push(home, unsafe { &(*batch).way_home }, gained);
        // Counted for `is_at_home`; whoever flushes drains.
        home.backlog_is_due();
        // SAFETY: submitted once since it was shared again.
        if unsafe { Batch::submit(batch, usize::from(pushed)) } {
            // SAFETY: its link was not pushed, or was acknowledged.
            gained.add(unsafe { Batch::unshare(batch) });
        }
    }

    /// Frees a few nodes for a group of retirements: per retirement one for each batch that waits. A
    /// thread that retires as much as it allocates so gives its allocator as much as it takes.
    #[inline(never)]
    fn free_some(&self) {
        // Not while unwinding: a second panic would abort.
        if !panicking() {
            self.ready.free(GROUP.saturating_mul(self.core.config.frees.min(self.ready.len())));
        }
    }

    /// Publishes what this thread freed, for `stats`.
    fn count_freed(&self) {
        count(&self.slot().freed, self.ready.take_freed());
    }

    fn frees_at_once(&self) -> bool {
        self.core.config.frees == usize::MAX
    }

    /// Frees, per pin that found batches, what the frees per retirement do not keep up with: of more
    /// than `keep` batches one, and an eighth of the rest.
    fn free_due(&self, keep: usize) {
        if panicking() {
            return;
        }
        let waiting = self.ready.len();
        let batches = if self.frees_at_once() { waiting } else { 1 + (waiting - keep) / 8 };
        self.ready.free(batches.saturating_mul(self.core.config.batch));
    }

    fn free_all(&self) {
        if panicking() {
            return;
        }
        let panic = self.ready.free_all();
        self.count_freed();
        if let Some(panic) = panic {
            resume(panic);
        }
    }

    /// The birth era of a node allocated now.
    #[inline]
    pub(crate) fn birth_era(&self) -> u64 {
        if !M::ROBUST {
            return 0;
        }
        let allocated = self.allocated.get() + 1;
        self.allocated.set(allocated);
        // AcqRel, Acquire: the stamp is read before the node is published, and a reader that
        // acquires the node reads an era at least as high. Too low a stamp is only conservative.
        if allocated.is_multiple_of(ERA_FREQUENCY) {
            self.core.era.fetch_add(1, Ordering::AcqRel) + 1
        } else {
            self.core.era.load(Ordering::Acquire)
        }
    }

    /// Steps the era clock for what this thread has allocated since its last step. Nobody else counts
    /// that, so threads with short lives would stop the clock, and one stalled reader hold everything.
    pub(super) fn end_allocations(&self) {
        if M::ROBUST && !self.allocated.get().is_multiple_of(ERA_FREQUENCY) {
            // AcqRel: as in `birth_era`.
            self.core.era.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Retires the node before this one, whose birth has arrived by now, and asks for the birth of
    /// this one.
    ///
    /// # Safety
    /// `birth` can be read until the node is freed.
    #[inline]
    pub(crate) unsafe fn retire_born(&self, entry: Entry, birth: *const u64) {
        prefetch(birth);
        if let Some(before) = self.unread.replace(Some(Unread { entry, birth })) {
            let birth = before.read();
            self.retire(before.entry, birth);
        }
    }

    /// Adds the node whose birth was not read yet, if there is one, to its open batch, which the
    /// caller closes. Runs no destructor: what a caller has still to do does not wait for a panic.
    fn add_unread(&self) {
        if let Some(node) = self.unread.take() {
            let birth = node.read();
            self.add(node.entry, birth);
        }
    }

    /// Adds a node to an open batch; returns that one, and how many nodes it has now.
    #[inline(always)]
    fn add(&self, entry: Entry, birth: u64) -> (&Open, usize) {
        let open = if M::ROBUST && birth <= self.boundary.get() { &self.old } else { &self.young };
        let mut batch = open.take().unwrap_or_else(|| self.ready.spare(self.core.config.batch));
        batch.min_birth = batch.min_birth.min(birth);
        batch.entries.push(entry);
        let nodes = batch.entries.len();
        // Was `None` since the `take`: nothing to drop.
        mem::forget(open.replace(Some(batch)));
        (open, nodes)
    }

    /// Adds a node to an open batch, and flushes it when it is full; then, as after each group,
    /// frees a few nodes.
    #[inline]
    pub(crate) fn retire(&self, entry: Entry, birth: u64) {
        let (open, nodes) = self.add(entry, birth);
        let full = nodes >= self.core.config.batch;
        if full {
            self.flush_full(open);
        }
        if (full || nodes.is_multiple_of(GROUP)) && self.ready.len() > 0 {
            self.free_some();
        }
    }

    #[cold]
    fn flush_full(&self, open: &Open) {
        let mut free = List::default();
        self.take_unpinned(&mut free);
        self.close(open, &mut free);
        self.settle(free);
        self.retiring.set(RETIRING);
        if self.frees_at_once() {
            self.free_due(0);
        }
        self.count_freed();
    }

    /// Closes both open batches and frees what is free.
    pub(crate) fn flush_all(&self) {
        self.add_unread();
        let mut free = List::default();
        self.take_unpinned(&mut free);
        self.close(&self.old, &mut free);
        self.close(&self.young, &mut free);
        self.keep(free);
        self.free_all();
    }

    /// Hands on or frees all that this thread has, as it leaves. Destructors that retire again are
    /// waited for. Panics end here.
    pub(crate) fn hand_on_all(&self) {
        while {
            self.add_unread();
            let mut free = List::default();
            self.slot().leave(|list| collect(list, &mut free));
            let closed = self.close(&self.old, &mut free) | self.close(&self.young, &mut free);
            self.keep(free);
            let before = self.ready.len();
            discard(self.ready.free_all());
            // Destructors that ran may have retired, or pinned, which subscribes the slot.
            closed || self.ready.len() < before
        } {}
        self.count_freed();
    }

    /// Closes the open batches, takes the lists of idle threads, and frees what is free.
    pub(crate) fn drain_idle(&self) {
        self.flush_all();
        let mut free = List::default();
        for slot in self.core.iter().filter(|slot| !ptr::eq(*slot, self.slot)) {
            slot.drain(|list| collect(list, &mut free));
        }
        self.keep(free);
        self.free_all();
    }

    /// Outside of guards this thread holds no pointer: its own list need not wait for a pin.
    fn take_unpinned(&self, free: &mut List) {
        if !self.is_pinned() && self.slot().has_list() {
            self.slot().leave(|list| collect(list, free));
        }
    }

    /// Closes an open batch: pushes it to every slot that may hold one of its nodes. Returns
    /// whether there was one. Adds what no guard holds to `free`.
    fn close(&self, open: &Open, free: &mut List) -> bool {
        let Some(batch) = open.take() else { return false };
        let min_birth = batch.min_birth;
        count(&self.slot().retired, batch.entries.len() as u64);
        // SeqCst: the unlinks of the nodes before the reads of the slots; pairs with the fences
        // in `Slot::take` (slot activated before loads) and `Guard::protect_anew` (era before loads).
        fence(Ordering::SeqCst);
        let slots = self.core.slots();
        // SAFETY: slots live as long as the core.
        let count = unsafe { slots.as_ref() }.map_or(0, |slot| slot.len);
        let batch = Batch::share(batch, count, self.slot);
        // SAFETY: `submit` has not run, so the batch cannot be freed yet, however many links of
        // it are acknowledged.
        let pushed = self.push_to_all(unsafe { &*batch }, slots, min_birth, free);
        // SAFETY: submitted once, here.
        if unsafe { Batch::submit(batch, pushed) } {
            // SAFETY: all links were acknowledged.
            free.add(unsafe { Batch::unshare(batch) });
        }
        true
    }

    /// Pushes a link of `batch` to each eligible slot; returns how many. Also looks out for slots
    /// that lag behind. Steps: the number of slots, and those of [`push`].
    fn push_to_all(
        &self,
        batch: &Batch,
        mut slots: *const Slot,
        min_birth: u64,
        free: &mut List,
    ) -> usize {
        let now = self.core.era.load(Ordering::Acquire);
        let mut boundary = 0;
        let mut links = batch.links.iter();
        let mut pushed = 0;
        let own_exempt = !self.is_pinned();
        // SAFETY: slots live as long as the core.
        while let Some(slot) = unsafe { slots.as_ref() } {
            slots = slot.next;
            if !slot.is_active() || (own_exempt && ptr::eq(slot, self.slot)) {
                continue;
            }
            if M::ROBUST {
                // Acquire: pairs with the Release in `end_escalation`. That the load is
                // after the unlinks is the part of the fence in `close`.
                let era = slot.era.load(Ordering::Acquire);
                if era != EVERYTHING && era + LAG < now {
                    boundary = boundary.max(era);
                }
                if era < min_birth {
                    continue;
                }
            }
            let Some(link) = links.next() else { break };
            if push(slot, link, free) {
                pushed += 1;
                if slot.backlog_is_due() {
                    slot.drain(|list| collect(list, free));
                }
            }
        }
        self.boundary.set(boundary);
        pushed
    }
}

/// While it lives, a pin that has taken its list is outside of its section again: what others retire
/// need not wait for the destructors that this thread runs. If one of them keeps a guard, the pin is
/// an inner one from there on. If one panics, the next pins go on with the rest all the same.
struct Outside<'l, M: Mode> {
    local: &'l Local<M>,
    /// Batches that need not be freed by pins.
    keep: usize,
    /// Whether a pin around this one is outside, too.
    nested: u64,
}

impl<'l, M: Mode> Outside<'l, M> {
    fn of(local: &'l Local<M>, keep: usize) -> Self {
        let nested = local.more.get() & OUTSIDE;
        local.more.set(local.more.get() | OUTSIDE);
        local.unpin();
        Self { local, keep, nested }
    }
}

impl<M: Mode> Drop for Outside<'_, M> {
    fn drop(&mut self) {
        let Self { local, keep, nested } = *self;
        local.count_freed();
        local.more.set(local.more.get() & !OUTSIDE | nested);
        if local.begin() {
            local.take_own();
        }
        if local.ready.len() > keep {
            local.slot().stay_busy();
        }
    }
}

/// Pushes a link to a slot. Returns whether the slot took it; adds what became free to `free`. Steps:
/// bounded, and three per link of a list that is left to it.
fn push(slot: &Slot, link: &Link, free: &mut List) -> bool {
    let Some(left) = slot.push(link) else { return false };
    collect(left, free);
    true
}

/// Acknowledges a list; adds the batches that no guard holds any more to `free`.
fn collect(list: *mut Link, free: &mut List) {
    // SAFETY: from `take`, `leave`, `drain` or `push`, which hand a list to one thread only,
    // when its owner is outside of guards or at an outermost pin, or was when it was cut.
    unsafe { batch::acknowledge_all(list, |batch| free.add(batch)) };
}
