//! Experiment specifications: TOML files, embedded in the binary or read from a path.

mod check;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::names::suggest;
use crate::output::one_line;

pub(crate) use check::{check_counts, check_repeats, check_seconds};

/// The specifications in the binary: file name and text.
const EMBEDDED: &[(&str, &str)] = &[
    ("specs/stalled-threads.toml", include_str!("../specs/stalled-threads.toml")),
    ("specs/throughput.toml", include_str!("../specs/throughput.toml")),
];

/// More bytes than this are no spec.
const LARGEST: u64 = 1 << 20;

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

/// An operation mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    /// The name in the records.
    pub(crate) name: String,
    /// Percent of insertions.
    pub(crate) insert: u32,
    /// Percent of removals.
    pub(crate) remove: u32,
    /// Percent of look-ups.
    pub(crate) contains: u32,
    /// Keys are uniform below this.
    pub(crate) key_range: u64,
    /// Distinct keys inserted before the clock starts.
    pub(crate) prefill: u64,
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

/// A spec and the text it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The file, for messages.
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: String,
    /// Its meaning.
    pub(crate) spec: Spec,
}

/// All embedded specs.
pub(crate) fn embedded() -> Result<Vec<Source>> {
    EMBEDDED.iter().map(|(file, text)| parse(file, text)).collect()
}

/// The spec of a name, or in the file of a path.
pub(crate) fn find(name: &str) -> Result<Source> {
    let embedded = embedded()?;
    if let Some(source) = embedded.iter().find(|source| source.spec.name == name) {
        return Ok(source.clone());
    }
    let path = Path::new(name);
    let is_path = path.extension().is_some_and(|ext| ext == "toml") || path.exists();
    if is_path || name.contains('/') {
        let text = read(path).with_context(|| format!("cannot read spec {name}"))?;
        return parse(name, &text);
    }
    let known = embedded.iter().map(|source| source.spec.name.as_str());
    bail!("unknown experiment `{name}`, and no such file; {}", suggest(name, known));
}

fn read(path: &Path) -> Result<String> {
    ensure!(!path.is_dir(), "it is a folder; a spec is a TOML file");
    let mut text = String::new();
    File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    ensure!(
        text.len() as u64 <= LARGEST,
        "it has more than {LARGEST} bytes; a spec is a TOML file"
    );
    Ok(text)
}

/// Reads and checks a spec; errors name the file, the line and the key.
pub(crate) fn parse(file: &str, text: &str) -> Result<Source> {
    let spec: Spec = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| check::line_at(text, span.start));
        anyhow::anyhow!("{file}:{line}: {}", one_line(error.message()))
    })?;
    spec.check().map_err(|fault| fault.in_file(file, text))?;
    Ok(Source { file: file.into(), text: text.into(), spec })
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
    fn all(&self) -> [(&'static str, &Option<Scale>); 3] {
        [("smoke", &self.smoke), ("laptop", &self.laptop), ("paper", &self.paper)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_specs_are_valid_and_named_after_their_files() {
        for source in embedded().expect("valid") {
            assert_eq!(source.file, format!("specs/{}.toml", source.spec.name));
            for scale in [ScaleName::Smoke, ScaleName::Laptop, ScaleName::Paper] {
                source.spec.scale(scale).expect("present");
            }
        }
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line() {
        let text = include_str!("../specs/throughput.toml").replace("citation", "citaton");
        let error = format!("{:#}", parse("x.toml", &text).expect_err("misspelt"));
        assert!(error.starts_with("x.toml:3: unknown field `citaton`"), "{error}");
    }
}
