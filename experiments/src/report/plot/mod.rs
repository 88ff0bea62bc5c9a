//! The plots of a results folder: what is drawn. How is in [`draw`].

// PDF and PNG files, widths and marks that the plots of a folder do not have yet are tested there.
#[allow(dead_code, unused_imports)]
mod draw;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::results::{Sample, SeriesRow, Status, ends, lost_series, read_series};
use crate::spec::{Axis, Spec};
use crate::support::numbers::median;
use crate::support::output::replace_file;
use draw::{AxisSpec, Figure, Line, Panel, Point, Scale, Size, Ticks};

/// A line for each plot.
pub(crate) fn list(plots: &[PathBuf]) -> String {
    plots.iter().map(|path| format!("plot     {}\n", path.display())).collect()
}

/// Draws all plots into `DIR/plots`. Below each stands the `provenance`: which run it is of. The second
/// value is a line about time series that are lost.
pub(crate) fn draw(
    dir: &Path,
    spec: &Spec,
    samples: &[Sample],
    provenance: &str,
) -> Result<(Vec<PathBuf>, Option<String>)> {
    let ok: Vec<&Sample> = samples.iter().filter(|row| row.status == Status::Ok).collect();
    if ok.is_empty() {
        return Ok((Vec::new(), None));
    }
    let series = read_series(dir)?.rows;
    // Others have no series.
    let with_series = ok.iter().copied().filter(|_| spec.workloads.len() == 1);
    let lost = lost_series(&dir.join("series.csv"), with_series, &ends(&series));
    let figures = [
        ("unreclaimed_peak.svg", Some(peak(spec, &ok))),
        ("unreclaimed_mean.svg", Some(mean(spec, &ok))),
        ("unreclaimed_over_time.svg", over_time(spec, &ok, &series)),
        ("throughput.svg", Some(throughput(spec, &ok))),
    ];
    let plots = dir.join("plots");
    std::fs::create_dir_all(&plots)
        .with_context(|| format!("cannot create {}", plots.display()))?;
    let mut paths = Vec::new();
    for (name, figure) in figures {
        if let Some(mut figure) = figure {
            figure.notes.push(provenance.into());
            let path = plots.join(name);
            replace_file(&path, draw::svg(&figure, Size::Page)?.as_bytes())?;
            paths.push(path);
        }
    }
    Ok((paths, lost))
}

fn x_of(axis: Axis, row: &Sample) -> u32 {
    match axis {
        Axis::Threads => row.threads,
        Axis::Stalled => row.stalled,
    }
}

fn x_label(axis: Axis) -> &'static str {
    match axis {
        Axis::Threads => "worker threads",
        Axis::Stalled => "threads stalled inside a guard",
    }
}

/// The distinct schemes in the order of the registry; one that is gone comes last.
fn schemes<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let registry = kovan_schemes::registry::all();
    let rank = |name: &str| registry.iter().position(|facts| facts.name == name);
    let mut all: Vec<&str> = names.collect();
    all.sort_by_key(|name| (rank(name).unwrap_or(registry.len()), *name));
    all.dedup();
    all
}

/// One panel per structure, workload and setting of the axis that is not drawn.
fn panels(
    spec: &Spec,
    ok: &[&Sample],
    lines: impl Fn(&[&Sample], &str) -> Vec<Line>,
) -> Vec<Panel> {
    let other = |row: &Sample| match spec.x_axis {
        Axis::Threads => row.stalled,
        Axis::Stalled => row.threads,
    };
    let keys: BTreeSet<_> =
        ok.iter().map(|row| (&row.structure, &row.workload, other(row))).collect();
    let others: BTreeSet<u32> = ok.iter().map(|row| other(row)).collect();
    keys.into_iter()
        .map(|(structure, workload, setting)| {
            let rows: Vec<&Sample> = ok
                .iter()
                .filter(|row| {
                    (&row.structure, &row.workload, other(row)) == (structure, workload, setting)
                })
                .copied()
                .collect();
            let setting = match spec.x_axis {
                Axis::Threads if others.len() == 1 && setting == 0 => String::new(),
                Axis::Threads => format!(", {setting} stalled"),
                Axis::Stalled => format!(", {setting} workers"),
            };
            let all = schemes(rows.iter().map(|row| row.scheme.as_str()));
            Panel {
                title: format!("{structure}, {workload}{setting}"),
                lines: all.iter().flat_map(|scheme| lines(&rows, scheme)).collect(),
                ..Panel::default()
            }
        })
        .collect()
}

/// The rows of a scheme, by x.
fn by_x<'a>(axis: Axis, rows: &[&'a Sample], scheme: &str) -> Vec<(f64, Vec<&'a Sample>)> {
    let xs: BTreeSet<u32> =
        rows.iter().filter(|row| row.scheme == scheme).map(|row| x_of(axis, row)).collect();
    xs.into_iter()
        .map(|x| {
            let here = rows.iter().filter(|row| row.scheme == scheme && x_of(axis, row) == x);
            (f64::from(x), here.copied().collect())
        })
        .collect()
}

#[allow(clippy::cast_precision_loss)] // Pixels.
fn real(number: u64) -> f64 {
    number as f64
}

fn x_ticks(axis: Axis, ok: &[&Sample]) -> Vec<f64> {
    ok.iter()
        .map(|row| x_of(axis, row))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(f64::from)
        .collect()
}

