//! The records of a run: `samples.csv`, one row per cell, and `series.csv`, its time series.
//!
//! The rows of a cell's series are written before its sample, so a cell is complete exactly when
//! its sample is there.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::builds::Build;
use crate::cell::{Measured, Point};
use crate::output::{one_line, replace_file};
use crate::plan::Cell;

/// The allocator of this binary, as recorded.
pub(crate) const ALLOCATOR: &str = "mimalloc";

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Measured, and all checks passed.
    Ok,
    /// A check failed, or the process did.
    Error,
    /// Killed after its time was over.
    Timeout,
    /// The pair is unsound; it was not run.
    Refused,
}

/// A row of `samples.csv`. Empty = not measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct Sample {
    pub(crate) experiment: String,
    pub(crate) scheme: String,
    pub(crate) structure: String,
    pub(crate) workload: String,
    pub(crate) adversary: String,
    pub(crate) threads: u32,
    pub(crate) stalled: u32,
    pub(crate) allocator: String,
    pub(crate) repeat: u32,
    pub(crate) seed: u64,
    pub(crate) status: Status,
    pub(crate) error: String,
    pub(crate) ops: Option<u64>,
    pub(crate) elapsed_ns: Option<u64>,
    pub(crate) ops_per_second: Option<u64>,
    pub(crate) retired: Option<u64>,
    pub(crate) freed: Option<u64>,
    pub(crate) unreclaimed_peak: Option<u64>,
    pub(crate) unreclaimed_mean: Option<u64>,
    pub(crate) unreclaimed_end: Option<u64>,
    pub(crate) unreclaimed_bound: Option<u64>,
    pub(crate) rss_peak_bytes: Option<u64>,
    /// Absent in records of older versions.
    pub(crate) cpu_ns: Option<u64>,
    /// Absent in records of older versions.
    pub(crate) throttled_count: Option<u64>,
    /// Absent in records of older versions.
    pub(crate) throttled_us: Option<u64>,
    /// The hash of the program that measured it. Absent in records of older versions.
    pub(crate) build: Option<String>,
}

/// A row of `series.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct SeriesRow {
    pub(crate) experiment: String,
    pub(crate) scheme: String,
    pub(crate) structure: String,
    pub(crate) adversary: String,
    pub(crate) threads: u32,
    pub(crate) stalled: u32,
    pub(crate) repeat: u32,
    pub(crate) t_ns: u64,
    pub(crate) retired: u64,
    pub(crate) freed: u64,
    pub(crate) unreclaimed: u64,
    pub(crate) rss_bytes: Option<u64>,
}

/// The columns of `samples.csv`; a test holds them against [`Sample`].
pub(crate) const SAMPLES_HEADER: &str = "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,\
status,error,ops,elapsed_ns,ops_per_second,retired,freed,unreclaimed_peak,unreclaimed_mean,unreclaimed_end,\
unreclaimed_bound,rss_peak_bytes,cpu_ns,throttled_count,throttled_us,build\n";
/// The columns of `series.csv`; a test holds them against [`SeriesRow`].
pub(crate) const SERIES_HEADER: &str = "experiment,scheme,structure,adversary,threads,stalled,repeat,t_ns,retired,freed,unreclaimed,rss_bytes\n";

impl Sample {
    /// A row without measurements.
    pub(crate) fn unmeasured(cell: &Cell, status: Status, error: &str) -> Self {
        Self {
            experiment: cell.experiment.clone(),
            scheme: cell.scheme.clone(),
            structure: cell.structure.clone(),
            workload: cell.workload.name.clone(),
            adversary: cell.adversary.clone(),
            threads: cell.threads,
            stalled: cell.stalled,
            allocator: ALLOCATOR.into(),
            repeat: cell.repeat,
            seed: cell.seed,
            status,
            error: one_line(error),
            ops: None,
            elapsed_ns: None,
            ops_per_second: None,
            retired: None,
            freed: None,
            unreclaimed_peak: None,
            unreclaimed_mean: None,
            unreclaimed_end: None,
            unreclaimed_bound: None,
            rss_peak_bytes: None,
            cpu_ns: None,
            throttled_count: None,
            throttled_us: None,
            build: Build::here().binary_hash.clone(),
        }
    }

