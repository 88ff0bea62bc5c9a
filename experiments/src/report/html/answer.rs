//! The answer in a few sentences. An order is said only where the intervals of paired ratios resolve it.

use super::markup::{list, text};
use super::{Draft, Reported};
use crate::claims::{Outcome, Verdict};
use kovan_lab_base::data::MetricInfo;
use kovan_lab_base::support::numbers::count;

use crate::report::plot;
use crate::report::rank::{Ranked, Ranking, rank};
use crate::results::{Sample, Status};
use crate::spec::Source;

/// The answer is about so many metrics at most.
const MOST_METRICS: usize = 3;

/// Up to so many schemes are named with their ratios.
const MOST_RATIOS: usize = 4;

/// A metric, and the places of the schemes by it.
pub(super) type ByMetric = (&'static MetricInfo, Ranking);

/// Returns the places of the schemes by the metrics that the spec draws, as far as one of them can be better than
/// another by that.
pub(super) fn ranked(source: &Source, samples: &[Sample]) -> Vec<ByMetric> {
    let names = plot::names(&source.spec);
    let names = names.iter().flat_map(|name| name.split(" against "));
    let mut metrics: Vec<&'static MetricInfo> = Vec::new();
    for name in names {
        let name = if name == "latency" { "latency_p999_ns" } else { name };
        let is_goal = |metric: &&MetricInfo| {
            ["ops_per_second", "rss_peak_bytes"].contains(&metric.name)
                || ["unreclaimed_", "latency_"].iter().any(|begin| metric.name.starts_with(begin))
        };
        if let Some(metric) = plot::metric(name).filter(is_goal)
            && !metrics.iter().any(|known| known.name == metric.name)
        {
            metrics.push(metric);
        }
    }
    let ranked = metrics.into_iter().filter_map(|metric| Some((metric, rank(samples, metric)?)));
    ranked.filter(|(_, ranking)| ranking.schemes.len() > 1).take(MOST_METRICS).collect()
}

/// Adds the section.
pub(super) fn section(
    draft: &mut Draft,
    folder: &Reported<'_>,
    ranked: &[ByMetric],
    level: usize,
    anchor: &str,
) {
    draft.section(level, anchor, "Answer");
    for (at, sentence) in sentences(folder, ranked).iter().enumerate() {
        let class = match at {
            _ if sentence.contains("BROKEN") => " class=\"broken\"",
            0 => " class=\"lead\"",
            _ => "",
        };
        draft.html.push_str(&format!("<p{class}>{}</p>\n", text(sentence)));
    }
    draft.end();
}

/// Returns the answer. Its first sentence says most.
fn sentences(folder: &Reported<'_>, ranked: &[ByMetric]) -> Vec<String> {
    let Reported { samples, outcomes, manifest, .. } = folder;
    let measured = samples.iter().filter(|row| row.is_ok()).count();
    if measured == 0 {
        return vec!["There is no answer yet, since no cell was measured.".into()];
    }
    let mut all: Vec<String> = of_claims(outcomes).into_iter().collect();
    all.extend(of_rankings(ranked));
    all.extend(of_bounds(samples));
    if all.is_empty() {
        all.push(format!(
            "The figures answer: {} were measured, with nothing to rank, to judge or to hold against a bound.",
            cells(measured)
        ));
    }
    all.extend(of_flaws(samples, manifest.cells));
    all
}

/// Says which verdict each claim has.
fn of_claims(outcomes: &[Outcome]) -> Option<String> {
    let with = |verdict: Verdict| {
        let ids = outcomes.iter().filter(|outcome| outcome.verdict == verdict);
        let ids: Vec<&str> = ids.map(|outcome| outcome.claim.id.as_str()).collect();
        let verb = if ids.len() == 1 { "is" } else { "are" };
        (!ids.is_empty()).then(|| format!("{} {verb} {}", list(&ids), verdict.name()))
    };
    let all = [Verdict::Reproduced, Verdict::Refuted, Verdict::NotResolved, Verdict::NotTestable];
    let parts: Vec<String> = all.into_iter().filter_map(with).collect();
    match outcomes.len() {
        0 => None,
        1 => Some(format!("The one claim of the experiment: {}.", parts.join("; "))),
        many => Some(format!("Of {many} claims of the experiment, {}.", parts.join("; "))),
    }
}

/// Says which schemes are first, as far as the intervals resolve it. One sentence names all metrics without intervals.
fn of_rankings(ranked: &[ByMetric]) -> Vec<String> {
    // Places may be known without an interval to the first scheme, which may have few repeats itself.
    let is_told = |(_, Ranking { schemes, .. }): &&ByMetric| {
        schemes.iter().any(|of| of.interval.is_some() || of.places != [1, schemes.len()])
    };
    let (told, others): (Vec<&ByMetric>, Vec<&ByMetric>) = ranked.iter().partition(is_told);
    let mut all: Vec<String> =
        told.iter().map(|(metric, ranking)| of_ranking(metric, ranking)).collect();
    if !others.is_empty() {
        let labels: Vec<&str> = others.iter().map(|(metric, _)| label(metric)).collect();
        all.push(format!(
            "No order of the schemes by {} is resolved: an interval takes six repeats that both of two schemes have.",
            list(&labels)
        ));
    }
    all
}

/// Returns the label of a metric without its unit.
fn label(metric: &MetricInfo) -> &'static str {
    metric.label.split(" (").next().unwrap_or(metric.label)
}

