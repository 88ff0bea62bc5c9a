//! `kovan-lab compare A B`: the same cells in two runs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use super::folder;
use crate::data::{METRICS, MetricInfo};
use crate::report::compare::{compare, csv, latex, markdown, text};
use crate::results::Sample;
use crate::results::manifest::Manifest;
use crate::support::output::{complain, print, print_report};
use crate::support::suggest::suggest;

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

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns for the terminal.
    Table,
    /// A table of Markdown.
    Markdown,
    /// Comma-separated values.
    Csv,
    /// A table of LaTeX.
    Latex,
    /// An array of objects.
    Json,
}

/// The `compare` command.
pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    let names = METRICS.iter().map(|info| info.name);
    let metric = MetricInfo::of(&args.metric).with_context(|| {
        format!(
            "--metric: there is no metric `{0}`; {1}",
            args.metric,
            suggest(&args.metric, names)
        )
    })?;
    let (first, first_machine) = read(&args.a)?;
    let (second, second_machine) = read(&args.b)?;
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
    match args.format {
        Format::Table => print_report(&text(&all, metric)),
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&all.cells)?)),
        Format::Csv => print(&csv(&all)?),
        Format::Markdown => print(&markdown(&all)),
        Format::Latex => print(&latex(&all)),
    }
}

/// The rows of a folder and its manifest; says what spoils them.
fn read(dir: &Path) -> Result<(Vec<Sample>, Manifest)> {
    let manifest = Manifest::read(dir)?;
    let rows = folder::samples(dir)?;
    let disturbed = rows.iter().filter(|row| row.is_disturbed()).count();
    if disturbed > 0 {
        complain(&format!(
            "{}: {disturbed} of {} rows were disturbed by other programs",
            dir.display(),
            rows.len()
        ));
    }
    Ok((rows, manifest))
}