    /// A measured row; of status `error` where a check failed. `said` is what the process wrote to
    /// stderr.
    pub(crate) fn measured(cell: &Cell, measured: &Measured, said: Option<&str>) -> Self {
        let status = if measured.error.is_some() { Status::Error } else { Status::Ok };
        let rate =
            u128::from(measured.ops) * 1_000_000_000 / u128::from(measured.elapsed_ns.max(1));
        Self {
            ops: Some(measured.ops),
            elapsed_ns: Some(measured.elapsed_ns),
            ops_per_second: u64::try_from(rate).ok(),
            retired: Some(measured.retired),
            freed: Some(measured.freed),
            unreclaimed_peak: Some(measured.unreclaimed_peak),
            unreclaimed_mean: Some(measured.unreclaimed_mean),
            unreclaimed_end: Some(measured.unreclaimed_end),
            unreclaimed_bound: measured.unreclaimed_bound,
            rss_peak_bytes: measured.rss_peak_bytes,
            cpu_ns: measured.cpu_ns,
            throttled_count: measured.throttled_count,
            throttled_us: measured.throttled_us,
            ..Self::unmeasured(cell, status, &with_stderr(measured.error.as_deref(), said))
        }
    }

    /// Equal to [`Cell::key`] of the cell it was measured for.
    fn key(&self) -> String {
        format!(
            "{},{},{},{},{},{},{}",
            self.scheme,
            self.structure,
            self.workload,
            self.adversary,
            self.threads,
            self.stalled,
            self.repeat
        )
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        let Self { scheme, structure, workload, threads, stalled, repeat, .. } = self;
        format!(
            "{scheme} {structure} {workload} threads={threads} stalled={stalled} repeat={repeat}"
        )
    }

    /// The share of the processor time that its workers could have had, and others took; where so many
    /// processors can be kept busy. Not of short windows: the time of threads that run is known to a few milliseconds.
    #[allow(clippy::cast_precision_loss)] // A share.
    pub(crate) fn disturbed(&self, capacity: f64) -> Option<f64> {
        let workers = f64::from(self.threads).min(capacity);
        let possible = self.elapsed_ns.filter(|ns| *ns >= 50_000_000)? as f64 * workers;
        Some((1.0 - self.cpu_ns? as f64 / possible).max(0.0))
    }

    /// Failed cells are tried again by `--resume`.
    fn is_complete(&self) -> bool {
        matches!(self.status, Status::Ok | Status::Refused)
    }
}

/// What is wrong, and what the process wrote to stderr; both may be nothing.
pub(crate) fn with_stderr(error: Option<&str>, said: Option<&str>) -> String {
    let said = said.map(|said| format!("on stderr: {said}"));
    error.map(str::to_string).into_iter().chain(said).collect::<Vec<_>>().join("; ")
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

    /// Opens the files of an interrupted run, and gives the keys of the cells that are complete.
    /// A line torn by a kill, rows of failed cells and series of incomplete cells are removed. Rows of
    /// older versions, which name no build, are of the `first` one.
    pub(crate) fn resume(
        dir: &Path,
        cells: &[&Cell],
        first: Option<&str>,
    ) -> Result<(Self, BTreeSet<String>)> {
        let path = dir.join("samples.csv");
        let mut samples: Vec<Sample> = parse(&path, &whole_lines(&path)?)?;
        let mut complete = BTreeSet::new();
        let planned: BTreeSet<String> = cells.iter().map(|cell| cell.key()).collect();
        samples.retain(|row| {
            row.is_complete() && planned.contains(&row.key()) && complete.insert(row.key())
        });
        for row in &mut samples {
            row.build = row.build.take().or_else(|| first.map(Into::into));
        }
        let with_series: BTreeSet<String> = cells
            .iter()
            .filter(|cell| complete.contains(&cell.key()))
            .map(|cell| cell.series_key())
            .collect();

        let path = dir.join("series.csv");
        let text = whole_lines(&path)?;
        let kept = text.lines().skip(1).filter(|line| {
            let mut fields = line.splitn(8, ',');
            fields.next();
            with_series.contains(&fields.take(6).collect::<Vec<_>>().join(","))
        });
        let series: String = kept.flat_map(|line| [line, "\n"]).collect();
        replace_file(&path, format!("{SERIES_HEADER}{series}").as_bytes())?;
        let rows = [SAMPLES_HEADER.as_bytes(), &rows(&samples)?].concat();
        replace_file(&dir.join("samples.csv"), &rows)?;
        Ok((Self::open(dir)?, complete))
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
        let series: Vec<SeriesRow> = points
            .iter()
            .map(|point| SeriesRow {
                experiment: cell.experiment.clone(),
                scheme: cell.scheme.clone(),
                structure: cell.structure.clone(),
                adversary: cell.adversary.clone(),
                threads: cell.threads,
                stalled: cell.stalled,
                repeat: cell.repeat,
                t_ns: point.t_ns,
                retired: point.retired,
                freed: point.freed,
                unreclaimed: point.retired.saturating_sub(point.freed),
                rss_bytes: point.rss_bytes,
            })
            .collect();
        self.series.append(&rows(&series)?)?;
        self.samples.append(&rows(std::slice::from_ref(sample))?)
    }
}

