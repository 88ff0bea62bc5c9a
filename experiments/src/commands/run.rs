//! The `run` and `resume` commands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use regex::Regex;

use super::consent;
use crate::arguments::{Counts, Threads, regex, repeats, seconds, seed, stalled, threads};
use crate::data::{Measure, Trial, TrialId};
use crate::plan::{Overrides, Pattern, Plan};
use crate::report::{self, plot};
use crate::results::manifest::Manifest;
use crate::results::{self, Records, Resumed, Sample};
use crate::runner::child::interrupt_flag;
use crate::runner::{self, End};
use crate::spec::{self, ScaleName, Source};
use crate::support::output::{be_quiet, claim, complain, is_verbose, note, print, print_report};
use crate::support::table;
use crate::system::hardware;
use crate::system::machine::Machine;

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Names of experiments (see `list experiments`) or paths of TOML files
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<String>,
    /// How long and how often to measure
    #[arg(long, value_enum, default_value_t = ScaleName::Laptop)]
    scale: ScaleName,
    /// Results folder [default: results/SPEC-SCALE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only schemes that match this regular expression; '^kovan$' is one, 'kovan' matches several
    #[arg(long, value_name = "RE", value_parser = regex)]
    scheme: Option<Regex>,
    /// Only structures that match this regular expression
    #[arg(long, value_name = "RE", value_parser = regex)]
    structure: Option<Regex>,
    /// --scheme and --structure choose from all there are, not only from what the spec names
    #[arg(long)]
    all: bool,
    /// Worker threads, for example 1,2,4 or 1,HW,1.25HW
    #[arg(long, value_name = "L", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<Threads>,
    /// Threads of the adversary, for example 0,1,4; where the spec names no other they stop inside a guard
    #[arg(long, value_name = "L", value_parser = stalled, allow_negative_numbers = true)]
    stalled: Option<Counts>,
    /// Length of the measured window of each cell
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// How often each cell is measured
    #[arg(long, value_name = "N", value_parser = repeats, allow_negative_numbers = true)]
    repeats: Option<u32>,
    /// Seed of the order, the keys and the operations [default: 1]
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Print what would run, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Continue in an existing folder: complete cells are skipped
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    going_on: GoingOn,
}

/// The arguments of `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// A folder that `run` wrote
    dir: PathBuf,
    #[command(flatten)]
    going_on: GoingOn,
}

