//! Slots: what a thread shares with those that retire.

use core::ptr;

use crate::barrier;
use crate::batch::{Link, mark};
use crate::shields::{Pinned, Shields};
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence};

/// A `head` that takes no links: its owner has no guard, and fences before it reads again.
const INACTIVE: usize = 1;
/// In the low bits of a `head`: an empty list that a thread took to drain it. The rest of the
/// address is that of the thread, so that nobody takes it for the mark of another drain.
const DRAINED: usize = 2;
/// A `head` that is empty, and makes the owner's next pin take its slow path: to free what is left,
/// or to fence if a pin may not go without.
const SLOW_PATH: usize = 3;
/// The bits of a `head` that are zero in the address of a link.
const MARKS: usize = 3;

/// Links pushed to a slot, since its last acknowledgement, between two attempts to drain it. One in
/// loom's models, so that every push drains.
pub(crate) const BACKLOG: usize = if cfg!(kovan_loom) {
    1
} else if cfg!(kovan_shuttle) {
    2
} else {
    16
};
/// Links, pushed to a slot since its last acknowledgement, from which on no batch is returned to
/// the thread that retired it: the owner may be away for long.
const RETURN_LIMIT: usize = 8;

/// A thread's shared state.
#[repr(C)]
pub(crate) struct Slot {
    /// Says whether the owner has a guard, and how much it has logged.
    pub(crate) pinned: Pinned,
    /// What the owner's guard has loaded (robust mode).
    pub(crate) shields: Shields,
    /// Set once every section of the owner passes a full fence, since there is no process-wide one.
    fenced: AtomicBool,
    inbox: Inbox,
}

/// What others write, on a cache line of its own.
#[repr(align(128))]
struct Inbox {
    /// The list of batches this thread must still acknowledge, or one of the marks above.
    head: AtomicPtr<Link>,
    /// Links pushed since the last acknowledgement. Approximate.
    backlog: AtomicUsize,
}

