//! Fills the structure before the window.

use std::thread;

use kovan_schemes::{Domain, Reclaimer};
use kovan_structures::Structure;

use super::tally::Tally;
use crate::data::{PrefillOrder, Trial};
use crate::support::rng::{Permutation, XorShift};
use crate::system::threads::TooFew;

/// Inserts the keys of the workload, from as many threads as it says.
///
/// # Errors
/// If the system does not start all of the threads.
pub(super) fn prefill<R: Reclaimer, S: Structure<R>>(
    domain: &Domain<R>,
    structure: &S,
    trial: &Trial,
) -> Result<Tally, TooFew> {
    let threads = u64::from(trial.workload.prefill_threads);
    if threads == 1 {
        return Ok(part(domain, structure, trial, 0, 1));
    }
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let mut parts = Vec::new();
        for nth in 0..threads {
            let fill = move || part(domain, structure, trial, nth, threads);
            let started = thread::Builder::new().spawn_scoped(scope, fill);
            let (needs, before) = (trial.workload.prefill_threads as usize, parts.len());
            parts.push(started.map_err(|cause| TooFew { needs, started: before, cause })?);
        }
        for part in parts {
            tally.add(&part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        Ok(tally)
    })
}

/// The keys of one thread: each one of so many.
fn part<R: Reclaimer, S: Structure<R>>(
    domain: &Domain<R>,
    structure: &S,
    trial: &Trial,
    nth: u64,
    threads: u64,
) -> Tally {
    let (range, handle) = (trial.id.key_range, domain.register());
    let count = trial.workload.prefill.keys(range);
    let shuffled = Permutation::new(trial.seed, range);
    let mut draws = XorShift::stream(trial.seed, nth, 3);
    let even = |place: u64| {
        u64::try_from(u128::from(place) * u128::from(range) / u128::from(count)).unwrap_or(0)
    };
    let mut tally = Tally::default();
    for place in (nth..count).step_by(usize::try_from(threads).unwrap_or(1)) {
        let key = match trial.workload.prefill_order {
            PrefillOrder::Shuffled => shuffled.at(place),
            PrefillOrder::WithReplacement => draws.below(range),
            PrefillOrder::Ascending => even(place),
            PrefillOrder::Descending => even(count - 1 - place),
        };
        if structure.insert(&handle.pin(), key) {
            tally.insert(key);
        }
    }
    tally
}

/// How many keys have to be there after it; none where the draws decide.
pub(super) fn expected(trial: &Trial) -> Option<u64> {
    let is_exact = trial.workload.prefill_order != PrefillOrder::WithReplacement;
    is_exact.then(|| trial.workload.prefill.keys(trial.id.key_range))
}
