//! The records of a run: `samples.csv`, one row per trial, and the tables beside it.
//!
//! The rows of a trial in the other tables are written before its sample, so a trial is complete exactly when
//! its sample is there. All are on the disk before the next trial begins.

pub(crate) mod manifest;
pub(crate) mod merge;
mod sample;
mod series;
mod side;
mod table;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kovan_lab_base::data::{Measured, Trial, TrialId};
use kovan_lab_base::support::output::{replace_file, replace_with};

use self::manifest::Manifest;
use self::table::{
    LATENCIES, ROLES, Reader, Row, SAMPLES, SERIES, begin, copy, header_of, is_there, read, text_of,
};

pub(crate) use self::sample::{Block, Sample, Status, USUALLY_TAKEN};
pub(crate) use self::series::{Series, read_series};
pub(crate) use self::side::{LatencyRow, RoleRow, SeriesRow};
pub(crate) use self::table::Table;

/// The files of an interrupted run, and what is in them.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) records: Records,
    /// The rows of the trials that are complete.
    pub(crate) rows: Vec<Sample>,
    /// What the user should know of the files.
    pub(crate) notes: Vec<String>,
}

/// The tables, open for appending.
#[derive(Debug)]
pub(crate) struct Records {
    samples: Appender,
    series: Appender,
    roles: Appender,
    latencies: Appender,
}

/// A table that is there once it has a row, or from the begin.
#[derive(Debug)]
struct Appender {
    path: PathBuf,
    header: String,
    file: Option<File>,
}

impl Records {
    /// New files with headers.
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        replace_file(&dir.join(SERIES), header_of::<SeriesRow>().as_bytes())?;
        replace_file(&dir.join(SAMPLES), header_of::<Sample>().as_bytes())?;
        Self::open(dir)
    }

    /// Opens the files of an interrupted run. A row that was cut, rows of failed trials and what other
    /// tables have of incomplete trials are removed, and rows that are not to be kept. Rows of further repeats of
    /// the `trials` stay. Rows of older versions, which name no build and no machine, are of the first ones of the
    /// manifest.
    pub(crate) fn resume(
        dir: &Path,
        trials: &[&Trial],
        manifest: Option<&Manifest>,
        is_kept: impl Fn(&Sample) -> bool,
    ) -> Result<Resumed> {
        let Table { rows: mut samples, cut } = read_samples(dir)?;
        let mut notes: Vec<String> = cut.into_iter().collect();
        let mut complete = BTreeSet::new();
        let of_first = |id: &TrialId| TrialId { repeat: 1, ..id.clone() };
        let planned: BTreeSet<TrialId> = trials.iter().map(|trial| of_first(&trial.id)).collect();
        samples.retain(|row| {
            row.is_complete()
                && is_kept(row)
                && planned.contains(&of_first(&row.id))
                && complete.insert(row.id.clone())
        });
        for row in &mut samples {
            manifest.iter().for_each(|manifest| row.name_origin(manifest));
        }
        let usual = series::usual(&samples);
        keep::<SeriesRow>(&dir.join(SERIES), &usual, &complete)?;
        keep::<RoleRow>(&dir.join(ROLES), &usual, &complete)?;
        keep::<LatencyRow>(&dir.join(LATENCIES), &usual, &complete)?;
        notes.extend(read_series(dir, &samples, |_| false)?.lost(dir, samples.iter()));
        write(&dir.join(SAMPLES), &samples)?;
        Ok(Resumed { records: Self::open(dir)?, rows: samples, notes })
    }

    fn open(dir: &Path) -> Result<Self> {
        Ok(Self {
            samples: Appender::new(dir.join(SAMPLES), header_of::<Sample>())?,
            series: Appender::new(dir.join(SERIES), header_of::<SeriesRow>())?,
            roles: Appender::new(dir.join(ROLES), header_of::<RoleRow>())?,
            latencies: Appender::new(dir.join(LATENCIES), header_of::<LatencyRow>())?,
        })
    }

    /// Writes the outcome of a trial.
    pub(crate) fn append(
        &mut self,
        trial: &Trial,
        sample: &Sample,
        measured: &Measured,
    ) -> Result<()> {
        let (experiment, id) = (&trial.experiment, &trial.id);
        self.series.append(&SeriesRow::all(trial, &measured.series))?;
        let role = |value: &_| RoleRow {
            experiment: experiment.clone(),
            id: id.clone(),
            value: Clone::clone(value),
        };
        self.roles.append(&measured.roles.iter().map(role).collect::<Vec<_>>())?;
        let latency = |value: &_| LatencyRow {
            experiment: experiment.clone(),
            id: id.clone(),
            value: Clone::clone(value),
        };
        self.latencies.append(&measured.latencies.iter().map(latency).collect::<Vec<_>>())?;
        self.samples.append(std::slice::from_ref(sample))
    }
}

impl Appender {
    fn new(path: PathBuf, header: String) -> Result<Self> {
        let file = if path.exists() { Some(open(&path)?) } else { None };
        Ok(Self { path, header, file })
    }

    /// All of the rows or, on a full disk, none of them.
    fn append<T: Row>(&mut self, rows: &[T]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let text = text_of(rows)?;
        if self.file.is_none() {
            replace_file(&self.path, self.header.as_bytes())?;
            self.file = Some(open(&self.path)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let before = file.stream_position().and_then(|_| file.metadata()).map(|data| data.len());
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        if let (Err(_), Ok(length)) = (&written, before) {
            let _ = file.set_len(length);
        }
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().append(true).open(path);
    file.with_context(|| format!("cannot open {}", path.display()))
}

fn write<T: Row>(path: &Path, rows: &[T]) -> Result<()> {
    replace_file(path, (header_of::<T>() + &text_of(rows)?).as_bytes())
}

/// Removes the rows of trials that are not complete. A table that is not there stays so, but for the time series.
fn keep<T: Row>(path: &Path, usual: &TrialId, complete: &BTreeSet<TrialId>) -> Result<()> {
    let mut reader = Reader::open(path, true)?;
    if reader.is_none() && !path.ends_with(SERIES) {
        return Ok(());
    }
    replace_with(path, |file| {
        let mut writer = begin::<T, _>(file)?;
        if let Some(reader) = &mut reader {
            copy::<T>(reader, usual.clone(), &mut writer, |id| complete.contains(id))?;
        }
        Ok(writer.flush()?)
    })
}

/// Returns whether a folder has samples.
pub(crate) fn has_samples(dir: &Path) -> bool {
    is_there(&dir.join(SAMPLES))
}

/// The samples of a folder.
pub(crate) fn read_samples(dir: &Path) -> Result<Table<Sample>> {
    read(&dir.join(SAMPLES), false)
}

/// What the roles did; no rows where there are none.
pub(crate) fn read_roles(dir: &Path) -> Result<Table<RoleRow>> {
    read(&dir.join(ROLES), true)
}

/// The latencies of a folder; no rows where none were recorded.
pub(crate) fn read_latencies(dir: &Path) -> Result<Table<LatencyRow>> {
    read(&dir.join(LATENCIES), true)
}

#[cfg(test)]
pub(crate) fn parse_samples(text: &str) -> Vec<Sample> {
    table::parse(text).expect("rows")
}

/// The columns of all tables.
#[cfg(test)]
pub(crate) fn columns() -> Vec<String> {
    [Sample::header(), SeriesRow::header(), RoleRow::header(), LatencyRow::header()].concat()
}
