//! Rows that are worth little because other programs took the time of the workers.

use crate::results::{Sample, USUALLY_TAKEN};

/// A line about the rows that are.
pub(super) fn told(samples: &[Sample]) -> Option<String> {
    let measured = || samples.iter().filter(|row| row.is_ok());
    let spoilt = measured().filter(|row| row.is_disturbed()).count();
    (spoilt > 0).then(|| {
        format!(
            "in {spoilt} of {} cells other programs took more than {:.0} % of the workers' processor \
             time (column `disturbed`): throughput there is too low, and peaks may be too high; \
             `run` with --redo disturbed measures these cells again",
            measured().count(),
            USUALLY_TAKEN * 100.0
        )
    })
}

/// The note below a figure in which so many of its points or lines are of such rows.
pub(super) fn note(spoilt: usize, all: usize, what: &str, mark: &str) -> Option<String> {
    let verb = if spoilt == 1 { "was" } else { "were" };
    (spoilt > 0).then(|| {
        format!(
            "{spoilt} of {all} {what}{mark} {verb} disturbed by other programs (`--redo disturbed` measures \
             again)."
        )
    })
}
