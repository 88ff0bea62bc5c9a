//! The `run` and `resume` commands.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use kovan_lab_base::data::{Further, Shard, Share, Time};
use kovan_lab_base::support::output::{be_quiet, is_verbose, print_report};
use kovan_lab_base::system::machine::Machine;

use super::chosen::Chosen;
use super::consent;
use super::session::{GoesOn, Job, dry_run, refuse_existing, seconds_left};
use crate::arguments::repeats;
use crate::claims;
use crate::plan::{Overrides, Plan};
use crate::results::manifest::{Joins, Manifest};
use crate::spec::{self, Source};
use kovan_lab_base::system::process::interrupt_flag;

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Names of experiments (see `list experiments`) or paths of TOML files
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<String>,
    /// Results folder [default: results/SPEC-SCALE, and of a shard results/SPEC-SCALE-I-of-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    chosen: Chosen,
    /// Only the I-th of N parts of the plan, for example 2/4; `merge` joins the folders of all parts
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Print what would run, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Continue in an existing folder: complete cells are skipped
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    further: FurtherArgs,
    #[command(flatten)]
    going_on: GoingOn,
}

/// The arguments of `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// A folder that `run` wrote
    dir: PathBuf,
    #[command(flatten)]
    further: FurtherArgs,
    #[command(flatten)]
    going_on: GoingOn,
}

/// What asks for repeats beyond those that are planned.
#[derive(Clone, Copy, Debug, Args)]
struct FurtherArgs {
    /// After the planned repeats goes on, block by block, until the interval of each cell's median is within
    /// this part of it, for example 5%
    #[arg(long, value_name = "PART", allow_negative_numbers = true)]
    until_narrow: Option<Share>,
    /// After the planned repeats goes on as long as another block ends within this time, for example 10m;
    /// all sessions of the run count
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    budget: Option<Time>,
    /// The most repeats of a cell, for these two [default: 100]
    #[arg(long, value_name = "N", value_parser = repeats, allow_negative_numbers = true)]
    most_repeats: Option<u32>,
}

impl FurtherArgs {
    fn get(self) -> Further {
        let Self { until_narrow, budget, most_repeats } = self;
        Further { until_narrow, budget, most_repeats }
    }
}

/// How a run goes on.
#[derive(Clone, Copy, Debug, Args)]
struct GoingOn {
    /// When a run goes on: also where another build of this program measured; the column `build` of each row
    /// says which
    #[arg(long)]
    allow_build: bool,
    /// When a run goes on: also where another machine measured; the column `machine` of each row says which
    #[arg(long)]
    allow_machine: bool,
    /// When a run goes on: measures such cells again
    #[arg(long, value_enum, value_name = "WHICH")]
    redo: Option<Redo>,
    /// Says nothing of single cells, only what is wrong
    #[arg(long, short)]
    quiet: bool,
    /// Begins also what takes more than an hour, or more than half of the memory, without asking
    #[arg(long)]
    yes: bool,
}

/// Which cells are measured again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Redo {
    /// Those of which other programs took more than 10 % of the workers' processor time.
    Disturbed,
}

/// Runs all named specs; the value is the exit code: 1 if a cell failed, 130 if interrupted.
pub(crate) fn run(args: &RunArgs) -> Result<u8> {
    ensure_measurable()?;
    args.chosen.ensure_consistent()?;
    let GoingOn { allow_build, allow_machine, redo, .. } = args.going_on;
    ensure!(
        args.resume || !(allow_build || allow_machine || redo.is_some()),
        "--allow-build, --allow-machine and --redo are for runs that go on, with --resume"
    );
    let mut jobs = Vec::new();
    for source in spec::find_all(&args.specs)? {
        jobs.push(job_of(source, args)?);
    }
    if args.dry_run {
        return jobs.iter().try_for_each(|job| print_report(&dry_run(job))).map(|()| 0);
    }
    if !args.resume {
        jobs.iter().try_for_each(|job| refuse_existing(&job.dir))?;
    }
    run_all(jobs, args.resume, args.going_on)
}

/// Goes on with the run of a folder; the value as for [`run`].
pub(crate) fn resume(args: &ResumeArgs) -> Result<u8> {
    ensure_measurable()?;
    let manifest = Manifest::read(&args.dir)?;
    let mut overrides = manifest.overrides.clone().with_context(|| {
        format!(
            "{}: an older version wrote it, so use its command with --resume: {}",
            args.dir.display(),
            manifest.command.join(" ")
        )
    })?;
    overrides.further = args.further.get().or(overrides.further);
    let source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
    let plan = Plan::new(&source, manifest.scale, &overrides)?;
    run_all(vec![Job { source, plan, overrides, dir: args.dir.clone() }], true, args.going_on)
}

fn ensure_measurable() -> Result<()> {
    ensure!(
        !kovan_schemes::canary::COMPILED,
        "this build checks every node (feature `canary`), for `verify`; measure with one that does not"
    );
    Ok(())
}

fn run_all(mut jobs: Vec<Job>, resumes: bool, going_on: GoingOn) -> Result<u8> {
    ensure!(
        !going_on.quiet || !is_verbose(),
        "--quiet and --verbose ask for opposite things; give one of them"
    );
    if going_on.quiet {
        be_quiet();
    }
    let seconds = jobs.iter().map(seconds_left).sum();
    let bytes = jobs.iter().map(|job| job.plan.largest()).max().unwrap_or(0);
    consent::ask(seconds, bytes, Machine::here().memory(), going_on.yes)?;
    let interrupted = interrupt_flag()?;
    let mut code = 0;
    let goes_on = GoesOn {
        joins: Joins { allow_build: going_on.allow_build, allow_machine: going_on.allow_machine },
        redo_disturbed: going_on.redo == Some(Redo::Disturbed),
    };
    for job in &mut jobs {
        code = code.max(job.run(resumes, goes_on, &interrupted)?);
        if code == 130 {
            break;
        }
    }
    Ok(code)
}

/// The job of a spec.
fn job_of(source: Source, args: &RunArgs) -> Result<Job> {
    let scale = args.chosen.scale;
    let overrides =
        Overrides { further: args.further.get(), shard: args.shard, ..args.chosen.overrides() };
    claims::refuse_unmatched(&source)?;
    let plan = Plan::new(&source, scale, &overrides).with_context(|| source.spec.name.clone())?;
    let part = args.shard.map_or_else(String::new, |shard| format!("-{}", shard.folder()));
    let folder = format!("{}-{}{part}", source.spec.name, scale);
    let dir = match &args.out {
        None => Path::new("results").join(folder),
        Some(out) if args.specs.len() == 1 => out.clone(),
        Some(out) => out.join(folder),
    };
    ensure!(
        !dir.exists() || dir.is_dir(),
        "{} is no folder; results are written into a folder of their own",
        dir.display()
    );
    Ok(Job { source, plan, overrides, dir })
}
