//! The records of a run: `samples.csv`, one row per cell, and `series.csv`, its time series.
//!
//! The rows of a cell's series are written before its sample, so a cell is complete exactly when
//! its sample is there. Both are on the disk before the next cell begins.

pub(crate) mod manifest;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::data::Cell;
use crate::data::Point;
pub(crate) use crate::results::rows::{
    ALLOCATOR, SAMPLES_HEADER, SERIES_HEADER, Sample, SeriesRow, Status,
};
use crate::support::output::replace_file;

/// The files of an interrupted run, and what is in them.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) records: Records,
    /// The keys of the cells that are complete.
    pub(crate) complete: BTreeSet<String>,
    /// What the user should know of the files.
    pub(crate) notes: Vec<String>,
}

/// The two files, open for appending.
#[derive(Debug)]
pub(crate) struct Records {
    samples: Appender,
    series: Appender,
}

#[derive(Debug)]
struct Appender {
    path: PathBuf,
    file: File,
}

impl Records {
    /// New files with headers.
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        replace_file(&dir.join("series.csv"), SERIES_HEADER.as_bytes())?;
        replace_file(&dir.join("samples.csv"), SAMPLES_HEADER.as_bytes())?;
        Self::open(dir)
    }

    /// Opens the files of an interrupted run. A row that was cut, rows of failed cells and series of
    /// incomplete cells are removed. Rows of older versions, which name no build, are of the `first` one.
    pub(crate) fn resume(dir: &Path, cells: &[&Cell], first: Option<&str>) -> Result<Resumed> {
        let Table { rows: mut samples, cut } = read_samples(dir)?;
        let mut notes: Vec<String> = cut.into_iter().collect();
        let mut complete = BTreeSet::new();
        let planned: BTreeSet<String> = cells.iter().map(|cell| cell.key()).collect();
        samples.retain(|row| {
            row.is_complete() && planned.contains(&row.key()) && complete.insert(row.key())
        });
        for row in &mut samples {
            row.build = row.build.take().or_else(|| first.map(Into::into));
        }
        let with_series = |cell: &&&Cell| cell.series && complete.contains(&cell.key());
        let with_series: BTreeSet<String> =
            cells.iter().filter(with_series).map(|cell| cell.series_key()).collect();

        let path = dir.join("series.csv");
        let text = whole_rows(&path)?.0;
        let mut kept = String::new();
        let mut ends = Ends::new();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let key = fields.get(1..7).unwrap_or_default().join(",");
            if with_series.contains(&key) {
                kept.extend([line, "\n"]);
                let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
                ends.insert(key, number(8).zip(number(9)).unwrap_or_default());
            }
        }
        let expected = samples.iter().filter(|row| with_series.contains(&row.series_key()));
        notes.extend(lost_series(&path, expected, &ends));
        replace_file(&path, format!("{SERIES_HEADER}{kept}").as_bytes())?;
        let rows = [SAMPLES_HEADER.as_bytes(), &rows(&samples)?].concat();
        replace_file(&dir.join("samples.csv"), &rows)?;
        Ok(Resumed { records: Self::open(dir)?, complete, notes })
    }

    fn open(dir: &Path) -> Result<Self> {
        let open = |name| -> Result<Appender> {
            let path = dir.join(name);
            let file = OpenOptions::new().append(true).open(&path);
            let file = file.with_context(|| format!("cannot open {}", path.display()))?;
            Ok(Appender { path, file })
        };
        Ok(Self { samples: open("samples.csv")?, series: open("series.csv")? })
    }

    /// Writes the outcome of a cell.
    pub(crate) fn append(&mut self, cell: &Cell, sample: &Sample, points: &[Point]) -> Result<()> {
        let series: Vec<SeriesRow> =
            points.iter().map(|point| SeriesRow::new(cell, point)).collect();
        self.series.append(&rows(&series)?)?;
        self.samples.append(&rows(std::slice::from_ref(sample))?)
    }
}

