//! What a spec can say: the types of its TOML file.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use clap::ValueEnum;
use kovan_lab_base::data::{Adversary, Draw, Further, MetricInfo, Share, Time, Workload};
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::literal::{Literal, Strict, ThreadCount};

/// One experiment, as written in its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    /// What users type, and part of the folder of the results.
    pub(crate) name: String,
    /// The question it answers.
    pub(crate) question: String,
    /// Where experiments like this one were published.
    #[serde(default)]
    pub(crate) citation: String,
    /// What the figures are drawn against: an axis.
    #[serde(alias = "x")]
    pub(crate) x_axis: String,
    /// The axes whose values are lines of a figure; absent: the scheme.
    pub(crate) lines: Option<Vec<String>>,
    /// Metrics to draw, `over-time`, `latency`, or `METRIC against METRIC`; absent: the usual ones.
    pub(crate) figures: Option<Vec<String>>,
    /// Schemes; absent = all.
    pub(crate) schemes: Option<Vec<String>>,
    /// Structures; absent = all.
    pub(crate) structures: Option<Vec<String>>,
    /// Worker thread counts.
    pub(crate) threads: Vec<ThreadCount>,
    /// Counts of the adversary's threads. Where no adversary is named they stop inside a guard.
    pub(crate) stalled: Option<Vec<u32>>,
    /// Values of the other axes.
    #[serde(default)]
    pub(crate) axes: Axes,
    /// Parameters of schemes and structures, for all cells.
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, u64>,
    /// Operation mixes.
    pub(crate) workloads: Vec<Workload>,
    /// Adversaries; each is a value of an axis.
    #[serde(default)]
    pub(crate) adversaries: Vec<Adversary>,
    /// Records the latency of one operation in so many; absent: of none.
    #[serde(default)]
    pub(crate) latency_every: u32,
    /// What is measured once more by the method of published harnesses.
    #[serde(default)]
    pub(crate) strict: Strict,
    /// What else is measured, by the names of `Measure`.
    pub(crate) measure: Option<Vec<String>>,
    /// What papers claim of such cells.
    #[serde(default)]
    pub(crate) claims: Vec<Claim>,
    /// Seconds after which a cell is killed; absent = 30 s and four times its own length.
    pub(crate) timeout_seconds: Option<f64>,
    /// How long and how often, by name.
    pub(crate) scales: Scales,
}

/// Values of axes by their names.
pub(crate) type Axes = BTreeMap<String, Vec<Literal>>;

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

impl fmt::Display for ScaleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smoke => "smoke",
            Self::Laptop => "laptop",
            Self::Paper => "paper",
        })
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
    /// Measures further repeats until each interval is so narrow.
    pub(crate) until_narrow: Option<Share>,
    /// Measures no further repeat after this time.
    pub(crate) budget: Option<Time>,
    /// Measures no cell more often.
    pub(crate) most_repeats: Option<u32>,
    /// Replaces the worker thread counts.
    pub(crate) threads: Option<Vec<ThreadCount>>,
    /// Replaces the counts of the adversary's threads.
    pub(crate) stalled: Option<Vec<u32>>,
    /// Replaces the values of other axes.
    #[serde(default)]
    pub(crate) axes: Axes,
}

impl Scale {
    /// What asks for further repeats.
    pub(crate) fn further(&self) -> Further {
        let Self { until_narrow, budget, most_repeats, .. } = *self;
        Further { until_narrow, budget, most_repeats }
    }
}

impl Spec {
    /// The metric whose interval decides whether there are enough repeats: the first one among the figures
    /// that is summarised by a median; absent: throughput.
    pub(crate) fn judged(&self) -> &'static str {
        let of_median = |name: &String| {
            MetricInfo::of(name).filter(|info| matches!(info.draw, Draw::Linear | Draw::Log))
        };
        let mut figures = self.figures.iter().flatten();
        figures.find_map(of_median).map_or("ops_per_second", |info| info.name)
    }

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
