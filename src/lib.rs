//! Memory reclamation for lock-free data structures: [`pin`], load, [`retire`].
//!
//! ```
//! use kovan::{Atomic, Ordering, pin, retire};
//!
//! let atomic = Atomic::new(Box::into_raw(Box::new(42)));
//! let guard = pin();
//! let value = atomic.load(Ordering::Acquire, &guard);
//! assert_eq!(unsafe { value.as_ref() }, Some(&42));
//!
//! let old = atomic.swap(kovan::Shared::null(), Ordering::AcqRel, &guard);
//! unsafe { retire(old.as_raw()) };
//! ```
//!
//! Where a value is replaced as a whole, [`Atom`] does it without `unsafe`.
//!
//! What is retired is any boxed `T: 'static`, without a header. A guard protects what is loaded
//! under it; see [`Region`] and [`Robust`] for how far. The protocol, its invariants and the table
//! of memory orderings are in `docs/PROTOCOL.md`.
//!
//! # After `fork`
//! A child made by `fork` has only the thread that forked. It may pin, load, retire, flush, register and
//! start threads. What other threads had in hand when it forked is not freed in the child. A guard that
//! another thread held never ends there: in region mode it holds all that the child retires, in robust
//! mode what it had loaded. Destructors of values that waited run in both processes. Do not fork while
//! another thread may be registering for the first time.
//!
//! # Without `std`
//! With `default-features = false` the crate is `no_std` and needs `alloc`, pointers and 64-bit
//! integers that are atomic. There are no threads then that something could belong to, so what
//! belongs to the calling thread is gone: the default collector ([`pin`], [`retire`], [`flush`]) and
//! what is built over it ([`Atom`], nodes). Make a [`Collector`], [register](Collector::register)
//! once per thread of control, and keep the [`Handle`]. There is no clock for [`Handle::quiesce`]:
//! call [`Handle::try_quiesce`].
//!
//! Nothing can catch a panic then. One in a destructor goes on in the call that ran it, which may be
//! the end of a guard, a handle or a collector; what that call had still to free waits for the
//! handle's next call, and leaks if there is none. While another one unwinds, it aborts.
#![no_std]
#![cfg_attr(feature = "nightly", feature(thread_local))]
// The documentation is that of the crate with `std`.
#![cfg_attr(not(feature = "std"), allow(rustdoc::broken_intra_doc_links))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(not(target_has_atomic = "64"))]
compile_error!("kovan needs 64-bit atomics: a batch has a bit for each of its 64 nodes");

// Models have other atomics than those that are public, and no thread-local state.
#[cfg(not(kovan_loom))]
mod atomic;
mod barrier;
mod batch;
mod collector;
mod config;
#[cfg(all(feature = "std", not(kovan_loom)))]
mod default;
mod free_queue;
mod guard;
mod local;
mod mode;
#[cfg(all(test, kovan_loom))]
mod model;
mod node;
mod open_batch;
mod owned;
mod owned_guard;
mod registry;
#[cfg(all(test, kovan_shuttle))]
mod schedules;
mod shields;
mod slot;
mod stats;
mod sync;
mod unwind;

#[cfg(not(kovan_loom))]
pub use atomic::{Atomic, Shared};
pub use collector::{Collector, Handle};
pub use config::{Builder, Free};
pub use core::sync::atomic::Ordering;
#[cfg(all(feature = "std", not(kovan_loom)))]
pub use default::*;
pub use guard::Guard;
pub use mode::{DefaultMode, Mode, Region, Robust};
pub use node::{Reclaimable, RetiredNode};
pub use owned::Owned;
pub use owned_guard::OwnedGuard;
pub use stats::Stats;

/// Misuse that must not compile.
///
/// A guard stays on its thread:
/// ```compile_fail,E0277
/// let guard = kovan::pin();
/// std::thread::spawn(move || drop(guard));
/// ```
/// So does a handle:
/// ```compile_fail,E0277
/// let handle = kovan::Collector::<kovan::Region>::new().register();
/// std::thread::spawn(move || drop(handle));
/// ```
/// A loaded pointer does not outlive its guard:
/// ```compile_fail,E0597
/// let atomic = kovan::Atomic::<u8>::null();
/// let loaded = {
///     let guard = kovan::pin();
///     atomic.load(std::sync::atomic::Ordering::Acquire, &guard)
/// };
/// assert!(loaded.is_null());
/// ```
#[cfg(doctest)]
pub struct Misuse;
