//! The correctness gate: every allowed pair of a scheme and a structure, checked without timing.
//!
//! | module | what it holds |
//! |---|---|
//! | `command` | `kovan-lab verify`, with and without a record |
//! | `args` | its arguments, and which checks of which pairs they ask for |
//! | `workers` | runs checks some at a time, and their progress |
//! | `outcome` | what they found: the table, and the lines of failures |
//! | `job` | one check of one pair in a process of its own |
//! | `ledger` | the file that adds up what many runs checked |
//! | `slices` | what is to be checked next, so that all pairs come forward together |
//! | `summary` | what a ledger holds, for people |
//! | `subject` | a pair behind one type, so that the checks are compiled once |
//! | `budget` | seeds, rounds and the time that a check has |
//! | `model`, `oracle` | programs on one thread, against the standard collections |
//! | `conservation` | keys and nodes add up after concurrent runs |
//! | `pressure` | the check `canary`: late reads under the heaviest reuse |
//! | `history`, `linear` | concurrent histories, and whether they are linearizable |
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
pub(crate) mod command;
mod conservation;
mod destructors;
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
mod subject;
mod summary;
mod workers;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::ValueEnum;
use kovan_structures::registry;
use serde::{Deserialize, Serialize};

pub use budget::{Budget, Failure};
pub use job::Verdict;
pub use subject::Pair;

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Random programs on one thread against the standard collections.
    Oracle,
    /// Keys and nodes add up after concurrent runs, churn and stalls.
    Conservation,
    /// Late reads and double frees, under the heaviest reuse; needs the feature `canary`.
    Canary,
    /// Short concurrent histories are linearizable.
    Linearizability,
    /// Operations that stop at points inside while others run in their place; needs the feature `canary`.
    Interruptions,
    /// Declared bounds hold under adversaries.
    Bounds,
    /// The traversal out of an unlinked node; once per scheme.
    Optimistic,
    /// A reader's announcement against a writer's scan, over and over; once per scheme.
    Litmus,
    /// Declared bounds hold where destructors stop or retire; once per scheme.
    Destructors,
}

impl Check {
    /// All that are of a pair.
    pub const OF_PAIRS: [Self; 6] = [
        Self::Oracle,
        Self::Interruptions,
        Self::Conservation,
        Self::Canary,
        Self::Linearizability,
        Self::Bounds,
    ];

    /// All that are of a scheme alone.
    pub const OF_SCHEMES: [Self; 3] = [Self::Optimistic, Self::Litmus, Self::Destructors];

    /// Returns whether builds without the feature `canary` leave it out.
    pub(super) fn needs_canary(self) -> bool {
        matches!(self, Self::Canary | Self::Interruptions)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Conservation => "conservation",
            Self::Canary => "canary",
            Self::Linearizability => "linearizability",
            Self::Interruptions => "interruptions",
            Self::Bounds => "bounds",
            Self::Optimistic => "optimistic",
            Self::Litmus => "litmus",
            Self::Destructors => "destructors",
        }
    }

    /// The share of a pair's time; the rest is for what cannot be shortened.
    pub(super) fn share(self) -> f64 {
        match self {
            Self::Oracle | Self::Conservation => 0.1,
            Self::Interruptions | Self::Canary | Self::Bounds | Self::Destructors => 0.2,
            Self::Linearizability => 0.2,
            Self::Optimistic => 0.0,
            Self::Litmus => 1.0,
        }
    }
}

/// Every allowed pair of the registries.
#[must_use]
pub fn pairs() -> Vec<Pair> {
    let allowed = registry::matrix().into_iter().filter(|pair| pair.allowed);
    allowed
        .filter_map(|pair| registry::dispatch(pair.scheme, pair.structure, subject::Find).ok())
        .collect()
}

/// Runs a check of a pair, or of its scheme alone, in this process.
///
/// # Errors
/// What the check found. What it finds in another thread, a read of a freed node for one, ends the
/// process instead.
///
/// # Panics
/// For [`Check::Optimistic`], which may read freed memory.
pub fn run_check(check: Check, pair: &Pair, budget: &Budget) -> Result<String, Failure> {
    match check {
        Check::Oracle => oracle::check(pair, budget),
        Check::Conservation => conservation::check(pair, budget),
        Check::Canary => pressure::check(pair, budget),
        Check::Linearizability => history::check(pair, budget),
        #[cfg(feature = "canary")]
        Check::Interruptions => interruptions::check(pair, budget),
        #[cfg(not(feature = "canary"))]
        Check::Interruptions => {
            let message = "it needs a build with the feature `canary`".into();
            Err(Failure { seed: budget.seed, message })
        }
        Check::Bounds => bounds::check(pair, budget),
        Check::Litmus | Check::Destructors | Check::Optimistic => match pair.of_scheme.get(check) {
            Some(run) => run(budget),
            None => panic!("`optimistic` is a script for the schemes of the registry"),
        },
    }
}

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