impl Appender {
    /// All of it or, on a full disk, none of it.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let before =
            self.file.stream_position().and_then(|_| self.file.metadata()).map(|data| data.len());
        let written = self.file.write_all(bytes).and_then(|()| self.file.flush());
        if let (Err(_), Ok(length)) = (&written, before) {
            let _ = self.file.set_len(length);
        }
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The samples of a folder.
pub(crate) fn read_samples(dir: &Path) -> Result<Vec<Sample>> {
    let path = dir.join("samples.csv");
    parse(&path, &whole_lines(&path)?)
}

/// The time series of a folder.
pub(crate) fn read_series(dir: &Path) -> Result<Vec<SeriesRow>> {
    let path = dir.join("series.csv");
    parse(&path, &whole_lines(&path)?)
}

/// The text without a last line that a kill cut off.
fn whole_lines(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    String::from_utf8(bytes[..end].to_vec())
        .with_context(|| format!("{} is not text", path.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The header that a row has by itself.
    fn header_of<T: Serialize>(row: T) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(row).expect("a row");
        let text = String::from_utf8(writer.into_inner().expect("whole")).expect("text");
        format!("{}\n", text.lines().next().unwrap_or_default())
    }

    fn sample(text: &str) -> Sample {
        parse(Path::new("-"), &format!("{SAMPLES_HEADER}{text}")).expect("a row").remove(0)
    }

    const ROW: &str =
        "x,ibr,list,w,none,4,0,mimalloc,1,1,ok,,9,100000000,9,9,9,9,9,9,,,150000000,0,0,b1\n";

    #[test]
    fn headers_are_those_of_the_rows() {
        assert_eq!(header_of(sample(ROW)), SAMPLES_HEADER);
        let row = "x,ibr,list,none,2,0,1,5,9,9,0,\n";
        let series: Vec<SeriesRow> =
            parse(Path::new("-"), &format!("{SERIES_HEADER}{row}")).expect("a row");
        assert_eq!(header_of(&series[0]), SERIES_HEADER);
    }

    #[test]
    fn rows_of_before_a_column_are_read() {
        let header = SAMPLES_HEADER.replace(",cpu_ns,throttled_count,throttled_us,build", "");
        let text = header + ROW.trim_end().trim_end_matches(",150000000,0,0,b1") + "\n";
        let rows: Vec<Sample> = parse(Path::new("-"), &text).expect("a row");
        assert_eq!((rows[0].ops, rows[0].cpu_ns, &rows[0].build), (Some(9), None, &None));
    }

    #[test]
    fn the_share_of_others_is_of_what_the_workers_could_have() {
        let near = |row: &str, capacity: f64, share: f64| {
            (sample(row).disturbed(capacity).expect("a share") - share).abs() < 1e-9
        };
        assert!(near(ROW, 2.0, 0.25), "two of four workers can run");
        assert!(near(ROW, 8.0, 0.625));
        assert!(near(ROW, 1.0, 0.0), "the sampler takes time too");
        assert!(near(ROW, 1.5, 0.0), "what a quota withholds nobody else has taken");
        assert_eq!(sample(&ROW.replace(",150000000,", ",,")).disturbed(2.0), None);
        assert_eq!(sample(&ROW.replace(",100000000", ",1000")).disturbed(2.0), None, "too short");
    }
}
