//! The asymmetric fence between `pin` and the drain of an idle slot, by the operating system.
//!
//! Axiom: for each thread, a call of [`heavy`] falls at one point of that thread's program order
//! around its [`light`]: either what the thread stored before `light` is visible to the caller
//! after `heavy`, or what the caller stored before `heavy` is visible to the thread after `light`.
//!
//! Each platform says why it holds there, in four functions:
//!
//! - `detect` chooses the strategy. Called when a collector is made, before any slot of it exists.
//! - `light` is the side of `pin`. Where it is only a compiler fence, it counts while `is_free`.
//! - `is_free`: whether a pin may rely on `light` alone. If not, every outermost pin must take its
//!   slow path, which has a fence: see `Slot::take`.
//! - `heavy` is the side of the drain. Returns whether the axiom holds for the calls of `light`
//!   around it.

#[cfg(all(target_os = "linux", not(any(kovan_no_membarrier, kovan_loom, miri))))]
#[path = "linux.rs"]
mod os;

#[cfg(all(windows, not(any(kovan_no_membarrier, kovan_loom, miri))))]
#[path = "windows.rs"]
mod os;

#[cfg(any(not(any(target_os = "linux", windows)), kovan_no_membarrier, kovan_loom, miri))]
#[path = "fence.rs"]
mod os;

pub(crate) use os::{detect, heavy, is_free, light};
