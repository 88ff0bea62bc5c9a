//! `kovan-lab`: experiments on memory reclamation.
//!
//! The lab is a program. It runs experiments that TOML files describe, one process for each cell, records what it measures,
//! and draws it:
//!
//! ```text
//! kovan-lab doctor                     # what on this machine spoils numbers
//! kovan-lab list                       # schemes, structures, experiments
//! kovan-lab run stalled-threads        # measures, prints the table, draws figures
//! kovan-lab run mine.toml --dry-run    # every cell of an experiment of your own
//! kovan-lab check results/ibr18-laptop # a paper's claims against the records
//! kovan-lab verify                     # the correctness gate (feature `canary`)
//! ```
//!
//! `docs/FORMAT.md` has every key of a spec and every column of the records, `docs/METHODOLOGY.md` how it is measured,
//! `docs/ARCHITECTURE.md` the way of an operation and of a row through these modules.
//!
//! # Parts
//! They stand from the top to the bottom. Each uses those below it only, and no file is part of a circle, which a test
//! (`tests/house.rs`) asserts.
//!
//! | part | what it holds |
//! |---|---|
//! | `commands` | one file for each verb of the command line, with its arguments |
//! | `verify` | the correctness gate: what is checked, and what came out |
//! | `report` | tables and figures of records; measures nothing |
//! | `claims` | claims of papers against records: verdicts |
//! | `runner` | the parent: the order of the plan, child processes, their time-outs, progress |
//! | `results` | the folder of a run: its manifest and its tables |
//! | `arguments` | values that users type on the command line |
//! | `plan` | a spec, a scale and the command line together: the cells in their order |
//! | `spec` | what a TOML file may say |
//! | `system` | this program itself, and what on the machine spoils its numbers |
//! | [`kovan_lab_worker`] | the children: measure one trial, or check one pair |
//! | [`kovan_lab_base`] | plain types of trials, the machine, the terminal |
//!
//! The last two are crates. What runs inside the measured window or looks for races is in them, and is compiled for speed;
//! the crate here starts children, reads and draws, and is compiled for a short build.
//!
//! # As a library
//! Nothing but [`main`] is public. The records, and not these modules, are the interface for other programs.
//!
//! # Limits
//! The lab runs on Unix systems; adversaries that a signal stops need Linux. It measures one machine at a time. A build with the feature
//! `canary` checks every node, and measures nothing.

mod arguments;
mod claims;
mod commands;
mod plan;
mod report;
mod results;
mod runner;
mod spec;
mod system;
#[cfg(test)]
mod tests;
mod verify;

use std::process::ExitCode;

use kovan_lab_base::support::output::complain;

/// The program `kovan-lab`.
#[must_use]
pub fn main() -> ExitCode {
    match commands::main() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
