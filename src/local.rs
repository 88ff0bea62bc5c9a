//! A thread's own part: its slot, its critical sections, and ([`retire`]) its batches.

mod retire;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::Cell;
use core::marker::PhantomData;

use crate::barrier;
use crate::batch::{Batch, Entry};
use crate::collector::Core;
use crate::mode::Mode;
use crate::ready::Ready;
use crate::slot::{EVERYTHING, Slot};
use crate::sync::Ordering;

/// In `Local::more`: the handle is gone.
const ORPHAN: u64 = 1 << 63;
/// In `Local::more`: the slot is eligible for every batch until the outermost guard ends.
const ESCALATED: u64 = 1 << 62;
/// In `Local::more`: a pin has left its section to run destructors; its guard is there all the same.
const OUTSIDE: u64 = 1 << 61;
/// In `Local::more`: guards besides the outermost one. 64 bits on every target: guards that are
/// forgotten are never counted down, and 30 bits of them take a second.
const INNER: u64 = OUTSIDE - 1;

/// A batch that is being filled, if it has a node.
type Open = Cell<Option<Box<Batch>>>;

/// A retired node whose birth was asked for and not read yet.
struct Unread {
    entry: Entry,
    birth: *const u64,
}

pub(crate) struct Local<M> {
    core: Arc<Core>,
    slot: *const Slot,
    /// What a guard looks at when it ends: [`INNER`], [`ORPHAN`], [`ESCALATED`], [`OUTSIDE`].
    more: Cell<u64>,
    /// The era in the slot, but for an escalation (robust mode).
    pub(crate) published: Cell<u64>,
    /// Nodes that no lagging reader can hold, in region mode all nodes.
    young: Open,
    /// Nodes born at or before `boundary`. Kept apart, so that an old node does not make a
    /// lagging reader hold a whole batch of young ones.
    old: Open,
    /// The last node retired with its birth (robust mode).
    unread: Cell<Option<Unread>>,
    /// The highest era of a lagging slot, as seen by the last flush.
    boundary: Cell<u64>,
    allocated: Cell<u64>,
    ready: Ready,
    /// Lists that this thread may still take before it no longer counts as one that retires.
    retiring: Cell<usize>,
    mode: PhantomData<fn() -> M>,
}

impl<M: Mode> Local<M> {
    pub(crate) fn register(core: Arc<Core>) -> *const Self {
        let slot = core.own_slot();
        Box::into_raw(Box::new(Self {
            core,
            slot,
            more: Cell::new(0),
            published: Cell::new(0),
            young: Cell::default(),
            old: Cell::default(),
            unread: Cell::new(None),
            boundary: Cell::new(0),
            allocated: Cell::new(0),
            ready: Ready::default(),
            retiring: Cell::new(0),
            mode: PhantomData,
        }))
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    #[inline(always)]
    pub(crate) fn slot(&self) -> &Slot {
        // SAFETY: slots live as long as the core, which `self` holds.
        unsafe { &*self.slot }
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.slot().pins.load(Ordering::Relaxed) != 0
    }

    /// Gives up the handle.
    ///
    /// # Safety
    /// The caller owned it, and does not use `local` again.
    pub(crate) unsafe fn release(local: *const Self) {
        // SAFETY: the caller's handle kept it alive until here.
        let this = unsafe { &*local };
        if this.is_pinned() || this.more.get() & OUTSIDE != 0 {
            this.more.set(this.more.get() | ORPHAN);
        } else {
            // SAFETY: no handle and no guard is left.
            unsafe { Self::exit(local) };
        }
    }

    /// Begins a critical section. The caller keeps the local alive.
    #[inline(always)]
    pub(crate) fn enter(&self) {
        if self.begin() {
            self.acknowledge_own();
        }
    }

    /// Begins a critical section. Returns whether this thread must take its list first.
    #[inline(always)]
    fn begin(&self) -> bool {
        let slot = self.slot();
        if slot.pins.load(Ordering::Relaxed) != 0 {
            self.more.set(self.more.get() + 1);
            return false;
        }
        // Relaxed: `light` orders this store before the load of the head; see `Slot::drain`.
        slot.pins.store(1, Ordering::Relaxed);
        barrier::light();
        !slot.is_quiet()
    }

    /// Ends a critical section.
    ///
    /// # Safety
    /// The caller entered it, and does not use `local` again if it has no handle or guard.
    #[inline(always)]
    pub(crate) unsafe fn leave(local: *const Self) {
        // SAFETY: a local stays until its handle and its guards are gone.
        let this = unsafe { &*local };
        if this.more.get() == 0 {
            this.unpin();
        } else {
            // SAFETY: as the caller says.
            unsafe { Self::leave_one_of_many(local) };
        }
    }

    /// # Safety
    /// As [`leave`](Self::leave).
    #[cold]
    unsafe fn leave_one_of_many(local: *const Self) {
        // SAFETY: as in `leave`.
        let this = unsafe { &*local };
        let more = this.more.get();
        if more & INNER != 0 {
            this.more.set(more - 1);
            return;
        }
        this.end_escalation();
        this.unpin();
        if more & (ORPHAN | OUTSIDE) == ORPHAN {
            // SAFETY: the last guard, and the handle is gone.
            unsafe { Self::exit(local) };
        }
    }

    /// Ends the outermost section.
    #[inline(always)]
    fn unpin(&self) {
        // Release: the reads of this section before it; pairs with `Slot::owner_is_outside`.
        self.slot().pins.store(0, Ordering::Release);
    }

    /// Ends the section and begins another, if it is the outermost one. Returns whether it is.
    pub(crate) fn renew(&self) -> bool {
        let outermost = self.more.get() & INNER == 0;
        if outermost {
            self.end_escalation();
            self.unpin();
            self.enter();
        }
        outermost
    }

    /// Publishes the era of a load. The caller fences.
    pub(crate) fn publish(&self, era: u64) {
        self.published.set(era);
        // Relaxed: the fence that follows orders it.
        self.slot().era.store(era, Ordering::Relaxed);
    }

    /// Makes the slot eligible for every batch until the outermost guard ends. The caller fences.
    pub(crate) fn escalate(&self) {
        self.more.set(self.more.get() | ESCALATED);
        // Relaxed: as in `publish`.
        self.slot().era.store(EVERYTHING, Ordering::Relaxed);
    }

    pub(crate) fn is_escalated(&self) -> bool {
        self.more.get() & ESCALATED != 0
    }

    /// Ends an escalation with its section; the next load publishes anew.
    fn end_escalation(&self) {
        if self.is_escalated() {
            self.more.set(self.more.get() & !ESCALATED);
            self.published.set(0);
            // Release: the reads of this section before it; pairs with the load of a flush that
            // skips this slot.
            self.slot().era.store(0, Ordering::Release);
        }
    }

    /// Hands everything on and leaves. Destructors that retire again are waited for; nothing else
    /// is. A panicking destructor was reported by the panic hook, and ends here: the thread may be
    /// past the point where it could unwind.
    ///
    /// # Safety
    /// No handle and no guard of `local` is left.
    pub(crate) unsafe fn exit(local: *const Self) {
        // SAFETY: caller: alive until it is freed below.
        let this = unsafe { &*local };
        this.hand_on_all();
        this.end_allocations();
        this.slot().disown();
        // SAFETY: came from `Box::into_raw` in `register`; nobody else has it.
        drop(unsafe { Box::from_raw(local.cast_mut()) });
    }
}
