//! The `run` command.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use regex::Regex;

use super::consent;
use crate::arguments::{Counts, regex, repeats, seconds, seed, stalled, threads};
use crate::plan::{Overrides, Plan};
use crate::report::{self, plot};
use crate::results::manifest::Manifest;
use crate::results::{self, Records, Resumed, Sample};
use crate::runner::child::interrupt_flag;
use crate::runner::{self, End};
use crate::spec::{self, ScaleName, Source};
use crate::support::output::{claim, complain, note, print};
use crate::support::table;

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Names of experiments (see `list experiments`) or paths of TOML files
    #[arg(required = true, value_name = "SPEC")]
    pub(crate) specs: Vec<String>,
    /// How long and how often to measure
    #[arg(long, value_enum, default_value_t = ScaleName::Laptop)]
    pub(crate) scale: ScaleName,
    /// Results folder [default: results/SPEC-SCALE]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Only schemes that match this regular expression; '^kovan$' is one, 'kovan' matches several
    #[arg(long, value_name = "RE", value_parser = regex)]
    pub(crate) scheme: Option<Regex>,
    /// Only structures that match this regular expression
    #[arg(long, value_name = "RE", value_parser = regex)]
    pub(crate) structure: Option<Regex>,
    /// --scheme and --structure choose from all there are, not only from what the spec names
    #[arg(long)]
    pub(crate) all: bool,
    /// Worker threads, for example 1,2,4
    #[arg(long, value_name = "L", value_parser = threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<Counts>,
    /// Extra threads stopped inside a guard, for example 0,1,4
    #[arg(long, value_name = "L", value_parser = stalled, allow_negative_numbers = true)]
    pub(crate) stalled: Option<Counts>,
    /// Length of the measured window of each cell
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) seconds: Option<f64>,
    /// How often each cell is measured
    #[arg(long, value_name = "N", value_parser = repeats, allow_negative_numbers = true)]
    pub(crate) repeats: Option<u32>,
    /// Seed of the order, the keys and the operations [default: 1]
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Print what would run, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Continue in an existing folder: complete cells are skipped
    #[arg(long)]
    pub(crate) resume: bool,
    /// With --resume: goes on where another build of this program measured; the column `build` of each
    /// row says which
    #[arg(long, requires = "resume")]
    pub(crate) allow_build: bool,
    /// Begins also what takes more than 4 hours, without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A spec with its plan and the folder of its results.
struct Job {
    source: Source,
    plan: Plan,
    dir: PathBuf,
}

/// Runs all named specs; the value is the exit code: 1 if a cell failed, 130 if interrupted.
pub(crate) fn run(args: &RunArgs) -> Result<u8> {
    ensure!(
        !kovan_schemes::canary::COMPILED,
        "this build checks every node (feature `canary`), for `verify`; measure with one that does not"
    );
    ensure!(
        !args.all || args.scheme.is_some() || args.structure.is_some(),
        "--all says where --scheme and --structure choose from; give one of them, '.' for all"
    );
    let overrides = Overrides {
        all: args.all,
        scheme: args.scheme.clone(),
        structure: args.structure.clone(),
        threads: args.threads.as_ref().map(|threads| threads.0.clone()),
        stalled: args.stalled.as_ref().map(|stalled| stalled.0.clone()),
        seconds: args.seconds,
        repeats: args.repeats,
        seed: args.seed,
    };
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
        jobs.push(Job { source, plan, dir });
    }
    if args.dry_run {
        return jobs.iter().try_for_each(|job| print(&dry_run(job))).map(|()| 0);
    }
    if !args.resume {
        jobs.iter().try_for_each(|job| refuse_existing(&job.dir))?;
    }
    consent::ask(jobs.iter().map(seconds_left).sum(), args.yes)?;
    let interrupted = interrupt_flag()?;
    let mut code = 0;
    for job in &jobs {
        code = code.max(run_job(job, args, &interrupted)?);
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
    let complete: BTreeSet<String> =
        samples.iter().filter(|row| row.is_complete()).map(Sample::key).collect();
    Plan::estimate(job.plan.cells.iter().filter(|planned| !complete.contains(&planned.cell.key())))
}

fn refuse_existing(dir: &Path) -> Result<()> {
    let exists = ["manifest.json", "samples.csv"].iter().any(|name| dir.join(name).exists());
    ensure!(
        !exists,
        "{} already holds results; continue with --resume, or choose another --out",
        dir.display()
    );
    Ok(())
}

