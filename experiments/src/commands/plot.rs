//! The `plot` command.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use kovan_lab_base::support::output::{complain, print, print_report};

use super::folder;
use crate::report::{
    self,
    plot::{Format, Size, Style, draw, figures, list},
};
use crate::results::manifest::Manifest;
use crate::spec;

/// The arguments of `plot`.
#[derive(Debug, Args)]
pub(crate) struct PlotArgs {
    /// A folder that `run` wrote
    dir: PathBuf,
    /// The formats of the figures
    #[arg(long, value_enum, value_delimiter = ',', default_value = "svg")]
    format: Vec<Format>,
    /// How wide figures are: a column (3.3 inches) or the page (7 inches) of a paper, or a slide; of several
    /// widths the first one has the plain file names
    #[arg(long, value_enum, value_delimiter = ',', default_value = "page")]
    width: Vec<Width>,
    /// Prints how the throughput of each scheme compares with that of this one, block by block; with parameters:
    /// 'hp-asym threshold=120'
    #[arg(long, value_name = "SCHEME")]
    baseline: Option<String>,
    /// Puts the question above the panels
    #[arg(long)]
    title: bool,
    /// Leaves the notes below the panels out, for a paper that has a caption
    #[arg(long)]
    no_caption: bool,
}

/// How wide a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Width {
    Column,
    Page,
    Slide,
}

/// The `plot` command.
pub(crate) fn plot(args: &PlotArgs) -> Result<()> {
    let dir = &args.dir;
    let manifest = Manifest::read(dir)?;
    let source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
    let samples = folder::samples(dir)?;
    // First: it is there too where nothing can be written.
    print_report(&report::text(&source.spec.question, &samples))?;
    if let Some(baseline) = &args.baseline {
        print_report(&format!("\n{}", report::ratios(&samples, baseline)?))?;
    }
    report::complain(&samples, &manifest.machine);
    let size = |width: &Width| match width {
        Width::Column => Size::Column,
        Width::Page => Size::Page,
        Width::Slide => Size::Slide,
    };
    let style = Style {
        formats: args.format.clone(),
        sizes: args.width.iter().map(size).collect(),
        has_title: args.title,
        has_caption: !args.no_caption,
    };
    let figures = figures(dir, &source.spec, &samples, &manifest)?;
    let plots = draw(dir, &source.spec, &figures, &manifest, &style)?;
    figures.lost.iter().for_each(|line| complain(line));
    if plots.is_empty() {
        return print(&format!(
            "{} has no measured cells, so there is nothing to draw\n",
            dir.display()
        ));
    }
    print(&format!("\n{}", list(&plots)))
}
