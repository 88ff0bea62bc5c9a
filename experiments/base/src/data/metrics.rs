//! What is measured: every metric once, with its unit and how it is drawn.

use serde::{Deserialize, Serialize};

/// How several repeats become one number, and on which axis they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// The median of the repeats, from 0.
    Linear,
    /// The median of the repeats; values differ by powers of ten.
    Log,
    /// The largest of the repeats; values differ by powers of ten.
    LogLargest,
    /// It is no figure of its own.
    No,
}

/// A metric.
#[derive(Debug)]
pub struct MetricInfo {
    /// The column in `samples.csv`.
    pub name: &'static str,
    /// The label in figures, with the unit.
    pub label: &'static str,
    /// How it is drawn.
    pub draw: Draw,
    /// What a value is multiplied with for the label's unit.
    pub scale: f64,
    get: fn(&Metrics) -> Option<f64>,
    text: fn(&Metrics) -> String,
    set: fn(&mut Metrics, &str) -> Result<(), String>,
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $label:literal, $draw:ident, $scale:literal;)*) => {
        /// What a trial measured. Absent: not measured.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Metrics {
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        /// Every metric, in the order of the columns.
        pub const METRICS: &[MetricInfo] = &[$(MetricInfo {
            name: stringify!($name),
            label: $label,
            draw: Draw::$draw,
            scale: $scale,
            #[allow(clippy::cast_precision_loss, clippy::unnecessary_cast)] // For figures and statistics.
            get: |metrics| metrics.$name.map(|value| value as f64),
            text: |metrics| metrics.$name.map_or_else(String::new, |value| value.to_string()),
            set: |metrics, text| {
                let value = text.parse::<$type>();
                metrics.$name = Some(value.map_err(|error| format!("`{text}`: {error}"))?);
                Ok(())
            },
        }),*];
    };
}

