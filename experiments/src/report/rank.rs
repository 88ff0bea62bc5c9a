//! Which scheme is first, second and so on, over all points of a run.
//!
//! Schemes are compared in pairs and block by block, as ratios are: both values of a block see the same slow quarter
//! of an hour. A scheme has one value for each block, the geometric mean over the points that all schemes have, so
//! that a point weighs the same for each of them. Its place is not one number where the blocks do not tell it from
//! its neighbours.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kovan_harness::stats::location::geometric_mean;
use kovan_harness::stats::pairs;
use kovan_lab_base::data::{MetricInfo, TrialId};
use kovan_lab_base::support::table::render;
use serde::Serialize;

use super::better::{better, in_common};
use super::formats::Grid;
use super::ratios::{line_of, point_of};
use crate::results::{Block, Sample};

const HEADER: [&str; 5] = ["places", "scheme", "to the first", "95 %", "blocks"];
const RIGHT: [usize; 3] = [0, 2, 4];

/// A scheme, with parameters where they are set, among the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Ranked {
    /// Its name.
    pub(crate) scheme: String,
    /// The first place that it may have, from 1, and the last one.
    pub(crate) places: [usize; 2],
    /// Its value over that of the first scheme.
    pub(crate) ratio: f64,
    /// The interval of that, where there are enough blocks.
    pub(crate) interval: Option<[f64; 2]>,
    /// Blocks that it has in common with the first scheme.
    pub(crate) blocks: usize,
}

/// All schemes of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Ranking {
    /// The best one first.
    pub(crate) schemes: Vec<Ranked>,
    /// Points that all schemes have.
    pub(crate) points: usize,
    /// Points that are left out, as some scheme has no value there, or none above zero.
    pub(crate) left_out: usize,
    /// Rows that are left out, as the repeat of their point is spread over machines or builds.
    pub(crate) spread: usize,
}

/// A scheme's values by block.
type Blocks = BTreeMap<u32, f64>;

/// Ranks the schemes of a run by a metric; `None` if all of them have no point in common.
pub(crate) fn rank(samples: &[Sample], metric: &MetricInfo) -> Option<Ranking> {
    let mut points: BTreeMap<TrialId, BTreeMap<String, Blocks>> = BTreeMap::new();
    let measured: Vec<&Sample> = samples.iter().filter(|row| row.is_ok()).collect();
    let together = measured_together(&measured);
    for row in &together {
        let value = metric.get(&row.metrics).filter(|value| *value > 0.0);
        let schemes = points.entry(point_of(&row.id)).or_default();
        // What has no value keeps its scheme among those that a point must have.
        let blocks = schemes.entry(line_of(&row.id)).or_default();
        blocks.extend(value.map(|value| (row.id.repeat, value)));
    }
    let names: BTreeSet<String> =
        points.values().flat_map(|schemes| schemes.keys().cloned()).collect();
    let all = points.len();
    points.retain(|_, schemes| {
        names.iter().all(|name| schemes.get(name).is_some_and(|blocks| !blocks.is_empty()))
    });
    if points.is_empty() {
        return None;
    }
    let mut schemes: Vec<(&String, Blocks)> =
        names.iter().map(|name| (name, over_points(&points, name))).collect();
    let sign = if metric.is_more_better() { -1.0 } else { 1.0 };
    let typical = |blocks: &Blocks| {
        let values: Vec<f64> = blocks.values().copied().collect();
        geometric_mean(&values).map_or(f64::INFINITY, |mean| sign * mean.ln())
    };
    schemes.sort_by(|(_, a), (_, b)| typical(a).total_cmp(&typical(b)));
    let ranked = |(name, own): &(&String, Blocks)| {
        let beside = |other: &Blocks| in_common(own, other);
        let (mut ahead, mut worse) = (0, 0);
        for (_, other) in &schemes {
            match better(metric, &beside(other)) {
                Some(Ordering::Greater) => worse += 1,
                Some(Ordering::Less) => ahead += 1,
                _ => {}
            }
        }
        let with_first = beside(&schemes[0].1);
        let each: Vec<f64> = with_first.iter().map(|(own, first)| own / first).collect();
        let interval = pairs::ratio(&with_first);
        let ratio = interval.map(|ratio| ratio.estimate).or_else(|| geometric_mean(&each));
        Ranked {
            scheme: (*name).clone(),
            places: [1 + ahead, schemes.len() - worse],
            ratio: ratio.unwrap_or(f64::NAN),
            interval: interval.map(|ratio| [ratio.low, ratio.high]),
            blocks: with_first.len(),
        }
    };
    let left_out = all - points.len();
    let spread = measured.len() - together.len();
    let schemes = schemes.iter().map(ranked).collect();
    Some(Ranking { schemes, points: points.len(), left_out, spread })
}

