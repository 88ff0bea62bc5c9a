//! A thread's registration: its slot, its critical sections, and what becomes of the nodes that it
//! retires ([`retire`]), holds ([`drain`]) and leaves behind ([`exit`]).

mod drain;
mod dues;
mod exit;
mod retire;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::ptr;

use crate::barrier;
use crate::collector::Core;
use crate::config::Config;
use crate::free_queue::FreeQueue;
use crate::open_batch::OpenBatch;
use crate::registry::Place;
use crate::slot::Slot;
use crate::stats::Counts;
use crate::sync::{AtomicI32, Ordering};
use crate::unwind::{Depth, Panic};
use dues::Dues;

/// A registration. Its slot and its counts are shared; the rest is the owner's alone. It stays
/// where it is until its collector goes, and is used again after its thread has left.
#[repr(C)]
pub(crate) struct Local {
    nesting: Nesting,
    pub(crate) open: OpenBatch,
    queue: FreeQueue,
    /// Number of lists that this thread may still take before it no longer counts as one whose
    /// retirements free what it has.
    retiring: Cell<usize>,
    dues: Dues,
    /// The configuration of the collector.
    config: Cell<Config>,
    /// The first panic of a destructor since the last flush.
    panic: Cell<Option<Panic>>,
    /// Scratch space for a look at all slots, and for what a slot protects.
    targets: Cell<Vec<*const Local>>,
    addresses: Cell<Vec<usize>>,
    core: Cell<Option<Arc<Core>>>,
    /// The number of the owner's thread.
    thread: AtomicI32,
    place: Place,
    pub(crate) counts: Counts,
    pub(crate) slot: Slot,
}

// SAFETY: `slot`, `counts` and the atomics of `open` and `queue` are made to be shared; everything else is used
// by the owner only, which is one thread at a time: `Chunk::try_own` hands it over.
unsafe impl Sync for Local {}
// SAFETY: as above; what is left in it when no thread owns it belongs to the collector.
unsafe impl Send for Local {}

/// What the end of a guard looks at: the guards besides the outermost one, and two flags. All zero
/// in most sections.
struct Nesting(Cell<u64>);

impl Nesting {
    /// The handle is gone.
    const ORPHAN: u64 = 1 << 63;
    /// A pin has left its section to run destructors. Its guard is there all the same.
    const SUSPENDED: u64 = 1 << 62;
    /// 62 bits for the guards: guards that are forgotten are never counted down.
    const INNER: u64 = Self::SUSPENDED - 1;

    fn has(&self, flag: u64) -> bool {
        self.0.get() & flag != 0
    }

    fn set(&self, flag: u64, on: bool) {
        self.0.set((self.0.get() & !flag) | if on { flag } else { 0 });
    }
}