// Each metric once: its column, its type, its label in figures with the unit, how it is drawn, and what
// values are multiplied with for that unit. The first thirteen are those of schema version 1.
metrics! {
    /// Operations of all workers in the window, in blocks of 64.
    ops: u64, "operations", No, 1.0;
    /// Length of the window as measured.
    elapsed_ns: u64, "length of the window (s)", No, 1e-9;
    /// `ops / elapsed`, rounded down.
    ops_per_second: u64, "throughput (Mops/s)", Linear, 1e-6;
    /// Nodes retired since the domain began, at the end of the window.
    retired: u64, "nodes retired", No, 1.0;
    /// Nodes freed since the domain began, at the end of the window.
    freed: u64, "nodes freed", No, 1.0;
    /// Largest sample of retired - freed.
    unreclaimed_peak: u64, "peak unreclaimed nodes", LogLargest, 1.0;
    /// Mean sample of retired - freed.
    unreclaimed_mean: u64, "mean unreclaimed nodes", Log, 1.0;
    /// Retired - freed at the end of the window.
    unreclaimed_end: u64, "unreclaimed nodes at the end", Log, 1.0;
    /// What the scheme declares for this trial.
    unreclaimed_bound: u64, "declared bound (nodes)", No, 1.0;
    /// Largest sample of resident memory.
    rss_peak_bytes: u64, "peak resident memory (MiB)", Linear, 9.536_743_164_062_5e-7;
    /// Processor time of the process in the window.
    cpu_ns: u64, "processor time (s)", No, 1e-9;
    /// Periods of the window in which a quota was used up.
    throttled_count: u64, "periods with a used-up quota", No, 1.0;
    /// Time for which a quota stopped threads in the window.
    throttled_us: u64, "time stopped by a quota (s)", No, 1e-6;
    /// Slope of the unreclaimed nodes over the rate of retirements, by Theil and Sen: 0 is flat, 1 grows with all
    /// that is retired.
    growth: f64, "growth of unreclaimed nodes (share of the retire rate)", Linear, 1.0;
    /// Share of the workers' processors that other programs took in the window.
    disturbed: f64, "share taken by other programs", Linear, 1.0;
    /// Insertions in the window, done or not.
    inserts: u64, "insertions", No, 1.0;
    /// Removals in the window, done or not.
    removes: u64, "removals", No, 1.0;
    /// Look-ups in the window.
    gets: u64, "look-ups", No, 1.0;
    /// Insert-or-replace operations in the window.
    puts: u64, "puts", No, 1.0;
    /// Read-modify-write operations in the window.
    updates: u64, "updates", No, 1.0;
    /// Scans in the window.
    scans: u64, "scans", No, 1.0;
    /// Traversals that began anew in the window.
    restarts: u64, "restarted traversals", Log, 1.0;
    /// Most nodes that one operation of a worker freed.
    free_burst_max: u64, "most nodes freed within 64 operations", Log, 1.0;
    /// Page faults of the process in the window that needed no disk.
    minor_faults: u64, "minor page faults", Log, 1.0;
    /// Page faults of the process in the window that needed a disk.
    major_faults: u64, "major page faults", Log, 1.0;
    /// Times that threads of the process gave up their processor in the window.
    voluntary_switches: u64, "voluntary context switches", Log, 1.0;
    /// Times that threads of the process were taken off their processor in the window.
    involuntary_switches: u64, "involuntary context switches", Log, 1.0;
    /// Time for a cache line from one thread to another and back, right before the window.
    line_round_trip_ns: u64, "cache-line round trip (ns)", Linear, 1.0;
    /// What the loop of a worker costs for each operation, without the structure.
    harness_ns: f64, "cost of the harness (ns/operation)", Linear, 1.0;
    /// The same while latencies are recorded; absent where they are not.
    harness_timed_ns: f64, "cost of the harness with latencies (ns/operation)", Linear, 1.0;
    /// Share of the workers' time in retirements, with what they scan and free; estimated from samples.
    retire_ns_share: f64, "time in retirements (share)", Linear, 1.0;
    /// Share of the workers' time in freeing retired nodes, in whichever call; estimated from samples.
    free_ns_share: f64, "time in freeing (share)", Linear, 1.0;
    /// The longest retirement of those that were timed.
    retire_longest_ns: u64, "longest retirement timed (ns)", LogLargest, 1.0;
    /// Retirements that were timed.
    retire_timed: u64, "retirements timed", No, 1.0;
    /// Frees that were timed.
    free_timed: u64, "frees timed", No, 1.0;
    /// Share of the workers' time that this timing took.
    timing_ns_share: f64, "cost of timing the reclamation (share)", Linear, 1.0;
    /// Cycles of the workers' processors in the window, in the program itself.
    hw_cycles: u64, "processor cycles", Log, 1.0;
    /// Instructions of the workers.
    hw_instructions: u64, "instructions", Log, 1.0;
    /// Accesses of the workers to memory that no cache had.
    hw_cache_misses: u64, "cache misses", Log, 1.0;
    /// Branches of the workers that were predicted wrongly.
    hw_branch_misses: u64, "branch misses", Log, 1.0;
    /// Operations whose latency was recorded.
    latency_count: u64, "operations with a latency", No, 1.0;
    /// Median latency of all operations.
    latency_p50_ns: u64, "median latency (ns)", Log, 1.0;
    /// 99th percentile of the latency.
    latency_p99_ns: u64, "p99 latency (ns)", Log, 1.0;
    /// 99.9th percentile of the latency.
    latency_p999_ns: u64, "p99.9 latency (ns)", Log, 1.0;
    /// 99.99th percentile of the latency.
    latency_p9999_ns: u64, "p99.99 latency (ns)", Log, 1.0;
    /// Largest latency.
    latency_max_ns: u64, "largest latency (ns)", Log, 1.0;
    /// Mean, over the operations, of the nodes that their worker had retired and not freed as they began; absent
    /// where the method is not `strict`.
    unreclaimed_by_operation: f64, "unreclaimed nodes of a worker, mean over operations", Log, 1.0;
    /// Largest sample of the bytes of nodes retired and not freed.
    unreclaimed_bytes_peak: u64, "peak unreclaimed memory (bytes)", LogLargest, 1.0;
    /// Mean sample of the same.
    unreclaimed_bytes_mean: u64, "mean unreclaimed memory (bytes)", Log, 1.0;
    /// The same at the end of the window.
    unreclaimed_bytes_end: u64, "unreclaimed memory at the end (bytes)", Log, 1.0;
}

