//! Slots whose owner does not empty them: others acknowledge on the owner's behalf.

use alloc::boxed::Box;
use core::ptr;

use super::Local;
use crate::barrier;
use crate::batch::{Batch, Ended, Link};
use crate::node::Entry;
use crate::shields::{self, Protected};
use crate::slot::BACKLOG;
use crate::stats::count;
use crate::sync::Ordering;

/// Batches that a thread keeps to free. Who drains gets a backlog at once.
pub(super) const SURPLUS: usize = 2 * BACKLOG;
/// Links to what others left that a thread acknowledges for each batch that it publishes, when it leaves,
/// and at pins if it has little else to free: two batches, as many as its retirements free meanwhile, and
/// the one that carries the rest.
pub(super) const ADOPTED: usize = 3;

impl Local {
    /// Takes the list of a slot and acknowledges it on behalf of the owner: all of it, if the owner
    /// is outside of guards; in robust mode else what its guard does not protect. What cannot be
    /// decided is put back. Waits for nobody, and a thread that stops in it holds what it has taken.
    pub(crate) fn drain(&self, of: &Self, ended: &mut Ended) {
        let robust = self.config.get().robust;
        // A look before the expensive steps; the one that counts comes after the barrier.
        if !of.slot.has_list() || !(robust || of.slot.pinned.is_outside()) {
            return;
        }
        let list = of.slot.take_to_drain(ptr::from_ref(self).cast());
        // The list was taken before `heavy`. If the owner's section began before, `pinned` tells it;
        // if it begins later, its loads see the unlinks of every node in the list. A load of that
        // section likewise: its address can be read after `heavy`, or its second look at the
        // source sees the unlink.
        let known = barrier::heavy() || of.slot.is_fenced() || of.is_asleep();
        if known && of.slot.pinned.is_outside() {
            // SAFETY: taken by this call alone; the owner holds no pointer to a node in it.
            unsafe { ended.acknowledge_all(list) };
            of.slot.deactivate(ptr::from_ref(self).cast());
            of.slot.reset_backlog();
            count(&self.counts.drains, 1);
        } else if known && robust {
            self.acknowledge_protected(of, list, ended);
        } else {
            self.put_back(of, list, ended);
        }
    }

    /// Acknowledges a list for an owner who is inside of a guard, but for the nodes that it has
    /// loaded.
    fn acknowledge_protected(&self, of: &Self, list: *mut Link, ended: &mut Ended) {
        let mut addresses = self.addresses.take();
        match of.slot.shields.read(&of.slot.pinned, &mut addresses) {
            Protected::Everything => self.put_back(of, list, ended),
            // SAFETY: taken by this call alone; the owner was outside after the barrier.
            Protected::Nothing => unsafe { ended.acknowledge_all(list) },
            Protected::These(era) => {
                addresses.sort_unstable();
                self.acknowledge_all_but(of, list, (&addresses, era), ended);
                of.slot.reset_backlog();
                count(&self.counts.drains, 1);
            }
        }
        self.addresses.set(addresses);
    }

    fn acknowledge_all_but(
        &self,
        of: &Self,
        mut list: *mut Link,
        (addresses, era): (&[usize], u64),
        ended: &mut Ended,
    ) {
        // SAFETY: `acknowledge_for` asks of nodes whose batch waits for it.
        let protects =
            |node: &Entry| shields::covers(addresses, node) || unsafe { node.was_born_by(era) };
        loop {
            // SAFETY: taken by `drain` alone; what the owner loaded before the barrier is in
            // `addresses`, and what it loads later is in no batch of the list.
            let rest = unsafe { ended.acknowledge_for(list, protects) };
            if !rest.is_null() {
                self.put_back(of, rest, ended);
            }
            let Some(parcel) = ended.take_parcel() else { return };
            list = parcel;
        }
    }

    /// Puts a list back into its slot, as the parcel of an empty batch. If the slot does not take
    /// it, its owner has left its guards, and the list is acknowledged.
    pub(super) fn put_back(&self, of: &Self, list: *mut Link, ended: &mut Ended) {
        if list.is_null() {
            return;
        }
        // Apart from `ended`, which may have parcels that must not be acknowledged yet.
        let mut refused = Ended::default();
        self.send(self.queue.spare(), list, of, &mut refused);
        // SAFETY: only what the slot refused, or what was acknowledged there meanwhile, is in it.
        unsafe { refused.acknowledge_all(ptr::null_mut()) };
        ended.free.append(refused.free);
    }

    fn is_asleep(&self) -> bool {
        // Relaxed: written before the owner's first section, of which a drain has seen a list.
        barrier::is_asleep(self.thread.load(Ordering::Relaxed))
    }

    /// Drains every slot, and takes what other threads have not freed yet, or have left.
    pub(super) fn drain_all(&self, ended: &mut Ended) {
        // Those without a thread, too: pushes that met the end of a thread may have left a list.
        for local in self.core().locals.all() {
            let own = ptr::eq(local, self);
            if !own || self.config.get().robust {
                self.drain(local, ended);
            }
            if !own {
                ended.free.append(local.queue.steal());
            }
        }
        self.adopt(usize::MAX, ended);
    }

    /// Takes at most so many batches that others could not free, or have more of than they should.
    pub(super) fn adopt(&self, most: usize, ended: &mut Ended) {
        if !self.core().has_orphans() {
            return;
        }
        let orphans = &self.core().orphans;
        let (mut list, mut left) = (orphans.slot.take_and_stay(), most);
        loop {
            // SAFETY: taken by this call alone; that slot has no owner that could hold a pointer.
            let rest = unsafe { ended.acknowledge_some(list, &mut left) };
            self.put_back(orphans, rest, ended);
            let Some(parcel) = ended.take_parcel() else { return };
            list = parcel;
        }
    }

    /// Takes some of what others have left, to be freed here.
    pub(super) fn adopt_some(&self) {
        let mut ended = Ended::default();
        self.adopt(ADOPTED, &mut ended);
        self.queue.add_all(ended.free);
    }

    /// Gives what is more than a thread should have to free to those that publish next: a thread that
    /// drains for many, or that seldom retires, gets more than it frees. Gives away at most so many
    /// batches, so that no single call pays for a list that was very long.
    #[cold]
    pub(super) fn share_surplus(&self, most: usize) {
        for _ in 0..most {
            if self.queue.len() <= SURPLUS {
                return;
            }
            let Some(batch) = self.queue.take_whole() else { return };
            self.leave_orphan(batch);
        }
    }

    /// Gives a batch to the next thread that publishes, pins, flushes or leaves.
    pub(super) fn leave_orphan(&self, batch: Box<Batch>) {
        let mut ended = Ended::default();
        self.send(batch, ptr::null_mut(), &self.core().orphans, &mut ended);
        self.queue.add_all(ended.free);
    }
}