/// Returns the rows but those of a point's repeat that is spread over machines or builds: what differs there is not only
/// the scheme.
fn measured_together<'a>(rows: &[&'a Sample]) -> Vec<&'a Sample> {
    let point = |row: &Sample| (point_of(&row.id), row.id.repeat);
    let mut places: BTreeMap<(TrialId, u32), BTreeSet<Block>> = BTreeMap::new();
    for row in rows {
        places.entry(point(row)).or_default().insert(row.block());
    }
    let is_one = |row: &&&Sample| places.get(&point(row)).is_some_and(|of| of.len() == 1);
    rows.iter().filter(is_one).copied().collect()
}

/// The geometric mean over all points, for each block that all of them have.
fn over_points(points: &BTreeMap<TrialId, BTreeMap<String, Blocks>>, name: &str) -> Blocks {
    let own: Vec<&Blocks> = points.values().filter_map(|schemes| schemes.get(name)).collect();
    let repeats: BTreeSet<u32> = own.iter().flat_map(|blocks| blocks.keys().copied()).collect();
    let mean = |repeat: u32| {
        let values: Option<Vec<f64>> =
            own.iter().map(|blocks| blocks.get(&repeat).copied()).collect();
        Some((repeat, geometric_mean(&values?)?))
    };
    repeats.into_iter().filter_map(mean).collect()
}

/// The table for other programs.
pub(crate) fn grid(ranking: &Ranking) -> Grid {
    Grid { header: &HEADER, rows: rows(ranking), numbers: &RIGHT }
}

fn rows(ranking: &Ranking) -> Vec<Vec<String>> {
    let row = |of: &Ranked| {
        let [first, last] = of.places;
        vec![
            if first == last { first.to_string() } else { format!("{first}-{last}") },
            of.scheme.clone(),
            format!("{:.3}", of.ratio),
            of.interval.map_or_else(|| "-".into(), |[low, high]| format!("{low:.3}-{high:.3}")),
            of.blocks.to_string(),
        ]
    };
    ranking.schemes.iter().map(row).collect()
}

/// The table for people, and what it means.
pub(crate) fn text(ranking: &Ranking, experiment: &str, metric: &MetricInfo) -> String {
    let better = if metric.is_more_better() { "more" } else { "less" };
    let text = format!(
        "{experiment}: {} (`{}`), {better} is better; geometric mean over {}, block by block\n\n{}",
        metric.label,
        metric.name,
        points(ranking.points),
        render(&HEADER, &rows(ranking), &RIGHT)
    );
    text + "\n" + &notes(ranking)
}

fn points(count: usize) -> String {
    format!("{count} point{}", if count == 1 { "" } else { "s" })
}

