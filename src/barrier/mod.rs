//! The asymmetric fence between a thread that pins or loads and one that drains its slot, by the
//! operating system.
//!
//! Axiom: for each thread, a call of [`heavy`] falls at one point of that thread's program order
//! around its [`light`]: either what the thread stored before `light` is visible to the caller
//! after `heavy`, or what the caller stored before `heavy` is visible to the thread after `light`.
//!
//! Each platform says why it holds there, in these functions:
//!
//! - `detect` chooses the strategy. It is called when a collector is made, before any slot of it
//!   exists.
//! - `light` is the side of `pin` and of robust loads. Where it is only a compiler fence, it counts
//!   while `is_free`.
//! - `is_free` says whether a pin may rely on `light` alone. If not, every outermost pin must take
//!   its slow path, which has a fence: see `Slot::take_and_stay`. It changes at most once, to no.
//! - `heavy` is the side of the drain. It returns whether the axiom holds for the calls of `light`
//!   around it. If not, it is a full fence, and meets those of the owners that have passed one.
//! - `this_thread` and `is_asleep` stand in for it where it fails and the owner sleeps.

#[cfg(all(target_os = "linux", not(any(kovan_no_membarrier, kovan_loom, miri))))]
#[path = "linux.rs"]
mod os;

#[cfg(all(windows, not(any(kovan_no_membarrier, kovan_loom, miri))))]
#[path = "windows.rs"]
mod os;

#[cfg(any(not(any(target_os = "linux", windows)), kovan_no_membarrier, kovan_loom, miri))]
#[path = "fence.rs"]
mod os;

pub(crate) use os::{detect, heavy, is_asleep, is_free, light, this_thread};

/// The side of a load of the robust mode: as `light`, where the slow path of a pin is not enough.
#[inline]
pub(crate) fn light_or_fence() {
    if is_free() {
        light();
    } else {
        crate::sync::fence(crate::sync::Ordering::SeqCst);
    }
}
