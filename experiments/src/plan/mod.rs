//! The trials of a run: what a spec, a scale and the command line mean together.

mod combine;
mod overrides;
mod shard;

use anyhow::{Context, Result, bail, ensure};
use kovan_harness::random::{SplitMix, fnv};
use kovan_lab_base::data::{Further, Shard, Trial, TrialId};
use kovan_lab_base::support::numbers::sum;

pub(crate) use self::overrides::{Overrides, Pattern};
use crate::spec::{ScaleName, Source, check_further};

/// The seed when none is given.
pub(crate) const DEFAULT_SEED: u64 = 1;
/// More trials than this is a mistake.
const MAX_TRIALS: usize = 100_000;

/// A trial and, for an unsound pair, the reason why it is not run.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The trial.
    pub(crate) trial: Trial,
    /// Why the pair is refused.
    pub(crate) refused: Option<String>,
}

/// All trials of a run, in the order they run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The scale.
    pub(crate) scale: ScaleName,
    /// The seed of the order and of all trials.
    pub(crate) seed: u64,
    /// The trials; of a shard only its own.
    pub(crate) trials: Vec<Planned>,
    /// Repeats of each cell, in all shards together.
    pub(crate) repeats: u32,
    /// What asks for more of them.
    pub(crate) further: Further,
    /// The metric whose interval decides about that.
    pub(crate) judged: &'static str,
    /// The cells before they are put into an order.
    cells: Vec<Planned>,
    /// The axes whose values are lines of a figure.
    lines: Vec<String>,
    /// A hash of all trials, those of other shards among them.
    hash: String,
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
        let refused = |id: &TrialId| {
            let is_pair = |pair: &&kovan_structures::registry::Pair| {
                pair.scheme == id.scheme && pair.structure == id.structure
            };
            let pair = matrix.iter().find(is_pair);
            pair.filter(|pair| !pair.allowed).map(|pair| pair.reason.clone())
        };
        let input = combine::Input { spec, scale, overrides, seed, schemes, structures };
        let cells = input.cells(MAX_TRIALS)?.into_iter();
        let cells = cells.map(|trial| Planned { refused: refused(&trial.id), trial }).collect();
        let repeats = overrides.repeats.unwrap_or(scale.repeats);
        let further = overrides.further.or(scale.further());
        check_further(&further, repeats)?;
        let judged = spec.judged();
        let (scale, trials, hash) = (scale_name, Vec::new(), String::new());
        let lines = spec.lines.clone().unwrap_or_default();
        let mut plan = Self { scale, seed, trials, repeats, further, judged, cells, lines, hash };
        let blocks = plan.orders().zip(1..=repeats);
        plan.trials = blocks.flat_map(|(order, repeat)| plan.in_order(&order, repeat)).collect();
        plan.hash = hash_of(&plan.trials);
        if let Some(shard) = overrides.shard {
            plan.keep(shard)?;
        }
        Ok(plan)
    }

    /// Keeps the trials of a shard.
    fn keep(&mut self, shard: Shard) -> Result<()> {
        ensure!(
            !self.further.is_asked(),
            "--shard: further repeats are asked for, and whether they are needed is seen from the rows of all shards, \
             which none of them has; leave out --until-narrow and --budget, and what the scale says of them"
        );
        let mut shards = self.shards(shard.of()).context("--shard")?.into_iter();
        self.trials.retain(|_| shards.next() == Some(shard.number()));
        Ok(())
    }

    /// Returns the shard of each trial of a whole plan, from 1, where it is cut into so many.
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn shards(&self, of: u32) -> Result<Vec<u32>> {
        shard::shards(&self.trials, self.repeats, &self.lines, of)
    }

    /// Returns the orders of the blocks, one after the other: the places of the cells. Each repeat is a block in an order
    /// of its own, so that its trials run close to each other in time, and what is interrupted has whole repeats.
    fn orders(&self) -> impl Iterator<Item = Vec<usize>> + use<> {
        let (mut order, count) = (SplitMix::new(self.seed), self.cells.len());
        std::iter::repeat_with(move || {
            let mut places: Vec<usize> = (0..count).collect();
            order.shuffle(&mut places);
            places
        })
    }

    /// Returns every cell once, in an order of their places.
    fn in_order(&self, order: &[usize], repeat: u32) -> Vec<Planned> {
        let of = |place: &usize| {
            let mut planned = self.cells[*place].clone();
            planned.trial.id.repeat = repeat;
            planned.trial.seed = trial_seed(self.seed, &planned.trial.id);
            planned
        };
        order.iter().map(of).collect()
    }

    /// Returns the block of a repeat, from 1, which may be beyond those of the plan.
    pub(crate) fn block(&self, repeat: u32) -> Vec<Planned> {
        let order = self.orders().nth(repeat.saturating_sub(1) as usize).unwrap_or_default();
        self.in_order(&order, repeat)
    }

    /// Returns a hash of everything that decides what is measured, whatever part of it a shard is; not of texts.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Roughly how many bytes the largest trial needs: for the keys that are there from the begin and, if it frees
    /// nothing while it runs, for all that it retires.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub(crate) fn largest(&self) -> u64 {
        /// Nodes that a worker retires in a second, and bytes of each, at most.
        const NODES: f64 = 5e6;
        const BYTES: f64 = 64.0;
        /// Bytes of values that a worker writes in a second, at most.
        const WRITTEN: f64 = 1e10;
        let schemes = kovan_schemes::registry::all();
        let frees_nothing =
            |id: &TrialId| schemes.iter().any(|f| f.name == id.scheme && !f.frees_meanwhile);
        let all = self.trials.iter().filter(|planned| planned.refused.is_none());
        let bytes = all.map(|planned| &planned.trial).map(|trial| {
            let id = &trial.id;
            let each = BYTES + id.bytes_beside_node() as f64;
            let held = trial.workload.prefill.keys(id.key_range) as f64 * each;
            if !frees_nothing(id) {
                return held;
            }
            let asked = if id.rate > 0 {
                id.rate as f64
            } else {
                f64::from(id.threads) * NODES.min(WRITTEN / each)
            };
            held + (id.seconds.0.as_secs_f64() + trial.warmup_seconds) * asked * each
        });
        bytes.fold(0.0, f64::max) as u64
    }

    /// Roughly how long trials take, in seconds: windows and what surrounds them.
    pub(crate) fn estimate<'a>(trials: impl Iterator<Item = &'a Planned>) -> f64 {
        let measured = trials.filter(|planned| planned.refused.is_none());
        sum(measured.map(|planned| {
            let Trial { id, warmup_seconds, .. } = &planned.trial;
            id.seconds.0.as_secs_f64() + warmup_seconds + 0.15
        }))
    }
}