/// How a run goes on.
#[derive(Clone, Copy, Debug, Args)]
struct GoingOn {
    /// When a run goes on: also where another build of this program measured; the column `build` of each row
    /// says which
    #[arg(long)]
    allow_build: bool,
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

/// A spec with its plan and the folder of its results.
struct Job {
    source: Source,
    plan: Plan,
    overrides: Overrides,
    dir: PathBuf,
}

/// Runs all named specs; the value is the exit code: 1 if a cell failed, 130 if interrupted.
pub(crate) fn run(args: &RunArgs) -> Result<u8> {
    ensure_measurable()?;
    ensure!(
        !args.all || args.scheme.is_some() || args.structure.is_some(),
        "--all says where --scheme and --structure choose from; give one of them, '.' for all"
    );
    let goes_on = args.going_on.allow_build || args.going_on.redo.is_some();
    ensure!(
        args.resume || !goes_on,
        "--allow-build and --redo are for runs that go on, with --resume"
    );
    // Every spec is read and checked before the first one runs.
    let mut jobs = Vec::new();
    let mut seen = BTreeSet::new();
    for name in &args.specs {
        let source = spec::find(name)?;
        ensure!(
            seen.insert(source.spec.name.clone()),
            "experiment `{}` is named twice",
            source.spec.name
        );
        jobs.push(Job::new(source, args)?);
    }
    if args.dry_run {
        return jobs.iter().try_for_each(|job| print_report(&dry_run(job))).map(|()| 0);
    }
    if !args.resume {
        jobs.iter().try_for_each(|job| refuse_existing(&job.dir))?;
    }
    run_all(&jobs, args.resume, args.going_on)
}

/// Goes on with the run of a folder; the value as for [`run`].
pub(crate) fn resume(args: &ResumeArgs) -> Result<u8> {
    ensure_measurable()?;
    let manifest = Manifest::read(&args.dir)?;
    let overrides = manifest.overrides.clone().with_context(|| {
        format!(
            "{}: an older version wrote it, so use its command with --resume: {}",
            args.dir.display(),
            manifest.command.join(" ")
        )
    })?;
    let source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
    let plan = Plan::new(&source, manifest.scale, &overrides)?;
    run_all(&[Job { source, plan, overrides, dir: args.dir.clone() }], true, args.going_on)
}

fn ensure_measurable() -> Result<()> {
    ensure!(
        !kovan_schemes::canary::COMPILED,
        "this build checks every node (feature `canary`), for `verify`; measure with one that does not"
    );
    Ok(())
}

fn run_all(jobs: &[Job], resumes: bool, going_on: GoingOn) -> Result<u8> {
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
    for job in jobs {
        code = code.max(job.run(resumes, going_on, &interrupted)?);
        if code == 130 {
            break;
        }
    }
    Ok(code)
}

/// About how many seconds of a job are still to be measured.
fn seconds_left(job: &Job) -> f64 {
    // What cannot be read is told when the folder is opened.
    let samples = results::read_samples(&job.dir).map(|table| table.rows).unwrap_or_default();
    let complete: BTreeSet<&TrialId> =
        samples.iter().filter(|row| row.is_complete()).map(|row| &row.id).collect();
    Plan::estimate(job.plan.trials.iter().filter(|planned| !complete.contains(&planned.trial.id)))
}

fn refuse_existing(dir: &Path) -> Result<()> {
    let exists = ["manifest.json", "samples.csv"].iter().any(|name| dir.join(name).exists());
    ensure!(
        !exists,
        "{} already holds results; continue with `kovan-lab resume {0}`, or choose another --out",
        dir.display()
    );
    Ok(())
}

fn dry_run(job: &Job) -> String {
    let header = ["scheme", "structure", "workload", "threads", "stalled", "repeat", ""];
    let row = |planned: &crate::plan::Planned| {
        let id = &planned.trial.id;
        let refused = planned.refused.as_ref().map(|reason| format!("refused: {reason}"));
        vec![
            id.scheme.clone(),
            id.structure.clone(),
            id.workload.clone(),
            id.threads.to_string(),
            id.stalled.to_string(),
            id.repeat.to_string(),
            refused.unwrap_or_else(|| id.unusual()),
        ]
    };
    let rows: Vec<Vec<String>> = job.plan.trials.iter().map(row).collect();
    format!(
        "{}\n{}: {} cells at scale {}, about {:.0} s, plan {}, into {} (dry run: nothing is written)\n",
        table::render(&header, &rows, &[3, 4, 5]),
        job.source.spec.name,
        rows.len(),
        job.plan.scale,
        Plan::estimate(job.plan.trials.iter()),
        job.plan.hash(),
        job.dir.display()
    )
}

impl Job {
    fn new(source: Source, args: &RunArgs) -> Result<Self> {
        let overrides = Overrides {
            all: args.all,
            scheme: args.scheme.clone().map(Pattern),
            structure: args.structure.clone().map(Pattern),
            threads: args.threads.as_ref().map(|threads| threads.0.clone()),
            stalled: args.stalled.as_ref().map(|stalled| stalled.0.clone()),
            seconds: args.seconds,
            repeats: args.repeats,
            seed: args.seed,
            processors: Machine::here().hardware_threads(),
        };
        let plan =
            Plan::new(&source, args.scale, &overrides).with_context(|| source.spec.name.clone())?;
        let folder = format!("{}-{}", source.spec.name, args.scale);
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
        Ok(Self { source, plan, overrides, dir })
    }

    fn trials(&self) -> Vec<&Trial> {
        self.plan.trials.iter().map(|planned| &planned.trial).collect()
    }

