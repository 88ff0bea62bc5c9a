//! Epochs with three bags per thread: what `qsbr` and `debra` share. They differ in when a thread
//! announces, and in who looks whether the epoch may advance.
//!
//! A thread's record is 0 when it holds nothing, else the epoch it announced. The epoch advances
//! from e when every record was seen 0 or e, each read behind a full fence that follows a read of
//! e. A section is what lies between an announcement and the next (or the next 0). A thread that
//! comes from 0 announces what it reads, fences, and reads again; its nodes go to the bag of that
//! second number, v. It frees the bag of v when it reads an epoch of at least v + 3. A thread that
//! leaves hands its bags over with their numbers, and any thread frees them by the same rule.
//!
//! Why that is sound. Let U unlink a node in a section with bag v.
//!
//! 1. The epoch is at most v + 1 in U's section. An advance from v + 1 needs U's record at v + 1, or
//!    0. Records only grow between zeros, so v + 1 is a later announcement. A 0 is from U's later
//!    leave, or it is from before: then the advancer's fence precedes U's, and U's second read
//!    would have seen v + 1.
//! 2. So whoever reads v + 2 does so after U's section, and after the unlink.
//! 3. Let R have read the pointer before the unlink was visible to it. R announced at most v + 1, by
//!    2. The advance from v + 2 to v + 3 needs R's record at v + 2, or 0. A 0 from before R's
//!    section means that the advancer's fence, which by 2 follows the unlink, precedes R's: R would
//!    have seen the unlink. So R has left the section, and its uses come before the advance.
//!
//! So retirement needs no fence. That the epoch may be read stale costs a third bag.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::parts::era::Clock;
use crate::parts::free::Free;
use crate::parts::limbo::{Erased, Freeing, Garbage, Orphans};
use crate::parts::slots::{Lease, Slot, Slots};
use crate::sync::{AtomicU64, Ordering, fence};

/// The bags of a thread: of its epoch, and of two before.
const BAGS: u64 = 3;

/// The epoch of a domain and the records of its threads.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    pub(crate) clock: Clock,
    records: Arc<Slots<AtomicU64>>,
    /// The bags of threads that left, each node with the number of its bag.
    orphans: Orphans<u64>,
    /// The epoch in which a thread last went through the orphans.
    searched: AtomicU64,
}

impl Epochs {
    /// The record pushed last.
    #[inline]
    pub(crate) fn first(&self) -> Option<&Slot<AtomicU64>> {
        self.records.first()
    }

    /// Returns whether a thread holds nothing from before `epoch`.
    #[inline]
    pub(crate) fn passed(record: &AtomicU64, epoch: u64) -> bool {
        // Acquire: what the thread did in the section that it left is before the advance.
        let announced = record.load(Ordering::Acquire);
        announced == 0 || announced == epoch
    }

    /// Advances the epoch if all threads passed. Looks at each once.
    pub(crate) fn try_advance(&self) {
        let epoch = self.clock.now();
        // Pairs with the fence of `announce`: see the head of this file.
        fence(Ordering::SeqCst);
        if self.records.iter().all(|record| Self::passed(record, epoch)) {
            self.clock.step(epoch);
        }
    }

    /// Takes the orphans that may be freed now that the epoch is `epoch`. One thread goes through them in
    /// each epoch, so each orphan is moved a few times only, whatever leaves and comes.
    fn adopt(&self, epoch: u64, dead: &mut Vec<Erased>) {
        // Relaxed: two threads may go through them at once; each node is with one of them.
        let (before, relaxed) = (self.searched.load(Ordering::Relaxed), Ordering::Relaxed);
        let is_first = before < epoch
            && self.searched.compare_exchange(before, epoch, relaxed, relaxed).is_ok();
        if is_first {
            let mut orphans = Vec::new();
            self.orphans.adopt(&mut orphans);
            let (old, young): (Vec<_>, Vec<_>) =
                orphans.into_iter().partition(|garbage| garbage.stamp + BAGS <= epoch);
            dead.extend(old.into_iter().map(|garbage| garbage.node));
            self.orphans.leave(young);
        }
    }
}

/// A thread's record and bags.
#[derive(Debug)]
pub(crate) struct Thread<F: Free> {
    pub(crate) epochs: Arc<Epochs>,
    record: Lease<AtomicU64>,
    /// Guards that nest.
    depth: Cell<usize>,
    /// The epoch that the current bag belongs to; 0 before the first section.
    epoch: Cell<u64>,
    bags: RefCell<[Vec<Erased>; BAGS as usize]>,
    free: F,
}