/// Says which scheme is first by a metric that has intervals.
fn of_ranking(metric: &MetricInfo, ranking: &Ranking) -> String {
    let Ranking { schemes, points, .. } = ranking;
    let better = if metric.is_more_better() { "more" } else { "less" };
    let over = if *points == 1 {
        "at one point".into()
    } else {
        format!("geometric mean over {points} points")
    };
    let begin = format!("By {} ({better} is better; {over})", label(metric));
    let is_unplaced = |of: &&Ranked| of.interval.is_none() && of.places == [1, schemes.len()];
    let (unplaced, placed): (Vec<&Ranked>, Vec<&Ranked>) = schemes.iter().partition(is_unplaced);
    let (unbeaten, behind): (Vec<&Ranked>, Vec<&Ranked>) =
        placed.into_iter().partition(|of| of.places[0] == 1);
    let names =
        |all: &[&Ranked]| list(&all.iter().map(|of| of.scheme.as_str()).collect::<Vec<_>>());
    match (&unbeaten[..], &behind[..]) {
        ([], _) => format!("{begin} the pairs contradict each other, so that no scheme is first."),
        (_, []) => format!(
            "{begin} the intervals of paired ratios do not tell any two of the {} schemes apart.",
            schemes.len()
        ),
        ([first], _) if first.places == [1, 1] => format!(
            "{begin} {} is ahead of {}{}.",
            first.scheme,
            match behind.len() {
                1 => behind[0].scheme.clone(),
                many => format!("each of the {many} other schemes"),
            },
            to_the_first(&behind)
        ),
        _ => format!(
            "{begin} it is not resolved which scheme is first: none is shown to be ahead of {}; {} {} shown to be \
             behind some other one{}.",
            names(&unbeaten),
            names(&behind),
            if behind.len() == 1 { "is" } else { "are each" },
            match unplaced.len() {
                0 => String::new(),
                1 => format!("; {} has too few repeats in common with others", names(&unplaced)),
                _ => format!("; {} have too few repeats in common with others", names(&unplaced)),
            }
        ),
    }
}

/// Says how many times the first scheme's value the others have, where they are few.
fn to_the_first(behind: &[&Ranked]) -> String {
    let ratio = |of: &&Ranked| {
        let [low, high] = of.interval?;
        Some(format!("{} has {:.3} ({low:.3} to {high:.3})", of.scheme, of.ratio))
    };
    let all: Option<Vec<String>> = behind.iter().map(ratio).collect();
    let all = all.filter(|all| all.len() <= MOST_RATIOS).unwrap_or_default();
    if all.is_empty() {
        return String::new();
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    format!("; {} times its value", list(&all))
}

/// Says how many cells kept the bound that their scheme declares, and which schemes did not.
fn of_bounds(samples: &[Sample]) -> Option<String> {
    let declared = samples
        .iter()
        .filter(|row| row.is_ok() && row.metrics.unreclaimed_bound.is_some())
        .filter(|row| row.metrics.unreclaimed_peak.is_some());
    let all = declared.clone().count();
    let mut broken: Vec<&str> = declared
        .filter(|row| row.metrics.breaks_bound())
        .map(|row| row.id.scheme.as_str())
        .collect();
    let count = broken.len();
    broken.dedup();
    broken.sort_unstable();
    broken.dedup();
    match (all, count) {
        (0, _) => None,
        (1, 0) => Some("The one measured cell with a declared bound kept it.".into()),
        (_, 0) => Some(format!("Each of the {} with a declared bound kept it.", cells(all))),
        _ => Some(format!(
            "The declared bound is BROKEN in {count} of {} that have one, by {}.",
            cells(all),
            list(&broken)
        )),
    }
}

/// Says what a reader must know before believing the answer.
fn of_flaws(samples: &[Sample], planned: u64) -> Option<String> {
    let number = |is: fn(&Sample) -> bool| samples.iter().filter(|row| is(row)).count();
    let mut parts = Vec::new();
    let timeouts = number(|row| row.status == Status::Timeout);
    let failed = number(|row| row.status == Status::Error);
    let disturbed = number(|row| row.is_ok() && row.is_disturbed());
    let were = |count: usize| if count == 1 { "was" } else { "were" };
    if failed > 0 {
        parts.push(format!("{} failed", cells(failed)));
    }
    if timeouts > 0 {
        parts.push(format!("{} {} killed after their time", cells(timeouts), were(timeouts)));
    }
    if disturbed > 0 {
        let of = number(Sample::is_ok);
        parts.push(format!(
            "{disturbed} of {} {} disturbed by other programs, which makes throughput too low there",
            cells(of),
            were(disturbed)
        ));
    }
    if (samples.len() as u64) < planned {
        let there = count(samples.len() as u64);
        parts.push(format!(
            "the run is incomplete: {there} of {} planned cells have a row",
            count(planned)
        ));
    }
    (!parts.is_empty()).then(|| format!("What weakens this: {}.", parts.join("; ")))
}

fn cells(number: usize) -> String {
    if number == 1 { "one cell".into() } else { format!("{} cells", count(number as u64)) }
}
