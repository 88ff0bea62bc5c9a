//! Fills the structure before the window.

use std::thread;

use kovan_erased::{Moves, Subject};
use kovan_harness::random::{Permutation, XorShift};
use kovan_lab_base::data::{PrefillOrder, Trial};
use kovan_lab_base::system::threads::TooFew;

/// Inserts the keys of the workload, from as many threads as it says.
///
/// # Errors
/// If the system does not start all of the threads.
pub(super) fn prefill(subject: &dyn Subject, trial: &Trial) -> Result<Moves, TooFew> {
    let threads = u64::from(trial.workload.prefill_threads);
    if threads == 1 {
        return Ok(fill(subject, keys(trial, 0, 1)));
    }
    let mut moves = Moves::default();
    thread::scope(|scope| {
        let mut parts = Vec::new();
        for nth in 0..threads {
            let part = move || fill(subject, keys(trial, nth, threads));
            let started = thread::Builder::new().spawn_scoped(scope, part);
            let (needs, before) = (trial.workload.prefill_threads as usize, parts.len());
            parts.push(started.map_err(|cause| TooFew { needs, started: before, cause })?);
        }
        for part in parts {
            moves.add(&part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        Ok(moves)
    })
}

/// Inserts keys.
fn fill(subject: &dyn Subject, keys: impl Iterator<Item = u64>) -> Moves {
    let (mut moves, own) = (Moves::default(), subject.join());
    for key in keys {
        own.pinned(&mut |on| {
            if on.insert(key) {
                moves.insert(key);
            }
        });
    }
    moves
}

/// The keys of one thread: each one of so many.
fn keys(trial: &Trial, nth: u64, threads: u64) -> impl Iterator<Item = u64> {
    let (range, order) = (trial.id.key_range, trial.workload.prefill_order);
    let count = trial.workload.prefill.keys(range);
    let shuffled = Permutation::new(trial.seed, range);
    let mut draws = XorShift::stream(trial.seed, nth, 3);
    let even = move |place: u64| {
        u64::try_from(u128::from(place) * u128::from(range) / u128::from(count)).unwrap_or(0)
    };
    let places = (nth..count).step_by(usize::try_from(threads).unwrap_or(1));
    places.map(move |place| match order {
        PrefillOrder::Shuffled => shuffled.at(place),
        PrefillOrder::WithReplacement => draws.below(range),
        PrefillOrder::Ascending => even(place),
        PrefillOrder::Descending => even(count - 1 - place),
    })
}

/// How many keys have to be there after it; none where the draws decide.
pub(super) fn expected(trial: &Trial) -> Option<u64> {
    let is_exact = trial.workload.prefill_order != PrefillOrder::WithReplacement;
    is_exact.then(|| trial.workload.prefill.keys(trial.id.key_range))
}
