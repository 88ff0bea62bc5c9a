//! `kovan-lab report DIR...`: one page that needs no network.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::{check, folder};
use crate::claims::Outcome;
use crate::report::html::{Page, Reported, page};
use crate::results::Sample;
use crate::results::manifest::Manifest;
use crate::spec::{self, Source};
use crate::support::output::{complain, print, replace_file};

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
        all.push(Known { source, manifest, samples, outcomes });
    }
    let folders = args.dirs.iter().zip(&all).map(|(dir, known)| {
        let Known { source, manifest, samples, outcomes } = known;
        Reported { dir, source, manifest, samples, outcomes }
    });
    let lost = write(&out, &folders.collect::<Vec<_>>())?;
    lost.iter().for_each(|line| complain(line));
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

/// Writes a report, and returns what its reader should know beside it.
fn write(out: &Path, folders: &[Reported<'_>]) -> Result<Vec<String>> {
    let Page { html, lost } = page(folders)?;
    replace_file(out, html.as_bytes())?;
    Ok(lost)
}
