//! Helpers that know nothing of experiments: the terminal, tables, numbers, random streams.

mod colour;
pub(crate) mod numbers;
pub(crate) mod output;
pub(crate) mod shell;
pub(crate) mod suggest;
pub(crate) mod table;
