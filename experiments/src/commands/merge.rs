//! `kovan-lab merge DIR...`: one folder of the folders of all shards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::mem::take;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::Args;
use kovan_lab_base::data::{Shard, TrialId};
use kovan_lab_base::support::numbers::{count, sum};
use kovan_lab_base::support::output::{claim, complain, print};
use kovan_lab_base::support::shell::quoted;

use super::session::refuse_existing;
use crate::plan::{Overrides, Plan};
use crate::results::manifest::{Manifest, MergedShard};
use crate::results::merge::{Draft, Joined, Part};
use crate::spec::{self, Source};

/// The arguments of `merge`.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Results folders, each of one shard of the same plan
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Merges what is there, though shards or rows are missing
    #[arg(long)]
    partial: bool,
    /// Replaces what an earlier merge has written to --out
    #[arg(long)]
    replace: bool,
}

/// The folder of a shard.
struct Folder<'a> {
    dir: &'a Path,
    shard: Shard,
    manifest: Manifest,
    /// Nobody measures into it meanwhile.
    _claim: File,
}

/// The `merge` command; the value is the exit code.
pub(crate) fn run(args: &MergeArgs) -> Result<u8> {
    let out = &args.out;
    refuse_taken(out, args.replace)?;
    let folders = shards(&args.dirs)?;
    let missing = missing(&folders);
    let of = folders[0].shard.of();
    if !missing.is_empty() {
        let told = format!("{} of {of} {}", numbers(&missing), are_missing(missing.len()));
        ensure!(args.partial, "{told}; measure them, or merge what is there with --partial");
        complain(&told);
    }
    let (source, plan) = whole_plan(&folders[0])?;
    let mut planned = vec![BTreeSet::new(); of as usize + 1];
    for (trial, shard) in plan.trials.iter().zip(plan.shards(of)?) {
        planned[shard as usize].insert(&trial.trial.id);
    }
    let of_folder = |folder: &Folder<'_>| take(&mut planned[folder.shard.number() as usize]);
    let planned: Vec<BTreeSet<&TrialId>> = folders.iter().map(of_folder).collect();
    let parts = folders.iter().zip(&planned).map(|(folder, planned)| {
        let Folder { dir, manifest, .. } = folder;
        Part { dir, manifest, planned }
    });
    let draft = Draft::begin(out)?;
    let joined = draft.fill(&parts.collect::<Vec<_>>())?;
    refuse_unfinished(&folders, &planned, &joined, args.partial)?;
    let cells: Vec<usize> = planned.iter().map(BTreeSet::len).collect();
    let manifest = merged(&folders, &cells, &joined, &plan)?;
    draft.keep(&manifest, out)?;
    tell(out, &source, &manifest, &joined)
}

/// Refuses a place that holds something else than an earlier merge that may be replaced.
fn refuse_taken(out: &Path, replace: bool) -> Result<()> {
    if replace && Manifest::read(out).is_ok_and(|manifest| !manifest.merged.is_empty()) {
        return Ok(());
    }
    refuse_existing(out)?;
    let is_free =
        !out.exists() || fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(is_free, "--out: {} is there already, and not an empty folder", out.display());
    Ok(())
}

/// Reads the folders in the order of their shards, and refuses those that do not belong together. Nobody measures into
/// them until the value is dropped.
fn shards(dirs: &[PathBuf]) -> Result<Vec<Folder<'_>>> {
    let mut folders: Vec<Folder<'_>> = Vec::new();
    let mut seen = BTreeSet::new();
    for dir in dirs {
        let is_new = dir.canonicalize().map_or(true, |path| seen.insert(path));
        ensure!(is_new, "{} is named twice", dir.display());
        // A folder that is none is told as such, and one that is measured into is not read half-way.
        let _ = Manifest::read(dir)?;
        let claim = claim(dir)?;
        let manifest = Manifest::read(dir)?;
        let Some(shard) = manifest.shard() else {
            bail!("{}: it holds no shard; `run` with --shard I/N measures one", dir.display());
        };
        if let Some(first) = folders.first() {
            ensure_same_plan(first, dir, &manifest)?;
            ensure!(
                first.shard.of() == shard.of(),
                "{} is shard {}, and {} is shard {shard}: the plan was not cut into as many shards",
                first.dir.display(),
                first.shard,
                dir.display()
            );
        }
        folders.push(Folder { dir, shard, manifest, _claim: claim });
    }
    folders.sort_by_key(|folder| folder.shard);
    for both in folders.windows(2) {
        ensure!(
            both[0].shard != both[1].shard,
            "shard {} is there twice: {} and {}",
            both[0].shard,
            both[0].dir.display(),
            both[1].dir.display()
        );
    }
    Ok(folders)
}

/// Refuses a shard of another plan, and says what differs.
fn ensure_same_plan(first: &Folder<'_>, dir: &Path, manifest: &Manifest) -> Result<()> {
    let facts = |manifest: &Manifest| {
        let of = manifest.overrides.clone().unwrap_or_default();
        [
            ("experiment", manifest.experiment.clone()),
            ("scale", manifest.scale.to_string()),
            ("seed", manifest.seed.to_string()),
            ("spec", manifest.spec_hash.clone()),
            ("hardware threads", of.processors.to_string()),
            ("plan", manifest.plan_hash.clone()),
        ]
    };
    let all = facts(&first.manifest).into_iter().zip(facts(manifest));
    let Some(((what, one), (_, other))) = all.into_iter().find(|(one, other)| one.1 != other.1)
    else {
        return Ok(());
    };
    // Processors that no axis depends on change nothing.
    if what == "hardware threads" && first.manifest.plan_hash == manifest.plan_hash {
        return Ok(());
    }
    bail!(
        "{} and {} hold shards of different plans: the {what} is {one} in the former, and {other} in the latter",
        first.dir.display(),
        dir.display()
    )
}

