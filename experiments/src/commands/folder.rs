//! Reads the folder of a run that is over, and prints what is made of it.

use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use kovan_lab_base::data::{METRICS, MetricInfo};
use kovan_lab_base::support::output::{complain, print, print_report};
use kovan_lab_base::support::suggest::suggest;
use serde::Serialize;

use crate::report::formats::Grid;
use crate::report::origins;
use crate::results::manifest::Manifest;
use crate::results::{Sample, Table, read_samples};

/// How a table of results is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
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

/// Returns the rows of `samples.csv`, and says where the last one is cut.
pub(super) fn samples(dir: &Path) -> Result<Vec<Sample>> {
    let Table { rows, cut } = read_samples(dir)?;
    cut.iter().for_each(|line| complain(line));
    Ok(rows)
}

/// Returns the rows of a folder and its manifest; says what spoils them.
pub(super) fn read(dir: &Path) -> Result<(Vec<Sample>, Manifest)> {
    let manifest = Manifest::read(dir)?;
    let rows = samples(dir)?;
    let disturbed = rows.iter().filter(|row| row.is_disturbed()).count();
    if disturbed > 0 {
        complain(&format!(
            "{}: {disturbed} of {} rows were disturbed by other programs",
            dir.display(),
            rows.len()
        ));
    }
    origins(&rows).iter().for_each(|line| complain(&format!("{}: {line}", dir.display())));
    Ok((rows, manifest))
}

/// Returns the metric that `--metric` names.
pub(super) fn metric(name: &str) -> Result<&'static MetricInfo> {
    let names = METRICS.iter().map(|info| info.name);
    MetricInfo::of(name)
        .with_context(|| format!("--metric: there is no metric `{name}`; {}", suggest(name, names)))
}

/// Prints results as they are asked for: tables in a format of other programs with an empty line between them.
pub(super) fn print_as(
    format: Format,
    text: impl FnOnce() -> String,
    json: &impl Serialize,
    grids: &[Grid],
) -> Result<()> {
    let each = |one: fn(&Grid) -> Result<String>| {
        let tables: Vec<String> = grids.iter().map(one).collect::<Result<_>>()?;
        print(&tables.join("\n"))
    };
    match format {
        Format::Table => print_report(&text()),
        Format::Markdown => each(|grid| Ok(grid.markdown())),
        Format::Csv => each(Grid::csv),
        Format::Latex => each(|grid| Ok(grid.latex())),
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(json)?)),
    }
}
