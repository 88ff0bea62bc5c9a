//! `manifest.json`: what a run was, on what, and with what.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use kovan_harness::random::fnv;
use kovan_lab_base::data::{Further, Shard, Stop, TrialId, Wide};
use kovan_lab_base::support::output::replace_file;
use kovan_lab_base::system::machine::{Machine, now};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::{Overrides, Plan};
use crate::spec::{ScaleName, Source};
use crate::system::builds::Build;

/// Grows when a reader of old records would misread new ones.
const SCHEMA_VERSION: u32 = 2;
/// The oldest version whose records are read.
const OLDEST_VERSION: u32 = 1;

/// The description of a run, beside its records.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    pub(crate) experiment: String,
    pub(crate) question: String,
    pub(crate) citation: String,
    pub(crate) spec_file: String,
    pub(crate) spec_text: String,
    /// FNV-1a of the text, 64 bits.
    pub(crate) spec_hash: String,
    pub(crate) plan_hash: String,
    pub(crate) cells: u64,
    pub(crate) scale: ScaleName,
    /// As measured, whatever replaced the scale's. Absent in records of older versions.
    pub(crate) seconds: Option<f64>,
    pub(crate) warmup_seconds: Option<f64>,
    pub(crate) repeats: Option<u32>,
    pub(crate) seed: u64,
    pub(crate) command: Vec<String>,
    /// What the command line changed of the spec. Absent in records of older versions.
    pub(crate) overrides: Option<Overrides>,
    /// What was measured beyond the planned repeats. Absent where nothing asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) further_repeats: Option<FurtherRepeats>,
    pub(crate) started: String,
    /// The time of all sessions that ended by themselves; absent while the first one runs.
    pub(crate) duration_seconds: Option<f64>,
    /// Says whether every cell of the plan has a row.
    pub(crate) complete: bool,
    /// The one that began the run.
    pub(crate) machine: Machine,
    /// Those that went on, or measured other shards; their rows name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) other_machines: Vec<Machine>,
    /// The one that began the run.
    pub(crate) build: Build,
    /// Those that went on with `--allow-build`. Absent in records of older versions.
    #[serde(default)]
    pub(crate) other_builds: Vec<Build>,
    /// The shards that were merged. Absent where one run measured all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) merged: Vec<MergedShard>,
    pub(crate) allocator: Allocator,
    pub(crate) schemes: Value,
}

/// A shard that is part of a merged folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MergedShard {
    pub(crate) shard: Shard,
    /// The folder that it was merged from.
    pub(crate) folder: String,
    pub(crate) command: Vec<String>,
    pub(crate) started: String,
    pub(crate) duration_seconds: Option<f64>,
    /// The identity of the machine that began it.
    pub(crate) machine: Option<String>,
    /// The hash of the program that began it.
    pub(crate) build: Option<String>,
    /// Rows that it has, and cells that were planned for it.
    pub(crate) rows: u64,
    pub(crate) cells: u64,
}

/// What may add rows to the records of others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Joins {
    /// Another build.
    pub(crate) allow_build: bool,
    /// A machine with other processors.
    pub(crate) allow_machine: bool,
}

/// The allocator of the binary and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Allocator {
    name: String,
    /// As the allocator tells it: 30302 is 3.3.2.
    version: u32,
    reason: String,
}

/// Repeats beyond those that are planned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FurtherRepeats {
    /// Repeats that are measured in any case.
    planned: u32,
    /// What asks for more, and the most there can be.
    #[serde(flatten)]
    asked: Further,
    /// The metric whose interval is to be narrow.
    metric: String,
    /// Whole blocks, the planned ones among them; absent until the end.
    done: Option<u32>,
    /// Why there is no other one; absent until the end.
    stopped: Option<Stop>,
    /// The cells that are still wider than was asked for.
    wide: Vec<Wide>,
}

