//! The `plot` command.

use std::path::Path;

use anyhow::Result;

use crate::report::{
    self,
    plot::{draw, list},
};
use crate::results::manifest::Manifest;
use crate::results::{Table, read_samples};
use crate::spec;
use crate::support::output::{complain, print};

/// The `plot` command.
pub(crate) fn plot(dir: &Path) -> Result<()> {
    let manifest = Manifest::read(dir)?;
    let source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
    let Table { rows: samples, cut } = read_samples(dir)?;
    cut.iter().for_each(|line| complain(line));
    // First: it is there too where nothing can be written.
    print(&report::text(&source.spec.question, &samples))?;
    report::complain(&samples, &manifest.machine);
    let (plots, lost) = draw(dir, &source.spec, &samples, &manifest.provenance())?;
    lost.iter().for_each(|line| complain(line));
    if plots.is_empty() {
        return print(&format!(
            "{} has no measured cells, so there is nothing to draw\n",
            dir.display()
        ));
    }
    print(&format!("\n{}", list(&plots)))
}
