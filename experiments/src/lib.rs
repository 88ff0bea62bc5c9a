//! `kovan-lab`: experiments on memory reclamation.
//!
//! `specs/*.toml` -> `spec` -> `plan` -> `runner` (one process per `cell`) -> `records`
//! -> `report` (with `table`) and `plot`.
//!
//! [`verify`] is the correctness gate. It is public, and all this is a library, so that tests can
//! hold wrong schemes and structures against it.

mod builds;
mod cell;
mod cgroup;
mod cli;
mod consent;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod fuzz;
mod list;
mod machine;
mod manifest;
mod measure;
mod names;
mod output;
mod pipes;
mod plan;
mod plot;
mod process;
mod progress;
mod records;
mod report;
mod rng;
mod rows;
mod run;
mod runner;
mod spec;
mod summary;
mod table;
mod tally;
mod threads;
pub mod verify;

use std::process::ExitCode;

/// mimalloc: glibc's allocator distorts cross-thread frees, which are what reclamation does; and
/// this one needs only a C compiler to build.
#[cfg(not(feature = "canary"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The same behind a quarantine for freed nodes, in builds for the gate.
#[cfg(feature = "canary")]
#[global_allocator]
static ALLOCATOR: kovan_schemes::canary::Allocator<mimalloc::MiMalloc> =
    kovan_schemes::canary::Allocator { inner: mimalloc::MiMalloc };

/// The program `kovan-lab`.
#[must_use]
pub fn main() -> ExitCode {
    match cli::main() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
