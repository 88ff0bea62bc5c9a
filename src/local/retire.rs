//! What becomes of retired nodes: they are collected in open batches, batches are pushed to the
//! slots that may hold them, acknowledged, and freed.

use std::panic::resume_unwind;
use std::ptr;

use super::{Local, Open};
use crate::batch::{self, Batch, Entry, Link};
use crate::mode::Mode;
use crate::slot::{EVERYTHING, Slot, count};
use crate::sync::{Ordering, fence};

/// Allocations of one thread between two steps of the era clock. One in models, so that eras move.
const ERA_FREQUENCY: u64 = if cfg!(kovan_loom) { 1 } else { 128 };
/// A slot this many eras behind counts as lagging when nodes are sorted into batches.
const LAG: u64 = 4;
/// Batches that may wait for the frees per retirement before `pin` and `flush` help.
const KEEP: usize = 16;

impl<M: Mode> Local<M> {
    /// The slow path of `pin`: takes the list, acknowledges it, and frees some of what became
    /// free. The caller holds no protected pointer, and its guard exists: destructors may panic.
    #[cold]
    pub(super) fn acknowledge_own(&self) {
        self.slot().take(|list| self.acknowledge(list));
        self.free_due();
    }

    pub(super) fn acknowledge(&self, list: *mut Link) {
        // SAFETY: from `take`, `leave`, `drain` or `push`, which hand a list to one thread only,
        // when its owner is outside of guards or at an outermost pin, or was when it was cut.
        unsafe { batch::acknowledge_all(list, |batch| self.ready.add(batch)) };
    }

    /// Frees, per retirement, a few nodes.
    #[inline(never)]
    fn free_some(&self) {
        // Not while unwinding: a second panic would abort.
        if !std::thread::panicking() {
            self.ready.free(self.core.config.frees);
        }
    }

    /// Publishes what this thread freed, for `stats`.
    pub(super) fn count_freed(&self) {
        count(&self.slot().freed, self.ready.take_freed());
    }

    /// Frees, per pin or flush that found batches, what the frees per retirement do not keep up
    /// with: nothing on a thread that retires as others do.
    fn free_due(&self) {
        let at_once = self.core.config.frees == usize::MAX;
        let keep = if self.retired.replace(false) && !at_once { KEEP } else { 0 };
        let waiting = self.ready.len();
        if waiting > keep && !std::thread::panicking() {
            let batches = if at_once { waiting } else { 1 + (waiting - keep) / 2 };
            self.ready.free(batches.saturating_mul(self.core.config.batch));
        }
        self.count_freed();
        if self.ready.len() > keep {
            self.slot().stay_busy();
        }
    }

    fn free_all(&self) {
        if std::thread::panicking() {
            return;
        }
        let panic = self.ready.free_all();
        self.count_freed();
        if let Some(panic) = panic {
            resume_unwind(panic);
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

    /// Adds a node to an open batch, flushes it when it is full, and frees a few nodes.
    #[inline]
    pub(crate) fn retire(&self, entry: Entry, birth: u64) {
        let open = if M::ROBUST && birth <= self.boundary.get() { &self.old } else { &self.young };
        let mut batch = open.take().unwrap_or_else(|| self.ready.spare(self.core.config.batch));
        batch.min_birth = batch.min_birth.min(birth);
        batch.entries.push(entry);
        let full = batch.entries.len() >= self.core.config.batch;
        // Was `None` since the `take`: nothing to drop.
        std::mem::forget(open.replace(Some(batch)));
        self.retired.set(true);
        if full {
            self.flush_full(open);
        }
        if self.ready.len() > 0 {
            self.free_some();
        }
    }

    #[cold]
    fn flush_full(&self, open: &Open) {
        self.acknowledge_unpinned();
        self.close(open);
        self.free_due();
    }

    /// Closes both open batches and frees what is free.
    pub(crate) fn flush_all(&self) {
        self.acknowledge_unpinned();
        self.close(&self.old);
        self.close(&self.young);
        self.free_all();
    }

    /// Closes the open batches, takes the lists of idle threads, and frees what is free.
    #[cfg(not(kovan_loom))]
    pub(crate) fn drain_idle(&self) {
        self.flush_all();
        for slot in self.core.iter().filter(|slot| !ptr::eq(*slot, self.slot)) {
            slot.drain(|list| self.acknowledge(list));
        }
        self.free_all();
    }

    /// Outside of guards this thread holds no pointer: its own list need not wait for a pin.
    fn acknowledge_unpinned(&self) {
        if !self.is_pinned() && self.slot().has_list() {
            self.slot().leave(|list| self.acknowledge(list));
        }
    }

    /// Closes an open batch: pushes it to every slot that may hold one of its nodes. Returns
    /// whether there was one.
    pub(super) fn close(&self, open: &Open) -> bool {
        let Some(batch) = open.take() else { return false };
        let min_birth = batch.min_birth;
        count(&self.slot().retired, batch.entries.len() as u64);
        // SeqCst: the unlinks of the nodes before the reads of the slots; pairs with the fences
        // in `Slot::take` (slot activated before loads) and `Guard::publish` (era before loads).
        fence(Ordering::SeqCst);
        let slots = self.core.slots();
        // SAFETY: slots live as long as the core.
        let count = unsafe { slots.as_ref() }.map_or(0, |slot| slot.len);
        let batch = Batch::share(batch, count);
        // SAFETY: `submit` has not run, so the batch cannot be freed yet, however many links of
        // it are acknowledged.
        let pushed = self.push_to_all(unsafe { &*batch }, slots, min_birth);
        // SAFETY: submitted once, here.
        if unsafe { Batch::submit(batch, pushed) } {
            // SAFETY: all links were acknowledged.
            self.ready.add(unsafe { Batch::unshare(batch) });
        }
        true
    }

    /// Pushes a link of `batch` to each eligible slot; returns how many. Also looks out for slots
    /// that lag behind. Steps: the number of slots, and a step per link of the lists that are left
    /// to it or drained.
    fn push_to_all(&self, batch: &Batch, mut slots: *const Slot, min_birth: u64) -> usize {
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
                // Acquire: pairs with the Release of the reset in `unpin`. That the load is
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
            if let Some(left) = slot.push(link) {
                pushed += 1;
                self.acknowledge(left);
                if slot.backlog_is_due() {
                    slot.drain(|list| self.acknowledge(list));
                }
            }
        }
        self.boundary.set(boundary);
        pushed
    }
}
