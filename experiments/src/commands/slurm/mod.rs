//! `kovan-lab slurm SPEC...`: the scripts with which a cluster measures experiments.
//!
//! Slurm schedules, and nothing here does: a job array has one task for each shard, and a job that waits for all of
//! them merges what they wrote.

mod script;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use kovan_lab_base::data::Shard;
use kovan_lab_base::support::output::{complain, print, replace_file};
use kovan_lab_base::support::shell::quoted;
use kovan_lab_base::system::machine::this_program;

use self::script::Scripts;
use super::chosen::Chosen;
use crate::arguments::{cpus, nodes, partition, time};
use crate::claims;
use crate::plan::{Overrides, Plan, Planned};
use crate::spec::{self, Source};

/// The most tasks of an array where a cluster is configured as usual.
const USUAL_TASKS: usize = 1000;

/// The arguments of `slurm`.
#[derive(Debug, Args)]
pub(crate) struct SlurmArgs {
    /// Names of experiments (see `list experiments`) or paths of TOML files
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<String>,
    /// Into how many shards each plan is cut, each of them a task that measures on a node [default: one for each repeat,
    /// and at most 4]
    #[arg(long, value_name = "N", value_parser = nodes, allow_negative_numbers = true)]
    nodes: Option<u32>,
    /// The time after which Slurm ends a task, for example 90m or 8h [default: half as much again as the plan is
    /// estimated to take, and ten minutes]
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    time: Option<Duration>,
    /// The partition, where it is not the cluster's default one
    #[arg(long, value_name = "NAME", value_parser = partition)]
    partition: Option<String>,
    /// Processors of each task, and what HW is in thread counts where --hw does not say it [default: as many as HW]
    #[arg(long, value_name = "N", value_parser = cpus, allow_negative_numbers = true)]
    cpus_per_task: Option<u32>,
    /// Asks for whole nodes, so that no other job shares caches and memory with what is measured
    #[arg(long)]
    exclusive: bool,
    /// The folder of scripts, logs and results, which all nodes must see [default: results/slurm-SPEC-SCALE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    chosen: Chosen,
}

/// The `slurm` command.
pub(crate) fn run(args: &SlurmArgs) -> Result<()> {
    args.chosen.ensure_consistent()?;
    let sources = spec::find_all(&args.specs)?;
    let processors = args.cpus_per_task.unwrap_or(args.chosen.overrides().processors);
    // On an exclusive node a task may use more processors than it asks for, and the plan must be the same everywhere.
    let chosen = args.chosen.clone().or_hardware_threads(processors);
    let overrides = chosen.overrides();
    let scale = chosen.scale;
    let plan = |source: &Source| {
        claims::refuse_unmatched(source)?;
        Plan::new(source, scale, &overrides).with_context(|| source.spec.name.clone())
    };
    let plans: Vec<Plan> = sources.iter().map(plan).collect::<Result<_>>()?;
    let repeats = plans.iter().map(|plan| plan.repeats).min().unwrap_or(1);
    let shards = args.nodes.unwrap_or(repeats.min(4));
    let mut longest = 0.0_f64;
    for (source, plan) in sources.iter().zip(&plans) {
        let seconds = seconds_of_shards(source, plan, &overrides, shards);
        longest = longest.max(seconds.with_context(|| source.spec.name.clone())?);
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => Path::new("results").join(format!("slurm-{}-{scale}", name_of(&sources))),
    };
    let out = std::path::absolute(&out).with_context(|| out.display().to_string())?;
    let scripts = Scripts {
        names: sources.iter().map(|source| source.spec.name.as_str()).collect(),
        claims: sources
            .iter()
            .filter(|source| !source.spec.claims.is_empty())
            .map(|source| source.spec.name.as_str())
            .collect(),
        shards,
        limit: args.time.unwrap_or_else(|| Duration::from_secs_f64(longest * 1.5 + 600.0)),
        processors,
        partition: args.partition.as_deref(),
        exclusive: args.exclusive,
        options: chosen.words(),
        out: &out,
    };
    write(&scripts, &sources)?;
    tell(&scripts, longest)
}

/// Returns what a folder of these experiments is called.
fn name_of(sources: &[Source]) -> String {
    let first = sources.first().map_or("", |source| source.spec.name.as_str());
    match sources.len() {
        1 => first.into(),
        count => format!("{first}-and-{}-more", count - 1),
    }
}

/// Returns how long the longest shard takes.
fn seconds_of_shards(
    source: &Source,
    plan: &Plan,
    overrides: &Overrides,
    shards: u32,
) -> Result<f64> {
    let of = plan.shards(shards).context("--nodes")?;
    // What `run` would refuse in each task is refused here.
    let first: Shard = format!("1/{shards}").parse().map_err(anyhow::Error::msg)?;
    Plan::new(source, plan.scale, &Overrides { shard: Some(first), ..overrides.clone() })?;
    let each = (1..=shards).map(|shard| {
        let own = plan.trials.iter().zip(&of).filter(|(_, of)| **of == shard);
        Plan::estimate(own.map(|(planned, _): (&Planned, _)| planned))
    });
    Ok(each.fold(0.0, f64::max))
}

/// Writes the folder: the scripts, this program, and the specs, so that what is built or edited meanwhile changes
/// nothing of what the tasks measure.
fn write(scripts: &Scripts<'_>, sources: &[Source]) -> Result<()> {
    let out = scripts.out;
    let array = out.join(script::ARRAY);
    ensure!(
        !array.exists(),
        "{} is there already, and may have been edited; remove it, or choose another --out",
        array.display()
    );
    for folder in ["logs", "shards", "whole"] {
        let folder = out.join(folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    for source in sources {
        let path = out.join(format!("{}.toml", source.spec.name));
        replace_file(&path, source.text.as_bytes())?;
    }
    let copy = out.join(script::PROGRAM);
    this_program()
        .and_then(|program| fs::copy(program, &copy))
        .with_context(|| format!("cannot write {}", copy.display()))?;
    replace_file(&out.join(script::MERGE), scripts.merge().as_bytes())?;
    // Last, as it says that the others are there.
    replace_file(&array, scripts.array().as_bytes())
}

/// Prints what was written, and the commands to submit and to watch it.
fn tell(scripts: &Scripts<'_>, longest: f64) -> Result<()> {
    let path = |name: &str| quoted(&scripts.out.join(name).display().to_string());
    let (array, merge) = (path(script::ARRAY), path(script::MERGE));
    let tasks = scripts.names.len() * scripts.shards as usize;
    if tasks > USUAL_TASKS {
        complain(&format!(
            "an array of {tasks} tasks: Slurm takes {USUAL_TASKS} unless its MaxArraySize is larger"
        ));
    }
    print(&format!(
        "scripts  {array}\n         {merge}\n\
         tasks    {}, of about {} each at the longest; Slurm ends a task after {}\n\
         submit   job=$(sbatch --parsable {array}) && sbatch --dependency=afterany:${{job%%;*}} {merge}\n\
         watch    squeue --me --name={},{}\n",
        tasks,
        script::time(Duration::from_secs_f64(longest)),
        script::time(scripts.limit),
        script::JOB,
        script::MERGE_JOB,
    ))?;
    if !is_on_path("sbatch") {
        complain(
            "there is no `sbatch` on this machine: submit the scripts where there is one, and where these paths are the \
             same",
        );
    }
    Ok(())
}

/// Returns whether a shell would find a program.
fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