    /// Opens or creates the folder.
    fn prepare(&self, going_on: GoingOn) -> Result<(Manifest, Records, BTreeSet<TrialId>)> {
        let dir = &self.dir;
        if !dir.join("manifest.json").exists() {
            ensure!(
                !dir.join("samples.csv").exists(),
                "{} has a samples.csv but no manifest.json, so it cannot be resumed; choose another --out",
                dir.display()
            );
            let manifest = Manifest::new(&self.source, &self.plan, &self.overrides)?;
            manifest.write(dir)?;
            return Ok((manifest, Records::create(dir)?, BTreeSet::new()));
        }
        let mut manifest = Manifest::read(dir)?;
        if manifest.plan_hash != self.plan.hash() {
            bail!(
                "{} holds results of another plan ({} at scale {}, hash {}; asked for: {}); \
                 go on with it by `kovan-lab resume {0}`, or choose another --out",
                dir.display(),
                manifest.experiment,
                manifest.scale,
                manifest.plan_hash,
                self.plan.hash()
            );
        }
        manifest.join(dir, going_on.allow_build)?;
        manifest.write(dir)?;
        // A kill between the manifest and the first header leaves nothing to keep.
        if dir.join("samples.csv").exists() {
            let first = manifest.build.binary_hash.as_deref();
            let is_kept =
                |row: &Sample| going_on.redo != Some(Redo::Disturbed) || !report::is_disturbed(row);
            let Resumed { records, complete, notes } =
                Records::resume(dir, &self.trials(), first, is_kept)?;
            notes.iter().for_each(|line| complain(line));
            return Ok((manifest, records, complete));
        }
        if manifest.duration_seconds.is_some() {
            complain(&format!(
                "{}: samples.csv is lost, so every cell is measured again",
                dir.display()
            ));
        }
        Ok((manifest, Records::create(dir)?, BTreeSet::new()))
    }

    fn run(&self, resumes: bool, going_on: GoingOn, interrupted: &AtomicBool) -> Result<u8> {
        let began = Instant::now();
        let dir = &self.dir;
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let _claim = claim(dir)?;
        if !resumes {
            // Again, under the claim: another run may have begun and ended since the first look.
            refuse_existing(dir)?;
        }
        let (mut manifest, mut records, complete) = self.prepare(going_on)?;
        let trials = &self.plan.trials;
        let asks = trials.iter().any(|planned| planned.trial.measure.contains(&Measure::Hardware));
        if let Some(told) = asks.then(hardware::refused).flatten() {
            complain(&format!("no hardware counters, so columns stay empty: {told}"));
        }
        let todo = trials.iter().filter(|planned| !complete.contains(&planned.trial.id));
        note(&format!(
            "{}: {} cells, {} already complete, about {:.0} s -> {}",
            self.source.spec.name,
            trials.len(),
            complete.len(),
            Plan::estimate(todo),
            dir.display()
        ));
        let capacity = manifest.machine.capacity();
        let end = runner::run(&self.plan, &complete, &mut records, capacity, interrupted)?;
        manifest.duration_seconds =
            Some(manifest.duration_seconds.unwrap_or(0.0) + began.elapsed().as_secs_f64());
        manifest.complete = end == End::Complete;
        manifest.write(dir)?;
        if end == End::Interrupted {
            note(&format!(
                "kovan-lab: interrupted; the records in {0} are whole. To go on: kovan-lab resume {0}",
                dir.display()
            ));
            return Ok(130);
        }
        self.tell(&manifest)
    }

    /// The table, the figures, and what spoils the records.
    fn tell(&self, manifest: &Manifest) -> Result<u8> {
        let samples = results::read_samples(&self.dir)?.rows;
        print_report(&report::text(&self.source.spec.question, &samples))?;
        let style = plot::Style::default();
        let (plots, lost) = plot::draw(&self.dir, &self.source.spec, &samples, manifest, &style)?;
        let mut text = format!("\n{}", plot::list(&plots));
        text.push_str(&format!("records  {}\n", self.dir.join("samples.csv").display()));
        print(&text)?;
        lost.iter().for_each(|line| complain(line));
        let failed = report::complain(&samples, &manifest.machine);
        Ok(u8::from(failed > 0))
    }
}
