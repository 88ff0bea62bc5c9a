//! Batches: retired nodes that are acknowledged, and freed, together.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

use crate::local::Local;
use crate::node::Entry;
use crate::sync::{AtomicIsize, AtomicPtr, AtomicU64, Ordering, RaceCheck};

/// The most nodes of a batch: one bit of [`Batch::kept`] for each. Fewer in models: calls free
/// so many nodes per batch, and what is kept comes back at once there.
pub(crate) const CAPACITY: usize = if cfg!(kovan_loom) {
    2
} else if cfg!(kovan_shuttle) {
    4
} else {
    64
};

/// `next` of a link that its pusher has not connected yet.
const UNCONNECTED: usize = 1;
/// `next` of a link that was acknowledged before it was connected.
const CUT: usize = 2;

/// Returns one of the small values that no link has as its address.
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
    /// whose acknowledgement was left to the caller, which is mostly none. Takes one step.
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

    /// Returns the link below, or `None` if its pusher has not connected it yet.
    fn below(&self) -> Option<*mut Link> {
        self.uses_batch();
        // Acquire: pairs with the Release in `connect`.
        let next = self.next.load(Ordering::Acquire);
        (next.addr() != UNCONNECTED).then_some(next)
    }

    /// Returns the link below. Where the pusher has not connected it yet, returns null, and the
    /// pusher acknowledges the rest.
    fn cut(&self) -> *mut Link {
        if let Some(next) = self.below() {
            return next;
        }
        // AcqRel: Release hands this thread's reads of the nodes to the pusher; Acquire as above.
        let next = self.next.swap(mark(CUT), Ordering::AcqRel);
        if next.addr() == UNCONNECTED { ptr::null_mut() } else { next }
    }
}

/// Retired nodes that are freed together. A batch belongs to the thread that fills it, is shared
/// from the first push on, and then belongs to whoever brings `pending` to zero.
pub(crate) struct Batch {
    /// Links pushed minus acknowledgements. Acknowledgements may come first, so it may be negative
    /// until the retirer has added the number of links that it pushed.
    pending: AtomicIsize,
    /// A bit for each node that a guard protected when its slot was acknowledged on the owner's
    /// behalf (robust mode). These nodes are retired again in place of being freed.
    kept: AtomicU64,
    /// Nodes in `entries`.
    pub(crate) len: usize,
    /// The thread that filled it; null once the batch was returned there.
    retirer: *const Local,
    links: Vec<Link>,
    /// The link by which the batch is returned to its retirer, or travels as a parcel.
    return_link: Link,
    /// A list that a drain took and could not acknowledge. It is acknowledged with `return_link`.
    parcel: *mut Link,
    /// The next batch in a list of its owner.
    next: *mut Batch,
    memory: RaceCheck,
    entries: [MaybeUninit<Entry>; CAPACITY],
}

/// A private list of batches, the newest first.
pub(crate) struct List(*mut Batch);

