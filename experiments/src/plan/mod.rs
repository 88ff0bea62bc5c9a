//! The cells of a run: what a spec, a scale and the command line mean together.

use anyhow::{Result, bail, ensure};
use regex::Regex;

use crate::data::Cell;
use crate::spec::{Scale, ScaleName, Source, Spec};
use crate::support::numbers::sum;
use crate::support::rng::{SplitMix, fnv};

/// The seed when none is given.
pub(crate) const DEFAULT_SEED: u64 = 1;
/// More cells than this is a mistake.
const MAX_CELLS: usize = 100_000;

/// What the command line changes of a spec.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// Filters choose from all there are, not from what the spec names.
    pub(crate) all: bool,
    /// Keeps the schemes that match.
    pub(crate) scheme: Option<Regex>,
    /// Keeps the structures that match.
    pub(crate) structure: Option<Regex>,
    /// Replaces the worker thread counts.
    pub(crate) threads: Option<Vec<u32>>,
    /// Replaces the stalled thread counts.
    pub(crate) stalled: Option<Vec<u32>>,
    /// Replaces the length of the window.
    pub(crate) seconds: Option<f64>,
    /// Replaces the number of repeats.
    pub(crate) repeats: Option<u32>,
    /// Replaces the seed.
    pub(crate) seed: Option<u64>,
}

/// A cell and, for an unsound pair, the reason why it is not run.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The cell.
    pub(crate) cell: Cell,
    /// Why the pair is refused.
    pub(crate) refused: Option<String>,
}

/// All cells of a run, in the order they run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The scale.
    pub(crate) scale: ScaleName,
    /// The seed of the order and of all cells.
    pub(crate) seed: u64,
    /// The cells.
    pub(crate) cells: Vec<Planned>,
}

impl Plan {
    /// Plans a run.
    pub(crate) fn new(
        source: &Source,
        scale_name: ScaleName,
        overrides: &Overrides,
    ) -> Result<Self> {
        let spec = &source.spec;
        let scale = spec.scale(scale_name)?;
        let all = kovan_schemes::registry::all().iter().map(|facts| facts.name).collect();
        let filter = overrides.scheme.as_ref();
        let schemes = choose("scheme", spec.schemes.as_deref(), all, filter, overrides.all)?;
        let all = kovan_structures::registry::structures().iter().map(|facts| facts.name).collect();
        let filter = overrides.structure.as_ref();
        let structures =
            choose("structure", spec.structures.as_deref(), all, filter, overrides.all)?;
        let seed = overrides.seed.unwrap_or(DEFAULT_SEED);

        let matrix = kovan_structures::registry::matrix();
        let mut cells = Vec::new();
        for template in templates(spec, scale, overrides, seed)? {
            for structure in &structures {
                for scheme in &schemes {
                    let mut cell = template.clone();
                    cell.scheme.clone_from(scheme);
                    cell.structure.clone_from(structure);
                    let pair =
                        matrix.iter().find(|p| p.scheme == *scheme && p.structure == *structure);
                    let refused = pair.filter(|p| !p.allowed).map(|p| p.reason.to_string());
                    cells.push(Planned { cell, refused });
                }
            }
        }
        ensure!(
            cells.len() <= MAX_CELLS,
            "the plan has {} cells, more than {MAX_CELLS}",
            cells.len()
        );
        // Each repeat in an order of its own, one after the other: its cells run close to each other in
        // time, and what is interrupted has whole repeats.
        let mut order = SplitMix::new(seed);
        let same_repeat = |one: &Planned, next: &Planned| one.cell.repeat == next.cell.repeat;
        cells.chunk_by_mut(same_repeat).for_each(|repeat| order.shuffle(repeat));
        Ok(Self { scale: scale_name, seed, cells })
    }

    /// A hash of everything that decides what is measured; not of texts.
    pub(crate) fn hash(&self) -> String {
        let mut hash = fnv(b"plan 1");
        for planned in &self.cells {
            let text = serde_json::to_string(&planned.cell).unwrap_or_default();
            hash = fnv(format!("{hash:016x}{text}").as_bytes());
        }
        format!("{hash:016x}")
    }

