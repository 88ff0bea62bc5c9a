//! What a spec can say: the types of its TOML file.

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::data::Workload;

/// More threads than this in a cell is a mistake.
pub(crate) const MAX_THREADS: u32 = 1024;

/// One experiment, as written in its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    /// What users type, and part of the folder of the results.
    pub(crate) name: String,
    /// The question it answers: the title of its plots.
    pub(crate) question: String,
    /// Where experiments like this one were published.
    #[serde(default)]
    pub(crate) citation: String,
    /// What the plots are drawn against.
    pub(crate) x_axis: Axis,
    /// Schemes; absent = all.
    pub(crate) schemes: Option<Vec<String>>,
    /// Structures; absent = all.
    pub(crate) structures: Option<Vec<String>>,
    /// Worker thread counts.
    pub(crate) threads: Vec<u32>,
    /// Counts of extra threads stopped inside a guard.
    #[serde(default = "nobody_stalled")]
    pub(crate) stalled: Vec<u32>,
    /// Operation mixes. Time series are recorded when there is exactly one.
    pub(crate) workloads: Vec<Workload>,
    /// Seconds after which a cell is killed; absent = 30 s and four times its own length.
    pub(crate) timeout_seconds: Option<f64>,
    /// How long and how often, by name.
    pub(crate) scales: Scales,
}

/// What goes on the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Axis {
    /// Worker threads.
    Threads,
    /// Stalled threads.
    Stalled,
}

/// The scales of a spec.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scales {
    smoke: Option<Scale>,
    laptop: Option<Scale>,
    paper: Option<Scale>,
}

/// The name of a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScaleName {
    /// Seconds: does it run at all?
    Smoke,
    /// Minutes, on two cores.
    Laptop,
    /// As in papers, on a big machine.
    Paper,
}

impl std::fmt::Display for ScaleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().map_or("", |value| match value.get_name() {
            "smoke" => "smoke",
            "laptop" => "laptop",
            _ => "paper",
        }))
    }
}

/// How long and how often; the lists replace those of the spec.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    /// Length of the measured window.
    pub(crate) seconds: f64,
    /// Length of the warm-up before it.
    pub(crate) warmup_seconds: f64,
    /// How often each cell is measured.
    pub(crate) repeats: u32,
    /// Replaces the worker thread counts.
    pub(crate) threads: Option<Vec<u32>>,
    /// Replaces the stalled thread counts.
    pub(crate) stalled: Option<Vec<u32>>,
}

fn nobody_stalled() -> Vec<u32> {
    vec![0]
}

impl Spec {
    /// The scale of a name.
    pub(crate) fn scale(&self, name: ScaleName) -> Result<&Scale> {
        let all = self.scales.all();
        let wanted = match name {
            ScaleName::Smoke => all[0],
            ScaleName::Laptop => all[1],
            ScaleName::Paper => all[2],
        };
        wanted.1.as_ref().with_context(|| {
            let there: Vec<_> = all
                .iter()
                .filter(|(_, scale)| scale.is_some())
                .map(|(name, _)| format!("--scale {name}"))
                .collect();
            let there = if there.is_empty() { "any other".into() } else { there.join(", ") };
            format!("has no [scales.{}]; there is {there}", wanted.0)
        })
    }
}

impl Scales {
    /// The scales by name.
    pub(super) fn all(&self) -> [(&'static str, &Option<Scale>); 3] {
        [("smoke", &self.smoke), ("laptop", &self.laptop), ("paper", &self.paper)]
    }
}