impl Default for List {
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl List {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// Gives up the list, as its first batch.
    pub(crate) fn into_raw(self) -> *mut Batch {
        core::mem::ManuallyDrop::new(self).0
    }

    /// # Safety
    /// `first` is null or came from `into_raw`, and is used once.
    pub(crate) unsafe fn from_raw(first: *mut Batch) -> Self {
        Self(first)
    }

    pub(crate) fn add(&mut self, mut batch: Box<Batch>) {
        batch.next = self.0;
        self.0 = Box::into_raw(batch);
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        while let Some(batch) = other.take() {
            self.add(batch);
        }
    }

    pub(crate) fn take(&mut self) -> Option<Box<Batch>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the list owns its batches, which came from `Box::into_raw` in `add`.
        let batch = unsafe { Box::from_raw(self.0) };
        self.0 = batch.next;
        Some(batch)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}

impl Batch {
    /// Returns an empty batch.
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self {
            pending: AtomicIsize::new(0),
            kept: AtomicU64::new(0),
            len: 0,
            retirer: ptr::null(),
            links: Vec::new(),
            return_link: Link::of(ptr::null()),
            parcel: ptr::null_mut(),
            next: ptr::null_mut(),
            memory: RaceCheck::default(),
            entries: [const { MaybeUninit::uninit() }; CAPACITY],
        })
    }

    /// Returns the address of the first entry of a batch, which need not be alive.
    pub(crate) fn entries(batch: *mut Self) -> *mut Entry {
        batch.wrapping_byte_add(offset_of!(Self, entries)).cast()
    }

    /// Removes the node at `at`, which is the last one.
    ///
    /// # Safety
    /// `at` is one less than the number of nodes.
    #[inline(always)]
    pub(crate) unsafe fn pop(&mut self, at: usize) -> Entry {
        debug_assert!(at + 1 == self.len, "the last node");
        self.len = at;
        // SAFETY: the caller's clause; the first `len` entries were written by `OpenBatch`, and are
        // read once.
        unsafe { self.entries.get_unchecked(at).assume_init_read() }
    }

    /// Returns a bit for each node that a guard protected when its slot was acknowledged.
    pub(crate) fn kept(&self) -> u64 {
        // Relaxed: the batch is this thread's alone.
        self.kept.load(Ordering::Relaxed)
    }

    /// Returns whether a node in it has a header.
    pub(crate) fn has_birth(&self) -> bool {
        // SAFETY: the first `len` entries are written.
        self.entries[..self.len].iter().any(|entry| unsafe { entry.assume_init_ref() }.has_birth())
    }

    /// Gives a full or closed batch a link for each of `slots` slots, to be shared by them.
    pub(crate) fn share(batch: *mut Self, slots: usize, retirer: *const Local) -> *const Self {
        // SAFETY: the caller owns the batch alone, and does not share it before this call ends.
        let this = unsafe { &mut *batch };
        this.retirer = retirer;
        this.kept = AtomicU64::new(0);
        this.links.clear();
        this.links.resize_with(slots, || Link::of(batch));
        batch
    }

    pub(crate) fn links(&self) -> &[Link] {
        &self.links
    }

    pub(crate) fn return_link(&self) -> &Link {
        &self.return_link
    }

    /// Returns the thread that a batch which no guard holds is returned to; null if it was
    /// returned already.
    pub(crate) fn take_retirer(&mut self) -> *const Local {
        core::mem::replace(&mut self.retirer, ptr::null())
    }

    /// Makes a batch that no guard holds ready to be shared again, by `return_link` alone. Its
    /// counter is zero, as before it was shared first. `parcel` is acknowledged with that link.
    pub(crate) fn share_return_link(batch: Box<Self>, parcel: *mut Link) -> *const Self {
        let batch = Box::into_raw(batch);
        // SAFETY: not shared at the moment.
        unsafe {
            (*batch).return_link = Link::of(batch);
            (*batch).parcel = parcel;
        }
        batch
    }

    /// Takes back a batch that nobody else uses any more, to free its nodes and fill it again.
    ///
    /// # Safety
    /// The caller brought `pending` to zero.
    pub(crate) unsafe fn unshare(batch: *const Self) -> Box<Self> {
        // SAFETY: the caller is the only owner; the pointer came from `Box::into_raw`.
        let batch = unsafe { Box::from_raw(batch.cast_mut()) };
        batch.memory.alone();
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
        // AcqRel: Release orders this thread's reads of the nodes before the free, and its bits of
        // `kept` before they are read; Acquire, in the last acknowledger, takes over those of all
        // others. Partner: itself and `submit`.
        // SAFETY: not free before this subtraction, which is the last access.
        unsafe { (*batch).pending.fetch_sub(1, Ordering::AcqRel) == 1 }
    }

    /// Returns whether a list travels with this batch whose sender is not done yet. To the sender,
    /// an acknowledgement before it is done means that all of the list can be acknowledged.
    fn is_parcel_on_its_way(&self) -> bool {
        // Relaxed: 1 only after the sender's addition, which is all that is asked.
        !self.parcel.is_null() && self.pending.load(Ordering::Relaxed) < 1
    }

    /// Marks the nodes that `protects` says yes to, so that they are not freed with the others.
    fn keep(&self, protects: impl Fn(&Entry) -> bool) {
        let mut kept = 0_u64;
        for (at, entry) in self.entries[..self.len].iter().enumerate() {
            // SAFETY: the first `len` entries are written, and stay until the batch is freed.
            kept |= u64::from(protects(unsafe { entry.assume_init_ref() })) << at;
        }
        if kept != 0 {
            // Relaxed: the acknowledgement that follows releases it.
            self.kept.fetch_or(kept, Ordering::Relaxed);
        }
    }
}

