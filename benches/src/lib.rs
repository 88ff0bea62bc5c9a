//! `kovan` and its peers behind one small trait, each used as its own documentation shows, and the
//! cells that are measured over it.
#![allow(clippy::explicit_auto_deref)] // Its advice does not compile for an associated type.
#![allow(missing_debug_implementations)] // Programs only; nobody prints a cell.

pub mod cells;
pub mod command;
pub mod contender;
pub mod contenders;
pub mod hand_written;
pub mod instrumented;
pub mod latency;
pub mod naive;
pub mod peaks;
pub mod programs;
pub mod random;
pub mod rounds;
pub mod samples;
pub mod sdd_cells;
pub mod statistics;
pub mod structures;
pub mod threads;
pub mod wide;
