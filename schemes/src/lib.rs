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
//! | [`domain`] | domains, handles, guards and shields: what structures use |
//! | [`mod@pointer`] | tagged atomic pointers to nodes |
//! | [`canary`] | checks of every node, compiled in for the correctness gate only |
//! | [`counters`] | allocated, retired, freed: owner-written per thread |
//! | [`registry`] | every scheme by the name users type |

pub mod canary;
pub mod counters;
pub mod domain;
pub mod facts;
pub mod node;
pub mod pointer;
pub mod reclaimer;
pub mod registry;

mod crystalline;
mod debra;
mod epoch;
mod hazard_eras;
mod hazard_pointer;
mod hp;
mod hyaline;
mod ibr;
mod kovan;
mod kovan_upstream;
mod leak;
mod qsbr;
mod sdd;
mod seize;
mod wfe;

mod parts;

pub use counters::Totals;
pub use domain::{Domain, Guard, Handle, Shield};
pub use facts::{BoundInput, Facts, Progress, Robustness, Strength};
pub use node::Node;
pub use pointer::{Atomic, Owned, Shared};
pub use reclaimer::{GuardProtection, Reclaimer, RegionProtection};
pub use registry::schemes;

/// Variants that are no rows of the registry: for the conformance suite.
#[doc(hidden)]
pub mod variants {
    pub use crate::wfe::WfePending;
}
