//! A trial as a worker process is given it, and what the worker says of it.

use serde::{Deserialize, Serialize};

use super::adversary::Adversary;
use super::measure::Measure;
use super::metrics::Metrics;
use super::trial::TrialId;
use super::workload::Workload;

/// The unit of work: everything that a worker process must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The name of the spec.
    pub experiment: String,
    /// Which one of the plan it is.
    pub id: TrialId,
    /// What the workers do.
    pub workload: Workload,
    /// What further threads do; none where `stalled` is 0.
    pub adversary: Option<Adversary>,
    /// The seed of the random streams: the same for every scheme, so that all do the same work.
    pub seed: u64,
    /// Length of the warm-up.
    pub warmup_seconds: f64,
    /// When the process is killed.
    pub timeout_seconds: f64,
    /// Says whether latencies are recorded: of one operation in so many; 0: of none.
    pub latency_every: u32,
    /// What else is measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measure: Vec<Measure>,
}

/// A line that the worker writes to its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub enum WorkerMessage {
    /// A point of the time series.
    Point(SeriesPoint),
    /// What a role did.
    Role(RoleCount),
    /// A histogram of latencies.
    Latency(Latency),
    /// The end of a trial.
    Result {
        /// The check that failed.
        error: Option<String>,
        /// The name and version of the allocator of the process.
        allocator: String,
        /// What was measured.
        metrics: Box<Metrics>,
    },
    /// The pair is unsound.
    Refused {
        /// Why.
        reason: String,
    },
}

/// The counters at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesPoint {
    /// Since the window began.
    pub t_ns: u64,
    /// Nodes retired since the domain began.
    pub retired: u64,
    /// Nodes freed since the domain began.
    pub freed: u64,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Bytes of the nodes that are retired and not freed. Absent in records of older versions.
    pub unreclaimed_bytes: Option<u64>,
}

impl SeriesPoint {
    /// Returns the nodes that are retired and not freed.
    pub fn unreclaimed(&self) -> u64 {
        self.retired.saturating_sub(self.freed)
    }
}

/// What the workers of a role did in the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleCount {
    /// Its name.
    pub role: String,
    /// Its workers.
    pub threads: u32,
    /// Their operations.
    pub ops: u64,
    /// The same in a second.
    pub ops_per_second: u64,
}

/// The latencies of one kind of operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The name of the operation.
    pub operation: String,
    /// Pairs of a latency in nanoseconds and how many operations had it, by latency. A latency stands for
    /// those within a thousandth below.
    pub counts: Vec<(u64, u64)>,
}

/// All that a worker told of a trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The check that failed.
    pub error: Option<String>,
    /// The name and version of the allocator of the process.
    pub allocator: String,
    /// What was measured.
    pub metrics: Metrics,
    /// The samples in the order of time; the last is the end of the window.
    pub series: Vec<SeriesPoint>,
    /// One for each role.
    pub roles: Vec<RoleCount>,
    /// One for each kind of operation, where latencies are recorded.
    pub latencies: Vec<Latency>,
}

impl Latency {
    /// How many operations it is of.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// The smallest latency that so many percent of the operations do not pass, in nanoseconds; 0 of none.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = ((self.count() as f64 * percent / 100.0).ceil() as u64).max(1);
        let mut seen = 0;
        for (ns, count) in &self.counts {
            seen += count;
            if seen >= wanted {
                return *ns;
            }
        }
        self.counts.last().map_or(0, |(ns, _)| *ns)
    }
}
