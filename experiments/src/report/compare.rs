//! Two runs of the same cells, measured apart or in alternation.

use std::collections::BTreeMap;

use kovan_harness::stats::location::{geometric_mean, median};
use kovan_harness::stats::{Interval, bootstrap, pairs};
use kovan_lab_base::data::{MetricInfo, TrialId};
use kovan_lab_base::support::table::render;
use serde::Serialize;

use super::better::in_common;
use super::formats::{Grid, number};
use super::ratios::{RESAMPLING, overall};
use crate::results::Sample;

/// The columns of the table that are numbers.
const RIGHT: [usize; 5] = [3, 4, 6, 7, 8];

/// Says what belongs together in two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// Nothing: each run was measured for itself. Ratios are of medians, their intervals by bootstrap (BCa).
    Apart,
    /// Repeats of the same number, which were measured right after each other. Ratios are those within the pairs, by
    /// Hodges and Lehmann.
    Blocks,
}

/// What two runs say of one cell.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Compared {
    /// The cell, with `repeat` 0.
    pub(crate) cell: TrialId,
    /// The medians of both runs.
    pub(crate) medians: [f64; 2],
    /// The numbers of repeats.
    pub(crate) repeats: [usize; 2],
    /// How many times the first run's value the second one has.
    pub(crate) ratio: f64,
    /// The interval of that, where there are enough repeats.
    pub(crate) interval: Option<[f64; 2]>,
    /// Says whether the interval excludes 1.
    pub(crate) verdict: Verdict,
}

/// Says whether the runs differ in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// The interval of the ratio holds 1.
    Tie,
    /// The second run has more.
    More,
    /// The second run has less.
    Less,
    /// There are too few repeats for an interval, which needs eight of each, or six pairs.
    TooFew,
}

impl Verdict {
    fn of(interval: Option<&Interval>) -> Self {
        match interval {
            None => Self::TooFew,
            Some(ratio) if ratio.low > 1.0 => Self::More,
            Some(ratio) if ratio.high < 1.0 => Self::Less,
            Some(_) => Self::Tie,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tie => "tie",
            Self::More => "more",
            Self::Less => "less",
            Self::TooFew => "too few",
        }
    }
}

/// What both runs measured in common, and the numbers of cells that only one of them has.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The cells that both have.
    pub(crate) cells: Vec<Compared>,
    /// Those that only the first has, and only the second.
    pub(crate) alone: [usize; 2],
    /// Repeats that both have, and that different machines measured, so that they are not paired.
    pub(crate) elsewhere: usize,
}

/// The values of a cell, by the numbers of its repeats.
type Values = BTreeMap<u32, f64>;

/// Compares a metric of two runs, cell by cell.
pub(crate) fn compare(
    first: &[Sample],
    second: &[Sample],
    metric: &MetricInfo,
    pairing: Pairing,
) -> Comparison {
    // Records of older versions do not name the machine.
    let machines = |samples: &[Sample]| -> BTreeMap<TrialId, String> {
        let paired = samples.iter().filter(|_| pairing == Pairing::Blocks);
        paired.filter_map(|row| Some((row.id.clone(), row.machine.clone()?))).collect()
    };
    let (on_first, on_second) = (machines(first), machines(second));
    let is_elsewhere =
        |id: &TrialId| on_first.get(id).zip(on_second.get(id)).is_some_and(|(one, two)| one != two);
    let elsewhere = on_first.keys().filter(|id| is_elsewhere(id)).count();
    let values = |samples| values(samples, metric, is_elsewhere);
    let (first, second) = (values(first), values(second));
    let alone = |of: &BTreeMap<TrialId, Values>, other: &BTreeMap<TrialId, Values>| {
        of.keys().filter(|cell| !other.contains_key(cell)).count()
    };
    let alone = [alone(&first, &second), alone(&second, &first)];
    let both = first.iter().filter_map(|(cell, a)| Some((cell, a, second.get(cell)?)));
    let cells = both.filter_map(|(cell, a, b)| compared(cell, a, b, pairing));
    Comparison { cells: cells.collect(), alone, elsewhere }
}

