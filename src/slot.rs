//! Slots: what a thread shares with those that retire.

use core::ptr;

use crate::barrier;
use crate::batch::{Link, mark};
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

/// A `head` that takes no links: its owner has no guard, and fences before it reads again.
const INACTIVE: usize = 1;
/// A `head` that is empty and being drained. Only the holder of the drain lock sets it; a push and
/// the owner's swap remove it.
const DRAINING: usize = 2;
/// A `head` that is empty, and makes the owner's next pin take the slow path: to free what is
/// left, or to fence if a pin may not go without.
const BUSY: usize = 3;

/// Links pushed to a slot, since its last acknowledgement, between two attempts to drain it.
/// One in loom's models, so that every push drains.
const BACKLOG: usize = if cfg!(kovan_loom) {
    1
} else if cfg!(kovan_shuttle) {
    2
} else {
    32
};
/// Links, pushed to a slot since its last acknowledgement, from which on it is sent no batch of its own
/// to free: its owner may be away for long.
const AWAY: usize = 8;
/// The published era of a reader that could not keep up: eligible for every batch.
pub(crate) const EVERYTHING: u64 = u64::MAX;

/// A thread's shared state. Never freed before its collector; reused after its thread left.
#[repr(align(128))]
pub(crate) struct Slot {
    /// The list of batches this thread must still acknowledge, or one of the marks above.
    head: AtomicPtr<Link>,
    /// A list that a drain took and could not acknowledge. Set by the holder of the drain lock.
    held: AtomicPtr<Link>,
    /// Whether the owner has a guard: 0 or 1; written by the owner only.
    pub(crate) pins: AtomicUsize,
    /// Era of the owner's last checked load (robust mode).
    pub(crate) era: AtomicU64,
    /// Links pushed since the last acknowledgement. Approximate.
    backlog: AtomicUsize,
    /// Nodes in batches that the owners closed, nodes that they freed, lists that were drained:
    /// for `stats`, each with one writer at a time.
    pub(crate) retired: AtomicU64,
    pub(crate) freed: AtomicU64,
    pub(crate) drains: AtomicU64,
    draining: AtomicBool,
    owned: AtomicBool,
    /// The slots registered before this one.
    pub(crate) next: *const Slot,
    /// Slots in the list that starts here.
    pub(crate) len: usize,
}

/// Adds to a counter for `stats`, which has one writer at a time: no read-modify-write.
pub(crate) fn count(counter: &AtomicU64, more: u64) {
    // Release: what was retired was counted before it is counted as freed; pairs with `stats`.
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Release);
}

/// The list of a head.
fn list_of(head: *mut Link) -> *mut Link {
    if matches!(head.addr(), INACTIVE | DRAINING | BUSY) { ptr::null_mut() } else { head }
}

impl Slot {
    pub(crate) fn new(next: *const Slot, len: usize) -> Self {
        Self {
            head: AtomicPtr::new(mark(INACTIVE)),
            held: AtomicPtr::new(ptr::null_mut()),
            pins: AtomicUsize::new(0),
            era: AtomicU64::new(0),
            backlog: AtomicUsize::new(0),
            retired: AtomicU64::new(0),
            freed: AtomicU64::new(0),
            drains: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            owned: AtomicBool::new(true),
            next,
            len,
        }
    }

