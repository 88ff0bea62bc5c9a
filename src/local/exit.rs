//! How a thread leaves.

use core::cell::Cell;

use super::{Local, Nesting};
use crate::batch::Ended;
use crate::unwind::{catch, discard};

/// Rounds in which a thread that leaves frees what its own destructors have retired. What is left
/// then is handed on.
const ROUNDS: usize = 1 << 16;

impl Local {
    /// Gives up the handle.
    ///
    /// # Safety
    /// The caller owned it, and does not use `local` again.
    pub(crate) unsafe fn release(local: *const Self) {
        // SAFETY: the caller's handle kept it alive until here.
        let this = unsafe { &*local };
        if this.is_pinned() || this.is_suspended() {
            this.nesting.set(Nesting::ORPHAN, true);
        } else {
            // SAFETY: no handle and no guard is left.
            unsafe { Self::exit(local) };
        }
    }

    /// Frees what no guard holds, hands the rest on, and gives the local back. If a destructor keeps
    /// a guard, the end of that guard does. A panicking destructor was reported by the panic hook,
    /// and ends here: the thread may be past the point where it could unwind.
    ///
    /// # Safety
    /// No handle and no guard of `local` is left.
    pub(super) unsafe fn exit(local: *const Self) {
        // SAFETY: caller: in use until it is given back below.
        let this = unsafe { &*local };
        this.nesting.set(Nesting::ORPHAN, false);
        this.adopt_some();
        for _ in 0..ROUNDS {
            this.hand_on();
            let freed = this.free_waiting();
            discard(this.panic.take());
            if this.is_pinned() {
                return this.nesting.set(Nesting::ORPHAN, true);
            }
            if freed.nodes == 0 {
                break;
            }
        }
        // What is left: what a guard protects, what destructors that go on for ever retire, and
        // what must not be freed so deep inside of other destructors.
        this.leave_orphans();
        this.retiring.set(0);
        this.leave_crowd();
        this.drop_scratch();
        let core = this.core.take();
        this.place.disown();
        // It may be the last one, and take the local with it.
        drop(core);
    }

    /// Acknowledges the list, unsubscribes, and publishes the open batch. Runs no destructor.
    fn hand_on(&self) {
        let mut ended = Ended::default();
        // SAFETY: taken by this call alone; the caller has seen that no guard is left.
        unsafe { ended.acknowledge_all(self.slot.take_and_deactivate()) };
        self.publish_open(&mut ended);
        self.queue.add_all(ended.free);
    }

    /// Gives everything to the next threads that publish, pin, flush or leave. Runs no destructor.
    fn leave_orphans(&self) {
        self.hand_on();
        while let Some(batch) = self.queue.take() {
            self.leave_orphan(batch);
        }
    }
}

impl Local {
    /// Takes what is left in a local of a collector without threads.
    pub(crate) fn inherit(&self, left: &Self) {
        let mut ended = Ended::default();
        // SAFETY: nobody is left that could use a pointer or take the list.
        unsafe { ended.acknowledge_all(left.slot.remains()) };
        while let Some(batch) = left.queue.take() {
            ended.free.add(batch);
        }
        self.queue.add_all(ended.free);
    }

    /// Frees what was inherited; what a guard protected, too, since nobody is left.
    pub(crate) fn free_rest(&self) {
        self.dues.begin_freeing();
        let all = Cell::new(usize::MAX);
        // SAFETY: nobody is left that could use a node; it is in one queue only.
        while let Err(panic) = catch(|| self.queue.free(&all, |entry| unsafe { entry.free() })) {
            self.queue.settle(&all);
            // A panicking destructor was reported by the hook, and ends here.
            discard(Some(panic));
        }
    }
}