    /// Roughly how long cells take, in seconds: windows and what surrounds them.
    pub(crate) fn estimate<'a>(cells: impl Iterator<Item = &'a Planned>) -> f64 {
        let measured =
            cells.filter(|planned| planned.refused.is_none()).map(|planned| &planned.cell);
        sum(measured.map(|cell| cell.seconds + cell.warmup_seconds + 0.15))
    }
}

/// The cells without scheme and structure.
fn templates(spec: &Spec, scale: &Scale, overrides: &Overrides, seed: u64) -> Result<Vec<Cell>> {
    let seconds = overrides.seconds.unwrap_or(scale.seconds);
    let repeats = overrides.repeats.unwrap_or(scale.repeats);
    // A short window asks for a short run: the warm-up is never longer than the window.
    let warmup_seconds = scale.warmup_seconds.min(seconds);
    let timeout_seconds = spec.timeout_seconds.unwrap_or(30.0 + 4.0 * (seconds + warmup_seconds));
    let threads = overrides.threads.as_ref().or(scale.threads.as_ref()).unwrap_or(&spec.threads);
    let stalled_counts =
        overrides.stalled.as_ref().or(scale.stalled.as_ref()).unwrap_or(&spec.stalled);
    let combinations =
        repeats as usize * spec.workloads.len() * threads.len() * stalled_counts.len();
    ensure!(combinations <= MAX_CELLS, "the plan has more than {MAX_CELLS} cells");
    let mut cells = Vec::new();
    for repeat in 1..=repeats {
        for workload in &spec.workloads {
            for &threads in threads {
                for &stalled in stalled_counts {
                    let point = format!("{seed} {} {threads} {stalled} {repeat}", workload.name);
                    cells.push(Cell {
                        experiment: spec.name.clone(),
                        scheme: String::new(),
                        structure: String::new(),
                        workload: workload.clone(),
                        adversary: if stalled == 0 { "none" } else { "stalled" }.into(),
                        threads,
                        stalled,
                        repeat,
                        seed: fnv(point.as_bytes()),
                        seconds,
                        warmup_seconds,
                        timeout_seconds,
                        series: spec.workloads.len() == 1,
                    });
                }
            }
        }
    }
    Ok(cells)
}

/// Those that a spec names, or all; of them those that match a filter. With `from_all` the filter is of
/// all, whatever the spec names.
fn choose(
    what: &str,
    named: Option<&[String]>,
    all: Vec<&str>,
    filter: Option<&Regex>,
    from_all: bool,
) -> Result<Vec<String>> {
    let named = named.filter(|_| filter.is_none() || !from_all);
    let names = named.map_or_else(|| all.into_iter().map(String::from).collect(), <[_]>::to_vec);
    let Some(filter) = filter else { return Ok(names) };
    let (kept, others): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| filter.is_match(name));
    if kept.is_empty() {
        let more = if named.is_some() { "; with --all it may match any other" } else { "" };
        bail!(
            "--{what} `{filter}` matches no {what} of this experiment; it has: {}{more}",
            others.join(", ")
        );
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::embedded;

    #[test]
    fn repeats_come_one_after_the_other_each_in_its_order() {
        let source = embedded().expect("valid").remove(0);
        let plan = |seed| {
            let overrides = Overrides { seed: Some(seed), ..Overrides::default() };
            Plan::new(&source, ScaleName::Laptop, &overrides).expect("a plan").cells
        };
        let cells = plan(1);
        assert!(cells.iter().map(|planned| planned.cell.repeat).is_sorted());
        let order = |cells: &[Planned], repeat| -> Vec<(String, u32)> {
            let of = cells.iter().map(|planned| &planned.cell);
            let of = of.filter(|cell| cell.repeat == repeat);
            of.map(|cell| (cell.scheme.clone(), cell.stalled)).collect()
        };
        let sorted = |cells: &[Planned], repeat| {
            let mut all = order(cells, repeat);
            all.sort();
            all
        };
        assert_eq!(sorted(&cells, 1), sorted(&cells, 2), "the same cells");
        assert_ne!(order(&cells, 1), order(&cells, 2), "in another order");
        assert_ne!(order(&cells, 1), order(&plan(2), 1), "by the seed");
        assert_eq!(order(&cells, 3), order(&plan(1), 3), "the same for the same seed");
    }
}
