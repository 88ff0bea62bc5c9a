//! What the children of `kovan-lab` do. The parent starts one process for each trial that it measures, and for each
//! check of a pair, and reads what it prints.
//!
//! | part | what it holds |
//! |---|---|
//! | [`checks`] | the checks of the correctness gate |
//! | [`trial`] | prefill, threads, the measured window, checks of what is left |
//!
//! It is a crate of its own because its code runs inside the measured window, or looks for races: it is compiled for
//! speed, and the rest of the lab for a short build.

pub mod checks;
#[cfg_attr(
    feature = "canary",
    allow(dead_code, reason = "a build that checks every node measures nothing")
)]
pub mod trial;

use kovan_erased::ErasedPair;
use kovan_structures::registry::DispatchError;

/// Finds a pair by the names of its scheme and its structure. The pairs are in crates that do not depend on this one, so
/// that they compile at the same time.
pub type FindPair = fn(scheme: &str, structure: &str) -> Result<ErasedPair, DispatchError>;
