//! Which scheme suits a workload, by what was recorded: those that no other scheme beats in everything.
//!
//! Three things count: throughput, the memory that is held back under a stall, and the 99.9th percentile of latencies.
//! A scheme is beaten by another that is worse in none of them and better in one (Pareto). Where both have six blocks
//! in common, the interval of their paired ratio says which of two is better; else their medians do.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kovan_harness::stats::location::median;
use kovan_lab_base::data::{MetricInfo, TrialId};
use kovan_lab_base::support::numbers::readable;
use kovan_lab_base::support::table::render;
use serde::Serialize;

use super::better::{better, by_goodness, of_both};
use super::formats::{Grid, number};
use super::ratios::{line_of, point_of};
use crate::results::{Block, Sample};

/// Something that counts.
struct Goal {
    /// The column of a table.
    column: &'static str,
    metric: &'static str,
    /// It is measured while threads are stalled; else while none is.
    under_stall: bool,
    scale: f64,
    /// What its best value is called.
    best: &'static str,
    /// What a run needs for it.
    needs: &'static str,
}

impl Goal {
    fn metric(&self) -> &'static MetricInfo {
        MetricInfo::of(self.metric).expect("a column")
    }
}

const GOALS: [Goal; 3] = [
    Goal {
        column: "Mops/s",
        metric: "ops_per_second",
        under_stall: false,
        scale: 1e-6,
        best: "most throughput",
        needs: "throughput (cells without an adversary)",
    },
    Goal {
        column: "peak under a stall",
        metric: "unreclaimed_peak",
        under_stall: true,
        scale: 1.0,
        best: "least memory under a stall",
        needs: "memory under a stall (cells with `stalled` threads)",
    },
    Goal {
        column: "p99.9 us",
        metric: "latency_p999_ns",
        under_stall: false,
        scale: 1e-3,
        best: "least p99.9",
        needs: "latencies (`latency_every`)",
    },
];

const HEADER: [&str; 7] =
    ["choice", "scheme", GOALS[0].column, GOALS[1].column, "bound", GOALS[2].column, "beaten by"];
const RIGHT: [usize; 3] = [2, 3, 5];

/// The values of a goal by folder and repeat, with the places where they were measured.
type Blocks = BTreeMap<(usize, u32), (f64, BTreeSet<Block>)>;

/// A scheme, with parameters where they are set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Choice {
    /// Its name.
    pub(crate) scheme: String,
    /// The medians of throughput (operations per second), peak under a stall (nodes) and p99.9 (ns).
    pub(crate) medians: [Option<f64>; 3],
    /// It declares a bound for the stall that was measured; absent where none was.
    pub(crate) is_bounded: Option<bool>,
    /// A scheme that is worse in nothing and better in something.
    pub(crate) beaten_by: Option<String>,
}

/// What is advised for one workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Advice {
    /// The structure, the workload and all else but schemes and stalled threads.
    pub(crate) setting: TrialId,
    /// The stalled threads that memory was measured under.
    pub(crate) stalled: Option<u32>,
    /// What these threads do: the names of adversaries in the specs.
    pub(crate) adversaries: Vec<String>,
    /// Medians decided between some of them, which have too few blocks in common.
    pub(crate) by_medians: bool,
    /// All schemes; those that are not beaten come first.
    pub(crate) choices: Vec<Choice>,
    /// What was not measured for any of them.
    pub(crate) missing: Vec<&'static str>,
}

/// What is known of a scheme.
#[derive(Default)]
struct Known {
    goals: [Blocks; GOALS.len()],
    is_bounded: Option<bool>,
}

/// Advises for each workload that was measured in any of these folders.
pub(crate) fn advise(folders: &[Vec<Sample>]) -> Vec<Advice> {
    let mut settings: BTreeMap<TrialId, Vec<(usize, &Sample)>> = BTreeMap::new();
    for (at, rows) in folders.iter().enumerate() {
        for row in rows.iter().filter(|row| row.is_ok()) {
            settings.entry(setting_of(&row.id)).or_default().push((at, row));
        }
    }
    settings.into_iter().map(|(setting, rows)| of_setting(setting, &rows)).collect()
}

/// What schemes are compared at: with and without stalled threads alike, however long the window was.
fn setting_of(id: &TrialId) -> TrialId {
    let (stalled, period_ms, seconds) = (0, 0, TrialId::default().seconds);
    let adversary = TrialId::default().adversary;
    TrialId { adversary, stalled, period_ms, seconds, ..point_of(id) }
}