/// A figure against the axis of the spec, without panels.
fn against(spec: &Spec, ok: &[&Sample], y: AxisSpec, note: String) -> Figure {
    let axis = spec.x_axis;
    let ticks = x_ticks(axis, ok);
    // 1, 2, 4 .. 32 would be crowded at the left.
    let wide = ticks.first().zip(ticks.last()).is_some_and(|(first, last)| *last >= 8.0 * first);
    let scale = if axis == Axis::Threads && wide { Scale::Log2 } else { Scale::Linear };
    let x = AxisSpec { ticks: Ticks::At(ticks), ..AxisSpec::new(x_label(axis), None, scale) };
    Figure { notes: vec![note], ..Figure::new(x, y) }
}

fn repeats(ok: &[&Sample]) -> String {
    match ok.iter().map(|row| row.repeat).max().unwrap_or(1) {
        1 => "the only repeat".into(),
        count => format!("{count} repeats"),
    }
}

fn peak(spec: &Spec, ok: &[&Sample]) -> Figure {
    let panels = panels(spec, ok, |rows, scheme| {
        let groups = by_x(spec.x_axis, rows, scheme);
        let most = |pick: fn(&Sample) -> Option<u64>| -> Vec<Point> {
            let worst = |rows: &[&Sample]| rows.iter().filter_map(|row| pick(row)).max();
            let point = |(x, rows): &(f64, Vec<&Sample>)| Some(Point::new(*x, real(worst(rows)?)));
            groups.iter().filter_map(point).collect()
        };
        let mut all = vec![Line::data(scheme, most(|row| row.unreclaimed_peak))];
        let bound = most(|row| row.unreclaimed_bound);
        if !bound.is_empty() {
            all.push(Line::bound(scheme, bound));
        }
        all
    });
    let y = AxisSpec::new("peak unreclaimed nodes", None, Scale::Log10);
    let note = format!(
        "Largest sample of retired - freed nodes in {}. Lines with ticks: the bound that the scheme declares, where it declares one.",
        repeats(ok)
    );
    Figure { panels, ..against(spec, ok, y, note) }
}

/// The median of a column over the repeats with its range, times a unit.
fn middle(spec: &Spec, ok: &[&Sample], unit: f64, pick: fn(&Sample) -> Option<u64>) -> Vec<Panel> {
    panels(spec, ok, |rows, scheme| {
        let mut line = Line::data(scheme, Vec::new());
        for (x, rows) in by_x(spec.x_axis, rows, scheme) {
            let mut values: Vec<u64> = rows.iter().filter_map(|row| pick(row)).collect();
            if let Some(middle) = median(&mut values) {
                let mut point = Point::new(x, real(middle) * unit);
                if let [low, .., high] = values[..] {
                    point.low = Some(real(low) * unit);
                    point.high = Some(real(high) * unit);
                }
                line.points.push(point);
            }
        }
        vec![line]
    })
}

fn mean(spec: &Spec, ok: &[&Sample]) -> Figure {
    let panels = middle(spec, ok, 1.0, |row| row.unreclaimed_mean);
    let y = AxisSpec::new("mean unreclaimed nodes", None, Scale::Log10);
    let note = format!(
        "Mean over the window of retired - freed nodes: median and range of {}.",
        repeats(ok)
    );
    Figure { panels, ..against(spec, ok, y, note) }
}

fn throughput(spec: &Spec, ok: &[&Sample]) -> Figure {
    let panels = middle(spec, ok, 1e-6, |row| row.ops_per_second);
    let note = format!("Operations of all workers: median and range of {}.", repeats(ok));
    let y = AxisSpec::new("throughput", Some("Mops/s"), Scale::Linear);
    // Throughput differs by far between structures.
    Figure { panels, shared_y: false, ..against(spec, ok, y, note) }
}

/// At the largest setting of the axis; the first repeat that is there.
fn over_time(spec: &Spec, ok: &[&Sample], rows: &[SeriesRow]) -> Option<Figure> {
    let axis = spec.x_axis;
    let largest = ok.iter().map(|row| x_of(axis, row)).max()?;
    let ok: Vec<&Sample> = ok.iter().filter(|row| x_of(axis, row) == largest).copied().collect();
    let panels = panels(spec, &ok, |samples, scheme| {
        let first = samples.iter().filter(|row| row.scheme == scheme).min_by_key(|row| row.repeat);
        let Some(first) = first else { return Vec::new() };
        let is_of_first = |row: &&SeriesRow| {
            (&row.scheme, &row.structure, &row.adversary)
                == (&first.scheme, &first.structure, &first.adversary)
                && (row.threads, row.stalled, row.repeat)
                    == (first.threads, first.stalled, first.repeat)
        };
        let points = rows
            .iter()
            .filter(is_of_first)
            .map(|row| Point::new(real(row.t_ns) / 1e9, real(row.unreclaimed)));
        vec![Line::data(scheme, points.collect())]
    });
    let empty = panels.iter().all(|panel| panel.lines.iter().all(|line| line.points.is_empty()));
    let what = match axis {
        Axis::Threads => "worker",
        Axis::Stalled => "stalled",
    };
    let note = format!("Retired - freed nodes in the first repeat with {largest} {what} threads.");
    let x = AxisSpec::new("time since the window began", Some("s"), Scale::Linear);
    let y = AxisSpec::new("unreclaimed nodes", None, Scale::Linear);
    (!empty).then(|| Figure { notes: vec![note], panels, ..Figure::new(x, y) })
}
