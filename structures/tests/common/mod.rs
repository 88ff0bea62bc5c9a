//! What the tests share.

mod kinds;
mod random;

#[allow(unused_imports, reason = "not every test file has it")]
pub(crate) use kinds::for_each_kind;
pub(crate) use random::{Random, scaled};