    /// Takes a slot whose thread left.
    pub(crate) fn try_own(&self) -> bool {
        // Acquire: pairs with the Release in `disown`; the last owner's writes are done.
        self.owned.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives the slot back. It must be inactive.
    pub(crate) fn disown(&self) {
        // Release: pairs with `try_own`.
        self.owned.store(false, Ordering::Release);
    }

    /// Whether nothing happened since the last acknowledgement. One load.
    #[inline(always)]
    pub(crate) fn is_quiet(&self) -> bool {
        // Relaxed: only null is acted upon, and null means that no list is taken here. That the
        // load is not moved before the store to `pins` is `barrier::light`'s part.
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes the lists and stays (or becomes) subscribed. Owner only, holding no pointer.
    pub(crate) fn take(&self, mut acknowledge: impl FnMut(*mut Link)) {
        self.backlog.store(0, Ordering::Relaxed);
        let empty = if barrier::is_free() { ptr::null_mut() } else { mark(BUSY) };
        // Acquire: pairs with the Release in `push`: the unlinks of the nodes in the list happen
        // before every later load of this thread.
        let list = self.head.swap(empty, Ordering::AcqRel);
        // SeqCst: the slot is active before the loads that follow; pairs with the fence of a
        // flush between the unlinks and its read of the slots. If ours is first, the flush sees
        // the slot active and pushes; if theirs is first, the loads see the unlinks.
        fence(Ordering::SeqCst);
        acknowledge(list_of(list));
        acknowledge(self.take_held());
    }

    /// Takes the lists and unsubscribes. Owner only, outside of guards.
    pub(crate) fn leave(&self, mut acknowledge: impl FnMut(*mut Link)) {
        self.backlog.store(0, Ordering::Relaxed);
        // Acquire: as in `take`. Release: nothing of this thread's last section sinks below.
        acknowledge(list_of(self.head.swap(mark(INACTIVE), Ordering::AcqRel)));
        // SeqCst: the slot is inactive before the look at `held`; pairs with `hand_over`.
        fence(Ordering::SeqCst);
        acknowledge(self.take_held());
    }

    /// Makes the owner's next pin take the slow path.
    pub(crate) fn stay_busy(&self) {
        // The slot stays active. If a link came in between, the next pin takes the slow path anyway.
        self.busy_from(ptr::null_mut());
    }

    fn take_held(&self) -> *mut Link {
        if self.held.load(Ordering::Relaxed).is_null() {
            return ptr::null_mut();
        }
        // Acquire: pairs with the Release in `hand_over`.
        self.held.swap(ptr::null_mut(), Ordering::AcqRel)
    }

    /// Whether a list waits. Owner only.
    pub(crate) fn has_list(&self) -> bool {
        !list_of(self.head.load(Ordering::Relaxed)).is_null()
    }

    /// Whether batches must be pushed here. Read after the fence of a flush.
    pub(crate) fn is_active(&self) -> bool {
        // Acquire: pairs with the Release of `leave` and of the drain: if the slot is found
        // inactive, its owner's reads happen before the free that does not wait for it.
        self.head.load(Ordering::Acquire).addr() != INACTIVE
    }

    /// Pushes a link, unless the slot is inactive. If it was pushed, returns the part of the list
    /// that the caller must acknowledge in place of another thread, mostly none.
    ///
    /// Wait-free, at most five steps: the link is in the list before it is connected to the rest, and
    /// who finds it unconnected leaves the rest to the pusher (after Crystalline-W, Nikolaev &
    /// Ravindran, DISC 2021).
    pub(crate) fn push(&self, link: &Link) -> Option<*mut Link> {
        let pushed = ptr::from_ref(link).cast_mut();
        // Release: publishes the batch and the unlinks before it; pairs with the Acquire of
        // whoever takes the list. Later pushes are read-modify-writes, so they continue the
        // release sequence of this one. Acquire: the list below may be left to this thread.
        let below = self.head.swap(pushed, Ordering::AcqRel);
        if below.addr() == INACTIVE && self.undo(pushed) {
            return None;
        }
        Some(link.connect(list_of(below)))
    }

    /// Takes back a link that was pushed on an inactive slot. Fails when the owner is back or
    /// another thread pushed: then the slot is active, and the link stays.
    fn undo(&self, pushed: *mut Link) -> bool {
        // Relaxed: nobody has seen the link, and the slot is as it was.
        let undone = self.head.compare_exchange(
            pushed,
            mark(INACTIVE),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if undone.is_err() {
            return false;
        }
        // SeqCst: the slot is inactive again before the look at `held`; pairs with the fence in
        // `hand_over`, which may have met the link in between. One of the two makes the slot
        // active, so that drains find the list.
        fence(Ordering::SeqCst);
        if !self.held.load(Ordering::Relaxed).is_null() {
            self.wake();
        }
        true
    }

    /// Makes an inactive slot take links, and with them drains.
    fn wake(&self) {
        self.busy_from(mark(INACTIVE));
    }

    /// Puts `BUSY` where another empty list is. Relaxed: the list stays empty.
    fn busy_from(&self, empty: *mut Link) {
        let (busy, relaxed) = (mark(BUSY), Ordering::Relaxed);
        let _ = self.head.compare_exchange(empty, busy, relaxed, relaxed);
    }

    /// Counts a push; true when it is time to try a drain.
    pub(crate) fn backlog_is_due(&self) -> bool {
        (self.backlog.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(BACKLOG)
    }

    /// Whether batches that the owner has retired should be sent to it, to be freed. A guess: `push`
    /// is the judge of whether the slot is active.
    pub(crate) fn is_at_home(&self) -> bool {
        let active = self.head.load(Ordering::Relaxed).addr() != INACTIVE;
        active && self.backlog.load(Ordering::Relaxed) < AWAY
    }

    /// Takes the lists of a slot whose owner is outside of its guards, and unsubscribes it. Gives
    /// up when the owner is inside or another thread drains. Bounded steps.
    pub(crate) fn drain(&self, mut acknowledge: impl FnMut(*mut Link)) {
        // A look before the expensive steps; the one that counts is in `hand_over`.
        if !self.owner_is_outside() {
            return;
        }
        // Acquire and Release of the lock: one drain at a time.
        if self.draining.swap(true, Ordering::Acquire) {
            return;
        }
        if self.hand_over(self.take_held(), &mut acknowledge) {
            // Acquire: pairs with the Release in `push`.
            let was = self.head.swap(mark(DRAINING), Ordering::AcqRel);
            let (list, inactive) = (list_of(was), was.addr() == INACTIVE);
            if self.hand_over(list, &mut acknowledge) && (inactive || !list.is_null()) {
                // If the head is still `DRAINING`, the owner has not pinned since `hand_over` saw
                // it outside, and will fence when it does. Release: pairs with the Acquire of its
                // swap in `take`, which so sees the unlinks of the nodes that were freed here.
                let _ = self.head.compare_exchange(
                    mark(DRAINING),
                    mark(INACTIVE),
                    Ordering::Release,
                    Ordering::Relaxed,
                );
                self.backlog.store(0, Ordering::Relaxed);
            }
        }
        self.draining.store(false, Ordering::Release);
    }

    /// Acknowledges a list that the holder of the drain lock took, if the owner is outside; else
    /// keeps it for the owner or the next drain. Whether there was nothing to keep.
    fn hand_over(&self, list: *mut Link, acknowledge: &mut impl FnMut(*mut Link)) -> bool {
        if list.is_null() {
            return true;
        }
        // The list was taken before `heavy`. If the owner's section began before, `pins` tells
        // it; if it begins later, its loads see the unlinks of every node in the list.
        if barrier::heavy() && self.owner_is_outside() {
            count(&self.drains, 1);
            acknowledge(list);
            return true;
        }
        // Release: pairs with the Acquire in `take_held`.
        self.held.store(list, Ordering::Release);
        // SeqCst: pairs with the fences in `leave` and `undo`. If the owner left before it could see
        // the list, the slot takes links again, so that a later drain finds the list.
        fence(Ordering::SeqCst);
        self.wake();
        // If it is inside for longer, its next pin finds the list.
        self.stay_busy();
        false
    }

    fn owner_is_outside(&self) -> bool {
        // Acquire: pairs with the Release of the owner's last unpin, so that its reads of the
        // nodes happen before they are freed here.
        self.pins.load(Ordering::Acquire) == 0
    }

    /// Whether a list waits where nobody looks.
    #[cfg(all(test, kovan_loom))]
    pub(crate) fn strands_a_list(&self) -> bool {
        let inactive = self.head.load(Ordering::Relaxed).addr() == INACTIVE;
        inactive && !self.held.load(Ordering::Relaxed).is_null()
    }

    /// What pushes and drains that came too late have left in a slot of a collector without
    /// threads.
    pub(crate) fn remains(&mut self) -> [*mut Link; 2] {
        let head = self.head.load(Ordering::Relaxed);
        [list_of(head), self.held.load(Ordering::Relaxed)]
    }
}
