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
#![cfg_attr(feature = "nightly", feature(thread_local))]

#[cfg(not(kovan_loom))]
mod atom;
#[cfg(not(kovan_loom))]
mod atom_traits;
#[cfg(not(kovan_loom))]
mod atomic;
mod barrier;
mod batch;
mod collector;
mod config;
#[cfg(not(kovan_loom))]
mod default;
mod guard;
mod local;
mod mode;
#[cfg(all(test, kovan_loom))]
mod model;
#[cfg(not(kovan_loom))]
mod node;
#[cfg(not(kovan_loom))]
mod owned;
mod ready;
mod slot;
mod stats;
mod sync;

#[cfg(not(kovan_loom))]
pub use atom::{Atom, AtomGuard, AtomMap, AtomMapGuard, AtomOption, Removed};
#[cfg(not(kovan_loom))]
pub use atomic::{Atomic, Shared};
pub use collector::{Collector, Handle};
pub use config::{Builder, Free};
#[cfg(not(kovan_loom))]
pub use default::{collector, flush, pin, retire};
pub use guard::Guard;
pub use mode::{DefaultMode, Mode, Region, Robust};
#[cfg(not(kovan_loom))]
pub use node::{
    CachePadded, NodeBox, Reclaimable, RetiredNode, alloc_node, alloc_node_uninit, drop_node,
    free_node, retire_node, retire_reclaimable,
};
#[cfg(not(kovan_loom))]
pub use owned::Owned;
pub use stats::Stats;
pub use std::sync::atomic::Ordering;

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