/// What acknowledgements have brought to an end.
#[derive(Default)]
pub(crate) struct Ended {
    /// Batches that no guard holds any more.
    pub(crate) free: List,
    /// Batches whose parcel is to be acknowledged next.
    parcels: List,
}

impl Ended {
    /// Acknowledges one link of `batch`.
    ///
    /// # Safety
    /// As [`Batch::acknowledge`].
    unsafe fn acknowledge(&mut self, batch: *const Batch) {
        // SAFETY: the caller's clause.
        if unsafe { Batch::acknowledge(batch) } {
            // SAFETY: that was the last link.
            self.add(unsafe { Batch::unshare(batch) });
        }
    }

    /// Adds a batch that no guard holds any more.
    pub(crate) fn add(&mut self, batch: Box<Batch>) {
        if batch.parcel.is_null() { self.free.add(batch) } else { self.parcels.add(batch) }
    }

    /// Returns the next list that travelled as a parcel.
    pub(crate) fn take_parcel(&mut self) -> Option<*mut Link> {
        let mut carrier = self.parcels.take()?;
        let parcel = core::mem::replace(&mut carrier.parcel, ptr::null_mut());
        self.free.add(carrier);
        Some(parcel)
    }

    /// Acknowledges every link of a list taken from a slot, and of the lists that travel in it.
    /// Where a pusher is not done yet, the rest of a list is left to it. Takes at most three steps
    /// per link.
    ///
    /// # Safety
    /// The caller took the list out of its slot, or was left it by [`Link::connect`], alone, and
    /// no thread of that slot still uses a pointer that it loaded before.
    pub(crate) unsafe fn acknowledge_all(&mut self, mut link: *mut Link) {
        let mut no_limit = usize::MAX;
        loop {
            // SAFETY: the caller's clause.
            unsafe { self.acknowledge_some(link, &mut no_limit) };
            let Some(parcel) = self.take_parcel() else { return };
            link = parcel;
        }
    }

    /// As [`acknowledge_all`](Self::acknowledge_all), but no more links than `left`, which is
    /// lowered by their number, and not the lists that travel in it. Returns the rest.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn acknowledge_some(
        &mut self,
        mut link: *mut Link,
        left: &mut usize,
    ) -> *mut Link {
        while !link.is_null() && *left > 0 {
            *left -= 1;
            // SAFETY: a link lives as long as its batch, which waits for this acknowledgement.
            let (next, batch) = unsafe { ((*link).cut(), (*link).batch) };
            // SAFETY: the link is the caller's; others may free the batch right after.
            unsafe { self.acknowledge(batch) };
            link = next;
        }
        link
    }

    /// Acknowledges a list on behalf of an owner who is inside of a guard. Nodes that `protects`
    /// says yes to are kept. Stops at a link whose pusher has not connected it yet, or, if it is that
    /// of a parcel, not submitted it, and returns it: the caller puts the rest back. Takes at most
    /// three steps per link.
    ///
    /// # Safety
    /// The caller took the list out of its slot alone, and `protects` says yes to each node in it
    /// that the slot's owner may still use.
    pub(crate) unsafe fn acknowledge_for(
        &mut self,
        mut link: *mut Link,
        protects: impl Fn(&Entry) -> bool,
    ) -> *mut Link {
        while !link.is_null() {
            // SAFETY: a link lives as long as its batch, which waits for this acknowledgement.
            let (below, batch) = unsafe { ((*link).below(), (*link).batch) };
            // SAFETY: as above; nothing that is read here changes while the batch is shared.
            let shared = unsafe { &*batch };
            let Some(below) = below else { break };
            if shared.is_parcel_on_its_way() {
                break;
            }
            shared.keep(&protects);
            // SAFETY: the link is the caller's; others may free the batch right after.
            unsafe { self.acknowledge(batch) };
            link = below;
        }
        link
    }
}
