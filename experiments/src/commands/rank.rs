//! `kovan-lab rank DIR...`: which scheme is first, second and so on.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::folder::{self, Format};
use crate::report::rank::{grid, rank, text};

/// The arguments of `rank`.
#[derive(Debug, Args)]
pub(crate) struct RankArgs {
    /// Results folders; each has a table of its own
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// What decides: a column of samples.csv. More is better of throughput, less of all others
    #[arg(long, default_value = "ops_per_second")]
    metric: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// The `rank` command.
pub(crate) fn run(args: &RankArgs) -> Result<()> {
    let metric = folder::metric(&args.metric)?;
    let mut all = Vec::new();
    for dir in &args.dirs {
        let (rows, manifest) = folder::read(dir)?;
        let ranking = rank(&rows, metric).with_context(|| {
            format!(
                "{}: there is no point where each of its schemes has a `{}` above zero, measured by one build on one \
                 machine",
                dir.display(),
                metric.name
            )
        })?;
        all.push((manifest.experiment, ranking));
    }
    let told = || {
        let told = all.iter().map(|(experiment, ranking)| text(ranking, experiment, metric));
        told.collect::<Vec<_>>().join("\n")
    };
    let json: Vec<_> = all
        .iter()
        .map(|(experiment, of)| json!({ "experiment": experiment, "ranking": of }))
        .collect();
    let grids: Vec<_> = all.iter().map(|(_, ranking)| grid(ranking)).collect();
    folder::print_as(args.format, told, &json, &grids)
}
