//! What a spec can say: the types of its TOML file.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::data::{Adversary, Draw, Further, MetricInfo, Share, Time, Workload};

/// More threads than this in a cell is a mistake.
pub(crate) const MAX_THREADS: u32 = 1024;

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
    /// Measures each cell once more by the method of published harnesses.
    #[serde(default)]
    pub(crate) strict: bool,
    /// What else is measured, by the names of `Measure`.
    pub(crate) measure: Option<Vec<String>>,
    /// Seconds after which a cell is killed; absent = 30 s and four times its own length.
    pub(crate) timeout_seconds: Option<f64>,
    /// How long and how often, by name.
    pub(crate) scales: Scales,
}

/// Values of axes by their names.
pub(crate) type Axes = BTreeMap<String, Vec<Literal>>;

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Literal {
    /// A whole number.
    Whole(u64),
    /// Another number.
    Real(f64),
    /// A text.
    Text(String),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A number of threads, which may depend on the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ThreadCount {
    /// So many.
    Fixed(u32),
    /// So many times the hardware threads: `"HW"`, `"1.25HW"`, `"HW/2"`.
    PerProcessor(f64),
}

impl ThreadCount {
    /// The number on a machine with so many hardware threads; at least one.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive and small.
    pub(crate) fn resolve(self, processors: u32) -> u32 {
        match self {
            Self::Fixed(count) => count,
            Self::PerProcessor(factor) => {
                ((f64::from(processors) * factor).round() as u32).clamp(1, MAX_THREADS)
            }
        }
    }
}

impl FromStr for ThreadCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told =
            || format!("`{text}` is not a thread count; write for example 1, HW, HW/2 or 1.25HW");
        let Some((before, after)) = text.split_once("HW") else {
            return text.parse().map(Self::Fixed).map_err(|_| told());
        };
        let factor = |text: &str| text.trim().parse::<f64>().ok();
        let times = if before.is_empty() { Some(1.0) } else { factor(before) };
        let part = match after.strip_prefix('/') {
            Some(part) => factor(part).map(|part| 1.0 / part),
            None => after.is_empty().then_some(1.0),
        };
        let whole = times.zip(part).map(|(times, part)| times * part);
        let fits = whole.filter(|factor| (0.001..=1000.0).contains(factor));
        fits.map(Self::PerProcessor).ok_or_else(told)
    }
}

impl Serialize for ThreadCount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(count) => serializer.serialize_u32(*count),
            Self::PerProcessor(factor) => serializer.serialize_str(&format!("{factor}HW")),
        }
    }
}

impl<'de> Deserialize<'de> for ThreadCount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Literal::deserialize(deserializer)? {
            Literal::Whole(count) => {
                // What is too large is told with the others that are.
                Ok(Self::Fixed(u32::try_from(count).unwrap_or(u32::MAX)))
            }
            other => other.to_string().parse().map_err(serde::de::Error::custom),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_counts_may_depend_on_the_machine() {
        let on =
            |text: &str, processors| text.parse::<ThreadCount>().map(|c| c.resolve(processors));
        assert_eq!(on("3", 8), Ok(3));
        assert_eq!(["HW", "1.25HW", "HW/2", "2HW"].map(|text| on(text, 8)), [8, 10, 4, 16].map(Ok));
        assert_eq!(on("HW/4", 2), Ok(1), "at least one");
        for wrong in ["", "x", "-1", "HWx", "HW/0", "-1HW", "1.5", "HW/", "nanHW"] {
            assert!(on(wrong, 2).is_err_and(|told| told.contains("1.25HW")), "{wrong}");
        }
    }
}