fn of_setting(setting: TrialId, rows: &[(usize, &Sample)]) -> Advice {
    let most = rows.iter().map(|(_, row)| row.id.stalled).max().filter(|most| *most > 0);
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for (folder, row) in rows {
        let of = known.entry(line_of(&row.id)).or_default();
        for (goal, blocks) in GOALS.iter().zip(&mut of.goals) {
            let is_there =
                if goal.under_stall { most == Some(row.id.stalled) } else { row.id.stalled == 0 };
            if let Some(value) = goal.metric().get(&row.metrics).filter(|_| is_there) {
                // Several adversaries may stall a scheme: the worst counts.
                let key = (*folder, row.id.repeat);
                let (own, places) = blocks.entry(key).or_insert((value, BTreeSet::new()));
                *own = own.max(value);
                places.insert(row.block());
            }
        }
        if most == Some(row.id.stalled) {
            let is_bounded = row.metrics.unreclaimed_bound.is_some();
            of.is_bounded = Some(of.is_bounded.unwrap_or(true) && is_bounded);
        }
    }
    let most_stalled = rows.iter().filter(|(_, row)| most == Some(row.id.stalled));
    let adversaries: BTreeSet<String> =
        most_stalled.map(|(_, row)| row.id.adversary.clone()).collect();
    let mut by_medians = false;
    let mut choices = Vec::new();
    for (scheme, own) in &known {
        let mut beaten = known.iter().filter(|(_, other)| beats(other, own, &mut by_medians));
        choices.push(Choice {
            scheme: scheme.clone(),
            medians: own.goals.each_ref().map(middle),
            is_bounded: own.is_bounded,
            beaten_by: beaten.next().map(|(other, _)| other.clone()),
        });
    }
    choices.sort_by(|a: &Choice, b| {
        let rate = |of: &Choice| of.medians[0].unwrap_or(0.0);
        let is_beaten = |of: &Choice| of.beaten_by.is_some();
        is_beaten(a).cmp(&is_beaten(b)).then(rate(b).total_cmp(&rate(a)))
    });
    let is_missing = |at: usize| choices.iter().all(|choice| choice.medians[at].is_none());
    let missing = (0..GOALS.len()).filter(|at| is_missing(*at)).map(|at| GOALS[at].needs).collect();
    let adversaries = adversaries.into_iter().collect();
    Advice { setting, stalled: most, adversaries, by_medians, choices, missing }
}

fn middle(blocks: &Blocks) -> Option<f64> {
    median(&blocks.values().map(|(value, _)| *value).collect::<Vec<_>>())
}

/// Returns whether one scheme is worse in nothing that is known of the other, and better in something. Sets
/// `by_medians` where medians decide.
fn beats(one: &Known, other: &Known, by_medians: &mut bool) -> bool {
    let mut is_better = false;
    for (goal, (a, b)) in GOALS.iter().zip(one.goals.iter().zip(&other.goals)) {
        match compare(goal, a, b, by_medians) {
            None if b.is_empty() => {}
            None | Some(Ordering::Less) => return false,
            Some(Ordering::Equal) => {}
            Some(Ordering::Greater) => is_better = true,
        }
    }
    is_better
}

/// Says whether the first is better (`Greater`), worse, or the same for all that is known; `None` if one of them
/// was not measured.
fn compare(goal: &Goal, a: &Blocks, b: &Blocks, by_medians: &mut bool) -> Option<Ordering> {
    let metric = goal.metric();
    better(metric, &paired(a, b)).or_else(|| {
        let more = middle(a)?.total_cmp(&middle(b)?);
        // Each scheme is compared with itself, too, and that is no comparison.
        *by_medians |= !std::ptr::eq(a, b);
        Some(by_goodness(metric, more))
    })
}

/// Returns the values of both for each repeat that was measured in the same places.
fn paired(a: &Blocks, b: &Blocks) -> Vec<(f64, f64)> {
    let same_places = of_both(a, b).filter(|((_, one), (_, other))| one == other);
    same_places.map(|((a, _), (b, _))| (*a, *b)).collect()
}

/// The tables of all workloads as one, for other programs, with the workload in each row.
pub(crate) fn grid(all: &[Advice]) -> Grid {
    const LABELLED: [&str; HEADER.len() + 4] = {
        let [choice, scheme, rate, peak, bound, latency, beaten] = HEADER;
        let [structure, workload, threads, others] = ["structure", "workload", "threads", ""];
        [choice, scheme, rate, peak, bound, latency, beaten, structure, workload, threads, others]
    };
    let labelled = |advice: &Advice| {
        let [_, structure, workload, threads, _] = advice.setting.usual();
        let label = [structure, workload, threads, advice.setting.unusual()];
        rows(advice, number)
            .into_iter()
            .map(move |row| row.into_iter().chain(label.clone()).collect())
    };
    Grid { header: &LABELLED, rows: all.iter().flat_map(labelled).collect(), numbers: &RIGHT }
}

fn rows(advice: &Advice, written: fn(f64) -> String) -> Vec<Vec<String>> {
    let row = |choice: &Choice| {
        let cell = |at: usize| {
            let value = choice.medians[at].map(|value| value * GOALS[at].scale);
            value.map_or_else(|| "-".into(), written)
        };
        let bound = choice.is_bounded.map_or("-", |bound| if bound { "yes" } else { "none" });
        vec![
            if choice.beaten_by.is_none() { "yes" } else { "" }.into(),
            choice.scheme.clone(),
            cell(0),
            cell(1),
            bound.into(),
            cell(2),
            choice.beaten_by.clone().unwrap_or_default(),
        ]
    };
    advice.choices.iter().map(row).collect()
}

