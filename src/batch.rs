//! Batches: retired nodes that are acknowledged, and freed, together.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr;

use crate::slot::Slot;
use crate::sync::{AtomicIsize, AtomicPtr, Ordering, Use};

/// One retired node.
pub(crate) struct Entry {
    pub(crate) pointer: *mut (),
    pub(crate) free: unsafe fn(*mut ()),
}

/// `next` of a link that its pusher has not connected yet.
const UNCONNECTED: usize = 1;
/// `next` of a link that was acknowledged before it was connected.
const CUT: usize = 2;

/// One of the small values that no link has as its address.
pub(crate) fn mark(value: usize) -> *mut Link {
    ptr::without_provenance_mut(value)
}

/// A batch's membership in the list of one slot.
pub(crate) struct Link {
    /// The link below, once the pusher has connected it.
    next: AtomicPtr<Link>,
    batch: *const Batch,
}

impl Link {
    fn of(batch: *const Batch) -> Self {
        Self { next: AtomicPtr::new(mark(UNCONNECTED)), batch }
    }

    /// Connects a link that is in a list to what was the list before. Returns the part of the list
    /// whose acknowledgement was left to the caller, mostly none. One step.
    pub(crate) fn connect(&self, below: *mut Link) -> *mut Link {
        self.uses_batch();
        // AcqRel: Release hands `below` to whoever acknowledges; Acquire, after a cut, takes over
        // the reads of the slot's owner. Partner: `cut`.
        let was = self.next.swap(below, Ordering::AcqRel);
        if was.addr() == CUT { below } else { ptr::null_mut() }
    }

    fn uses_batch(&self) {
        // SAFETY: a link lives in its batch.
        unsafe { &*self.batch }.memory.shared();
    }

    /// The link below; null at the end, or if the pusher will go on from here.
    fn cut(&self) -> *mut Link {
        self.uses_batch();
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

/// Retired nodes that are freed together. Owned by the thread that fills it; shared from the first
/// push on; then owned by whoever brings `pending` to zero.
pub(crate) struct Batch {
    /// Links pushed minus acknowledgements. Acknowledgements may come first, so it may be negative
    /// until the retirer has added the number of links it pushed.
    pending: AtomicIsize,
    pub(crate) entries: Vec<Entry>,
    pub(crate) links: Vec<Link>,
    /// The oldest birth in it.
    pub(crate) min_birth: u64,
    /// The slot of the thread that filled it; null once it was sent there.
    home: *const Slot,
    /// By which it is sent there.
    pub(crate) way_home: Link,
    /// The next batch in a list of its owner.
    next: Option<Box<Batch>>,
    memory: Use,
}

/// A private list of batches, the newest first.
#[derive(Default)]
pub(crate) struct List(Option<Box<Batch>>);

impl List {
    pub(crate) fn add(&mut self, mut batch: Box<Batch>) {
        batch.next = self.0.take();
        self.0 = Some(batch);
    }

    pub(crate) fn take(&mut self) -> Option<Box<Batch>> {
        let mut batch = self.0.take()?;
        self.0 = batch.next.take();
        Some(batch)
    }
}

impl Batch {
    /// An empty batch for so many nodes.
    pub(crate) fn new(capacity: usize) -> Box<Self> {
        Box::new(Self {
            pending: AtomicIsize::new(0),
            // Nobody fills a batch of any size.
            entries: Vec::with_capacity(capacity.min(4096)),
            links: Vec::new(),
            min_birth: u64::MAX,
            home: ptr::null(),
            way_home: Link::of(ptr::null()),
            next: None,
            memory: Use::default(),
        })
    }

    /// Closes a batch of the thread of `home`: it gets a link for each of `slots` slots, and is
    /// about to be shared.
    pub(crate) fn share(mut batch: Box<Self>, slots: usize, home: *const Slot) -> *mut Self {
        batch.home = home;
        let batch = Box::into_raw(batch);
        // SAFETY: not shared yet.
        let links = unsafe { &mut (*batch).links };
        links.clear();
        links.resize_with(slots, || Link::of(batch));
        batch
    }

    /// Where a batch that no guard holds is to be freed; null if it was sent there already.
    pub(crate) fn take_home(&mut self) -> *const Slot {
        core::mem::replace(&mut self.home, ptr::null())
    }

    /// Makes a batch that no guard holds ready to be shared again, by the link `way_home` alone.
    /// Its counter is zero, as before it was shared first.
    pub(crate) fn share_way_home(batch: Box<Self>) -> *mut Self {
        let batch = Box::into_raw(batch);
        // SAFETY: not shared at the moment.
        unsafe { (*batch).way_home = Link::of(batch) };
        batch
    }

    /// Takes back a batch that nobody else uses any more, to free its nodes and fill it again.
    ///
    /// # Safety
    /// The caller brought `pending` to zero.
    pub(crate) unsafe fn unshare(batch: *const Self) -> Box<Self> {
        // SAFETY: the caller is the only owner; the pointer came from `share`.
        let mut batch = unsafe { Box::from_raw(batch.cast_mut()) };
        batch.memory.alone();
        batch.min_birth = u64::MAX;
        batch
    }

    /// Adds the number of links pushed. Returns whether all were acknowledged already: then the
    /// caller owns the batch, else it must not touch it again.
    ///
    /// # Safety
    /// `batch` was not submitted since it was shared. A raw pointer: others may free it during the
    /// call.
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

/// Acknowledges every link of a list taken from a slot. Batches that no guard holds any more are
/// given to `free`. Where a pusher is not done yet, the rest of the list is left to it. Steps: three per
/// link of the list.
///
/// # Safety
/// The caller took the list out of its slot, or was left it by [`Link::connect`], alone, and no
/// thread of that slot still uses a pointer that it loaded before.
pub(crate) unsafe fn acknowledge_all(mut link: *mut Link, mut free: impl FnMut(Box<Batch>)) {
    while !link.is_null() {
        // SAFETY: a link lives as long as its batch, which waits for this acknowledgement.
        let (next, batch) = unsafe { ((*link).cut(), (*link).batch) };
        // SAFETY: as above; the batch may be freed by others right after this call.
        if unsafe { Batch::acknowledge(batch) } {
            // SAFETY: the last one.
            free(unsafe { Batch::unshare(batch) });
        }
        link = next;
    }
}