/// Returns the numbers of the shards that are not there.
fn missing(folders: &[Folder<'_>]) -> Vec<u32> {
    let there: BTreeSet<u32> = folders.iter().map(|folder| folder.shard.number()).collect();
    (1..=folders[0].shard.of()).filter(|number| !there.contains(number)).collect()
}

/// Writes shards as `shards 1, 3 to 5`.
fn numbers(all: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in all {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let range = |(from, to): &(u32, u32)| match to - from {
        0 => from.to_string(),
        1 => format!("{from}, {to}"),
        _ => format!("{from} to {to}"),
    };
    let name = if all.len() == 1 { "shard" } else { "shards" };
    format!("{name} {}", ranges.iter().map(range).collect::<Vec<_>>().join(", "))
}

fn are_missing(count: usize) -> &'static str {
    if count == 1 { "is missing" } else { "are missing" }
}

/// Plans the whole of which a folder holds a shard.
fn whole_plan(folder: &Folder<'_>) -> Result<(Source, Plan)> {
    let manifest = &folder.manifest;
    let source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
    let overrides = without_shard(manifest);
    let plan = Plan::new(&source, manifest.scale, &overrides)?;
    ensure!(
        plan.hash() == manifest.plan_hash,
        "{}: this build of kovan-lab plans another run of the same spec (hash {}, there {}); merge with the build \
         that measured",
        folder.dir.display(),
        plan.hash(),
        manifest.plan_hash
    );
    Ok((source, plan))
}

fn without_shard(manifest: &Manifest) -> Overrides {
    Overrides { shard: None, ..manifest.overrides.clone().unwrap_or_default() }
}

/// Refuses shards that lack rows, unless what is there is asked for.
fn refuse_unfinished(
    folders: &[Folder<'_>],
    planned: &[BTreeSet<&TrialId>],
    joined: &[Joined],
    partial: bool,
) -> Result<()> {
    for ((folder, planned), joined) in folders.iter().zip(planned).zip(joined) {
        let lacks = planned.len() - joined.rows;
        if lacks == 0 {
            continue;
        }
        let told = format!(
            "shard {} is not finished: {lacks} of {} cells have no row in {}",
            folder.shard,
            planned.len(),
            folder.dir.display()
        );
        ensure!(
            partial,
            "{told}; go on with `kovan-lab resume {}`, or merge what is there with --partial",
            quoted(&folder.dir.display().to_string())
        );
        complain(&told);
    }
    Ok(())
}

/// Returns the manifest of the whole.
fn merged(
    folders: &[Folder<'_>],
    cells: &[usize],
    joined: &[Joined],
    plan: &Plan,
) -> Result<Manifest> {
    let first = &folders[0].manifest;
    let mut whole = Manifest {
        overrides: Some(without_shard(first)),
        command: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        cells: plan.trials.len() as u64,
        ..first.clone()
    };
    let manifests = || folders.iter().map(|folder| &folder.manifest);
    whole.started = manifests().map(|one| one.started.clone()).min().unwrap_or_default();
    whole.duration_seconds = Some(sum(manifests().filter_map(|one| one.duration_seconds)));
    let rows: usize = joined.iter().map(|one| one.rows).sum();
    whole.complete = rows == plan.trials.len();
    for manifest in manifests() {
        manifest.machines().for_each(|machine| whole.add_machine(machine));
        manifest.builds().for_each(|build| whole.add_build(build));
    }
    let shards = folders.iter().zip(cells).zip(joined);
    whole.merged = shards
        .map(|((folder, cells), joined)| MergedShard {
            shard: folder.shard,
            folder: folder.dir.display().to_string(),
            command: folder.manifest.command.clone(),
            started: folder.manifest.started.clone(),
            duration_seconds: folder.manifest.duration_seconds,
            machine: folder.manifest.machine.id().map(Into::into),
            build: folder.manifest.build.binary_hash.clone(),
            rows: joined.rows as u64,
            cells: *cells as u64,
        })
        .collect();
    Ok(whole)
}

/// Says what was merged and what comes next; the value is the exit code.
fn tell(out: &Path, source: &Source, manifest: &Manifest, joined: &[Joined]) -> Result<u8> {
    let rows: usize = joined.iter().map(|one| one.rows).sum();
    let machines: BTreeMap<_, _> = manifest.machines().map(|one| (one.id(), one)).collect();
    let several = |count: usize, what: &str| {
        if count > 1 { format!(", {count} {what}s") } else { String::new() }
    };
    let dir = quoted(&out.display().to_string());
    let mut next = vec![format!("kovan-lab plot {dir}"), format!("kovan-lab report {dir}")];
    if !source.spec.claims.is_empty() {
        next.push(format!("kovan-lab check {dir}"));
    }
    print(&format!(
        "merged   {}: {} rows of {} shards{}{}\nnext     {}\n",
        out.display(),
        count(rows as u64),
        joined.len(),
        several(machines.len(), "machine"),
        several(manifest.builds().count(), "build"),
        next.join("; ")
    ))?;
    let failed: Vec<u32> = manifest
        .merged
        .iter()
        .zip(joined)
        .filter(|(_, joined)| joined.failed > 0)
        .map(|(merged, _)| merged.shard.number())
        .collect();
    if !failed.is_empty() {
        complain(&format!(
            "{}: some trials failed; `kovan-lab resume` of the folder of the shard measures them again, and `merge` with \
             --replace takes them over",
            numbers(&failed)
        ));
    }
    Ok(u8::from(!failed.is_empty()))
}
