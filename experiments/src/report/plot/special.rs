//! Figures that are no metric against the axis of the spec.

use std::collections::BTreeMap;

use kovan_harness::stats::location::median;
use kovan_lab_base::data::{Draw, Latency, MetricInfo, SeriesPoint, TrialId};

use super::draw::{AxisSpec, Band, Figure, Key, Line, Point, Scale};
use super::group::{Grouping, LineRows, median_of};
use super::metric::{summarised, y_axis};
use crate::report::disturbed;
use crate::results::{LatencyRow, RoleRow, Sample};

/// Unreclaimed nodes over time, at the largest value of the axis; the first repeat that is there.
pub(super) fn over_time(
    grouping: &Grouping<'_>,
    samples: &[Sample],
    series: &BTreeMap<TrialId, Vec<SeriesPoint>>,
) -> Option<Figure> {
    let place = |point: &SeriesPoint| Point::new(real(point.t_ns) / 1e9, real(point.unreclaimed()));
    let largest = grouping.largest();
    let at_largest = |row: &&Sample| largest.is_none() || grouping.x(&row.id) == largest;
    let x = AxisSpec::new("time since the window began", Some("s"), Scale::Linear);
    let mut figure = Figure::new(x, AxisSpec::new("unreclaimed nodes", None, Scale::Linear));
    figure.shared_y = false;
    let (mut spoilt, mut all) = (0, 0);
    for of in grouping.panels(samples.iter().filter(at_largest)) {
        let mut panel = grouping.panel(of.title);
        panel.rules.clear();
        for line in of.lines {
            let rows = line.points.values().flatten();
            let Some(first) = rows.min_by_key(|row| row.id.repeat) else { continue };
            let Some(points) = series.get(&first.id) else { continue };
            let points = points.iter().map(place).collect();
            all += 1;
            spoilt += usize::from(first.is_disturbed());
            if let Some((from, until)) = grouping.adversary_times(&first.id.adversary)
                && panel.bands.is_empty()
            {
                let seconds = first.id.seconds.0.as_secs_f64();
                let name = first.id.adversary.clone();
                panel.bands.push(Band { from: from * seconds, to: until * seconds, name });
            }
            panel.lines.push(Line { key: line.key, ..Line::data(&line.name, points) });
        }
        if !panel.lines.is_empty() {
            figure.panels.push(panel);
        }
    }
    let at = largest.map_or_else(String::new, |x| format!(", with {}", grouping.named_x(x)));
    figure.notes.push(format!("Retired - freed nodes in the first repeat{at}."));
    figure.notes.extend(disturbed::note(spoilt, all, "lines", ""));
    (!figure.panels.is_empty()).then_some(figure)
}

#[allow(clippy::cast_precision_loss)] // A place in a figure.
fn real(number: u64) -> f64 {
    number as f64
}

/// The percentiles of the latency that are drawn.
const PERCENTILES: [(f64, &str); 6] = [
    (50.0, "p50"),
    (90.0, "p90"),
    (99.0, "p99"),
    (99.9, "p99.9"),
    (99.99, "p99.99"),
    (100.0, "max"),
];

/// Percentiles of the latency of all operations, a panel for each value of the axis.
pub(super) fn latency(
    grouping: &Grouping<'_>,
    samples: &[Sample],
    latencies: &[LatencyRow],
) -> Option<Figure> {
    let mut by_trial: BTreeMap<&TrialId, BTreeMap<u64, u64>> = BTreeMap::new();
    for row in latencies {
        let counts = by_trial.entry(&row.id).or_default();
        for (ns, count) in &row.value.counts {
            *counts.entry(*ns).or_default() += count;
        }
    }
    let names = PERCENTILES.map(|(_, name)| name.to_string()).to_vec();
    let x = AxisSpec::new("percentile", None, Scale::Categories(names));
    let mut figure = Figure::new(x, AxisSpec::new("latency", Some("ns"), Scale::Log10));
    for of in grouping.panels(samples.iter()) {
        let xs: std::collections::BTreeSet<_> =
            of.lines.iter().flat_map(|line| line.points.keys().copied()).collect();
        for x in &xs {
            let at =
                if xs.len() > 1 { format!(", {}", grouping.named_x(x.0)) } else { String::new() };
            let mut panel = grouping.panel(format!("{}{at}", of.title));
            panel.rules.clear();
            for line in &of.lines {
                let rows = line.points.get(x).into_iter().flatten();
                let each: Vec<Latency> = rows
                    .clone()
                    .filter_map(|row| by_trial.get(&row.id))
                    .map(|counts| Latency {
                        operation: String::new(),
                        counts: counts.clone().into_iter().collect(),
                    })
                    .collect();
                let mut points = percentiles(&each);
                let is_doubtful = rows.into_iter().any(|row| row.is_disturbed());
                points.iter_mut().for_each(|point| point.is_doubtful = is_doubtful);
                if !points.is_empty() {
                    panel
                        .lines
                        .push(Line { key: line.key.clone(), ..Line::data(&line.name, points) });
                }
            }
            if !panel.lines.is_empty() {
                figure.panels.push(panel);
            }
        }
    }
    figure
        .notes
        .push(format!("Percentiles of the latency of all operations; {}.", median_of(samples)));
    (!figure.panels.is_empty()).then_some(figure)
}

