//! Every structure that is sound there, over the schemes of strength `Pointer` or `Guard`, which protect only what is
//! shielded or loaded.

use kovan_erased::{ErasedPair, Find};
use kovan_schemes::Payload;
use kovan_structures::registry::{self, DispatchError};

/// Returns the pair of these names.
///
/// # Errors
/// If there is no such scheme here, or no such structure, or the structure is not sound with the scheme.
pub fn find(scheme: &str, structure: &str) -> Result<ErasedPair, DispatchError> {
    registry::dispatch_shielded::<Payload, _>(scheme, structure, Find)
}