impl Local {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            nesting: Nesting(Cell::new(0)),
            open: OpenBatch::new(),
            queue: FreeQueue::new(),
            retiring: Cell::new(0),
            dues: Dues::new(),
            config: Cell::new(Config::new(false)),
            panic: Cell::new(None),
            targets: Cell::default(),
            addresses: Cell::default(),
            core: Cell::new(None),
            thread: AtomicI32::new(0),
            place,
            counts: Counts::new(),
            slot: Slot::new(),
        }
    }

    pub(crate) fn register(core: Arc<Core>) -> *const Self {
        let local = ptr::from_ref(core.locals.own());
        // SAFETY: the local lives as long as the core, which it holds from here on.
        let this = unsafe { &*local };
        this.config.set(core.config);
        this.dues.set_crowded(!Depth::register());
        this.core.set(Some(core));
        this.thread.store(barrier::this_thread(), Ordering::Relaxed);
        local
    }

    /// Says that other threads than the one that registered may use this local, one after the other.
    pub(crate) fn may_move(&self) {
        self.thread.store(0, Ordering::Relaxed);
        self.leave_crowd();
        self.dues.set_crowded(true);
    }

    /// Ends what the registration has counted, if it has.
    fn leave_crowd(&self) {
        if !self.dues.is_crowded() {
            Depth::unregister();
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        // SAFETY: set by `register` and taken by the last step of `exit`; not changed in between.
        let core = unsafe { &*self.core.as_ptr() };
        core.as_ref().expect("a local that is in use has a collector")
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.slot.pinned.is_inside()
    }

    /// Begins a critical section. The caller keeps the local alive.
    #[inline(always)]
    pub(crate) fn enter(&self) {
        if self.slot.pinned.is_inside() {
            self.nesting.0.set(self.nesting.0.get() + 1);
        } else if self.begin() {
            self.enter_slowly();
        }
    }

    /// Begins an outermost section. Returns whether this thread must take its list first.
    #[inline(always)]
    fn begin(&self) -> bool {
        self.slot.pinned.enter();
        barrier::light();
        !self.slot.is_quiet()
    }

    /// Ends a critical section.
    ///
    /// # Safety
    /// The caller entered it, and does not use `local` again if it has no handle or guard.
    #[inline(always)]
    pub(crate) unsafe fn leave(local: *const Self) {
        // SAFETY: a local stays until its handle and its guards are gone.
        let this = unsafe { &*local };
        if this.nesting.0.get() == 0 {
            this.slot.pinned.leave();
        } else {
            // SAFETY: as the caller says.
            unsafe { Self::leave_one_of_many(local) };
        }
    }

    /// # Safety
    /// As [`leave`](Self::leave).
    #[cold]
    #[inline(never)]
    unsafe fn leave_one_of_many(local: *const Self) {
        // SAFETY: as in `leave`.
        let this = unsafe { &*local };
        let nesting = this.nesting.0.get();
        if nesting & Nesting::INNER != 0 {
            this.nesting.0.set(nesting - 1);
            return;
        }
        this.slot.pinned.leave();
        if nesting == Nesting::ORPHAN {
            // SAFETY: the last guard, and the handle is gone.
            unsafe { Self::exit(local) };
        }
    }

    /// Ends the section and begins another, if it is the outermost one. Returns whether it is.
    pub(crate) fn renew(&self) -> bool {
        let outermost = !self.nesting.has(Nesting::INNER);
        if outermost {
            self.slot.pinned.leave();
            if self.begin() {
                self.enter_slowly();
            }
        }
        outermost
    }

    /// The slow path of `pin`: takes the list, acknowledges it, and frees some of what became free.
    /// The caller holds no pointer, and its guard exists.
    #[cold]
    #[inline(never)]
    fn enter_slowly(&self) {
        let keep = self.acknowledge_own();
        if self.queue.len() > keep {
            self.free_and_enter(keep);
        }
    }

    /// Leaves the section, so that what others retire need not wait for the destructors that run
    /// here, and begins another.
    fn free_and_enter(&self, keep: usize) {
        self.slot.pinned.leave();
        let _suspended = Suspended { local: self, nested: self.is_suspended(), keep };
        self.nesting.set(Nesting::SUSPENDED, true);
        self.free_due();
    }

    fn is_suspended(&self) -> bool {
        self.nesting.has(Nesting::SUSPENDED)
    }
}

/// While it lives, a pin has left its section to run destructors.
struct Suspended<'l> {
    local: &'l Local,
    /// Says whether this pin belongs to a destructor that another suspended pin runs.
    nested: bool,
    /// Batches that need not be freed by pins.
    keep: usize,
}

impl Drop for Suspended<'_> {
    /// Begins the section again; also when a destructor panics and nothing catches it, since the
    /// guard that then ends expects to end a section.
    fn drop(&mut self) {
        let Self { local, nested, keep } = *self;
        local.nesting.set(Nesting::SUSPENDED, nested);
        if local.is_pinned() {
            // A destructor keeps a guard: this one is an inner one.
            local.nesting.0.set(local.nesting.0.get() + 1);
            return;
        }
        if local.begin() {
            local.take_own();
        }
        if local.queue.len() > keep || local.core().has_orphans() {
            local.slot.stay_on_slow_path();
        }
    }
}