impl<F: Free> Thread<F> {
    pub(crate) fn new(epochs: &Arc<Epochs>, free: F) -> Self {
        Self {
            epochs: Arc::clone(epochs),
            record: epochs.records.acquire(),
            depth: Cell::new(0),
            epoch: Cell::new(0),
            bags: RefCell::default(),
            free,
        }
    }

    /// Counts a guard. Returns whether it is the outermost.
    #[inline]
    pub(crate) fn enter(&self) -> bool {
        self.depth.replace(self.depth.get() + 1) == 0
    }

    /// Counts a guard that ends. Returns whether it was the outermost.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        self.depth.set(self.depth.get() - 1);
        self.depth.get() == 0
    }

    /// What is announced, or 0.
    #[inline]
    pub(crate) fn announced(&self) -> u64 {
        self.record.load(Ordering::Relaxed)
    }

    /// The epoch of the current bag.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    /// Begins a section of a thread that announced nothing.
    #[inline]
    pub(crate) fn announce(&self) {
        let epoch = self.epochs.clock.now();
        // Release: an advance that reads this, and not the 0 before it, is after the last section too.
        self.record.store(epoch, Ordering::Release);
        // Between the announcement and all loads of the section; pairs with the fence of an
        // advance: see the head of this file.
        fence(Ordering::SeqCst);
        self.reach(self.epochs.clock.now());
    }

    /// Ends a section and begins the next, in an epoch that was read in the old one. The record
    /// has not been 0, so no advance overlooks this thread, and no fence is needed.
    #[cold]
    pub(crate) fn announce_next(&self, epoch: u64) {
        // Release: our uses in the old section come before the advance that reads this.
        self.record.store(epoch, Ordering::Release);
        self.reach(epoch);
    }

    /// Ends a section. This thread holds nothing.
    #[inline]
    pub(crate) fn announce_nothing(&self) {
        // Release: as above.
        self.record.store(0, Ordering::Release);
    }

    #[inline]
    fn reach(&self, epoch: u64) {
        if epoch != self.epoch.get() {
            self.rotate(epoch);
        }
    }

    /// Moves on to the bag of `epoch`, and frees those that are old enough.
    #[cold]
    fn rotate(&self, epoch: u64) {
        let before = self.epoch.replace(epoch);
        let at = |epoch| (epoch % BAGS) as usize;
        let mut dead = Vec::new();
        {
            let mut bags = self.bags.borrow_mut();
            // All of them before a destructor runs, which may retire into the bag of `epoch`.
            for old in before.saturating_sub(BAGS - 1)..=before {
                if old + BAGS <= epoch {
                    dead.append(&mut bags[at(old)]);
                }
            }
        }
        self.epochs.adopt(epoch, &mut dead);
        if let Some(_freeing) = Freeing::enter() {
            // SAFETY: out of the bags, so freed once; three epochs old: see the head.
            unsafe { self.free.free(&mut dead) };
        } else {
            // Destructors nest too deep: as if retired now.
            self.bags.borrow_mut()[at(epoch)].append(&mut dead);
        }
    }

    /// Puts a node into the bag of this section.
    #[inline]
    pub(crate) fn retire(&self, node: Erased) {
        self.free.step();
        self.bags.borrow_mut()[(self.epoch.get() % BAGS) as usize].push(node);
    }

    /// Frees what it can. Outside of guards the thread then holds nothing.
    pub(crate) fn flush(&self) {
        if self.depth.get() > 0 {
            return self.epochs.try_advance();
        }
        // Once more than there are bags: the last announcement frees for the last advance. Nothing is
        // freed or adopted outside of a section: it would go to a bag that nothing holds.
        for _ in 0..=BAGS {
            self.announce_nothing();
            self.announce();
            if self.depth.get() > 0 {
                // A destructor has left a guard behind.
                return;
            }
            self.epochs.try_advance();
        }
        self.announce_nothing();
        self.free.finish();
    }
}

impl<F: Free> Drop for Thread<F> {
    fn drop(&mut self) {
        self.announce_nothing();
        let epoch = self.epoch.get();
        let mut left = Vec::new();
        for (index, bag) in (0..).zip(self.bags.take()) {
            // The last epoch of this index. A thread that never announced one has no nodes.
            let stamp = epoch.saturating_sub((epoch + BAGS - index) % BAGS);
            left.extend(bag.into_iter().map(|node| Garbage { node, stamp }));
        }
        if Freeing::is_too_deep() {
            // Of no bag any more, so they may be freed in any epoch.
            left.extend(self.free.take().into_iter().map(|node| Garbage { node, stamp: 0 }));
        }
        self.epochs.orphans.leave(left);
        // Threads with short lives may never come to what else advances the epoch.
        self.epochs.try_advance();
    }
}
