//! What the tests share.

#[path = "../../../tests/common/random.rs"]
mod random;

use kovan_pairs::ErasedPair;
pub(crate) use random::{Random, scaled};

/// Runs a test on every pair that is allowed, and says which one it is at.
pub(crate) fn every_pair(test: impl Fn(&ErasedPair)) {
    for pair in kovan_pairs::all() {
        println!("{} over {}", pair.structure.name, pair.scheme.name);
        test(&pair);
    }
}
