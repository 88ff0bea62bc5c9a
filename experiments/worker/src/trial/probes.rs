//! What the machine and the harness cost right now.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use std::thread;
use std::time::{Duration, Instant};

use kovan_erased::BLOCK;
use kovan_lab_base::data::{Mix, Trial};
use kovan_structures::StructureFacts;

use super::nothing::Nothing;
use super::tally::Tally;
use super::timing::Timing;
use super::work::{Worker, block};

/// Round trips of a cache line that are averaged.
const ROUND_TRIPS: u64 = 1000;
/// A probe that takes longer than this gives no number: the threads share a processor.
const PATIENCE: Duration = Duration::from_millis(20);

/// The time for a cache line from one thread to another and back, in nanoseconds. On virtual machines it
/// depends on where the processors happen to be, and decides throughput.
pub(super) fn line_round_trip(threads: u32) -> Option<u64> {
    if threads < 2 || thread::available_parallelism().map_or(1, |count| count.get()) < 2 {
        return None;
    }
    #[repr(align(128))]
    struct Line(AtomicU64);
    let line = Line(AtomicU64::new(0));
    let began = Instant::now();
    // Odd numbers are written by the other thread, even ones by this one.
    let turns = |first: u64| {
        for turn in (first..2 * ROUND_TRIPS).step_by(2) {
            while line.0.load(Acquire) != turn {
                if began.elapsed() > PATIENCE {
                    return false;
                }
            }
            line.0.store(turn + 1, Release);
        }
        true
    };
    let is_whole = thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, || turns(1)).ok()?;
        let mine = turns(0);
        other.join().ok().map(|theirs| mine && theirs)
    });
    let took = u64::try_from(began.elapsed().as_nanos()).ok()?;
    (is_whole == Some(true)).then_some(took / ROUND_TRIPS)
}

/// What the loop of a worker costs for each operation without the structure, and what it costs with latencies
/// where they are recorded; both in nanoseconds.
pub(super) fn harness(trial: &Trial, structure: &StructureFacts) -> (f64, Option<f64>) {
    let mix = trial.workload.all_roles().swap_remove(0).mix;
    let mix = Mix { pause_in_guard_us: 0, ..mix };
    let mut worker = Worker::new(trial, &mix, structure, 0, None);
    let every = worker.timing.every();
    let mut cost = |every| {
        worker.timing = Timing::new(every);
        // The fastest of some: whatever else runs only adds to it.
        (0..5).map(|_| run(&mut worker)).fold(f64::INFINITY, f64::min)
    };
    (cost(0), (every > 0).then(|| cost(every)))
}

/// Nanoseconds per operation of a loop without a structure.
fn run(worker: &mut Worker<'_>) -> f64 {
    const BLOCKS: u32 = 200;
    let mut tally = Tally::default();
    let began = Instant::now();
    for _ in 0..BLOCKS {
        block(&Nothing, worker, false, &mut tally);
    }
    let all = f64::from(BLOCKS) * BLOCK as f64;
    (began.elapsed().as_secs_f64() * 1e9 / all * 100.0).round() / 100.0
}
