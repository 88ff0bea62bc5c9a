//! The correctness gate: every allowed pair of a scheme and a structure, checked without timing.
//!
//! The checks themselves are in [`kovan_lab_worker::checks`], and run in children.
//!
//! | module | what it holds |
//! |---|---|
//! | `command` | `kovan-lab verify`, with and without a record |
//! | `args` | its arguments, and which checks of which pairs they ask for |
//! | `workers` | runs checks some at a time, and their progress |
//! | `outcome` | what they found: the table, and the lines of failures |
//! | `ledger` | the file that adds up what many runs checked |
//! | `slices` | what is to be checked next, so that all pairs come forward together |
//! | `summary` | what a ledger holds, for people |
//!
//! `docs/GATE.md` says what each check can and cannot find.

pub(crate) mod args;
pub(crate) mod command;
mod ledger;
#[cfg(test)]
mod ledger_tests;
mod outcome;
mod slices;
mod summary;
mod workers;