/// Compares a cell; `None` where it has no repeat that may be compared.
fn compared(cell: &TrialId, a: &Values, b: &Values, pairing: Pairing) -> Option<Compared> {
    let [first, second] = [a, b].map(|of| of.values().copied().collect::<Vec<f64>>());
    let medians = [median(&first)?, median(&second)?];
    let (ratio, interval) = match pairing {
        Pairing::Apart => {
            (medians[1] / medians[0], bootstrap::ratio_of_medians(&second, &first, RESAMPLING))
        }
        Pairing::Blocks => {
            let blocks = in_common(b, a);
            let each: Vec<f64> = blocks.iter().map(|(b, a)| b / a).collect();
            let (middle, interval) = (median(&each)?, pairs::ratio(&blocks));
            (interval.map_or(middle, |ratio| ratio.estimate), interval)
        }
    };
    Some(Compared {
        cell: cell.clone(),
        medians,
        repeats: [a.len(), b.len()],
        ratio,
        interval: interval.as_ref().map(|ratio| [ratio.low, ratio.high]),
        verdict: Verdict::of(interval.as_ref()),
    })
}

/// The values of each cell.
fn values(
    samples: &[Sample],
    metric: &MetricInfo,
    is_left_out: impl Fn(&TrialId) -> bool,
) -> BTreeMap<TrialId, Values> {
    let mut cells: BTreeMap<TrialId, Values> = BTreeMap::new();
    for row in samples.iter().filter(|row| row.is_ok() && !is_left_out(&row.id)) {
        let Some(value) = metric.get(&row.metrics) else { continue };
        cells.entry(row.id.cell()).or_default().insert(row.id.repeat, value);
    }
    cells
}

/// The header of tables.
const HEADER: [&str; 10] = [
    "scheme",
    "structure",
    "workload",
    "threads",
    "stalled",
    "",
    "A",
    "B",
    "B / A",
    "95 %, verdict",
];

/// The rows of a table.
fn rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let row = |of: &Compared| {
        let id = &of.cell;
        let range = match of.interval {
            Some([low, high]) => format!("{low:.3}-{high:.3}, {}", of.verdict.name()),
            None => of.verdict.name().into(),
        };
        let others = [
            id.unusual(),
            number(of.medians[0]),
            number(of.medians[1]),
            format!("{:.3}", of.ratio),
            range,
        ];
        id.usual().into_iter().chain(others).collect()
    };
    comparison.cells.iter().map(row).collect()
}

/// The table for people, and what it comes to for each scheme.
pub(crate) fn text(comparison: &Comparison, metric: &MetricInfo, pairing: Pairing) -> String {
    let how = match pairing {
        Pairing::Apart => "medians of A and B, measured apart",
        Pairing::Blocks => "medians of A and B, and their ratio block by block",
    };
    let mut text = format!(
        "{} (`{}`): {how}\n\n{}",
        metric.label,
        metric.name,
        render(&HEADER, &rows(comparison), &RIGHT)
    );
    text.push('\n');
    let mut schemes: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for cell in &comparison.cells {
        schemes.entry(&cell.cell.scheme).or_default().push(cell.ratio);
    }
    for (scheme, ratios) in schemes {
        if geometric_mean(&ratios).is_some() {
            text.push_str(&overall(scheme, &ratios, "cells"));
        }
    }
    for (name, count) in ["A", "B"].iter().zip(comparison.alone) {
        if count > 0 {
            text.push_str(&format!("{count} cells are only in {name}\n"));
        }
    }
    if comparison.elsewhere > 0 {
        text.push_str(&format!(
            "{} rows left out, of repeats that different machines measured\n",
            comparison.elsewhere
        ));
    }
    text
}

