//! `kovan-lab`: experiments on memory reclamation.
//!
//! `specs/*.toml` -> [`spec`] -> [`plan`] -> [`runner`] (one process per [`cell`]) -> [`records`]
//! -> [`table`] and [`plot`].

mod cell;
mod cli;
mod list;
mod machine;
mod manifest;
mod measure;
mod names;
mod output;
mod plan;
mod plot;
mod process;
mod records;
mod rng;
mod run;
mod runner;
mod spec;
mod table;
mod tally;

use std::process::ExitCode;

/// mimalloc: glibc's allocator distorts cross-thread frees, which are what reclamation does; and
/// this one needs only a C compiler to build.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::main() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
