//! Helpers that know nothing of experiments: the terminal, tables, numbers.

mod colour;
pub mod numbers;
pub mod output;
pub mod shell;
pub mod suggest;
pub mod table;
