//! The figures of a results folder: what is drawn. How is in [`mod@draw`].

mod draw;
mod group;
mod interactive;
mod metric;
mod special;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kovan_lab_base::data::{MetricInfo, TrialId};
use kovan_lab_base::support::output::replace_file;

use self::group::Grouping;
use crate::report::disturbed;
use crate::results::manifest::Manifest;
use crate::results::{
    LatencyRow, RoleRow, Sample, Series, read_latencies, read_roles, read_series,
};
use crate::spec::Spec;

pub(crate) use self::draw::{Figure, Kind, Line, Point, Size};
pub(crate) use self::interactive::{chart, count_broken, is_thinned, readable_x};

/// The figures of a spec that names none.
const USUAL: [&str; 4] = ["unreclaimed_peak", "unreclaimed_mean", "over-time", "throughput"];

/// The figure of what workers see as their operations begin.
const BY_OPERATION: &str = "unreclaimed_by_operation";

/// How figures are written.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// The formats, for example `svg`.
    pub(crate) formats: Vec<Format>,
    /// The sizes; one that is not the first has its name in the file's.
    pub(crate) sizes: Vec<Size>,
    /// Says whether the question stands above the panels.
    pub(crate) has_title: bool,
    /// Says whether notes stand below the panels.
    pub(crate) has_caption: bool,
}

/// A format of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Browsers show it.
    Svg,
    /// Papers include it.
    Pdf,
    /// Everything else takes it.
    Png,
}

impl Default for Style {
    fn default() -> Self {
        let (formats, sizes) = (vec![Format::Svg], vec![Size::Page]);
        Self { formats, sizes, has_title: false, has_caption: true }
    }
}

/// A line for each file.
pub(crate) fn list(plots: &[PathBuf]) -> String {
    plots.iter().map(|path| format!("plot     {}\n", path.display())).collect()
}

/// The rows that figures are of.
struct Rows {
    samples: Vec<Sample>,
    series: Series,
    roles: Vec<RoleRow>,
    latencies: Vec<LatencyRow>,
}

/// The figures of a folder.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Each figure by the name of its file, which lacks what a format adds.
    pub(crate) all: Vec<(String, Figure)>,
    /// A line about time series that are lost.
    pub(crate) lost: Option<String>,
}

/// Returns the figures that a spec asks for, as far as they have values.
pub(crate) fn figures(
    dir: &Path,
    spec: &Spec,
    samples: &[Sample],
    manifest: &Manifest,
) -> Result<Figures> {
    let ok: Vec<Sample> = samples.iter().filter(|row| row.is_ok()).cloned().collect();
    if ok.is_empty() {
        return Ok(Figures::default());
    }
    // Only the first repeat of a cell is drawn over time.
    let mut firsts: BTreeMap<TrialId, u32> = BTreeMap::new();
    let is_drawn = |figure: &str| names(spec).iter().any(|name| name == figure);
    if is_drawn("over-time") {
        for row in &ok {
            let first = firsts.entry(row.id.cell()).or_insert(row.id.repeat);
            *first = row.id.repeat.min(*first);
        }
    }
    let series = read_series(dir, samples, |id| firsts.get(&id.cell()) == Some(&id.repeat))?;
    let lost = series.lost(dir, ok.iter());
    let rows = Rows {
        samples: ok,
        series,
        roles: if is_drawn("roles") { read_roles(dir)?.rows } else { Vec::new() },
        latencies: if is_drawn("latency") { read_latencies(dir)?.rows } else { Vec::new() },
    };
    let grouping = Grouping::new(spec, &rows.samples, manifest.machine.processors());
    let mut all = Vec::new();
    for name in names(spec) {
        let Some(mut figure) = figure_of(&name, &grouping, &rows) else { continue };
        tell_rings(&mut figure);
        all.push((file_of(&name), figure));
    }
    Ok(Figures { all, lost })
}

/// Returns the names of the figures that a spec asks for.
pub(crate) fn names(spec: &Spec) -> Vec<String> {
    let mut names = spec.figures.clone().unwrap_or_else(|| USUAL.map(String::from).to_vec());
    // What only the other method has is drawn too.
    if spec.strict.is_asked_for() && !names.iter().any(|name| name == BY_OPERATION) {
        names.push(BY_OPERATION.into());
    }
    names
}