/// Returns what the table means, a line for each thing.
pub(super) fn notes(ranking: &Ranking) -> String {
    let pairs = ranking.schemes.len() * ranking.schemes.len().saturating_sub(1) / 2;
    let mut text = format!(
        "places: those that the intervals of paired ratios leave; each of {pairs} pairs is compared at 95 %, and \
         about one in twenty of those that are equal is told apart wrongly\n"
    );
    if ranking.schemes.iter().any(|of| of.interval.is_none()) {
        text.push_str("an interval needs six blocks\n");
    }
    if ranking.left_out > 0 {
        text.push_str(&format!(
            "{} left out, where some scheme has no value above zero\n",
            points(ranking.left_out)
        ));
    }
    if ranking.spread > 0 {
        text.push_str(&format!(
            "{} rows left out, of repeats whose schemes were measured by several builds or on several machines\n",
            ranking.spread
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::parse_samples;

    /// Blocks in which these schemes have so many percent of a level that differs ten times, at two points.
    fn rows_of(schemes: &[(&str, u64)], repeats: u64) -> Vec<Sample> {
        let mut text = String::from(
            "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,error,\
             ops_per_second,unreclaimed_mean\n",
        );
        for repeat in 1..=repeats {
            for threads in [1, 2] {
                let level = 1_000_000 * (1 + repeat % 3 * 5) * threads;
                for (at, (scheme, percent)) in (0..).zip(schemes) {
                    // Noise of 1 % to each side, another one for each scheme.
                    let rate = level / 100 * percent / 100 * (99 + (repeat * (at + 2)) % 3);
                    text.push_str(&format!(
                        "x,{scheme},list,w,none,{threads},0,mimalloc,{repeat},1,ok,,{rate},{rate}\n"
                    ));
                }
            }
        }
        parse_samples(&text)
    }

    fn places(ranking: &Ranking) -> Vec<(&str, [usize; 2])> {
        ranking.schemes.iter().map(|of| (of.scheme.as_str(), of.places)).collect()
    }

    fn by(metric: &str, rows: &[Sample]) -> Ranking {
        rank(rows, MetricInfo::of(metric).expect("a metric")).expect("points in common")
    }

    #[test]
    fn the_best_is_first_and_equals_share_their_places() {
        let rows = rows_of(&[("ibr", 100), ("epoch", 120), ("debra", 100), ("leak", 150)], 9);
        let ranking = by("ops_per_second", &rows);
        let told = places(&ranking);
        assert_eq!(&told[..2], [("leak", [1, 1]), ("epoch", [2, 2])]);
        assert!(told[2..].iter().all(|(_, places)| *places == [3, 4]), "{told:?}");
        assert!((ranking.schemes[1].ratio - 0.8).abs() < 0.02, "{ranking:?}");
        // Of nodes, less is better.
        let ranking = by("unreclaimed_mean", &rows);
        let told = places(&ranking);
        assert!(told[..2].iter().all(|(_, places)| *places == [1, 2]), "{told:?}");
        assert_eq!(&told[2..], [("epoch", [3, 3]), ("leak", [4, 4])]);
    }

    #[test]
    fn a_point_that_is_spread_over_machines_is_left_out_of_its_block() {
        let mut rows = rows_of(&[("ibr", 100), ("leak", 150)], 9);
        let blocks = |rows: &[Sample]| by("ops_per_second", rows).schemes[1].blocks;
        // Another machine for a whole point changes nothing: its schemes are compared there.
        for row in rows.iter_mut().filter(|row| row.id.threads == 2) {
            row.machine = Some("other".into());
        }
        assert_eq!(blocks(&rows), 9);
        let is_apart = |row: &&mut Sample| row.id.scheme == "leak" && row.id.repeat > 7;
        rows.iter_mut().filter(is_apart).for_each(|row| row.machine = Some("third".into()));
        assert_eq!(blocks(&rows), 7);
        let ranking = by("ops_per_second", &rows);
        assert!(notes(&ranking).contains("8 rows left out, of repeats"), "{}", notes(&ranking));
    }

    #[test]
    fn few_blocks_tell_nobody_apart() {
        let ranking = by("ops_per_second", &rows_of(&[("ibr", 100), ("leak", 300)], 5));
        assert_eq!(places(&ranking), [("leak", [1, 2]), ("ibr", [1, 2])]);
        let told = text(&ranking, "x", MetricInfo::of("ops_per_second").expect("a metric"));
        assert!(told.contains("an interval needs six blocks"), "{told}");
    }

    #[test]
    fn a_point_that_one_scheme_lacks_is_left_out_for_all() {
        // A scheme that is best where it was measured, and fails elsewhere, is not compared there.
        let mut rows = rows_of(&[("ibr", 100), ("leak", 90)], 7);
        for row in &mut rows {
            if row.id.threads == 2 && row.id.scheme == "leak" {
                row.metrics.ops_per_second = Some(0);
            }
        }
        let ranking = by("ops_per_second", &rows);
        assert_eq!((ranking.points, ranking.left_out), (1, 1));
        assert!((ranking.schemes[1].ratio - 0.9).abs() < 0.02, "{ranking:?}");
        rows.retain(|row| row.id.threads == 2);
        assert_eq!(rank(&rows, MetricInfo::of("ops_per_second").expect("a metric")), None);
    }
}
