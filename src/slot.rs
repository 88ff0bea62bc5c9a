//! Slots: what a thread shares with those that retire.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

use crate::barrier;
use crate::batch::Link;

/// A `head` that takes no links: its owner has no guard, and fences before it reads again.
const INACTIVE: usize = 1;
/// Tag of a `head` that is being drained. Only the holder of the drain lock sets it, pushes keep
/// it, and the owner's swap removes it.
const PENDING: usize = 2;
const TAGS: usize = INACTIVE | PENDING;

/// Links pushed to a slot, since its last acknowledgement, between two attempts to drain it.
const BACKLOG: usize = 32;
/// Attempts of a drain at each of its compare-exchanges before it gives up until the next one.
const DRAIN_ATTEMPTS: usize = 8;
/// The published era of a reader that could not keep up: eligible for every batch.
pub(crate) const EVERYTHING: u64 = u64::MAX;

/// A thread's shared state. Never freed before its collector; reused after its thread left.
#[repr(align(128))]
pub(crate) struct Slot {
    /// The list of batches this thread must still acknowledge, or `INACTIVE`.
    head: AtomicPtr<Link>,
    /// Guards of the owner; written by the owner only.
    pub(crate) pins: AtomicUsize,
    /// Era of the owner's last checked load (robust mode).
    pub(crate) era: AtomicU64,
    /// Links pushed since the last acknowledgement. Approximate.
    backlog: AtomicUsize,
    draining: AtomicBool,
    owned: AtomicBool,
    /// The slots registered before this one.
    pub(crate) next: *const Slot,
    /// Slots in the list that starts here.
    pub(crate) len: usize,
}

fn inactive() -> *mut Link {
    ptr::without_provenance_mut(INACTIVE)
}

impl Slot {
    pub(crate) fn new(next: *const Slot, len: usize) -> Self {
        Self {
            head: AtomicPtr::new(inactive()),
            pins: AtomicUsize::new(0),
            era: AtomicU64::new(0),
            backlog: AtomicUsize::new(0),
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

    /// Takes the list and stays (or becomes) subscribed. Owner only.
    pub(crate) fn take(&self) -> *mut Link {
        self.backlog.store(0, Ordering::Relaxed);
        // Acquire: pairs with the Release in `push`: the unlinks of the nodes in the list happen
        // before every later load of this thread.
        let list = self.head.swap(ptr::null_mut(), Ordering::AcqRel);
        // SeqCst: the slot is active before the loads that follow; pairs with the fence of a
        // flush between the unlinks and its read of the slots. If ours is first, the flush sees
        // the slot active and pushes; if theirs is first, the loads see the unlinks.
        fence(Ordering::SeqCst);
        strip(list)
    }

    /// Takes the list and unsubscribes. Owner only, outside of guards.
    pub(crate) fn leave(&self) -> *mut Link {
        self.backlog.store(0, Ordering::Relaxed);
        // Acquire: as in `take`. Release: nothing of this thread's last section sinks below.
        strip(self.head.swap(inactive(), Ordering::AcqRel))
    }

    /// Whether a list waits or may come. Owner only.
    pub(crate) fn has_list(&self) -> bool {
        !strip(self.head.load(Ordering::Relaxed)).is_null()
    }

    /// Whether batches must be pushed here. Read after the fence of a flush.
    pub(crate) fn is_active(&self) -> bool {
        // Acquire: pairs with the Release of `leave` and of the drain: if the slot is found
        // inactive, its owner's reads happen before the free that does not wait for it.
        self.head.load(Ordering::Acquire).addr() != INACTIVE
    }

    /// Pushes a link, unless the slot is inactive. Returns whether it was pushed.
    ///
    /// Lock-free: a failed exchange means that another thread pushed, took or drained.
    pub(crate) fn push(&self, link: &Link) -> bool {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head.addr() == INACTIVE {
                return false;
            }
            link.next.set(strip(head));
            let tag = head.addr() & PENDING;
            let new = ptr::from_ref(link).cast_mut().map_addr(|a| a | tag);
            // Release: publishes the batch and the unlinks before it; pairs with the Acquire of
            // whoever takes the list. Later pushes are read-modify-writes, so they continue the
            // release sequence of this one.
            match self.head.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
    }

    /// Counts a push; true when it is time to try a drain.
    pub(crate) fn backlog_is_due(&self) -> bool {
        (self.backlog.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(BACKLOG)
    }

    /// Takes the list of a slot whose owner is outside of its guards, and unsubscribes it. Null
    /// when there is none, the owner is inside, or another thread drains. Bounded steps.
    pub(crate) fn drain(&self) -> *mut Link {
        // Acquire and Release of the lock: one drain at a time, so a tag is never an older one's.
        if self.draining.swap(true, Ordering::Acquire) {
            return ptr::null_mut();
        }
        let list = if self.mark_pending() && barrier::heavy() && self.owner_is_outside() {
            self.take_pending()
        } else {
            ptr::null_mut()
        };
        self.draining.store(false, Ordering::Release);
        list
    }

    fn mark_pending(&self) -> bool {
        for _ in 0..DRAIN_ATTEMPTS {
            let head = self.head.load(Ordering::Relaxed);
            if strip(head).is_null() {
                return false;
            }
            let tagged = head.map_addr(|a| a | PENDING);
            // Relaxed: the tag carries no data; `heavy` orders it before the read of `pins`.
            let marked =
                self.head.compare_exchange_weak(head, tagged, Ordering::Relaxed, Ordering::Relaxed);
            if marked.is_ok() {
                return true;
            }
        }
        false
    }

    fn owner_is_outside(&self) -> bool {
        // Acquire: pairs with the Release of the owner's last unpin, so that its reads of the
        // nodes happen before they are freed here. If the owner is inside and this reads zero, it
        // pinned after `heavy`, sees a head that is not null, and takes the list, tag included.
        self.pins.load(Ordering::Acquire) == 0
    }

    fn take_pending(&self) -> *mut Link {
        for _ in 0..DRAIN_ATTEMPTS {
            let head = self.head.load(Ordering::Relaxed);
            if head.addr() & PENDING == 0 {
                break;
            }
            // Acquire: pairs with the Release in `push`.
            let taken = self.head.compare_exchange_weak(
                head,
                inactive(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                self.backlog.store(0, Ordering::Relaxed);
                return strip(head);
            }
        }
        ptr::null_mut()
    }
}

fn strip(head: *mut Link) -> *mut Link {
    head.map_addr(|a| a & !TAGS)
}

const _: () = assert!(align_of::<Link>() > TAGS, "the tags of a head must fit below its alignment");
