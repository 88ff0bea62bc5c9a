//! Which function runs a check, and which pairs there are to check.

use kovan_schemes::Payload;
use kovan_structures::registry;

use super::budget::{Budget, Failure};
use super::check::Check;
#[cfg(feature = "canary")]
use super::interruptions;
use super::subject::{self, Pair};
use super::{bounds, conservation, history, oracle, pressure};

/// Every allowed pair of the registries.
#[must_use]
pub fn pairs() -> Vec<Pair> {
    let allowed = registry::matrix().into_iter().filter(|pair| pair.allowed);
    allowed
        .filter_map(|pair| {
            registry::dispatch::<Payload, _>(pair.scheme, pair.structure, subject::Find).ok()
        })
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