/// What is advised, for people.
pub(crate) fn text(advice: &Advice) -> String {
    let TrialId { structure, workload, threads, .. } = &advice.setting;
    let others = advice.setting.unusual();
    let mut text = format!(
        "{}\n\n{}",
        format!("{structure}, {workload}, threads={threads} {others}").trim_end(),
        render(&HEADER, &rows(advice, readable), &RIGHT)
    );
    text.push('\n');
    for (at, goal) in GOALS.iter().enumerate() {
        let known = advice.choices.iter().filter_map(|of| Some((of.medians[at]?, of)));
        let best = known.min_by(|(a, _), (b, _)| by_goodness(goal.metric(), b.total_cmp(a)));
        if let Some((_, choice)) = best {
            text.push_str(&format!("{}: {}\n", goal.best, choice.scheme));
        }
    }
    if let Some(stalled) = advice.stalled {
        let names = advice.adversaries.join(", ");
        text.push_str(&format!("a stall: `stalled` is {stalled}, the adversary {names}\n"));
    }
    if advice.by_medians {
        text.push_str("fewer than six blocks: medians decide, and may decide by chance\n");
    }
    for missing in &advice.missing {
        text.push_str(&format!("not measured: {missing}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::parse_samples;

    /// Seven blocks of schemes with a rate, a peak under a stall and a p99.9; noise of 1 % to each side.
    fn rows_of(schemes: &[(&str, u64, u64, u64)]) -> Vec<Sample> {
        let mut text = String::from(
            "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,error,\
             ops_per_second,unreclaimed_peak,latency_p999_ns\n",
        );
        for repeat in 1..=7_u64 {
            for (at, (scheme, rate, peak, latency)) in (0..).zip(schemes) {
                let noisy = |value: &u64| value * (99 + (repeat * (at + 2)) % 3) / 100;
                let (rate, latency) = (noisy(rate), noisy(latency));
                for (adversary, stalled) in [("none", 0), ("parked", 4)] {
                    let peak = if stalled > 0 { noisy(peak) } else { 9 };
                    text.push_str(&format!(
                        "x,{scheme},list,w,{adversary},2,{stalled},mimalloc,{repeat},1,ok,,{rate},{peak},{latency}\n"
                    ));
                }
            }
        }
        parse_samples(&text)
    }

    fn one(schemes: &[(&str, u64, u64, u64)]) -> Advice {
        let mut all = advise(&[rows_of(schemes)]);
        assert_eq!(all.len(), 1, "stalls are part of the setting");
        all.remove(0)
    }

    fn choices(advice: &Advice) -> Vec<&str> {
        let not_beaten = advice.choices.iter().filter(|choice| choice.beaten_by.is_none());
        not_beaten.map(|choice| choice.scheme.as_str()).collect()
    }

    #[test]
    fn who_is_worse_in_all_is_beaten() {
        let advice = one(&[
            ("epoch", 100_000, 900_000, 50_000),
            ("hp-asym", 80_000, 1_000, 40_000),
            ("hp-naive", 40_000, 1_000, 60_000),
        ]);
        assert_eq!(choices(&advice), ["epoch", "hp-asym"]);
        assert_eq!(advice.choices[2].beaten_by.as_deref(), Some("hp-asym"));
        assert_eq!((advice.stalled, advice.missing.len()), (Some(4), 0));
        assert_eq!((advice.adversaries.join(","), advice.by_medians), ("parked".into(), false));
        let told = text(&advice);
        assert!(told.contains("most throughput: epoch") && told.contains("under a stall: hp-asym"));
    }

    #[test]
    fn noise_beats_nobody() {
        let advice = one(&[("ibr", 100_000, 1_000, 50_000), ("debra", 100_000, 1_000, 50_000)]);
        assert_eq!(choices(&advice).len(), 2, "{advice:?}");
    }

    #[test]
    fn what_is_not_measured_is_told_and_beats_nobody() {
        let mut rows =
            rows_of(&[("epoch", 100_000, 9_000, 50_000), ("ibr", 200_000, 1_000, 10_000)]);
        // The better one was never stalled, and latencies are unknown.
        rows.retain(|row| row.id.scheme == "epoch" || row.id.stalled == 0);
        rows.iter_mut().for_each(|row| row.metrics.latency_p999_ns = None);
        let advice = advise(&[rows]).remove(0);
        assert_eq!(choices(&advice).len(), 2, "{advice:?}");
        assert!(text(&advice).contains("not measured: latencies (`latency_every`)"));
    }

    #[test]
    fn folders_complete_each_other() {
        let rows = rows_of(&[("epoch", 100_000, 9_000, 50_000), ("ibr", 200_000, 1_000, 10_000)]);
        let (calm, stalled): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.id.stalled == 0);
        let advice = advise(&[calm, stalled]).remove(0);
        assert_eq!(choices(&advice), ["ibr"]);
    }
}
