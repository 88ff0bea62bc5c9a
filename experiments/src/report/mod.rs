//! What is said of records: the table, and what is wrong with them.

pub(crate) mod advice;
mod better;
pub(crate) mod claims;
pub(crate) mod compare;
mod disturbed;
pub(crate) mod formats;
pub(crate) mod html;
pub(crate) mod plot;
pub(crate) mod rank;
mod ratios;
mod summary;

use std::collections::BTreeSet;

use kovan_lab_base::support::numbers::count;
use kovan_lab_base::support::output;
use kovan_lab_base::system::machine::Machine;

pub(crate) use self::ratios::ratios;
pub(crate) use self::summary::summary;
use crate::results::{Sample, Status};

/// Failed cells that are told one by one.
const TOLD: usize = 5;

/// The question and the table.
pub(crate) fn text(question: &str, samples: &[Sample]) -> String {
    format!("\n{question}\n\n{}", summary(samples, output::columns()))
}

/// Says on stderr what spoils the records; how many cells failed.
pub(crate) fn complain(samples: &[Sample], machine: &Machine) -> usize {
    let (lines, failed) = spoils(samples, machine);
    lines.iter().for_each(|line| output::complain(line));
    failed
}

/// Returns a line for each thing that spoils the records, and how many cells failed.
fn spoils(samples: &[Sample], machine: &Machine) -> (Vec<String>, usize) {
    let (mut lines, failed) = failures(samples);
    lines.extend(disturbed::told(samples));
    lines.extend(throttled(samples, machine.quota()));
    lines.extend(origins(samples));
    (lines, failed)
}

/// Returns a line where the rows are of several builds, and one where they are of several machines.
pub(crate) fn origins(samples: &[Sample]) -> Vec<String> {
    let builds = several(samples, "build", "builds of kovan-lab", |row| row.build.as_ref());
    let machines = several(samples, "machine", "machines", |row| row.machine.as_ref());
    builds.into_iter().chain(machines).collect()
}

/// Lines about cells that failed and bounds that were passed, and how many cells these are.
fn failures(samples: &[Sample]) -> (Vec<String>, usize) {
    let is_failed = |row: &&Sample| matches!(row.status, Status::Error | Status::Timeout);
    let failed: Vec<&Sample> = samples.iter().filter(is_failed).collect();
    let told = |row: &&Sample| format!("failed: {}: {}", row.id.name(), row.error);
    let mut lines: Vec<String> = failed.iter().take(TOLD).map(told).collect();
    if failed.len() > TOLD {
        lines.push(format!("{} more failed; `error` in samples.csv says why", failed.len() - TOLD));
    }
    if !failed.is_empty() {
        lines.push("`run` with --resume measures what failed again".into());
    }
    let broken: Vec<&Sample> =
        samples.iter().filter(|row| row.is_ok() && row.metrics.breaks_bound()).collect();
    lines.extend(broken.iter().take(TOLD).map(|row| broken_bound(row)));
    if broken.len() > TOLD {
        lines.push(format!("{} more passed their bounds", broken.len() - TOLD));
    }
    (lines, failed.len() + broken.len())
}

/// A scheme that declares a bound and passes it has failed.
fn broken_bound(row: &Sample) -> String {
    let of = |number: Option<u64>| number.map(count).unwrap_or_default();
    format!(
        "BROKEN BOUND: {}: {} unreclaimed nodes, {} are declared",
        row.id.name(),
        of(row.metrics.unreclaimed_peak),
        of(row.metrics.unreclaimed_bound)
    )
}

/// Tells where not all rows are of one build, or of one machine.
fn several(
    samples: &[Sample],
    column: &str,
    what: &str,
    origin: impl Fn(&Sample) -> Option<&String>,
) -> Option<String> {
    let all: BTreeSet<&String> = samples.iter().filter_map(origin).collect();
    (all.len() > 1).then(|| {
        format!(
            "the rows are of {} {what} (column `{column}`; manifest.json says what they are): a difference between \
             rows may be one of {column}s, so rows of different ones are not paired",
            all.len()
        )
    })
}

/// Tells where a quota of the control groups stopped threads.
fn throttled(samples: &[Sample], quota: Option<f64>) -> Option<String> {
    let measured = || samples.iter().filter(|row| row.is_ok());
    let stopped: Vec<u64> = measured()
        .filter_map(|row| row.metrics.throttled_us)
        .filter(|micros| *micros > 0)
        .collect();
    let quota = quota.map_or_else(String::new, |quota| format!(" of {quota} processors"));
    (!stopped.is_empty()).then(|| {
        format!(
            "in {} of {} cells the control group's quota{quota} stopped threads, for {} ms at most (see \
             `throttled_us`): throughput there is that of the quota",
            stopped.len(),
            measured().count(),
            stopped.iter().max().unwrap_or(&0).div_ceil(1000)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::parse_samples;

    fn rows(columns: &str, rows: &[&str]) -> Vec<Sample> {
        let first = "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,error";
        let row = |row: &&str| format!("x,ibr,list,w,none,4,0,mimalloc,1,1,ok,,{row}\n");
        parse_samples(&format!("{first},{columns}\n{}", rows.iter().map(row).collect::<String>()))
    }

    #[test]
    fn what_a_quota_stopped_is_said() {
        let of = |micros: &[&str]| {
            rows(
                "throttled_us,ops",
                &micros
                    .iter()
                    .map(|m| format!("{m},1"))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>(),
            )
        };
        let said = throttled(&of(&["0", "2500", ""]), Some(1.5)).expect("a line");
        let parts = ["in 1 of 3 cells", "quota of 1.5 processors", "for 3 ms at most"];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert_eq!(throttled(&of(&["0", ""]), Some(1.5)), None);
    }

    #[test]
    fn a_passed_bound_is_a_failure_and_named() {
        let all = rows("unreclaimed_peak,unreclaimed_bound", &["9,10", "11000,10", "11000,"]);
        let (lines, failed) = failures(&all);
        assert_eq!((lines.len(), failed), (1, 1), "{lines:?}");
        let parts = ["BROKEN BOUND: ibr list w", "11,000 unreclaimed nodes, 10 are declared"];
        assert!(parts.iter().all(|part| lines[0].contains(part)), "{lines:?}");
    }
}
