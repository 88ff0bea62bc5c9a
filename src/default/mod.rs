//! The default collector, each thread's registration with it, and what is built over them.

mod atom;
mod atom_traits;
mod node;

use core::cell::Cell;
use core::ptr;
use std::sync::OnceLock;

use crate::collector::Collector;
use crate::guard::Guard;
use crate::local::Local;
use crate::node::Entry;

pub use atom::{Atom, AtomGuard, AtomMap, AtomMapGuard, AtomOption, Removed};
pub use node::{
    CachePadded, NodeBox, alloc_node, alloc_node_uninit, drop_node, free_node, retire_node,
    retire_reclaimable,
};

/// The collector of [`pin`] and [`retire`]. It lives as long as the process.
pub fn collector() -> &'static Collector {
    static DEFAULT: OnceLock<Collector> = OnceLock::new();
    DEFAULT.get_or_init(Collector::new)
}

/// This thread's local, or null. Needs no destructor, so it can be read at any time of the
/// thread's life; `Exit` gives the local up.
#[cfg(feature = "nightly")]
#[thread_local]
static LOCAL: Cell<*const Local> = Cell::new(ptr::null());

#[cfg(not(feature = "nightly"))]
std::thread_local! {
    static LOCAL: Cell<*const Local> = const { Cell::new(ptr::null()) };
}

std::thread_local! {
    static EXIT: Exit = const { Exit };
}

/// Releases this thread's local when the thread ends.
struct Exit;

impl Drop for Exit {
    fn drop(&mut self) {
        let local = LOCAL.get();
        if !local.is_null() {
            // SAFETY: the reference that `register` stored.
            unsafe { give_up(local) };
        }
    }
}

/// Releases a local. Destructors that run meanwhile find it in its place: one that retires adds to
/// the same queue, and does not recurse.
///
/// # Safety
/// As [`Local::release`].
unsafe fn give_up(local: *const Local) {
    LOCAL.set(local);
    // SAFETY: the caller's clause. Nothing runs between its last step and the next line.
    unsafe { Local::release(local) };
    LOCAL.set(ptr::null());
}

/// A local of a thread whose `Exit` has run. It is given up after the call, if that panics, too.
struct Temporary(*const Local);

impl Drop for Temporary {
    fn drop(&mut self) {
        // SAFETY: the reference that `register` gave; a guard keeps the local in use.
        unsafe { give_up(self.0) };
    }
}

#[inline(always)]
fn with_local<O>(body: impl FnOnce(*const Local) -> O) -> O {
    let local = LOCAL.get();
    if local.is_null() { with_new_local(body) } else { body(local) }
}

#[cold]
#[inline(never)]
fn with_new_local<O>(body: impl FnOnce(*const Local) -> O) -> O {
    let local = collector().register().into_local();
    // Once this thread's `Exit` has run, nothing would release a stored local.
    let stored = EXIT.try_with(|_| LOCAL.set(local)).is_ok();
    let _temporary = (!stored).then(|| Temporary(local));
    body(local)
}

/// Begins a critical section of the default collector. Sections nest.
///
/// What is loaded under the guard, from a place that is reachable then, stays until the guard ends.
/// That holds whether the feature `robust` is on or not; code that needs more, because it walks
/// through unlinked nodes, makes a [`Collector<Region>`](crate::Region) of its own.
///
/// Wait-free, but for a thread's first call, which registers it: a store and a load if nothing was
/// published since the last section of this thread; else a swap, a fence, and a few steps per batch
/// that waits. At most 64 destructors of values that became free run here. The panic of one does not
/// end the call: the panic hook reports it, and the next [`flush`] of this thread lets the first one
/// go on.
#[inline]
pub fn pin() -> Guard {
    // SAFETY: the thread's reference, or the temporary one, keeps the local in use.
    with_local(|local| unsafe { Guard::pin(local) })
}

/// Retires a boxed value in the default collector: it is dropped when no guard can hold it.
///
/// Wait-free. Amortised over a batch of 64: a fence and a push per active thread. Needs no guard.
/// Under a guard, the batch waits for this guard too. At most 14 destructors of values that were
/// retired earlier run here, or 64 where these retire in turn. The panic of one does not end the
/// call, as with [`pin`].
///
/// # Safety
/// 1. `pointer` came from [`Box::into_raw`](std::boxed::Box::into_raw) and is retired once.
/// 2. It is unlinked: no thread can load it any more that does not hold a guard now.
/// 3. Those who may still use it have loaded it, by this address or one inside of the value (a tag
///    in the low bits, a field), through a guard of this collector that has not ended.
/// 4. It was published by a store of at least release: its destructor may run on any thread that
///    has seen its unlinking.
/// 5. The value may be dropped on another thread (`T: Send`, or nothing in it minds).
#[inline]
pub unsafe fn retire<T: 'static>(pointer: *mut T) {
    // SAFETY: the caller's clauses.
    unsafe { retire_entry(Entry::boxed(pointer)) };
}

/// # Safety
/// As [`retire`], with the entry's function in place of the box's drop.
#[inline]
pub(crate) unsafe fn retire_entry(entry: Entry) {
    // SAFETY: the local is in use during the call.
    with_local(|local| unsafe { &*local }.retire(entry));
}

/// Announces an era for the guards of this thread, if it has had one.
pub(crate) fn announce_era(era: u64) {
    // SAFETY: in use while it is there.
    if let Some(local) = unsafe { LOCAL.get().as_ref() } {
        local.slot.shields.announce_era(era);
    }
}

/// Frees all that no guard holds, of what was handed in to the default collector by any thread, and
/// of what this thread has retired.
///
/// It publishes this thread's open batch, acknowledges what waits for threads that are outside of
/// guards, asleep or not, takes what threads that exited have left, and runs the destructors of all
/// that is free then. What these retire, and what a guard held at the time of the call, is left to
/// the next call. So calls from any thread, repeated, come to a state in which nothing is left but
/// what guards hold, and what other threads have not handed in: fewer than 64 nodes that lie in
/// each one's open batch, and what a thread has begun to free.
///
/// Costs a system call (`membarrier`, about a microsecond) for each other thread that is registered
/// and has something waiting, and a few steps for the others: not for hot paths. A structure's drop
/// can call [`flush_pending`] instead.
///
/// # Panics
/// If a destructor of this thread's calls has panicked since its last flush: the first panic goes on
/// when everything else is done. While the thread unwinds, it does not.
pub fn flush() {
    // SAFETY: the local is in use during the call.
    with_local(|local| unsafe { &*local }.flush());
}

/// Hands in what this thread has retired in the default collector, without waiting for its open
/// batch to fill, and frees what has come back to this thread. Does nothing, and costs nothing, if
/// this thread has retired nothing since its last batch. Unlike [`flush`], it leaves the lists of
/// idle threads alone.
///
/// # Panics
/// As [`flush`].
pub fn flush_pending() {
    let local = LOCAL.get();
    // SAFETY: in use while it is there. A thread without one has retired nothing.
    if let Some(local) = unsafe { local.as_ref() } {
        local.flush_pending();
    }
}
