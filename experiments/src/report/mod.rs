//! What is said of records: the table, and what is wrong with them.

pub(crate) mod plot;
mod summary;

use std::collections::BTreeSet;

pub(crate) use self::summary::summary;
use crate::results::{Sample, Status};
use crate::support::output;
use crate::system::machine::Machine;

/// Others take so much of the processors in any cell: the scheduler, the sampler, interrupts.
const USUAL: f64 = 0.1;
/// Failed cells that are told one by one.
const TOLD: usize = 5;

/// The question and the table.
pub(crate) fn text(question: &str, samples: &[Sample]) -> String {
    format!("\n{question}\n\n{}", summary(samples, output::columns()))
}

/// Says on stderr what spoils the records; how many cells failed.
pub(crate) fn complain(samples: &[Sample], machine: &Machine) -> usize {
    let (mut lines, failed) = failures(samples);
    lines.extend(disturbed(samples, machine.capacity()));
    lines.extend(throttled(samples, machine.quota()));
    lines.extend(several_builds(samples));
    lines.iter().for_each(|line| output::complain(line));
    failed
}

fn failures(samples: &[Sample]) -> (Vec<String>, usize) {
    let failed: Vec<&Sample> = samples
        .iter()
        .filter(|row| matches!(row.status, Status::Error | Status::Timeout))
        .collect();
    let mut lines: Vec<String> = failed
        .iter()
        .take(TOLD)
        .map(|row| format!("failed: {}: {}", row.name(), row.error))
        .collect();
    if failed.len() > TOLD {
        lines.push(format!("{} more failed; `error` in samples.csv says why", failed.len() - TOLD));
    }
    if !failed.is_empty() {
        lines.push("`run` with --resume measures what failed again".into());
    }
    (lines, failed.len())
}

/// Tells where not all rows are of one build.
fn several_builds(samples: &[Sample]) -> Option<String> {
    let builds: BTreeSet<_> = samples.iter().filter_map(|row| row.build.as_ref()).collect();
    (builds.len() > 1).then(|| {
        format!(
            "the rows are of {} builds of kovan-lab (column `build`; manifest.json says what they are): \
             a difference between rows may be one of builds",
            builds.len()
        )
    })
}

/// Where other programs took the time of the workers.
fn disturbed(samples: &[Sample], capacity: Option<f64>) -> Option<String> {
    let measured = || samples.iter().filter(|row| row.status == Status::Ok);
    let shares = measured().filter_map(|row| row.disturbed(capacity?));
    let spoilt = shares.filter(|share| *share > USUAL).count();
    (spoilt > 0).then(|| {
        format!(
            "in {spoilt} of {} cells other programs took more than {:.0} % of the workers' processor \
             time (see `cpu_ns`): throughput there is too low, and peaks may be too high",
            measured().count(),
            USUAL * 100.0
        )
    })
}

/// Tells where a quota of the control groups stopped threads.
fn throttled(samples: &[Sample], quota: Option<f64>) -> Option<String> {
    let measured = || samples.iter().filter(|row| row.status == Status::Ok);
    let stopped: Vec<u64> =
        measured().filter_map(|row| row.throttled_us).filter(|micros| *micros > 0).collect();
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
    use crate::results::{SAMPLES_HEADER, parse};

    #[test]
    fn what_a_quota_stopped_is_said() {
        let row = |micros: &str| {
            let row = "x,ibr,list,w,none,4,0,mimalloc,1,1,ok,,9,100000000,9,9,9,9,9,9,,,150000000";
            format!("{row},1,{micros},b1\n")
        };
        let all = |rows: &[&str]| -> Vec<Sample> {
            let text: String = rows.iter().map(|micros| row(micros)).collect();
            parse(std::path::Path::new("-"), &format!("{SAMPLES_HEADER}{text}")).expect("rows")
        };
        let said = throttled(&all(&["0", "2500", ""]), Some(1.5)).expect("a line");
        let parts = ["in 1 of 3 cells", "quota of 1.5 processors", "for 3 ms at most"];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert_eq!(throttled(&all(&["0", ""]), Some(1.5)), None);
    }
}
