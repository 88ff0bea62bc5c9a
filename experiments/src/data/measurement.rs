//! What one cell measured, as the worker tells it to the process that started it.

use serde::{Deserialize, Serialize};

/// A line that the child writes to its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub(crate) enum Line {
    /// A point of the time series.
    Point(Point),
    /// The end of a cell.
    Result(Measured),
    /// The pair is unsound.
    Refused {
        /// Why.
        reason: String,
    },
}

/// The counters at a time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Since the window began.
    pub(crate) t_ns: u64,
    /// Nodes retired since the domain began.
    pub(crate) retired: u64,
    /// Nodes freed since the domain began.
    pub(crate) freed: u64,
    /// Resident memory.
    pub(crate) rss_bytes: Option<u64>,
}

/// What a cell measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The check that failed.
    pub(crate) error: Option<String>,
    /// Operations in the window, all workers.
    pub(crate) ops: u64,
    /// Length of the window as measured.
    pub(crate) elapsed_ns: u64,
    /// At the end of the window, threads still stalled.
    pub(crate) retired: u64,
    /// At the end of the window, threads still stalled.
    pub(crate) freed: u64,
    /// Largest sample.
    pub(crate) unreclaimed_peak: u64,
    /// Mean of the samples, rounded.
    pub(crate) unreclaimed_mean: u64,
    /// `retired - freed`.
    pub(crate) unreclaimed_end: u64,
    /// What the scheme declares for this cell.
    pub(crate) unreclaimed_bound: Option<u64>,
    /// Largest sample of resident memory.
    pub(crate) rss_peak_bytes: Option<u64>,
    /// Processor time of the process in the window.
    pub(crate) cpu_ns: Option<u64>,
    /// Periods of the window in which a quota was used up.
    pub(crate) throttled_count: Option<u64>,
    /// Time for which a quota stopped threads in the window, in microseconds.
    pub(crate) throttled_us: Option<u64>,
}
