//! The rows of `samples.csv` and `series.csv`.

use serde::{Deserialize, Serialize};

use crate::data::Cell;
use crate::data::{Measured, Point};
use crate::support::output::{one_line, with_stderr};
use crate::system::builds::Build;

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

    /// Equal to [`Cell::series_key`] of the cell it was measured for.
    pub(crate) fn series_key(&self) -> String {
        let Self { scheme, structure, adversary, threads, stalled, repeat, .. } = self;
        format!("{scheme},{structure},{adversary},{threads},{stalled},{repeat}")
    }

    /// Equal to [`Cell::key`] of the cell it was measured for.
    pub(crate) fn key(&self) -> String {
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

    /// Returns what people call it.
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
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.status, Status::Ok | Status::Refused)
    }
}

impl SeriesRow {
    /// A point of the series of a cell.
    pub(crate) fn new(cell: &Cell, point: &Point) -> Self {
        Self {
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
        }
    }

    /// Equal to [`Cell::series_key`] of the cell it was measured for.
    pub(crate) fn key(&self) -> String {
        let Self { scheme, structure, adversary, threads, stalled, repeat, .. } = self;
        format!("{scheme},{structure},{adversary},{threads},{stalled},{repeat}")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::results::parse;

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
