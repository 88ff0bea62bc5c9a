//! What one cell is: everything that a worker process must know.

use serde::{Deserialize, Serialize};

/// An operation mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    /// The name in the records.
    pub(crate) name: String,
    /// Percent of insertions.
    pub(crate) insert: u32,
    /// Percent of removals.
    pub(crate) remove: u32,
    /// Percent of look-ups.
    pub(crate) contains: u32,
    /// Keys are uniform below this.
    pub(crate) key_range: u64,
    /// Distinct keys inserted before the clock starts.
    pub(crate) prefill: u64,
}

/// The unit of work: one scheme on one structure, once. Everything a child process must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// The name of the spec.
    pub(crate) experiment: String,
    /// The reclamation scheme.
    pub(crate) scheme: String,
    /// The data structure.
    pub(crate) structure: String,
    /// The operation mix.
    pub(crate) workload: Workload,
    /// `none`, or `stalled` where threads are stopped inside guards.
    pub(crate) adversary: String,
    /// Worker threads.
    pub(crate) threads: u32,
    /// Extra threads stopped inside a guard.
    pub(crate) stalled: u32,
    /// From 1.
    pub(crate) repeat: u32,
    /// Of the random streams: the same for every scheme, so that all do the same work.
    pub(crate) seed: u64,
    /// Length of the measured window.
    pub(crate) seconds: f64,
    /// Length of the warm-up.
    pub(crate) warmup_seconds: f64,
    /// When the process is killed.
    pub(crate) timeout_seconds: f64,
    /// Whether the time series is recorded.
    pub(crate) series: bool,
}

impl Cell {
    /// Identifies the cell within a plan.
    pub(crate) fn key(&self) -> String {
        format!(
            "{},{},{},{},{},{},{}",
            self.scheme,
            self.structure,
            self.workload.name,
            self.adversary,
            self.threads,
            self.stalled,
            self.repeat
        )
    }

    /// The part of the key that rows of `series.csv` have.
    pub(crate) fn series_key(&self) -> String {
        format!(
            "{},{},{},{},{},{}",
            self.scheme, self.structure, self.adversary, self.threads, self.stalled, self.repeat
        )
    }
}
