//! Memory reclamation schemes behind one trait.
//!
//! A *scheme* decides when memory that other threads may still read can be freed. Each of the 23 schemes here is a type in
//! [`schemes`] that implements [`Reclaimer`]. Code that is written over [`Domain`], [`Handle`], [`Guard`] and [`Shield`]
//! runs under any of them, and allocated, retired and freed nodes are counted in the same way for each:
//!
//! ```
//! use kovan_schemes::{Atomic, Domain, Reclaimer, Shared, schemes};
//!
//! /// Replaces a value a thousand times.
//! fn replace<R: Reclaimer>() {
//!     let domain = Domain::<R>::new();
//!     let meter = domain.meter();
//!     let handle = domain.register();
//!     let place = Atomic::<u64, R>::null();
//!     // The last step takes the value out.
//!     for step in 1..=1_000 {
//!         let guard = handle.pin();
//!         let mut shield = guard.shield();
//!         let old = guard.protect(&mut shield, &place);
//!         // SAFETY: protected by `shield`: loaded from a place that is always reachable.
//!         let before = unsafe { old.deref() };
//!         assert_eq!(before.copied().unwrap_or(0), step - 1);
//!         let new = if step < 1_000 { guard.alloc(step).into_shared() } else { Shared::null() };
//!         place.compare_exchange(old, new, &guard).expect("nobody else writes");
//!         if !old.is_null() {
//!             // SAFETY: unlinked by the exchange, and retired once.
//!             unsafe { guard.retire(old) };
//!         }
//!     }
//!     drop((handle, domain)); // The end of a domain frees all that was retired in it.
//!     assert_eq!(meter.totals().unreclaimed(), 0);
//!     println!("{}: {} nodes freed", R::FACTS.name, meter.totals().freed);
//! }
//!
//! replace::<schemes::Kovan>();
//! replace::<schemes::Epoch>();
//! replace::<schemes::HazardPointer>();
//! ```
//!
//! # Which scheme for what
//! [`registry::all`] returns what every scheme declares about itself: its paper, its progress, what it holds beside a
//! stalled thread or a long reader, and its bound. `docs/SCHEMES.md` has all of it as a table. A [`Strength`] says what
//! is protected, and the types hold code to it:
//!
//! | strength | protects | code asks for it by | schemes |
//! |---|---|---|---|
//! | pointer | the pointer that a shield protected last | [`Reclaimer`] | hazard pointers, hazard eras, `wfe`, `crystalline` |
//! | guard | what was loaded through the guard from places still reachable | [`GuardProtection`] | `kovan-robust`, `ibr`, `hyaline-1s`, `kovan-upstream` |
//! | region | all that is reachable while the guard lives | [`RegionProtection`] | epochs, `kovan`, `seize`, `hyaline-1`, `qsbr`, `leak` and others |
//!
//! # Modules
//! | module | what it holds |
//! |---|---|
//! | [`reclaimer`] | the trait that a scheme implements, and the markers of strengths |
//! | [`facts`] | what a scheme declares: paper, progress, robustness, bound |
//! | [`parameters`] | the numbers of a scheme that can be set for each domain |
//! | [`domain`] | domains, handles, guards and shields: what structures use |
//! | [`mod@pointer`] | tagged atomic pointers to nodes |
//! | [`canary`] | checks of every node, compiled in for the correctness gate only |
//! | [`counters`] | nodes allocated, retired and freed, counted by their owner for each thread |
//! | [`payload`] | values that carry a payload whose size is set while the program runs |
//! | [`timing`] | samples of the time in retirements and frees, compiled in for the lab only |
//! | [`registry`] | every scheme by the name that users type |
//!
//! # Limits
//! - The trait has four steps: pin, protect, retire, unpin. Schemes whose loads may fail or whose operations restart are not
//!   here; `docs/SCHEMES.md` says which, and what they would need.
//! - `sdd` and `kovan-upstream` have one collector per process, so two domains of theirs see each other's guards. They, and
//!   `seize`, abort the process if a guard outlives its thread.
//! - The crate needs `std`. A new scheme is one file, one `mod` line and one row of [`registry`]: `docs/ADDING.md`.

pub mod canary;
pub mod counters;
pub mod domain;
pub mod facts;
pub mod node;
pub mod parameters;
pub mod payload;
pub mod pointer;
pub mod reclaimer;
#[cfg(not(kovan_loom))]
pub mod registry;
pub mod timing;

mod crystalline;
mod debra;
mod ebr_list;
mod guard_count;
mod hazard_eras;
mod hp;
mod hyaline;
mod ibr;
mod leak;
mod qsbr;
mod token;
mod wfe;

// Other crates. Models have other atomics than these, and so no registry.
#[cfg(not(kovan_loom))]
mod epoch;
#[cfg(not(kovan_loom))]
mod hazard_pointer;
#[cfg(not(kovan_loom))]
mod kovan;
#[cfg(not(kovan_loom))]
mod kovan_upstream;
#[cfg(not(kovan_loom))]
mod sdd;
#[cfg(not(kovan_loom))]
mod seize;

#[cfg(all(test, kovan_loom))]
mod model;
mod parts;
mod sync;

pub use counters::Totals;
pub use domain::{Domain, Guard, Handle, Shield};
pub use facts::{BoundInput, Facts, Progress, Robustness, Strength};
pub use node::Node;
pub use parameters::{Parameter, ParameterError, Parameters};
pub use payload::Payload;
pub use pointer::{Atomic, Owned, Shared};
pub use reclaimer::{GuardProtection, Reclaimer, RegionProtection};
#[cfg(not(kovan_loom))]
pub use registry::schemes;

/// The schemes that have models: the registry's rows that are no other crates'.
#[cfg(kovan_loom)]
pub mod schemes {
    pub use crate::crystalline::Crystalline;
    pub use crate::debra::{Debra, DebraAf};
    pub use crate::ebr_list::EbrList;
    pub use crate::guard_count::GuardCount;
    pub use crate::hazard_eras::HazardEras;
    pub use crate::hp::{HpAsym, HpNaive};
    pub use crate::hyaline::{Hyaline1, Hyaline1S};
    pub use crate::ibr::Ibr;
    pub use crate::leak::Leak;
    pub use crate::qsbr::Qsbr;
    pub use crate::token::{Token, TokenAf};
    pub use crate::wfe::Wfe;
}

/// Variants that are no rows of the registry: for the conformance suite.
#[doc(hidden)]
pub mod variants {
    pub use crate::wfe::WfePending;
}
