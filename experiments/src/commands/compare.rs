//! `kovan-lab compare A B`: the same cells in two runs.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use super::folder::{self, Format};
use crate::report::compare::{compare, grid, text};
use crate::support::output::complain;

/// The arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The folder of the first run
    a: PathBuf,
    /// The folder of the second run
    b: PathBuf,
    /// What is compared: a column of samples.csv
    #[arg(long, default_value = "ops_per_second")]
    metric: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// The `compare` command.
pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    let metric = folder::metric(&args.metric)?;
    let (first, first_machine) = folder::read(&args.a)?;
    let (second, second_machine) = folder::read(&args.b)?;
    if !first_machine.machine.is_same(&second_machine.machine) {
        complain(&format!(
            "A was measured on {}, B on {}",
            first_machine.machine.name(),
            second_machine.machine.name()
        ));
    }
    let all = compare(&first, &second, metric);
    ensure!(
        !all.cells.is_empty(),
        "{} and {} have no cell in common that has `{}`",
        args.a.display(),
        args.b.display(),
        metric.name
    );
    folder::print_as(args.format, || text(&all, metric), &all.cells, &[grid(&all)])
}