fn dry_run(job: &Job) -> String {
    let header = ["scheme", "structure", "workload", "threads", "stalled", "repeat", ""];
    let rows: Vec<Vec<String>> = job
        .plan
        .cells
        .iter()
        .map(|planned| {
            let cell = &planned.cell;
            let verdict = planned
                .refused
                .as_ref()
                .map_or(String::new(), |reason| format!("refused: {reason}"));
            vec![
                cell.scheme.clone(),
                cell.structure.clone(),
                cell.workload.name.clone(),
                cell.threads.to_string(),
                cell.stalled.to_string(),
                cell.repeat.to_string(),
                verdict,
            ]
        })
        .collect();
    format!(
        "{}\n{}: {} cells at scale {}, about {:.0} s, plan {}, into {} (dry run: nothing is written)\n",
        table::render(&header, &rows, &[3, 4, 5]),
        job.source.spec.name,
        rows.len(),
        job.plan.scale,
        Plan::estimate(job.plan.cells.iter()),
        job.plan.hash(),
        job.dir.display()
    )
}

/// Opens or creates the folder of a job.
fn prepare(job: &Job, allow_build: bool) -> Result<(Manifest, Records, BTreeSet<String>)> {
    let dir = &job.dir;
    if dir.join("manifest.json").exists() {
        let mut manifest = Manifest::read(dir)?;
        if manifest.plan_hash != job.plan.hash() {
            bail!(
                "{} holds results of another plan ({} at scale {}, hash {}; asked for: {}); \
                 repeat its command with --resume, or choose another --out",
                dir.display(),
                manifest.experiment,
                manifest.scale,
                manifest.plan_hash,
                job.plan.hash()
            );
        }
        manifest.join(dir, allow_build)?;
        manifest.write(dir)?;
        // A kill between the manifest and the first header leaves nothing to keep.
        if dir.join("samples.csv").exists() {
            let cells: Vec<_> = job.plan.cells.iter().map(|planned| &planned.cell).collect();
            let first = manifest.build.binary_hash.as_deref();
            let Resumed { records, complete, notes } = Records::resume(dir, &cells, first)?;
            notes.iter().for_each(|line| complain(line));
            return Ok((manifest, records, complete));
        }
        if manifest.duration_seconds.is_some() {
            complain(&format!(
                "{}: samples.csv is lost, so every cell is measured again",
                dir.display()
            ));
        }
        return Ok((manifest, Records::create(dir)?, BTreeSet::new()));
    }
    ensure!(
        !dir.join("samples.csv").exists(),
        "{} has a samples.csv but no manifest.json, so it cannot be resumed; choose another --out",
        dir.display()
    );
    let manifest = Manifest::new(&job.source, &job.plan)?;
    manifest.write(dir)?;
    Ok((manifest, Records::create(dir)?, BTreeSet::new()))
}

fn run_job(job: &Job, args: &RunArgs, interrupted: &AtomicBool) -> Result<u8> {
    let began = Instant::now();
    let dir = &job.dir;
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let _claim = claim(dir)?;
    if !args.resume {
        // Again, under the claim: another run may have begun and ended since the first look.
        refuse_existing(dir)?;
    }
    let (mut manifest, mut records, complete) = prepare(job, args.allow_build)?;
    let todo = job.plan.cells.iter().filter(|planned| !complete.contains(&planned.cell.key()));
    note(&format!(
        "{}: {} cells, {} already complete, about {:.0} s -> {}",
        job.source.spec.name,
        job.plan.cells.len(),
        complete.len(),
        Plan::estimate(todo),
        job.dir.display()
    ));
    let end = runner::run(&job.plan, &complete, &mut records, interrupted)?;
    manifest.duration_seconds =
        Some(manifest.duration_seconds.unwrap_or(0.0) + began.elapsed().as_secs_f64());
    manifest.complete = end == End::Complete;
    manifest.write(&job.dir)?;
    if end == End::Interrupted {
        let specs = args.specs.join(" ");
        note(&format!(
            "kovan-lab: interrupted; the records in {} are whole. To go on: the same command with --resume (run {specs} … --resume)",
            job.dir.display()
        ));
        return Ok(130);
    }
    let samples = results::read_samples(&job.dir)?.rows;
    print(&report::text(&job.source.spec.question, &samples))?;
    let (plots, lost) = plot::draw(&job.dir, &job.source.spec, &samples, &manifest.provenance())?;
    let mut text = format!("\n{}", plot::list(&plots));
    text.push_str(&format!("records  {}\n", job.dir.join("samples.csv").display()));
    print(&text)?;
    lost.iter().for_each(|line| complain(line));
    let failed = report::complain(&samples, &manifest.machine);
    Ok(u8::from(failed > 0))
}
