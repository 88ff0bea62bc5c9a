//! Batches: retired nodes that are acknowledged, and freed, together.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::sync::{AtomicIsize, AtomicPtr, Ordering};

/// Nodes per batch. A flush costs a fence and a push per active slot, shared by this many nodes.
pub(crate) const BATCH: usize = 64;

/// One retired node.
pub(crate) struct Entry {
    pub(crate) pointer: *mut (),
    pub(crate) free: unsafe fn(*mut ()),
}

/// `next` of a link that its pusher has not connected yet.
const UNCONNECTED: usize = 1;
/// `next` of a link that was acknowledged before it was connected.
const CUT: usize = 2;

fn mark(value: usize) -> *mut Link {
    ptr::without_provenance_mut(value)
}

/// A batch's membership in the list of one slot.
pub(crate) struct Link {
    /// The link below, once the pusher has connected it.
    next: AtomicPtr<Link>,
    batch: *const Batch,
}

impl Link {
    /// Connects a link that is in a list to what was the list before. Returns the part of the list
    /// whose acknowledgement was left to the caller, mostly none. One step.
    pub(crate) fn connect(&self, below: *mut Link) -> *mut Link {
        // AcqRel: Release hands `below` to whoever acknowledges; Acquire, after a cut, takes over
        // the reads of the slot's owner. Partner: `cut`.
        let was = self.next.swap(below, Ordering::AcqRel);
        if was.addr() == CUT { below } else { ptr::null_mut() }
    }

    /// The link below; null at the end, or if the pusher will go on from here.
    fn cut(&self) -> *mut Link {
        // Acquire: pairs with the Release in `connect`.
        let next = self.next.load(Ordering::Acquire);
        if next.addr() != UNCONNECTED {
            return next;
        }
        // AcqRel: Release hands this thread's reads of the nodes to the pusher; Acquire as above.
        let next = self.next.swap(mark(CUT), Ordering::AcqRel);
        if next.addr() == UNCONNECTED { ptr::null_mut() } else { next }
    }
}

/// A closed batch. Freed by whoever brings `pending` to zero.
pub(crate) struct Batch {
    /// Links pushed minus acknowledgements. Acknowledgements may come first, so it may be negative
    /// until the retirer has added the number of links it pushed.
    pending: AtomicIsize,
    pub(crate) entries: Vec<Entry>,
    pub(crate) links: Vec<Link>,
    /// The next batch in the private queue of the thread that frees it.
    pub(crate) next_ready: Cell<*const Batch>,
}

impl Batch {
    /// A batch of `entries` with room for a link in each of `slots` slots.
    pub(crate) fn new(entries: Vec<Entry>, slots: usize) -> *mut Batch {
        let batch = Box::into_raw(Box::new(Batch {
            pending: AtomicIsize::new(0),
            entries,
            links: Vec::new(),
            next_ready: Cell::new(ptr::null()),
        }));
        let link = || Link { next: AtomicPtr::new(mark(UNCONNECTED)), batch };
        let links = (0..slots).map(|_| link()).collect();
        // SAFETY: just allocated, not shared yet.
        unsafe { (*batch).links = links };
        batch
    }

    /// Adds the number of links pushed. Returns whether all were acknowledged already: then the
    /// caller frees the batch, else it must not touch it again.
    ///
    /// # Safety
    /// `batch` was not submitted before. A raw pointer: others may free it during the call.
    pub(crate) unsafe fn submit(batch: *const Batch, pushed: usize) -> bool {
        let pushed = isize::try_from(pushed).unwrap_or(isize::MAX);
        // AcqRel: Release hands the batch to the last acknowledger; Acquire takes over the reads
        // that other threads made before their acknowledgements, if those came first.
        // SAFETY: not free before this addition, which is the last access.
        unsafe { (*batch).pending.fetch_add(pushed, Ordering::AcqRel) == -pushed }
    }

    /// Acknowledges one link. Returns whether it was the last one.
    ///
    /// # Safety
    /// The caller owns one link that was not acknowledged. A raw pointer, as in `submit`.
    unsafe fn acknowledge(batch: *const Batch) -> bool {
        // AcqRel: Release orders this thread's reads of the nodes before the free; Acquire, in the
        // last acknowledger, takes over those of all others. Partner: itself and `submit`.
        // SAFETY: not free before this subtraction, which is the last access.
        unsafe { (*batch).pending.fetch_sub(1, Ordering::AcqRel) == 1 }
    }
}

/// Acknowledges every link of a list taken from a slot. Batches that are free now are given to
/// `ready`. Where a pusher is not done yet, the rest of the list is left to it. Steps: the number
/// of links in the list.
///
/// # Safety
/// The caller took the list out of its slot, or was left it by [`Link::connect`], alone, and no
/// thread of that slot still uses a pointer that it loaded before.
pub(crate) unsafe fn acknowledge_all(mut link: *mut Link, mut ready: impl FnMut(*const Batch)) {
    while !link.is_null() {
        // SAFETY: a link lives as long as its batch, which waits for this acknowledgement.
        let (next, batch) = unsafe { ((*link).cut(), (*link).batch) };
        // SAFETY: as above; the batch may be freed by others right after this call.
        if unsafe { Batch::acknowledge(batch) } {
            ready(batch);
        }
        link = next;
    }
}

/// Frees a batch and its nodes. A panicking destructor does not keep the others from running;
/// the first panic is returned.
///
/// # Safety
/// `batch` came from [`Batch::new`], and every link was acknowledged.
pub(crate) unsafe fn free(batch: *const Batch) -> Option<Box<dyn Any + Send>> {
    // SAFETY: the caller brought `pending` to zero, so it is the only owner.
    let batch = unsafe { Box::from_raw(batch.cast_mut()) };
    let mut first = None;
    for entry in batch.entries {
        let result = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: contract of `retire`: the function fits the pointer and runs once.
            unsafe { (entry.free)(entry.pointer) }
        }));
        if let Err(panic) = result {
            first.get_or_insert(panic);
        }
    }
    first
}
