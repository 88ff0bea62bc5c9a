//! This program itself, and what on the machine spoils its numbers.

pub(crate) mod builds;
pub(crate) mod doctor;