/// Returns the list of a head.
fn list_of(head: *mut Link) -> *mut Link {
    if head.addr() & MARKS == 0 { head } else { ptr::null_mut() }
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self {
            pinned: Pinned::new(),
            shields: Shields::new(),
            fenced: AtomicBool::new(false),
            inbox: Inbox { head: AtomicPtr::new(mark(INACTIVE)), backlog: AtomicUsize::new(0) },
        }
    }

    /// Returns whether nothing happened since the last acknowledgement. One load.
    #[inline(always)]
    pub(crate) fn is_quiet(&self) -> bool {
        // Relaxed: only null is acted upon, and null means that no list is taken here. That the
        // load is not moved before the store to `pinned` is `barrier::light`'s part.
        self.inbox.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes the list and stays (or becomes) subscribed. Owner only, holding no pointer.
    pub(crate) fn take_and_stay(&self) -> *mut Link {
        self.inbox.backlog.store(0, Ordering::Relaxed);
        let mut empty = ptr::null_mut();
        if !barrier::is_free() {
            // Release: the end of the last section that had no fence; pairs with `is_fenced`.
            self.fenced.store(true, Ordering::Release);
            empty = mark(SLOW_PATH);
        }
        // Acquire: pairs with the Release in `push`: the unlinks of the nodes in the list happen
        // before every later load of this thread.
        let list = self.inbox.head.swap(empty, Ordering::AcqRel);
        // SeqCst: the slot is active before the loads that follow; pairs with the fence of
        // `Local::publish_open` between the unlinks and its look at the slots. If ours is first, the
        // slot is seen active and gets the batch; if theirs is first, the loads see the unlinks.
        fence(Ordering::SeqCst);
        list_of(list)
    }

    /// Takes the list and unsubscribes. Owner only, outside of guards.
    pub(crate) fn take_and_deactivate(&self) -> *mut Link {
        self.inbox.backlog.store(0, Ordering::Relaxed);
        // Acquire: as in `take_and_stay`. Release: the reads of this thread's last section; pairs
        // with `is_active`.
        list_of(self.inbox.head.swap(mark(INACTIVE), Ordering::AcqRel))
    }

    /// Makes the owner's next pin take its slow path.
    pub(crate) fn stay_on_slow_path(&self) {
        // Relaxed: the list stays empty. If a link came in between, the next pin takes the slow
        // path anyway.
        let (empty, slow, relaxed) = (ptr::null_mut(), mark(SLOW_PATH), Ordering::Relaxed);
        let _ = self.inbox.head.compare_exchange(empty, slow, relaxed, relaxed);
    }

    /// Returns whether a list waits here. A guess, unless the owner asks.
    pub(crate) fn has_list(&self) -> bool {
        !list_of(self.inbox.head.load(Ordering::Relaxed)).is_null()
    }

    /// Returns whether batches must be pushed here. Read after the fence of `Local::publish_open`.
    pub(crate) fn is_active(&self) -> bool {
        // Acquire: pairs with the Release of `take_and_deactivate` and `deactivate`: if the slot is
        // found inactive, its owner's reads happen before the free that does not wait for it.
        self.inbox.head.load(Ordering::Acquire).addr() != INACTIVE
    }

    /// Pushes a link, unless the slot is inactive. If it was pushed, returns the part of the list
    /// that the caller must acknowledge in place of another thread, which is mostly none.
    ///
    /// Wait-free, at most three steps: the link is in the list before it is connected to the rest,
    /// and who finds it unconnected leaves the rest to the pusher (after Crystalline-W, Nikolaev &
    /// Ravindran, DISC 2021).
    pub(crate) fn push(&self, link: &Link) -> Option<*mut Link> {
        let pushed = ptr::from_ref(link).cast_mut();
        // Release: publishes the batch and the unlinks before it; pairs with the Acquire of
        // whoever takes the list. Later pushes are read-modify-writes, so they continue the
        // release sequence of this one. Acquire: the list below may be left to this thread.
        let below = self.inbox.head.swap(pushed, Ordering::AcqRel);
        if below.addr() == INACTIVE {
            // Relaxed: nobody has seen the link, and the slot is as it was. If this fails, the
            // owner is back or another thread pushed: the slot is active, and the link stays.
            let (inactive, relaxed) = (mark(INACTIVE), Ordering::Relaxed);
            if self.inbox.head.compare_exchange(pushed, inactive, relaxed, relaxed).is_ok() {
                return None;
            }
        }
        Some(link.connect(list_of(below)))
    }

    /// Counts a push. Returns whether it is time to try a drain. An owner who has logged many
    /// addresses makes a drain long, and is due the later.
    pub(crate) fn backlog_is_due(&self) -> bool {
        let pushes = self.inbox.backlog.fetch_add(1, Ordering::Relaxed) + 1;
        pushes % BACKLOG == 0 && self.pinned.logged() / crate::batch::CAPACITY <= pushes
    }

    /// Returns whether batches that the owner has retired should be returned to it, to be freed. A
    /// guess: `push` is the judge of whether the slot is active.
    pub(crate) fn is_accepting_returns(&self) -> bool {
        let active = self.inbox.head.load(Ordering::Relaxed).addr() != INACTIVE;
        active && self.inbox.backlog.load(Ordering::Relaxed) < RETURN_LIMIT
    }

    /// Takes the list to drain it, and leaves the mark of `drainer`. Bounded: one step.
    pub(crate) fn take_to_drain(&self, drainer: *const ()) -> *mut Link {
        // Acquire: pairs with the Release in `push`.
        list_of(self.inbox.head.swap(drained_by(drainer), Ordering::AcqRel))
    }

    /// Unsubscribes a slot whose owner was found outside of guards after `take_to_drain` and a
    /// heavy barrier.
    pub(crate) fn deactivate(&self, drainer: *const ()) {
        // The mark is still there, and only this call's `take_to_drain` has set it: so the owner has
        // not pinned since it was seen outside, and will fence when it does. Release: pairs with the
        // Acquire of its swap in `take_and_stay`, which so sees the unlinks of the nodes that were
        // freed here; and passes on the reads of its last section to `is_active`.
        let _ = self.inbox.head.compare_exchange(
            drained_by(drainer),
            mark(INACTIVE),
            Ordering::Release,
            Ordering::Relaxed,
        );
    }

    /// Returns whether a full fence of a drain meets one in every section of the owner.
    pub(crate) fn is_fenced(&self) -> bool {
        // Acquire: pairs with `take_and_stay`.
        self.fenced.load(Ordering::Acquire)
    }

    /// Forgets the pushes that a drain has acknowledged.
    pub(crate) fn reset_backlog(&self) {
        self.inbox.backlog.store(0, Ordering::Relaxed);
    }

    /// Returns what pushes and drains that came too late have left in a slot of a collector without
    /// threads.
    pub(crate) fn remains(&self) -> *mut Link {
        list_of(self.inbox.head.load(Ordering::Relaxed))
    }
}

fn drained_by(drainer: *const ()) -> *mut Link {
    drainer.map_addr(|address| address | DRAINED).cast_mut().cast()
}