fn hash_of(trials: &[Planned]) -> String {
    let mut hash = fnv(b"plan 2");
    for planned in trials {
        let text = serde_json::to_string(&planned.trial).unwrap_or_default();
        hash = fnv(format!("{hash:016x}{text}").as_bytes());
    }
    format!("{hash:016x}")
}

/// The seed of a trial, which is the same for every scheme.
fn trial_seed(seed: u64, id: &TrialId) -> u64 {
    let point = [seed, id.threads.into(), id.stalled.into(), id.repeat.into(), id.key_range];
    fnv(format!("{} {point:?}", id.workload).as_bytes())
}

/// Those that a spec names, or all; of them those that match a filter. With `from_all` the filter is of
/// all, whatever the spec names.
fn choose(
    what: &str,
    named: Option<&[String]>,
    all: Vec<&str>,
    filter: Option<&Pattern>,
    from_all: bool,
) -> Result<Vec<String>> {
    let named = named.filter(|_| filter.is_none() || !from_all);
    let names = named.map_or_else(|| all.into_iter().map(String::from).collect(), <[_]>::to_vec);
    let Some(Pattern(filter)) = filter else { return Ok(names) };
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

/// Refuses a number of trials that can only be a mistake.
fn ensure_few(count: usize, most: usize) -> Result<()> {
    ensure!(count <= most, "the plan has more than {most} cells");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{embedded, parse};
    use kovan_lab_base::data::PrefillOrder;

    fn plan_of(text: &str) -> Result<Plan> {
        let overrides = Overrides { processors: 4, ..Overrides::default() };
        Plan::new(&parse("x.toml", text)?, ScaleName::Smoke, &overrides)
    }

    /// A spec of one scheme, with some keys and some tables.
    fn spec(keys: &str, tables: &str) -> String {
        format!(
            "name = \"x\"\nquestion = \"?\"\nschemes = [\"ibr\"]\nstructures = [\"michael-list\"]\n{keys}\n\
             [[workloads]]\nname = \"w\"\ninsert = 1\nremove = 1\nkey_range = 8\nprefill = 0.5\n{tables}\n\
             [scales.smoke]\nseconds = 1\nwarmup_seconds = 0\nrepeats = 1\n"
        )
    }

    #[test]
    fn repeats_come_one_after_the_other_each_in_its_order() {
        let source = embedded().expect("valid").remove(0);
        let plan = |seed| {
            let overrides = Overrides { seed: Some(seed), processors: 2, ..Overrides::default() };
            Plan::new(&source, ScaleName::Laptop, &overrides).expect("a plan").trials
        };
        let trials = plan(1);
        assert!(trials.iter().map(|planned| planned.trial.id.repeat).is_sorted());
        let order = |trials: &[Planned], repeat| -> Vec<(String, u32)> {
            let of = trials.iter().map(|planned| &planned.trial.id);
            let of = of.filter(|id| id.repeat == repeat);
            of.map(|id| (id.scheme.clone(), id.stalled)).collect()
        };
        let sorted = |trials: &[Planned], repeat| {
            let mut all = order(trials, repeat);
            all.sort();
            all
        };
        assert_eq!(sorted(&trials, 1), sorted(&trials, 2), "the same trials");
        assert_ne!(order(&trials, 1), order(&trials, 2), "in another order");
        assert_ne!(order(&trials, 1), order(&plan(2), 1), "by the seed");
        assert_eq!(order(&trials, 3), order(&plan(1), 3), "the same for the same seed");
    }

    #[test]
    fn further_blocks_go_on_where_the_plan_ends() {
        let source = embedded().expect("valid").remove(0);
        let plan = |repeats| {
            let processors = 2;
            let overrides =
                Overrides { repeats: Some(repeats), processors, ..Overrides::default() };
            Plan::new(&source, ScaleName::Laptop, &overrides).expect("a plan")
        };
        let (short, long) = (plan(2), plan(5));
        let all = (1..=5).flat_map(|repeat| short.block(repeat));
        let json = |planned: &Planned| serde_json::to_string(&planned.trial).expect("json");
        let as_planned: Vec<String> = long.trials.iter().map(json).collect();
        assert_eq!(all.map(|planned| json(&planned)).collect::<Vec<_>>(), as_planned);
    }

    #[test]
    fn strict_cells_stand_beside_the_sound_ones() {
        let text = spec("x = \"threads\"\nthreads = [2]\nstrict = true", "");
        let plan = plan_of(&text).expect("a plan");
        let mut cells: Vec<&Trial> = plan.trials.iter().map(|planned| &planned.trial).collect();
        cells.sort_by_key(|trial| trial.id.method.clone());
        let [sound, strict] = cells[..] else { panic!("{} cells", cells.len()) };
        assert_eq!((sound.id.method.as_str(), strict.id.is_strict()), ("sound", true));
        assert_eq!(sound.workload.prefill_order, PrefillOrder::Shuffled);
        assert_eq!(strict.workload.prefill_order, PrefillOrder::WithReplacement);
        assert_eq!(sound.seed, strict.seed, "the same keys and operations");
        let of_one = text.replace("[\"ibr\"]", "[\"epoch\", \"ibr\"]");
        let of_one = of_one.replace("strict = true", "strict = [\"epoch\"]");
        let plan = plan_of(&of_one).expect("a plan");
        let methods = |scheme: &str| -> std::collections::BTreeSet<&str> {
            let of = plan.trials.iter().map(|planned| &planned.trial.id);
            of.filter(|id| id.scheme == scheme).map(|id| id.method.as_str()).collect()
        };
        assert_eq!((methods("epoch").len(), methods("ibr")), (2, ["sound"].into()));
        let refused = plan_of(&of_one.replace("strict = [\"epoch\"]", "strict = [\"ebr-list\"]"));
        assert!(refused.is_err_and(|error| format!("{error:#}").contains("strict")), "not of it");
        // What is not strict is planned as ever, so that folders of older versions go on.
        let json = serde_json::to_string(sound).expect("json");
        assert!(!json.contains("method") && !json.contains("sound"), "{json}");
        let written = plan_of(&text.replace("strict = true", "[axes]\nmethod = [\"strict\"]"));
        assert!(written.is_err_and(|error| format!("{error:#}").contains("`strict = true`")));
    }

    #[test]
    fn the_estimate_of_memory_counts_what_values_carry() {
        let largest = |scheme: &str, axes: &str| {
            let text = spec(&format!("x = \"threads\"\nthreads = [1]\n[axes]\n{axes}"), "");
            plan_of(&text.replace("ibr", scheme)).expect("a plan").largest()
        };
        assert_eq!(largest("ibr", "rate = [1000]"), 4 * 64, "half of eight keys");
        assert_eq!(largest("leak", "rate = [1000]"), (4 + 1000) * 64);
        let carried = "rate = [1000]\nvalue_bytes = [0, 4096]";
        assert_eq!(largest("ibr", carried), 4 * (64 + 16 + 4096));
        assert_eq!(largest("leak", carried), (4 + 1000) * (64 + 16 + 4096));
        let unlimited = largest("leak", "value_bytes = [67108864]");
        assert!(unlimited < 11_000_000_000, "memory is written at a finite speed: {unlimited}");
    }

    #[test]
    fn axes_multiply() {
        let keys = "x = \"key_range\"\nthreads = [1, \"HW\", \"1.25HW\"]\n[axes]\nkey_range = [8, 16]\nseconds = [0.5, 1]";
        let plan = plan_of(&spec(keys, "")).expect("a plan");
        let mut ids: Vec<&TrialId> = plan.trials.iter().map(|planned| &planned.trial.id).collect();
        ids.sort();
        let points: Vec<_> = ids
            .iter()
            .map(|id| (id.threads, id.seconds.0.as_millis(), id.key_range, id.adversary.as_str()))
            .collect();
        assert_eq!(points.len(), 3 * 2 * 2, "{points:?}");
        assert!(points.contains(&(5, 500, 16, "none")), "{points:?}");
        let workload = &plan.trials[0].trial;
        assert_eq!(
            workload.workload.key_range, workload.id.key_range,
            "the worker is told the range"
        );
    }

    #[test]
    fn adversaries_are_an_axis_with_counts_and_periods() {
        let nap = "[[adversaries]]\nname = \"nap\"\nkind = \"nap\"\n";
        let keys =
            "x = \"period_ms\"\nthreads = [2]\nstalled = [0, 1, 2]\n[axes]\nperiod_ms = [1, 10]";
        let plan = plan_of(&spec(keys, nap)).expect("a plan");
        let points: std::collections::BTreeSet<_> = plan
            .trials
            .iter()
            .map(|planned| &planned.trial.id)
            .map(|id| (id.adversary.as_str(), id.stalled, id.period_ms))
            .collect();
        let expected =
            [("nap", 1, 1), ("nap", 1, 10), ("nap", 2, 1), ("nap", 2, 10), ("none", 0, 0)];
        assert_eq!(points.into_iter().collect::<Vec<_>>(), expected);
        let stalled =
            plan_of(&spec("x = \"stalled\"\nthreads = [2]\nstalled = [0, 3]", "")).expect("a plan");
        let names: Vec<_> =
            stalled.trials.iter().map(|planned| planned.trial.id.adversary.as_str()).collect();
        assert!(
            names.contains(&"none") && names.contains(&"stalled") && names.len() == 2,
            "{names:?}"
        );
    }
}
