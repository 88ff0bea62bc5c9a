//! `kovan` and its peers behind one small trait, each used as its own documentation shows, the cells
//! that are measured over it, and the tables of the documents.
#![allow(missing_debug_implementations)] // Programs only; nobody prints a cell.

pub mod build;
pub mod cells;
pub mod command;
pub mod comparison;
pub mod contender;
pub mod contenders;
pub mod documents;
pub mod goals;
pub mod hand_written;
pub mod instrumented;
pub mod latency;
pub mod manifest;
pub mod peaks;
pub mod programs;
pub mod records;
pub mod rounds;
pub mod samples;
pub mod statistics;
pub mod structures;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod threads;
pub mod wide;
