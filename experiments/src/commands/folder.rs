//! Reads the folder of a run that is over.

use std::path::Path;

use anyhow::Result;

use crate::results::{Sample, Table, read_samples};
use crate::support::output::complain;

/// Returns the rows of `samples.csv`, and says where the last one is cut.
pub(super) fn samples(dir: &Path) -> Result<Vec<Sample>> {
    let Table { rows, cut } = read_samples(dir)?;
    cut.iter().for_each(|line| complain(line));
    Ok(rows)
}
