//! What is said of records: the table, and what is wrong with them.

use std::collections::BTreeSet;

use crate::output;
use crate::records::{Sample, Status};
use crate::table;

/// Others take so much of the processors in any cell: the scheduler, the sampler, interrupts.
const USUAL: f64 = 0.1;
/// Failed cells that are told one by one.
const TOLD: usize = 5;

/// The question and the table.
pub(crate) fn text(question: &str, samples: &[Sample]) -> String {
    format!("\n{question}\n\n{}", table::summary(samples))
}

/// Says on stderr what spoils the records; how many cells failed.
pub(crate) fn complain(samples: &[Sample], processors: Option<u64>) -> usize {
    let (mut lines, failed) = failures(samples);
    lines.extend(disturbed(samples, processors));
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

/// Where not all rows are of one build.
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
fn disturbed(samples: &[Sample], processors: Option<u64>) -> Option<String> {
    let measured = || samples.iter().filter(|row| row.status == Status::Ok);
    let shares = measured().filter_map(|row| row.disturbed(processors?));
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
