//! The figure and the table at the head of the README: they are drawn from the committed records of its first command.
//!
//! `KOVAN_BLESS=1 cargo test -p kovan-lab --lib front_figure` writes both anew from `docs/runs/stalled-threads`.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use kovan_lab_base::support::numbers::count;
use kovan_schemes::Strength;

use super::{holds, repository};
use crate::report::plot;
use crate::results::manifest::Manifest;
use crate::results::{Sample, read_samples};
use crate::spec::parse;

const BEGIN: &str = "<!-- stalled-threads -->\n";
const END: &str = "<!-- stalled-threads end -->\n";

fn records() -> PathBuf {
    repository("docs/runs/stalled-threads")
}

/// Returns the name of a scheme, with that of the crate that it wraps.
fn named(scheme: &str) -> String {
    match scheme {
        "epoch" => "`epoch` (crossbeam-epoch)".into(),
        "hazard-pointer" => "`hazard-pointer` (haphazard)".into(),
        other => format!("`{other}`"),
    }
}

/// Returns the largest value of a cell over the repeats, if there is one.
fn largest(
    samples: &[Sample],
    scheme: &str,
    stalled: u32,
    value: impl Fn(&Sample) -> Option<u64>,
) -> Option<u64> {
    let is_in = |row: &&Sample| row.id.scheme == scheme && row.id.stalled == stalled;
    samples.iter().filter(is_in).filter_map(value).max()
}

/// Returns the table between the two marks.
// Writing to a string does not fail, so results are ignored.
fn table() -> String {
    let samples = read_samples(&records()).expect("rows").rows;
    let mut text = String::from(
        "\n| scheme | a guard protects | 0 stalled | 1 stalled | 4 stalled | declared bound, 4 stalled |\n\
         |---|---|---:|---:|---:|---:|\n",
    );
    let schemes = kovan_schemes::registry::all();
    for name in ["kovan", "kovan-robust", "epoch", "hazard-pointer", "leak"] {
        let facts = schemes.iter().find(|facts| facts.name == name).expect("a scheme");
        let protects = match facts.strength {
            Strength::Region => "a region",
            Strength::Guard => "what it loaded",
            Strength::Pointer => "one pointer each",
        };
        let peak = |stalled| {
            let peak = largest(&samples, name, stalled, |row| row.metrics.unreclaimed_peak);
            count(peak.expect("measured"))
        };
        let bound = largest(&samples, name, 4, |row| row.metrics.unreclaimed_bound);
        let _ = writeln!(
            text,
            "| {} | {protects} | {} | {} | {} | {} |",
            named(name),
            peak(0),
            peak(1),
            peak(4),
            bound.map_or_else(|| "none".into(), count)
        );
    }
    text + "\n"
}

#[test]
fn the_table_of_the_readme_is_that_of_the_records() {
    let there = fs::read_to_string(repository("README.md")).expect("README.md");
    let (before, rest) = there.split_once(BEGIN).expect("a mark");
    let (_, after) = rest.split_once(END).expect("its end");
    holds("README.md", &format!("{before}{BEGIN}{}{END}{after}", table()));
}

#[test]
fn the_figure_of_the_readme_is_drawn_from_the_records() {
    let manifest = Manifest::read(&records()).expect("a manifest");
    let source = parse(&manifest.spec_file, &manifest.spec_text).expect("a spec");
    let samples = read_samples(&records()).expect("rows").rows;
    let folder = std::env::temp_dir().join(format!("kovan-front-figure-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let figures = plot::figures(&folder, &source.spec, &samples, &manifest).expect("figures");
    plot::draw(&folder, &source.spec, &figures, &manifest, &plot::Style::default()).expect("drawn");
    let drawn = fs::read_to_string(folder.join("plots/unreclaimed_peak.svg")).expect("a figure");
    fs::remove_dir_all(&folder).expect("removed");
    holds("docs/figures/stalled-threads.svg", &drawn);
}
