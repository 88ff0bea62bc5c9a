//! Memory reclamation schemes behind one trait.
//!
//! A *scheme* says when memory that other threads may still read can be freed. Each one is a file
//! of this crate that implements [`Reclaimer`]; a *structure* is written once over [`Domain`],
//! [`Handle`], [`Guard`] and [`Shield`], which add the same instrumentation to every scheme.
//!
//! | module | what it holds |
//! |---|---|
//! | [`reclaimer`] | the trait a scheme implements, and the strengths of protection |
//! | [`facts`] | what a scheme declares: paper, progress, robustness, bound |
//! | [`parameters`] | the numbers of a scheme that can be set for each domain |
//! | [`domain`] | domains, handles, guards and shields: what structures use |
//! | [`mod@pointer`] | tagged atomic pointers to nodes |
//! | [`canary`] | checks of every node, compiled in for the correctness gate only |
//! | [`counters`] | allocated, retired, freed: owner-written per thread |
//! | [`payload`] | values that carry a payload whose size is set while the program runs |
//! | [`timing`] | samples of the time in retirements and frees, compiled in for the lab only |
//! | [`registry`] | every scheme by the name users type |

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
