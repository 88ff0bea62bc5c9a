//! Which function runs a check.

use kovan_erased::ErasedPair;
use kovan_schemes::Reclaimer;
use kovan_structures::Structure;

use super::budget::{Budget, Failure};
use super::check::Check;
#[cfg(feature = "canary")]
use super::interruptions;
use super::of_scheme::OfScheme;
use super::{bounds, conservation, history, oracle, pressure};

/// A pair that need not be in the registries, and the checks of its scheme.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    erased: ErasedPair,
    of_scheme: OfScheme,
}

impl Pair {
    /// Returns the pair of these types.
    #[must_use]
    pub fn of<R: Reclaimer, S: Structure<R>>() -> Self {
        Self { erased: ErasedPair::of::<R, S>(), of_scheme: OfScheme::of::<R>() }
    }
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
    match pair.of_scheme.get(check) {
        Some(run) => run(budget),
        None => run_pair(check, &pair.erased, budget),
    }
}

/// Runs a check that is not of a scheme alone, in this process.
///
/// # Errors
/// As [`run_check`].
///
/// # Panics
/// For checks of schemes alone.
pub fn run_pair(check: Check, pair: &ErasedPair, budget: &Budget) -> Result<String, Failure> {
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
        Check::Litmus | Check::Destructors | Check::Optimistic => {
            panic!("`{}` is of a scheme alone", check.name())
        }
    }
}
