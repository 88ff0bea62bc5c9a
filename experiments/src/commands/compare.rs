//! `kovan-lab compare A B`: the same cells in two runs, or by two builds.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;
use kovan_lab_base::data::MetricInfo;
use kovan_lab_base::support::output::complain;
use regex_lite::Regex;

use super::alternate::{Alternation, ensure_program};
use super::folder::{self, Format};
use crate::arguments::{regex, repeats};
use crate::report::compare::{Pairing, compare, grid, text};
use crate::spec::{self, ScaleName};

/// The arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The folder of the first run; or a program, another build of this one, which measures --spec
    a: PathBuf,
    /// The folder of the second run, or a program
    b: PathBuf,
    /// What is compared: a column of samples.csv
    #[arg(long, default_value = "ops_per_second")]
    metric: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Pairs repeats of the same number; for runs that were measured in alternation
    #[arg(long)]
    paired: bool,
    #[command(flatten)]
    measured: MeasuredArgs,
}

/// What two programs measure.
#[derive(Debug, Args)]
struct MeasuredArgs {
    /// The experiment that two programs measure in alternation, block by block
    #[arg(long, value_name = "SPEC")]
    spec: Option<String>,
    /// How long they measure each cell
    #[arg(long, value_enum, default_value_t = ScaleName::Laptop, requires = "spec")]
    scale: ScaleName,
    /// How often each of them measures each cell
    #[arg(long, value_name = "N", value_parser = repeats, default_value_t = 10, requires = "spec", allow_negative_numbers = true)]
    blocks: u32,
    /// Only schemes that match this regular expression
    #[arg(long, value_name = "RE", value_parser = regex, requires = "spec")]
    scheme: Option<Regex>,
    /// Only structures that match this regular expression
    #[arg(long, value_name = "RE", value_parser = regex, requires = "spec")]
    structure: Option<Regex>,
    /// Where the folders of both go [default: results/compare-SPEC]
    #[arg(long, value_name = "DIR", requires = "spec")]
    out: Option<PathBuf>,
    /// Goes on where such a comparison was interrupted
    #[arg(long, requires = "spec")]
    resume: bool,
}

/// The `compare` command; the value is the exit code, 130 if interrupted.
pub(crate) fn run(args: &CompareArgs) -> Result<u8> {
    let metric = folder::metric(&args.metric)?;
    let Some(name) = &args.measured.spec else {
        for path in [&args.a, &args.b] {
            ensure!(
                !path.is_file(),
                "{}: this is no folder of results; two programs need --spec, which they measure",
                path.display()
            );
        }
        let pairing = if args.paired { Pairing::Blocks } else { Pairing::Apart };
        folders(args, [&args.a, &args.b], metric, pairing)?;
        return Ok(0);
    };
    let Some(measured) = measure(args, name)? else { return Ok(130) };
    folders(args, [&measured[0], &measured[1]], metric, Pairing::Blocks)?;
    Ok(0)
}

/// Lets both programs measure.
fn measure(args: &CompareArgs, name: &str) -> Result<Option<[PathBuf; 2]>> {
    for path in [&args.a, &args.b] {
        ensure!(
            !path.is_dir(),
            "{}: --spec is for two programs, and this is a folder",
            path.display()
        );
        ensure_program(path)?;
    }
    let MeasuredArgs { scale, blocks, scheme, structure, out, resume, .. } = &args.measured;
    let source = spec::find(name)?;
    let filters = [("--scheme", scheme), ("--structure", structure)];
    let chosen = filters.into_iter().filter_map(|(flag, pattern)| {
        pattern.as_ref().map(|pattern| [flag.to_string(), pattern.to_string()])
    });
    let default = Path::new("results").join(format!("compare-{}", source.spec.name));
    let alternation = Alternation {
        programs: [&args.a, &args.b],
        source: &source,
        scale: *scale,
        blocks: *blocks,
        chosen: chosen.flatten().collect(),
        out: out.as_ref().unwrap_or(&default),
        resumes: *resume,
    };
    alternation.measure()
}

/// Compares the records of two folders.
fn folders(
    args: &CompareArgs,
    [a, b]: [&Path; 2],
    metric: &'static MetricInfo,
    pairing: Pairing,
) -> Result<()> {
    let (first, first_machine) = folder::read(a)?;
    let (second, second_machine) = folder::read(b)?;
    if !first_machine.machine.is_same(&second_machine.machine) {
        complain(&format!(
            "A was measured on {}, B on {}",
            first_machine.machine.name(),
            second_machine.machine.name()
        ));
    }
    let all = compare(&first, &second, metric, pairing);
    ensure!(
        !all.cells.is_empty() || all.elsewhere == 0,
        "{} and {} were measured on different machines, so no repeat of theirs is paired; leave out --paired",
        a.display(),
        b.display()
    );
    ensure!(
        !all.cells.is_empty(),
        "{} and {} have no cell in common that has `{}`",
        a.display(),
        b.display(),
        metric.name
    );
    folder::print_as(args.format, || text(&all, metric, pairing), &all.cells, &[grid(&all)])
}