/// The table for other programs.
pub(crate) fn grid(comparison: &Comparison) -> Grid {
    Grid { header: &HEADER, rows: rows(comparison), numbers: &RIGHT }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::parse_samples;

    /// A run with nine repeats of two schemes, whose second one has so many percent of the usual rate.
    fn run(percent: u64) -> Vec<Sample> {
        let mut text = String::from(
            "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,error,ops_per_second\n",
        );
        for repeat in 1..=9_u64 {
            // Noise of 2 % to each side, in another order for each run.
            let noise = 98 + (repeat * (percent | 1)) % 5;
            for (scheme, percent) in [("epoch", 100), ("ibr", percent)] {
                let rate = 10_000 * noise * percent / 100;
                text.push_str(&format!(
                    "x,{scheme},list,w,none,2,0,mimalloc,{repeat},1,ok,,{rate}\n"
                ));
            }
        }
        parse_samples(&text)
    }

    fn throughput() -> &'static MetricInfo {
        MetricInfo::of("ops_per_second").expect("a metric")
    }

    #[test]
    fn what_changed_is_found_and_what_did_not_is_a_tie() {
        let of = |second: u64, pairing: Pairing| {
            let all = compare(&run(100), &run(second), throughput(), pairing);
            all.cells.iter().map(|cell| cell.verdict).collect::<Vec<_>>()
        };
        for pairing in [Pairing::Apart, Pairing::Blocks] {
            assert_eq!(of(100, pairing), [Verdict::Tie, Verdict::Tie]);
            assert_eq!(of(90, pairing), [Verdict::Tie, Verdict::Less]);
            assert_eq!(of(110, pairing), [Verdict::Tie, Verdict::More]);
        }
    }

    #[test]
    fn a_drift_of_the_machine_cancels_within_blocks() {
        // Both runs see a machine that is three times as fast in its last block as in its first.
        let drifts = |rows: Vec<Sample>| -> Vec<Sample> {
            let faster = |mut row: Sample| {
                let factor = 4 + u64::from(row.id.repeat);
                row.metrics.ops_per_second = row.metrics.ops_per_second.map(|rate| rate * factor);
                row
            };
            rows.into_iter().map(faster).collect()
        };
        let (first, second) = (drifts(run(100)), drifts(run(92)));
        let verdicts = |pairing| {
            let all = compare(&first, &second, throughput(), pairing);
            all.cells.iter().map(|cell| cell.verdict).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(Pairing::Apart), [Verdict::Tie, Verdict::Tie]);
        assert_eq!(verdicts(Pairing::Blocks), [Verdict::Tie, Verdict::Less]);
    }

    #[test]
    fn cells_of_one_run_alone_are_counted() {
        let only = |scheme: &str, rows: Vec<Sample>| -> Vec<Sample> {
            rows.into_iter().filter(|row| row.id.scheme == scheme).collect()
        };
        let all = compare(&only("epoch", run(100)), &run(100), throughput(), Pairing::Apart);
        assert_eq!((all.cells.len(), all.alone), (1, [0, 1]));
        assert!(text(&all, throughput(), Pairing::Apart).ends_with("1 cells are only in B\n"));
        let few: Vec<Sample> = run(50).into_iter().filter(|row| row.id.repeat < 6).collect();
        let all = compare(&few, &few, throughput(), Pairing::Blocks);
        assert!(all.cells.iter().all(|cell| cell.verdict == Verdict::TooFew), "{all:?}");
    }

    #[test]
    fn repeats_of_different_machines_are_not_paired() {
        let on = |machine: &str, from: u32| {
            let mut rows = run(100);
            for row in rows.iter_mut().filter(|row| row.id.repeat >= from) {
                row.machine = Some(machine.into());
            }
            rows
        };
        let all = compare(&on("one", 1), &on("two", 8), throughput(), Pairing::Blocks);
        assert_eq!(
            all.elsewhere, 4,
            "two schemes, two repeats; what is not known is no other machine"
        );
        assert!(all.cells.iter().all(|cell| cell.repeats == [7, 7]), "{all:?}");
        let told = text(&all, throughput(), Pairing::Blocks);
        assert!(told.contains("4 rows left out"), "{told}");
        let apart = compare(&on("one", 1), &on("two", 1), throughput(), Pairing::Apart);
        assert_eq!((apart.cells.len(), apart.elsewhere), (2, 0));
        let none = compare(&on("one", 1), &on("two", 1), throughput(), Pairing::Blocks);
        assert_eq!((none.cells.len(), none.elsewhere), (0, 18));
    }

    #[test]
    fn the_table_has_both_medians_and_the_ratio() {
        let all = compare(&run(100), &run(90), throughput(), Pairing::Apart);
        let told = text(&all, throughput(), Pairing::Apart);
        let line = told.lines().find(|line| line.starts_with("ibr ")).expect("a line");
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(&words[..5], ["ibr", "list", "w", "2", "0"]);
        assert_eq!((words[5], words[6], words[7]), ("1000000", "900000", "0.900"), "{told}");
        assert!(told.contains("ibr: geometric mean of 1 cells 0.900"), "{told}");
    }
}
