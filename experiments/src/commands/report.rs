//! `kovan-lab report DIR...`: one page that needs no network.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::Args;
use kovan_lab_base::support::output::{complain, print, replace_file};

use super::{check, folder};
use crate::claims::Outcome;
use crate::report::html::{Reported, page};
use crate::report::plot::{self, Figures};
use crate::results::Sample;
use crate::results::manifest::Manifest;
use crate::spec::{self, Source};

/// The name of the report in its results folder.
const REPORT: &str = "report.html";

/// The arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Results folders; the page has a part for each, in this order
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// The file to write, which ends in .html [default: DIR/report.html; of several folders it must be said]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The records of a folder, with what they say of its claims.
struct Known {
    source: Source,
    manifest: Manifest,
    samples: Vec<Sample>,
    outcomes: Vec<Outcome>,
    figures: Figures,
}

/// The `report` command.
pub(crate) fn run(args: &ReportArgs) -> Result<()> {
    let out = match (&args.out, &args.dirs[..]) {
        (Some(out), _) => out.clone(),
        (None, [dir]) => dir.join(REPORT),
        (None, dirs) => bail!("--out: say where the report of {} folders goes", dirs.len()),
    };
    // A slip that names a table must not replace it.
    let is_page = out.extension().is_some_and(|end| end == "html" || end == "htm");
    ensure!(is_page, "--out: {} does not end in .html", out.display());
    let mut all = Vec::new();
    for dir in &args.dirs {
        let (samples, manifest) = folder::read(dir)?;
        let source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
        let outcomes = check::outcomes(dir, &source, &manifest, &samples)?;
        let figures = plot::figures(dir, &source.spec, &samples, &manifest)?;
        figures.lost.iter().for_each(|line| complain(line));
        all.push(Known { source, manifest, samples, outcomes, figures });
    }
    let folders = args.dirs.iter().zip(&all).map(|(dir, known)| {
        let Known { source, manifest, samples, outcomes, figures } = known;
        Reported { dir, source, manifest, samples, outcomes, figures }
    });
    write(&out, &folders.collect::<Vec<_>>())?;
    print(&told(&out))
}

/// Writes the report of a folder into it, and returns a line that says where it is.
pub(super) fn of(folder: &Reported<'_>) -> Result<String> {
    let out = folder.dir.join(REPORT);
    write(&out, std::slice::from_ref(folder))?;
    Ok(told(&out))
}

fn told(out: &Path) -> String {
    format!("report   {}\n", out.display())
}

fn write(out: &Path, folders: &[Reported<'_>]) -> Result<()> {
    replace_file(out, page(folders)?.as_bytes())
}
