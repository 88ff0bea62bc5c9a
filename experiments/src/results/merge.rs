//! Joins the records of shards into one folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use kovan_lab_base::data::TrialId;
use kovan_lab_base::support::output::{claim, complain, replace_with};

use super::manifest::Manifest;
use super::sample::Sample;
use super::side::{LatencyRow, RoleRow, SeriesRow};
use super::table::{LATENCIES, ROLES, Reader, Row, SAMPLES, SERIES, begin, copy, is_there};

/// The records of a shard.
pub(crate) struct Part<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) manifest: &'a Manifest,
    /// The trials that are planned for it.
    pub(crate) planned: &'a BTreeSet<&'a TrialId>,
}

/// What a shard brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Joined {
    /// Its rows, each of a trial of its own.
    pub(crate) rows: usize,
    /// Those that say that a trial failed.
    pub(crate) failed: usize,
}

/// A folder that is being written beside the place where it will be. If it is not kept, nothing of it stays.
pub(crate) struct Draft {
    dir: PathBuf,
    is_kept: bool,
    /// No other merge writes into it.
    _claim: File,
}

impl Draft {
    /// Begins a folder that will be `out`. What a killed merge has left is replaced.
    pub(crate) fn begin(out: &Path) -> Result<Self> {
        let dir = beside(out, "merging");
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let claim = claim(&dir)?;
        Ok(Self { dir, is_kept: false, _claim: claim })
    }

    /// Copies the rows of all parts, in their order, and returns what each has brought. Rows name their machine and
    /// build, also where an older version did not write them.
    pub(crate) fn fill(&self, parts: &[Part<'_>]) -> Result<Vec<Joined>> {
        let mut joined = Vec::new();
        let mut measured = Vec::new();
        replace_with(&self.dir.join(SAMPLES), |file| {
            let mut writer = begin::<Sample, _>(file)?;
            for part in parts {
                let (one, ids) = samples(part, &mut |row| Ok(writer.write_record(row.fields())?))?;
                joined.push(one);
                measured.push(ids);
            }
            Ok(writer.flush()?)
        })?;
        self.side::<SeriesRow>(SERIES, parts, &measured)?;
        self.side::<RoleRow>(ROLES, parts, &measured)?;
        self.side::<LatencyRow>(LATENCIES, parts, &measured)?;
        Ok(joined)
    }

    /// Copies the rows of a table beside the samples. One that no part has is not there, but for the time series.
    fn side<T: Row>(
        &self,
        name: &str,
        parts: &[Part<'_>],
        measured: &[BTreeSet<TrialId>],
    ) -> Result<()> {
        let path = self.dir.join(name);
        if name != SERIES && !parts.iter().any(|part| is_there(&part.dir.join(name))) {
            // Of a merge that was killed.
            let _ = fs::remove_file(&path);
            return Ok(());
        }
        replace_with(&path, |file| {
            let mut writer = begin::<T, _>(file)?;
            for (part, measured) in parts.iter().zip(measured) {
                let Some(mut reader) = Reader::open(&part.dir.join(name), true)? else { continue };
                reader.cut.iter().for_each(|line| complain(line));
                copy::<T>(&mut reader, TrialId::default(), &mut writer, |id| {
                    measured.contains(id)
                })?;
            }
            Ok(writer.flush()?)
        })
    }

    /// Writes the manifest, and puts the folder where it belongs. What an earlier merge has left there goes.
    pub(crate) fn keep(mut self, manifest: &Manifest, out: &Path) -> Result<()> {
        let told = || format!("cannot write {}", out.display());
        manifest.write(&self.dir)?;
        let before = beside(out, "replaced");
        let is_there = out.exists();
        if is_there {
            let _ = fs::remove_dir_all(&before);
            fs::rename(out, &before).with_context(told)?;
        }
        fs::rename(&self.dir, out).with_context(told)?;
        self.is_kept = true;
        if is_there {
            fs::remove_dir_all(&before).with_context(told)?;
        }
        Ok(())
    }
}

/// Returns the path of a folder beside another one.
fn beside(folder: &Path, what: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{what}"));
    folder.with_file_name(name)
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Gives each row of a shard to `write`, and returns which trials they are of.
fn samples(
    part: &Part<'_>,
    write: &mut dyn FnMut(&Sample) -> Result<()>,
) -> Result<(Joined, BTreeSet<TrialId>)> {
    let path = part.dir.join(SAMPLES);
    let (mut joined, mut measured) = (Joined::default(), BTreeSet::new());
    // A folder whose run was killed before its first row.
    let Some(mut reader) = Reader::open(&path, true)? else { return Ok((joined, measured)) };
    reader.cut.iter().for_each(|line| complain(line));
    while let Some(fields) = reader.next()? {
        let mut row: Sample = fields.row()?;
        ensure!(
            part.planned.contains(&row.id),
            "{}: the plan of this shard has no trial {}",
            path.display(),
            row.id.name()
        );
        ensure!(
            measured.insert(row.id.clone()),
            "{}: there are two rows of the trial {}",
            path.display(),
            row.id.name()
        );
        row.name_origin(part.manifest);
        joined.rows += 1;
        joined.failed += usize::from(!row.is_complete());
        write(&row)?;
    }
    Ok((joined, measured))
}
