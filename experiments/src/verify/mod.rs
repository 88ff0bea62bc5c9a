//! The correctness gate: every allowed pair of a scheme and a structure, checked without timing.
//!
//! | module | what it holds |
//! |---|---|
//! | `command` | `kovan-lab verify`, with and without a record |
//! | `args` | its arguments, and which checks of which pairs they ask for |
//! | `workers` | runs checks some at a time, and their progress |
//! | `outcome` | what they found: the table, and the lines of failures |
//! | `check` | the checks by their names |
//! | `dispatch` | which function runs a check |
//! | `job` | one check of one pair in a process of its own |
//! | `ledger` | the file that adds up what many runs checked |
//! | `slices` | what is to be checked next, so that all pairs come forward together |
//! | `summary` | what a ledger holds, for people |
//! | `budget` | seeds, rounds and the time that a check has |
//! | `model`, `oracle` | programs on one thread, against the standard collections |
//! | `conservation` | keys and nodes add up after concurrent runs |
//! | `pressure` | the check `canary`: late reads under the heaviest reuse |
//! | `history`, `linear` | concurrent histories, and whether they are linearizable |
//! | `walk` | whether an iteration or a scan saw what it must, and nothing else |
//! | `interruptions` | operations that stop inside, as coroutines of one thread |
//! | `bounds` | declared bounds, against adversaries |
//! | `of_scheme` | the checks of a scheme alone, by its name |
//! | `litmus` | announcements against scans, for each scheme |
//! | `destructors` | declared bounds, where destructors stop or retire, for each scheme |
//! | `optimistic` | the traversal out of an unlinked node, for each scheme |
//!
//! `docs/GATE.md` says what each check can and cannot find.

pub(crate) mod args;
mod bounds;
mod budget;
mod check;
pub(crate) mod command;
mod conservation;
mod destructors;
mod dispatch;
mod history;
#[cfg(feature = "canary")]
mod interruptions;
pub(crate) mod job;
mod ledger;
#[cfg(test)]
mod ledger_tests;
mod linear;
mod litmus;
mod model;
mod of_scheme;
mod optimistic;
mod oracle;
mod outcome;
mod pressure;
mod slices;
mod summary;
mod walk;
mod workers;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use budget::{Budget, Failure};
pub use check::Check;
pub use dispatch::{Pair, run_check, run_pair};
pub use job::Verdict;

/// Runs this program with the arguments as a child, which must end with [`report`]; what it said, or
/// how it crashed or hung.
///
/// # Errors
/// If no process can be started, or the system does not give it the threads that it needs.
pub fn in_a_child(arguments: &[String], seed: u64, limit: Duration) -> anyhow::Result<Verdict> {
    match job::judge(arguments, seed, limit, &AtomicBool::new(false))? {
        job::Judged::Ended(ended) => Ok(ended.verdict),
        job::Judged::NotRun(reason) => anyhow::bail!("could not run: {reason}"),
        job::Judged::Interrupted => Ok(Verdict::Failed { seed, message: "interrupted".into() }),
    }
}

/// In a child: writes the verdict for the parent.
///
/// # Errors
/// If stdout cannot be written to.
pub fn report(result: Result<String, Failure>) -> anyhow::Result<()> {
    job::say(&match result {
        Ok(detail) => Verdict::Passed { detail },
        Err(Failure { seed, message }) => Verdict::Failed { seed, message },
    })
}
