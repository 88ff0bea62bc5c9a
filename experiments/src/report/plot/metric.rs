//! A metric against the axis of the spec.

use kovan_harness::stats::location::median;
use kovan_harness::stats::sign::median_interval;
use kovan_lab_base::data::{Draw, MetricInfo};

use super::draw::{AxisSpec, Figure, Kind, Line, Point, Scale};
use super::group::{Grouping, LineRows, repeats};
use crate::results::Sample;

/// The figure of a metric; nothing where no row has it.
pub(super) fn figure(
    grouping: &Grouping<'_>,
    samples: &[Sample],
    metric: &'static MetricInfo,
) -> Option<Figure> {
    let mut figure = Figure::new(grouping.x_axis(), y_axis(metric));
    // Throughput differs by far between structures.
    figure.shared_y = metric.draw != Draw::Linear;
    for of in grouping.panels(samples.iter()) {
        let mut panel = grouping.panel(of.title);
        for line in &of.lines {
            panel.lines.push(data(line, metric));
            if metric.name == "unreclaimed_peak" {
                panel.lines.extend(bound(line));
            }
        }
        panel.lines.retain(|line| !line.points.is_empty());
        if !panel.lines.is_empty() {
            figure.panels.push(panel);
        }
    }
    figure.notes.push(note(metric, &samples.iter().collect::<Vec<_>>()));
    (!figure.panels.is_empty()).then_some(figure)
}

/// The vertical axis of a metric.
pub(super) fn y_axis(metric: &MetricInfo) -> AxisSpec {
    let scale = match metric.draw {
        Draw::Linear | Draw::No => Scale::Linear,
        Draw::Log | Draw::LogLargest => Scale::Log10,
    };
    let (label, unit) = match metric.label.rsplit_once(" (") {
        Some((label, unit)) => (label, Some(unit.trim_end_matches(')'))),
        None => (metric.label, None),
    };
    AxisSpec::new(label, unit, scale)
}

fn note(metric: &MetricInfo, rows: &[&Sample]) -> String {
    let largest = metric.draw == Draw::LogLargest;
    let bound = if metric.name == "unreclaimed_peak" {
        " Ticked lines: the bound that the scheme declares, where it declares one."
    } else {
        ""
    };
    let points = match (repeats(rows), largest) {
        (1, _) => "One repeat.".into(),
        (count, true) => format!("Largest of {count} repeats, which are the small points."),
        (count @ 2..=5, false) => {
            format!("Median of {count} repeats, which are the small points.")
        }
        (count, false) => format!(
            "Median of {count} repeats, which are the small points; bars: an interval of at least 95 % for it."
        ),
    };
    let best = if is_best(rows, metric) && repeats(rows) > 1 {
        " Strict method: the best of the repeats."
    } else {
        ""
    };
    format!("{points}{best}{bound}")
}

/// The values of a metric in the unit of its label.
pub(super) fn values(rows: &[&Sample], metric: &MetricInfo) -> Vec<f64> {
    let value = |row: &&Sample| metric.get(&row.metrics).map(|value| value * metric.scale);
    rows.iter().filter_map(value).collect()
}

/// Returns whether the best of the repeats stands for all: of throughput, where harnesses of papers do so.
fn is_best(rows: &[&Sample], metric: &MetricInfo) -> bool {
    metric.name == "ops_per_second" && rows.iter().any(|row| row.id.is_strict())
}

/// One number for several repeats.
pub(super) fn summarised(rows: &[&Sample], metric: &MetricInfo) -> Option<f64> {
    let values = values(rows, metric);
    match metric.draw {
        Draw::LogLargest => values.into_iter().reduce(f64::max),
        _ if is_best(rows, metric) => values.into_iter().reduce(f64::max),
        _ => median(&values),
    }
}

fn data(line: &LineRows<'_>, metric: &MetricInfo) -> Line {
    let point = |(x, rows): (&super::group::Place, &Vec<&Sample>)| {
        let values = values(rows, metric);
        let y = summarised(rows, metric)?;
        let is_median = metric.draw != Draw::LogLargest && !is_best(rows, metric);
        let interval = median_interval(&values, 0.95).filter(|_| is_median);
        let (low, high) = interval.map(|i| (i.low, i.high)).unzip();
        let repeats = if values.len() > 1 { values } else { Vec::new() };
        let is_doubtful = rows.iter().any(|row| row.is_disturbed());
        Some(Point { x: x.0, y, low, high, repeats, label: None, is_doubtful })
    };
    let points = line.points.iter().filter_map(point).collect();
    Line { key: line.key.clone(), ..Line::data(&line.name, points) }
}

/// The declared bound: the largest of the repeats, whose live nodes differ a little.
fn bound(line: &LineRows<'_>) -> Option<Line> {
    #[allow(clippy::cast_precision_loss)] // A place in a figure.
    let point = |(x, rows): (&super::group::Place, &Vec<&Sample>)| {
        let most = rows.iter().filter_map(|row| row.metrics.unreclaimed_bound).max()?;
        Some(Point::new(x.0, most as f64))
    };
    let points: Vec<Point> = line.points.iter().filter_map(point).collect();
    let all = Line { key: line.key.clone(), kind: Kind::Bound, ..Line::bound(&line.name, points) };
    (!all.points.is_empty()).then_some(all)
}