impl Manifest {
    /// The manifest of a run that starts now.
    pub(crate) fn new(source: &Source, plan: &Plan, overrides: &Overrides) -> Result<Self> {
        let trials = || plan.trials.iter().map(|planned| &planned.trial);
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            experiment: source.spec.name.clone(),
            question: source.spec.question.clone(),
            citation: source.spec.citation.clone(),
            spec_file: source.file.clone(),
            spec_text: source.text.clone(),
            spec_hash: format!("{:016x}", fnv(source.text.as_bytes())),
            plan_hash: plan.hash().into(),
            cells: plan.trials.len() as u64,
            scale: plan.scale,
            seconds: trials().next().map(|trial| trial.id.seconds.0.as_secs_f64()),
            warmup_seconds: trials().next().map(|trial| trial.warmup_seconds),
            repeats: Some(plan.repeats),
            seed: plan.seed,
            command: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
            overrides: Some(overrides.clone()),
            further_repeats: plan
                .further
                .is_asked()
                .then(|| FurtherRepeats::of(plan, plan.further)),
            started: now(),
            duration_seconds: None,
            complete: false,
            machine: Machine::here(),
            other_machines: Vec::new(),
            merged: Vec::new(),
            build: Build::here().clone(),
            other_builds: Vec::new(),
            allocator: Allocator {
                name: "mimalloc".into(),
                version: mimalloc::MiMalloc.version(),
                reason: "needs only a C compiler; glibc's allocator distorts cross-thread frees"
                    .into(),
            },
            schemes: serde_json::to_value(kovan_schemes::registry::all())?,
        })
    }

    /// Reads the manifest of a folder.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("manifest.json");
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("{} is not a results folder: cannot read {}", dir.display(), path.display())
        })?;
        let told = || format!("cannot understand {}", path.display());
        // The version first: the keys of another one may be others.
        let value: Value = serde_json::from_str(&text).with_context(told)?;
        if let Some(version) = value["schema_version"].as_u64() {
            ensure!(
                (u64::from(OLDEST_VERSION)..=u64::from(SCHEMA_VERSION)).contains(&version),
                "{}: schema version {version} was written by another version of kovan-lab (this one reads {OLDEST_VERSION} to {SCHEMA_VERSION})",
                path.display()
            );
        }
        serde_json::from_value(value).with_context(told)
    }

    /// Returns the cells that were planned, with all repeats; none where an older version wrote the manifest.
    pub(crate) fn planned(&self, source: &Source) -> Vec<TrialId> {
        let plan =
            self.overrides.as_ref().and_then(|with| Plan::new(source, self.scale, with).ok());
        plan.into_iter().flat_map(|plan| plan.trials).map(|planned| planned.trial.id).collect()
    }

    /// One line for below a figure: of which run it is.
    pub(crate) fn provenance(&self) -> String {
        let Self { experiment, scale, started, machine, build, allocator, .. } = self;
        let window = self.seconds.map(|s| format!(", windows of {s} s")).unwrap_or_default();
        let rest = if self.complete { "" } else { "; INCOMPLETE" };
        let others = |count: usize, what: &str| match count {
            0 => String::new(),
            1 => format!(" and 1 other {what}"),
            _ => format!(" and {count} other {what}s"),
        };
        let shard = self.shard().map_or_else(String::new, |shard| format!(", shard {shard}"));
        format!(
            "{experiment} at scale {scale}{shard}{window}, {started}; {}{}; {}{}; {}{rest}",
            machine.name(),
            others(self.other_machines.len(), "machine"),
            build.name(),
            others(self.other_builds.len(), "build"),
            allocator.name
        )
    }

    /// Lets this program on this machine add to the records, or says why not. One run is of one build and one kind of
    /// machine, unless `joins` lets others join. The manifest names each of them, and has to be written.
    pub(crate) fn join(&mut self, dir: &Path, joins: Joins) -> Result<()> {
        let (build, machine) = (Build::here(), Machine::here());
        ensure!(
            joins.allow_machine || self.machines().any(|known| known.is_same(&machine)),
            "{} was measured on another machine ({}; this one: {}); --allow-machine goes on and records in each row \
             which machine measured it, or choose another --out",
            dir.display(),
            self.machine.name(),
            machine.name()
        );
        let is_known = self.builds().any(|known| known.is_same(build));
        ensure!(
            is_known || joins.allow_build,
            "{} was measured by another build: {}; --allow-build goes on and records in each row \
             which build measured it, or choose another --out",
            dir.display(),
            self.build.differences(build).join("; ")
        );
        self.add_machine(&machine);
        self.add_build(build);
        Ok(())
    }

    /// Names a machine among those that measured.
    pub(crate) fn add_machine(&mut self, machine: &Machine) {
        if !self.machines().any(|known| known.is_this(machine)) {
            self.other_machines.push(machine.clone());
        }
    }

    /// Names a build among those that measured.
    pub(crate) fn add_build(&mut self, build: &Build) {
        if !self.builds().any(|known| known.is_same(build)) {
            self.other_builds.push(build.clone());
        }
    }

    /// Returns the part of the plan that the folder holds, where it is not the whole.
    pub(crate) fn shard(&self) -> Option<Shard> {
        self.overrides.as_ref().and_then(|overrides| overrides.shard)
    }

    /// Returns the machine that began, and those that measured other rows.
    pub(crate) fn machines(&self) -> impl Iterator<Item = &Machine> {
        std::iter::once(&self.machine).chain(&self.other_machines)
    }

    /// Takes over what a plan asks for beyond its repeats. What it does not say stays as it was. Returns what
    /// is asked for now.
    pub(crate) fn ask_further(&mut self, plan: &Plan) -> Further {
        let before = self.further_repeats.as_ref().map(|further| further.asked);
        let asked = plan.further.or(before.unwrap_or_default());
        if asked.is_asked() {
            self.further_repeats = Some(FurtherRepeats::of(plan, asked));
        }
        if let Some(overrides) = &mut self.overrides {
            overrides.further = asked;
        }
        asked
    }

    /// Says how far the further repeats came.
    pub(crate) fn end_further(&mut self, done: u32, stopped: Option<Stop>, wide: &[Wide]) {
        if let Some(further) = &mut self.further_repeats {
            (further.done, further.stopped) = (Some(done), stopped);
            further.wide = wide.to_vec();
        }
    }

    /// Returns the build that began, and those that measured other rows.
    pub(crate) fn builds(&self) -> impl Iterator<Item = &Build> {
        std::iter::once(&self.build).chain(&self.other_builds)
    }

    /// Writes the manifest into a folder.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        replace_file(&dir.join("manifest.json"), &text)
    }
}

impl FurtherRepeats {
    fn of(plan: &Plan, asked: Further) -> Self {
        Self {
            planned: plan.repeats,
            asked: Further { most_repeats: Some(asked.most()), ..asked },
            metric: plan.judged.into(),
            done: None,
            stopped: None,
            wide: Vec::new(),
        }
    }
}
