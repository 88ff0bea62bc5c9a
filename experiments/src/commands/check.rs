//! The `check` command.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use kovan_lab_base::support::output::{print, print_report, replace_file};
use kovan_lab_base::support::suggest::suggest;

use super::folder;
use crate::claims::{Outcome, Records, Verdict};
use crate::report::claims::{artifact, json, markdown, text};
use crate::results::manifest::Manifest;
use crate::results::{Sample, read_roles};
use crate::spec::{self, Source};

pub(super) const EXIT_CODES: &str = "Exit codes: 0 no claim is refuted; 1 one is; 2 a mistake in the command or in a \
    file";

/// The file for those who evaluate an artifact.
const ARTIFACT: &str = "ARTIFACT.md";

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A folder that `run` wrote
    dir: PathBuf,
    /// How to print the verdicts
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Only these claims, for example C1,C3
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    claims: Vec<String>,
    /// Counts also what other programs disturbed: for claims about memory on a machine that is never quiet
    #[arg(long)]
    keep_disturbed: bool,
    /// Writes ARTIFACT.md into the folder, for those who evaluate an artifact: with all claims, and without disturbed blocks
    #[arg(long, conflicts_with_all = ["claims", "keep_disturbed"])]
    artifact: bool,
}

/// How to print verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns.
    Table,
    /// A table in Markdown.
    Markdown,
    /// An array of objects.
    Json,
}

/// The `check` command; the value is the exit code.
pub(crate) fn check(args: &CheckArgs) -> Result<u8> {
    let dir = &args.dir;
    let manifest = Manifest::read(dir)?;
    let mut source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
    ensure!(
        !source.spec.claims.is_empty(),
        "{}: the experiment {} makes no claims, so there is nothing to check; docs/FORMAT.md says how [[claims]] are \
         written",
        dir.display(),
        source.spec.name
    );
    choose(&mut source, &args.claims)?;
    let mut samples = folder::samples(dir)?;
    if args.keep_disturbed {
        samples.iter_mut().for_each(|row| row.metrics.disturbed = None);
    }
    let outcomes = outcomes(dir, &source, &manifest, &samples)?;
    match args.format {
        Format::Table => print_report(&text(&outcomes))?,
        Format::Markdown => print(&markdown(&outcomes))?,
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&json(&outcomes))?))?,
    }
    if args.artifact {
        let path = dir.join(ARTIFACT);
        replace_file(&path, artifact(dir, &manifest, &samples, &outcomes).as_bytes())?;
        if args.format == Format::Table {
            print(&format!("\nartifact {}\n", path.display()))?;
        }
    }
    Ok(u8::from(outcomes.iter().any(|outcome| outcome.verdict == Verdict::Refuted)))
}

/// Keeps the claims of these names, or all where none is named.
fn choose(source: &mut Source, names: &[String]) -> Result<()> {
    let all: Vec<String> = source.spec.claims.iter().map(|claim| claim.id.clone()).collect();
    for name in names {
        let known = all.iter().map(String::as_str);
        ensure!(
            all.contains(name),
            "--claims: {} has no claim `{name}`; {}",
            source.spec.name,
            suggest(name, known)
        );
    }
    source.spec.claims.retain(|claim| names.is_empty() || names.contains(&claim.id));
    Ok(())
}

/// What the records of a folder say of the claims of its spec.
pub(super) fn outcomes(
    dir: &Path,
    source: &Source,
    manifest: &Manifest,
    samples: &[Sample],
) -> Result<Vec<Outcome>> {
    if source.spec.claims.is_empty() {
        return Ok(Vec::new());
    }
    let roles = read_roles(dir)?.rows;
    Ok(Records::of(source, manifest, samples, &roles).judge(&source.spec.claims))
}
