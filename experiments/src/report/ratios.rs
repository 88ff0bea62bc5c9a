//! How each line compares with a baseline, block by block.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use kovan_harness::stats::bootstrap::{self, Resampling};
use kovan_harness::stats::location::{geometric_mean, median};
use kovan_harness::stats::pairs::{self, Verdict};
use kovan_harness::stats::{CONFIDENCE, Interval};
use kovan_lab_base::data::TrialId;
use kovan_lab_base::support::suggest::suggest;
use kovan_lab_base::support::table::render;

use super::better::in_common;
use crate::results::{Block, Sample};

/// How intervals are drawn.
pub(super) const RESAMPLING: Resampling =
    Resampling { resamples: 10_000, seed: 1, confidence: CONFIDENCE };

/// The throughput of a point by line, then by block.
type Point = BTreeMap<String, BTreeMap<Block, f64>>;

/// A table of paired ratios of throughput to that of the baseline, which is a scheme, or a scheme with
/// parameters as `hp-asym threshold=120`.
///
/// # Errors
/// If nothing of the baseline was measured: what was.
pub(crate) fn ratios(samples: &[Sample], baseline: &str) -> Result<String> {
    let mut points: BTreeMap<TrialId, Point> = BTreeMap::new();
    for row in samples.iter().filter(|row| row.is_ok()) {
        let Some(rate) = row.metrics.ops_per_second else { continue };
        #[allow(clippy::cast_precision_loss)] // A rate.
        let by_block = points.entry(point_of(&row.id)).or_default().entry(line_of(&row.id));
        by_block.or_default().insert(row.block(), rate as f64);
    }
    let names: BTreeSet<&str> =
        points.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
    ensure!(
        names.contains(baseline),
        "--baseline: nothing of `{baseline}` was measured; {}",
        suggest(baseline, names.iter().copied())
    );
    let mut rows = Vec::new();
    let mut of_lines: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (id, point) in &points {
        let Some(base) = point.get(baseline) else { continue };
        for (line, rates) in point.iter().filter(|(line, _)| *line != baseline) {
            let blocks = in_common(rates, base);
            let each: Vec<f64> = blocks.iter().map(|(rate, base)| rate / base).collect();
            let Some(middle) = median(&each) else { continue };
            let interval = pairs::ratio(&blocks);
            of_lines.entry(line).or_default().push(interval.map_or(middle, |ratio| ratio.estimate));
            rows.push(vec![
                id.structure.clone(),
                id.workload.clone(),
                id.threads.to_string(),
                id.stalled.to_string(),
                id.unusual(),
                line.clone(),
                format!("{:.3}", interval.map_or(middle, |ratio| ratio.estimate)),
                interval.map_or_else(|| "-".into(), |ratio| range(&ratio)),
                blocks.len().to_string(),
                pairs::verdict(&blocks).map_or("-", word).into(),
            ]);
        }
    }
    let header = [
        "structure",
        "workload",
        "threads",
        "stalled",
        "",
        "scheme",
        "ratio",
        "95 %",
        "blocks",
        "verdict",
    ];
    let mut text = format!(
        "throughput / that of {baseline}, block by block\n\n{}",
        render(&header, &rows, &[2, 3, 6, 7, 8])
    );
    for (line, ratios) in of_lines.into_iter().filter(|(_, ratios)| ratios.len() > 1) {
        text.push_str(&overall(line, &ratios, "points"));
    }
    Ok(text)
}

/// A line about the geometric mean over all points, or cells, of a name.
pub(super) fn overall(name: &str, ratios: &[f64], what: &str) -> String {
    let mean = |values: &mut [f64]| geometric_mean(values).unwrap_or(f64::NAN);
    let interval = bootstrap::interval(ratios, mean, RESAMPLING);
    let interval = interval.map_or_else(String::new, |of| format!(" ({}, BCa)", range(&of)));
    let mean = geometric_mean(ratios).unwrap_or(f64::NAN);
    format!("{name}: geometric mean of {} {what} {mean:.3}{interval}\n", ratios.len())
}

fn range(of: &Interval) -> String {
    format!("{:.3}-{:.3}", of.low, of.high)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Tie => "tie",
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::TooFew => "too few blocks",
    }
}

/// What lines are compared at.
pub(super) fn point_of(id: &TrialId) -> TrialId {
    let (scheme, parameters) = (String::new(), kovan_lab_base::data::Settings::default());
    TrialId { scheme, parameters, ..id.cell() }
}

/// The scheme, with its parameters where they are set.
pub(super) fn line_of(id: &TrialId) -> String {
    format!("{} {}", id.scheme, id.parameters).trim_end().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::parse_samples;

    /// Seven blocks that differ ten times: ibr is 5 % slower than epoch in each, debra is not.
    fn rows() -> Vec<Sample> {
        let mut text = String::from(
            "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,error,ops_per_second\n",
        );
        for repeat in 1..=7_u64 {
            let level = 1_000_000 * (1 + repeat % 3 * 5);
            for (scheme, percent) in [("epoch", 100), ("ibr", 95), ("debra", 99 + 2 * (repeat % 2))]
            {
                let rate = level * percent / 100 + repeat;
                text.push_str(&format!(
                    "x,{scheme},list,w,none,2,0,mimalloc,{repeat},1,ok,,{rate}\n"
                ));
            }
        }
        parse_samples(&text)
    }

    #[test]
    fn what_is_slower_in_each_block_is_slower() {
        let text = ratios(&rows(), "epoch").expect("a table");
        let row = |scheme: &str| {
            let line =
                text.lines().find(|line| line.contains(&format!(" {scheme} "))).unwrap_or_default();
            line.split_whitespace().map(String::from).collect::<Vec<_>>()
        };
        let ibr = row("ibr");
        assert_eq!(
            (ibr[5].as_str(), ibr.last().map(String::as_str)),
            ("0.950", Some("slower")),
            "{text}"
        );
        assert_eq!(row("debra").last().map(String::as_str), Some("tie"), "{text}");
    }

    #[test]
    fn values_of_several_machines_or_builds_are_not_paired() {
        let on = |place: &dyn Fn(&mut Sample)| {
            let mut rows = rows();
            let is_elsewhere = |row: &&mut Sample| row.id.scheme == "ibr" && row.id.repeat > 5;
            rows.iter_mut().filter(is_elsewhere).for_each(place);
            let text = ratios(&rows, "epoch").expect("a table");
            let line = text.lines().find(|line| line.contains(" ibr ")).expect("a row").to_string();
            line.split_whitespace().rev().nth(1).map(String::from)
        };
        let blocks = |count: &str| Some(count.to_string());
        assert_eq!(on(&|_| {}), blocks("7"));
        assert_eq!(on(&|row| row.machine = Some("other".into())), blocks("few"), "too few");
        assert_eq!(on(&|row| row.build = Some("other".into())), blocks("few"), "too few");
    }

    #[test]
    fn a_baseline_that_was_not_measured_is_refused() {
        let error = ratios(&rows(), "epohc").expect_err("refused").to_string();
        assert!(error.contains("did you mean `epoch`"), "{error}");
        let few: Vec<Sample> = rows().into_iter().filter(|row| row.id.repeat < 4).collect();
        assert!(ratios(&few, "epoch").expect("a table").contains("too few blocks"));
    }
}
