//! Safe memory reclamation for lock-free data: it decides when a removed node may be freed.
//!
//! A value that is replaced as a whole needs no `unsafe`:
//! ```
//! let config = kovan::Atom::new(vec!["a"]);
//! let seen = config.load();
//! config.store(vec!["a", "b"]);
//! assert_eq!((seen.len(), config.load().len()), (1, 2));
//! ```
//! A structure of your own pins, loads through the guard, and retires what it has unlinked:
//! ```
//! use kovan::{Atomic, Ordering, Shared, pin, retire};
//!
//! let place = Atomic::new(Box::into_raw(Box::new(42)));
//! let guard = pin();
//! let value = place.load(Ordering::Acquire, &guard);
//! // SAFETY: loaded through `guard`, from a place that is still reachable.
//! assert_eq!(unsafe { value.as_ref() }, Some(&42));
//! let old = place.swap(Shared::null(), Ordering::AcqRel, &guard);
//! // SAFETY: unlinked by the swap, and retired once.
//! unsafe { retire(old.as_raw()) };
//! ```
//! Any boxed `T: 'static` can be retired; it needs no header.
//!
//! # Which type for what
//! | to | use |
//! |---|---|
//! | replace a value as a whole | [`Atom`]; [`AtomOption`] if it may be empty |
//! | write a structure | [`Atomic`], [`pin`], [`Guard`], [`retire`] |
//! | keep the garbage of one structure apart, or set a batch size | [`Collector`], [`Handle`] |
//! | bound what a stalled thread holds | [`Robust`], or the feature `robust` |
//! | walk through unlinked nodes | [`Region`] |
//! | hold a guard across an `await` | [`Collector::pin_owned`] |
//! | read for long | [`Guard::refresh`] |
//! | free what waits now, and see what is left | [`flush`], [`Handle::quiesce`], [`Collector::stats`] |
//! | free a node in another way than by its box | [`Reclaimable`] |
//!
//! # Limits
//! Without [`Robust`] a thread that stops inside a guard holds back all that is retired after. Targets
//! need pointers and 64-bit integers that are atomic. A child made by `fork` and builds without `std`
//! have pages in the [`guide`]. `docs/PROTOCOL.md` has the invariants and every memory ordering.
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
pub mod guide;
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

/// The programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
