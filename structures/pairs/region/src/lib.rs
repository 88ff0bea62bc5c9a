//! Every structure over the schemes of strength `Region`, whose guards protect all that can be reached.

use kovan_erased::{ErasedPair, Find};
use kovan_schemes::Payload;
use kovan_structures::registry::{self, DispatchError};

/// Returns the pair of these names.
///
/// # Errors
/// If there is no such scheme here, or no such structure.
pub fn find(scheme: &str, structure: &str) -> Result<ErasedPair, DispatchError> {
    registry::dispatch_region::<Payload, _>(scheme, structure, Find)
}