impl Appender {
    /// All of it or, on a full disk, none of it.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let before =
            self.file.stream_position().and_then(|_| self.file.metadata()).map(|data| data.len());
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        if let (Err(_), Ok(length)) = (&written, before) {
            let _ = self.file.set_len(length);
        }
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The rows of a file.
#[derive(Debug)]
pub(crate) struct Table<T> {
    pub(crate) rows: Vec<T>,
    /// A line about the last row, where it was cut and is left out.
    pub(crate) cut: Option<String>,
}

/// The samples of a folder.
pub(crate) fn read_samples(dir: &Path) -> Result<Table<Sample>> {
    read(&dir.join("samples.csv"))
}

/// The time series of a folder. A file that is not there has no rows.
pub(crate) fn read_series(dir: &Path) -> Result<Table<SeriesRow>> {
    read(&dir.join("series.csv"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Table<T>> {
    let (text, cut) = whole_rows(path)?;
    let told = || {
        format!(
            "{}: the last row is cut, as by a kill or a power failure in the middle of a write; it is left out",
            path.display()
        )
    };
    Ok(Table { rows: parse(path, &text)?, cut: cut.then(told) })
}

/// The text without a last row that was cut, and whether there was one. A last row that lacks its line
/// end alone is whole.
fn whole_rows(path: &Path) -> Result<(String, bool)> {
    let bytes = match fs::read(path) {
        // Written before the first sample: who has samples without it has lost it, and is told so.
        Err(error) if error.kind() == ErrorKind::NotFound && path.ends_with("series.csv") => {
            Vec::new()
        }
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    let (whole, last) = text.split_at(end);
    if last.is_empty() {
        return text_of(path, bytes).map(|text| (text, false));
    }
    let header = whole.lines().next().unwrap_or_default();
    if is_whole(header, last) {
        return text_of(path, bytes).map(|text| (text + "\n", false));
    }
    text_of(path, whole.as_bytes().to_vec()).map(|text| (text, true))
}

fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).with_context(|| format!("{} is not text", path.display()))
}

/// Returns whether a row has as many fields as the header. The last field shows a cut where its length is known.
fn is_whole(header: &str, row: &str) -> bool {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
    let Some(Ok(fields)) = reader.records().next() else { return false };
    let build = header.ends_with(",build").then(|| fields.iter().next_back().unwrap_or_default());
    fields.len() == header.split(',').count() && build.is_none_or(|build| build.len() == 16)
}

/// The counters at the end of each series, by the key of its cell.
pub(crate) type Ends = BTreeMap<String, (u64, u64)>;

/// The ends of the series of a folder.
pub(crate) fn ends(rows: &[SeriesRow]) -> Ends {
    rows.iter().map(|row| (row.key(), (row.retired, row.freed))).collect()
}

/// A line about samples whose series is not there, or does not reach the end of the window.
pub(crate) fn lost_series<'a>(
    path: &Path,
    expected: impl Iterator<Item = &'a Sample>,
    ends: &Ends,
) -> Option<String> {
    let (mut count, mut none, mut cut) = (0, 0, 0);
    for row in expected.filter(|row| row.status == Status::Ok) {
        count += 1;
        match ends.get(&row.series_key()) {
            None => none += 1,
            Some(end) if Some(*end) != row.retired.zip(row.freed) => cut += 1,
            Some(_) => {}
        }
    }
    (none + cut > 0).then(|| {
        format!(
            "{}: of {count} measured cells, {none} have no time series and {cut} a cut one, as after a power \
             failure; figures over time lack them. To measure these cells again, delete their rows from \
             samples.csv and use --resume",
            path.display()
        )
    })
}

/// The rows of a table; errors name the file.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<Vec<T>> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .with_context(|| format!("cannot read {}", path.display()))
}

fn rows<T: Serialize>(rows: &[T]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    writer.into_inner().context("cannot format rows")
}
