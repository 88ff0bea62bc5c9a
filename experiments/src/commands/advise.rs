//! `kovan-lab advise DIR...`: which scheme suits a workload.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use super::folder::{self, Format};
use crate::report::advice::{advise, grid, text};

/// The arguments of `advise`.
#[derive(Debug, Args)]
pub(crate) struct AdviseArgs {
    /// Results folders; what one of them lacks another one may have
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// The `advise` command.
pub(crate) fn run(args: &AdviseArgs) -> Result<()> {
    let mut folders = Vec::new();
    for dir in &args.dirs {
        folders.push(folder::read(dir)?.0);
    }
    let all = advise(&folders);
    ensure!(!all.is_empty(), "no cell was measured in {}", args.dirs[0].display());
    let told = || {
        let told: Vec<String> = all.iter().map(text).collect();
        let evidence: Vec<String> =
            args.dirs.iter().map(|dir| dir.join("samples.csv").display().to_string()).collect();
        format!(
            "{}\na choice: no other scheme is worse in nothing and better in something\nevidence: {}\n",
            told.join("\n"),
            evidence.join(" ")
        )
    };
    folder::print_as(args.format, told, &all, &[grid(&all)])
}