fn percentiles(each: &[Latency]) -> Vec<Point> {
    let point = |(at, (percent, _)): (u32, &(f64, &str))| {
        let values: Vec<f64> = each.iter().map(|of| real(of.percentile(*percent))).collect();
        let y = median(&values)?;
        let repeats = if values.len() > 1 { values } else { Vec::new() };
        Some(Point { repeats, ..Point::new(f64::from(at), y) })
    };
    (0..).zip(&PERCENTILES).filter_map(point).collect()
}

/// The throughput of each role, a line for each.
pub(super) fn roles(
    grouping: &Grouping<'_>,
    samples: &[Sample],
    roles: &[RoleRow],
) -> Option<Figure> {
    let mut by_trial: BTreeMap<&TrialId, Vec<(&str, f64)>> = BTreeMap::new();
    for row in roles {
        let rate = real(row.value.ops_per_second) * 1e-6;
        by_trial.entry(&row.id).or_default().push((&row.value.role, rate));
    }
    let y = AxisSpec::new("throughput", Some("Mops/s"), Scale::Linear);
    let mut figure = Figure::new(grouping.x_axis(), y);
    figure.shared_y = false;
    for of in grouping.panels(samples.iter()) {
        let mut panel = grouping.panel(of.title);
        panel.lines = of.lines.iter().flat_map(|line| lines_of_roles(line, &by_trial)).collect();
        if !panel.lines.is_empty() {
            figure.panels.push(panel);
        }
    }
    figure.notes.push(format!("Operations of each role; {}.", median_of(samples)));
    (!figure.panels.is_empty()).then_some(figure)
}

fn lines_of_roles(
    line: &LineRows<'_>,
    by_trial: &BTreeMap<&TrialId, Vec<(&str, f64)>>,
) -> Vec<Line> {
    let mut of_roles: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for (x, rows) in &line.points {
        let mut rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (role, rate) in rows.iter().filter_map(|row| by_trial.get(&row.id)).flatten() {
            rates.entry(role).or_default().push(*rate);
        }
        let is_doubtful = rows.iter().any(|row| row.is_disturbed());
        for (role, rates) in rates {
            if let Some(y) = median(&rates) {
                let repeats = if rates.len() > 1 { rates } else { Vec::new() };
                let point = Point { repeats, is_doubtful, ..Point::new(x.0, y) };
                of_roles.entry(role).or_default().push(point);
            }
        }
    }
    let named = |(role, points): (&str, Vec<Point>)| {
        let key = Key::two(&line.name, role);
        Line { key, ..Line::data(&format!("{}, {role}", line.name), points) }
    };
    of_roles.into_iter().map(named).collect()
}

/// A metric against another one. The points of a line are those of the axis, in its order, and named after it.
pub(super) fn against(
    grouping: &Grouping<'_>,
    samples: &[Sample],
    y: &'static MetricInfo,
    x: &'static MetricInfo,
) -> Option<Figure> {
    let mut figure = Figure::new(y_axis(x), y_axis(y));
    figure.shared_y = y.draw != Draw::Linear;
    let axis = grouping.x_axis();
    for of in grouping.panels(samples.iter()) {
        let mut panel = grouping.panel(of.title);
        panel.rules.clear();
        for line in of.lines {
            let point = |(at, rows): (&super::group::Place, &Vec<&Sample>)| {
                let x = summarised(rows, x)?;
                let y = summarised(rows, y)?;
                let label = match &axis.scale {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A place.
                    Scale::Categories(names) => names.get(at.0 as usize).cloned(),
                    _ => Some(at.0.to_string()),
                };
                let is_doubtful = rows.iter().any(|row| row.is_disturbed());
                Some(Point { label, is_doubtful, ..Point::new(x, y) })
            };
            let points: Vec<Point> = line.points.iter().filter_map(point).collect();
            if !points.is_empty() {
                panel.lines.push(Line { key: line.key, ..Line::data(&line.name, points) });
            }
        }
        if !panel.lines.is_empty() {
            figure.panels.push(panel);
        }
    }
    figure.notes.push(format!(
        "Each point is a value of {}, whose number stands beside it; {}.",
        axis.label,
        median_of(samples)
    ));
    (!figure.panels.is_empty()).then_some(figure)
}