impl MetricInfo {
    /// The metric of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|info| info.name == name)
    }

    /// Returns whether more of it is better, as of what was done in the window, and of nothing that it costs.
    pub fn is_more_better(&self) -> bool {
        ["ops", "ops_per_second", "inserts", "removes", "gets", "puts", "updates", "scans"]
            .contains(&self.name)
    }

    /// The value in its own unit.
    pub fn get(&self, metrics: &Metrics) -> Option<f64> {
        (self.get)(metrics)
    }
}

impl Metrics {
    /// The columns, in their order. Empty: not measured.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        METRICS.iter().map(|info| (info.text)(self))
    }

    /// Reads a column.
    ///
    /// # Errors
    /// If the text is no such value.
    pub fn set(&mut self, info: &MetricInfo, text: &str) -> Result<(), String> {
        if text.is_empty() { Ok(()) } else { (info.set)(self, text) }
    }

    /// The share of the processor time that so many workers could have had, and others took; where so many
    /// processors can be kept busy. Not of short windows: the time of threads that run is known to a few
    /// milliseconds.
    #[allow(clippy::cast_precision_loss)] // A share.
    pub fn taken_by_others(&self, threads: u32, capacity: Option<f64>) -> Option<f64> {
        let workers = f64::from(threads).min(capacity?);
        let possible = self.elapsed_ns.filter(|ns| *ns >= 50_000_000)? as f64 * workers;
        let share = (1.0 - self.cpu_ns? as f64 / possible).max(0.0);
        Some((share * 1e4).round() / 1e4)
    }

    /// Returns whether the declared bound was passed.
    pub fn breaks_bound(&self) -> bool {
        self.unreclaimed_peak.zip(self.unreclaimed_bound).is_some_and(|(peak, bound)| peak > bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_read_as_it_is_written() {
        for info in METRICS {
            let mut metrics = Metrics::default();
            metrics.set(info, "7").expect("a number");
            assert_eq!(info.get(&metrics), Some(7.0), "{}", info.name);
            let texts: Vec<String> = metrics.texts().collect();
            assert_eq!(texts.iter().filter(|text| *text == "7").count(), 1, "{}", info.name);
            assert!(metrics.set(info, "x").is_err(), "{}", info.name);
        }
        assert!(MetricInfo::of("ops").is_some() && MetricInfo::of("colour").is_none());
    }

    #[test]
    fn the_share_of_others_is_of_what_the_workers_could_have() {
        let of = |elapsed, cpu| Metrics { elapsed_ns: elapsed, cpu_ns: cpu, ..Metrics::default() };
        let usual = of(Some(100_000_000), Some(150_000_000));
        let share = |capacity| usual.taken_by_others(4, Some(capacity));
        assert_eq!(share(2.0), Some(0.25), "two of four workers can run");
        assert_eq!(share(8.0), Some(0.625));
        assert_eq!(share(1.0), Some(0.0), "the sampler takes time too");
        assert_eq!(share(1.5), Some(0.0), "what a quota withholds nobody else has taken");
        assert_eq!(of(Some(100_000_000), None).taken_by_others(4, Some(2.0)), None);
        assert_eq!(of(Some(1000), Some(500)).taken_by_others(4, Some(2.0)), None, "too short");
        assert_eq!(usual.taken_by_others(4, None), None);
    }
}
