//! Every pair of a scheme and a structure, by name, behind one type.
//!
//! There are hundreds of pairs, and compiled for each of them, whatever uses them would take minutes to build. So
//! the operations of each pair are compiled once, and what uses them is compiled once too. They are compiled in two
//! crates, [`kovan_pairs_region`] and [`kovan_pairs_shielded`], as two processors can do that at the same time, and
//! all pairs of a scheme are in one of them.

pub use kovan_erased::{BLOCK, Draws, ErasedPair, Moves, Operations, Subject, Worker};
use kovan_structures::registry::{self, DispatchError};

/// Returns the pair of these names. Its values are of the same type as those that the lab measures.
///
/// # Errors
/// If there is no such scheme or structure, or the structure is not sound with the scheme.
pub fn find(scheme: &str, structure: &str) -> Result<ErasedPair, DispatchError> {
    if registry::is_region(scheme) {
        kovan_pairs_region::find(scheme, structure)
    } else {
        kovan_pairs_shielded::find(scheme, structure)
    }
}

/// Returns every allowed pair, in the order of the registries.
#[must_use]
pub fn all() -> Vec<ErasedPair> {
    let allowed = registry::matrix().into_iter().filter(|pair| pair.allowed);
    allowed.filter_map(|pair| find(pair.scheme, pair.structure).ok()).collect()
}