/// Draws figures into `DIR/plots`, and returns their files. Below each stands of which run it is.
pub(crate) fn draw(
    dir: &Path,
    spec: &Spec,
    figures: &Figures,
    manifest: &Manifest,
    style: &Style,
) -> Result<Vec<PathBuf>> {
    if figures.all.is_empty() {
        return Ok(Vec::new());
    }
    let plots = dir.join("plots");
    std::fs::create_dir_all(&plots)
        .with_context(|| format!("cannot create {}", plots.display()))?;
    let mut paths = Vec::new();
    for (name, figure) in &figures.all {
        let mut figure = figure.clone();
        figure.notes.push(manifest.provenance());
        figure.title = style.has_title.then(|| spec.question.clone());
        figure.caption = style.has_caption;
        paths.extend(write(&plots, name, &figure, style)?);
    }
    Ok(paths)
}

/// Returns a figure as the text of an SVG file, as wide as the page of a paper and without notes.
pub(crate) fn still(figure: &Figure) -> Result<String> {
    draw::svg(&Figure { caption: false, ..figure.clone() }, Size::Page)
}

/// Adds a note about the points that have a ring.
fn tell_rings(figure: &mut Figure) {
    let measured = figure.measured();
    let spoilt = measured.clone().filter(|point| point.is_doubtful).count();
    let note = disturbed::note(spoilt, measured.count(), "points", " (ringed)");
    figure.notes.extend(note);
}

/// The figure of a name in a spec; nothing where it has no values.
fn figure_of(name: &str, grouping: &Grouping<'_>, rows: &Rows) -> Option<Figure> {
    match name {
        "over-time" => special::over_time(grouping, &rows.samples, &rows.series.points),
        "latency" => special::latency(grouping, &rows.samples, &rows.latencies),
        "roles" => special::roles(grouping, &rows.samples, &rows.roles),
        _ => match name.split_once(" against ") {
            Some((y, x)) => special::against(grouping, &rows.samples, metric(y)?, metric(x)?),
            None => metric::figure(grouping, &rows.samples, metric(name)?),
        },
    }
}

/// Returns the metric that a spec calls so.
pub(crate) fn metric(name: &str) -> Option<&'static MetricInfo> {
    MetricInfo::of(if name == "throughput" { "ops_per_second" } else { name })
}

/// The file of a figure, without what its format adds.
fn file_of(name: &str) -> String {
    match name {
        "ops_per_second" => "throughput".into(),
        "over-time" => "unreclaimed_over_time".into(),
        other => other.replace(" against ", "_against_"),
    }
}

fn write(plots: &Path, name: &str, figure: &Figure, style: &Style) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (nth, size) in style.sizes.iter().enumerate() {
        let suffix = if nth == 0 { String::new() } else { format!("-{}", name_of(*size)) };
        for format in &style.formats {
            let (bytes, extension) = match format {
                Format::Svg => (draw::svg(figure, *size)?.into_bytes(), "svg"),
                Format::Pdf => (draw::pdf(figure, *size), "pdf"),
                Format::Png => (draw::png(figure, *size)?, "png"),
            };
            let path = plots.join(format!("{name}{suffix}.{extension}"));
            replace_file(&path, &bytes)?;
            paths.push(path);
        }
    }
    if !style.has_caption {
        let path = plots.join(format!("{name}.txt"));
        replace_file(&path, format!("{}\n", figure.notes.join("\n")).as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}

fn name_of(size: Size) -> &'static str {
    match size {
        Size::Column => "column",
        Size::Page => "page",
        Size::Slide => "slide",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::parse_samples;

    #[test]
    fn points_of_disturbed_rows_have_rings_and_are_counted() {
        let row = |scheme: &str, threads: u32, repeat: u32, disturbed: &str| {
            format!(
                "x,{scheme},stack,w,none,{threads},0,mimalloc,{repeat},1,ok,,1000,{disturbed}\n"
            )
        };
        let columns = "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,\
                       error,ops_per_second,disturbed\n";
        let rows = [
            row("ibr", 1, 1, "0.5"),
            row("ibr", 1, 2, "0.01"),
            row("ibr", 2, 1, "0.1"),
            row("epoch", 1, 1, ""),
        ];
        let samples = parse_samples(&format!("{columns}{}", rows.concat()));
        assert_eq!(samples.len(), 4);
        let source = crate::spec::find("throughput").expect("embedded");
        let grouping = Grouping::new(&source.spec, &samples, None);
        let rows =
            Rows { samples, series: Series::default(), roles: Vec::new(), latencies: Vec::new() };
        let mut figure = figure_of("throughput", &grouping, &rows).expect("a figure");
        let rings = figure.measured().filter(|point| point.is_doubtful).map(|point| point.x);
        assert_eq!(rings.collect::<Vec<_>>(), [1.0]);
        tell_rings(&mut figure);
        let told = figure.notes.last().expect("a note");
        assert!(
            told.starts_with("1 of 3 points (ringed) was disturbed by other programs"),
            "{told}"
        );
        assert!(told.contains("--redo disturbed"), "{told}");
    }
}
