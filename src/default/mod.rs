//! The default collector, each thread's registration with it, and what is built over them.

mod atom;
mod atom_traits;
mod node;

use core::cell::Cell;
use core::ptr;
use std::sync::OnceLock;

use crate::batch::Entry;
use crate::collector::Collector;
use crate::guard::{Guard, drop_box};
use crate::local::Local;
use crate::mode::DefaultMode;

pub use atom::{Atom, AtomGuard, AtomMap, AtomMapGuard, AtomOption, Removed};
pub use node::{
    CachePadded, NodeBox, Reclaimable, RetiredNode, alloc_node, alloc_node_uninit, drop_node,
    free_node, retire_node, retire_reclaimable,
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
static LOCAL: Cell<*const Local<DefaultMode>> = Cell::new(ptr::null());

#[cfg(not(feature = "nightly"))]
std::thread_local! {
    static LOCAL: Cell<*const Local<DefaultMode>> = const { Cell::new(ptr::null()) };
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

/// Hands on what a local of this thread has, and releases it. Destructors that run meanwhile find
/// the local in its place: one that retires adds to the same queue, and does not recurse.
///
/// # Safety
/// As [`Local::release`].
unsafe fn give_up(local: *const Local<DefaultMode>) {
    LOCAL.set(local);
    // SAFETY: alive until it is released.
    let this = unsafe { &*local };
    if !this.is_pinned() {
        this.hand_on_all();
    }
    LOCAL.set(ptr::null());
    // SAFETY: the caller's clause.
    unsafe { Local::release(local) };
}

/// A local of a thread whose `Exit` has run: given up after the call, if it panics, too.
struct Temporary(*const Local<DefaultMode>);

impl Drop for Temporary {
    fn drop(&mut self) {
        // SAFETY: the reference that `register` gave; a guard keeps the local alive.
        unsafe { give_up(self.0) };
    }
}

/// A local, and whether the caller must release it after use.
#[cold]
fn register() -> (*const Local<DefaultMode>, bool) {
    let local = collector().register().into_local();
    // Once this thread's `Exit` has run, nothing would release a stored local.
    let stored = EXIT.try_with(|_| LOCAL.set(local)).is_ok();
    (local, !stored)
}

#[inline(always)]
fn with_local<O>(body: impl FnOnce(*const Local<DefaultMode>) -> O) -> O {
    let local = LOCAL.get();
    if !local.is_null() {
        return body(local);
    }
    let (local, temporary) = register();
    let _temporary = temporary.then(|| Temporary(local));
    body(local)
}

/// Begins a critical section of the default collector. Sections nest.
///
/// Wait-free, but for a thread's first call, which registers it: a store and a load if nothing was
/// retired since the last section of this thread; else a swap, a fence, and a few steps per batch
/// that waits. Destructors of batches that became free run here; if one panics, the panic continues,
/// and the others run in later calls.
#[inline]
pub fn pin() -> Guard {
    // SAFETY: the thread's reference, or the temporary one, keeps the local alive.
    with_local(|local| unsafe { Guard::pin(local) })
}

/// Retires a boxed value in the default collector: it is dropped when no guard can hold it.
///
/// Amortised over a batch of 64: a fence and a push per active thread. Needs no guard. Under a
/// guard, the batch waits for this guard too. Destructors of values that were retired earlier may
/// run here.
///
/// # Safety
/// 1. `pointer` came from [`Box::into_raw`](std::boxed::Box::into_raw) and is retired once.
/// 2. It is unlinked: no thread can load it any more that does not hold a guard now.
/// 3. The value may be dropped on another thread (`T: Send`, or nothing in it minds).
#[inline]
pub unsafe fn retire<T: 'static>(pointer: *mut T) {
    // SAFETY: the caller's clauses.
    unsafe { retire_entry(Entry { pointer: pointer.cast(), free: drop_box::<T> }) };
}

/// # Safety
/// As [`retire`], with the entry's function in place of the box's drop.
#[inline]
pub(crate) unsafe fn retire_entry(entry: Entry) {
    // SAFETY: the local lives during the call; a birth of 0 is always right.
    with_local(|local| unsafe { &*local }.retire(entry, 0));
}

/// Closes this thread's open batches of the default collector, full or not, and frees what can be
/// freed.
pub fn flush() {
    // SAFETY: the local lives during the call.
    with_local(|local| unsafe { &*local }.flush_all());
}
