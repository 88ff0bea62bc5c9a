//! The loop of a worker.

use std::time::{Duration, Instant};

use kovan_erased::{BLOCK, Worker as Registered};
use kovan_lab_base::data::{Mix, Trial};
use kovan_structures::StructureFacts;

use super::adversary::Delay;
use super::apply::How;
use super::meters::Meters;
use super::phase::Phase;
use super::steps::{Step, Steps};
use super::tally::Tally;
use super::timing::{Pacer, Timing};

/// What one worker brings to its loop.
pub(super) struct Worker<'a> {
    pub(super) steps: Steps,
    /// Operations that are drawn in front.
    block: [Step; BLOCK],
    pub(super) timing: Timing,
    pub(super) pacer: Option<Pacer>,
    pub(super) meters: Meters,
    /// Operations that it is asked for in a second; 0: as many as it can.
    rate: f64,
    /// Where it is one of those that sleep.
    pub(super) delay: Option<Delay<'a>>,
    per_guard: usize,
    pause: Duration,
    how: How,
    /// Nothing but operations, each under a guard of its own.
    is_bare: bool,
    /// Looks at its own unreclaimed nodes as each operation begins.
    is_strict: bool,
}

impl<'a> Worker<'a> {
    /// The `nth` worker of a trial. It measures nothing of its own thread, unless it is given meters.
    pub(super) fn new(
        trial: &Trial,
        mix: &Mix,
        structure: &StructureFacts,
        nth: u32,
        delay: Option<Delay<'a>>,
    ) -> Self {
        let (rate, latency_every) = (rate_of_each(trial), trial.latency_every);
        // Whoever asks for arrivals asks for their latencies.
        let every = if rate > 0.0 { latency_every.max(1) } else { latency_every };
        let is_strict = trial.id.is_strict();
        Self {
            is_bare: !is_strict && mix.operations_per_guard == 1 && mix.pause_in_guard_us == 0,
            is_strict,
            steps: Steps::new(mix, trial.id.key_range, trial.seed, nth, trial.id.threads),
            block: [Step::NONE; BLOCK],
            timing: Timing::new(every),
            pacer: None,
            meters: Meters::default(),
            rate,
            delay,
            per_guard: mix.operations_per_guard as usize,
            pause: Duration::from_micros(mix.pause_in_guard_us),
            how: How::new(structure, mix),
        }
    }
}

/// Operations that each worker is asked for in a second; 0: as many as it can.
#[allow(clippy::cast_precision_loss)] // A rate.
fn rate_of_each(trial: &Trial) -> f64 {
    trial.id.rate as f64 / f64::from(trial.id.threads.max(1))
}

/// Runs blocks of operations until the window is over.
pub(super) fn work(thread: &dyn Registered, phase: &Phase, worker: &mut Worker<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut is_measured = false;
    let mut restarts = 0;
    // From here on, as the threads have come together.
    worker.pacer = Pacer::new(worker.rate);
    loop {
        let now = phase.get();
        if now == Phase::MEASURE && !is_measured {
            is_measured = true;
            restarts = kovan_structures::restarts();
            worker.steps.begin_count();
            worker.timing.clear();
            worker.meters.begin();
        } else if now == Phase::STOP {
            worker.meters.end();
            tally.restarts = kovan_structures::restarts() - restarts;
            worker.steps.count(tally.ops);
            return tally;
        }
        if let Some(delay) = worker.delay.take_if(|delay| delay.is_due()) {
            delay.sleep(thread);
        }
        let freed = thread.totals().freed;
        block(thread, worker, is_measured, &mut tally);
        if is_measured {
            tally.ops += BLOCK as u64;
            tally.free_burst = tally.free_burst.max(thread.totals().freed - freed);
        }
    }
}

/// Does a block of operations.
pub(super) fn block(
    thread: &dyn Registered,
    worker: &mut Worker<'_>,
    is_measured: bool,
    tally: &mut Tally,
) {
    if !worker.is_bare || worker.pacer.is_some() {
        return groups(thread, worker, BLOCK, is_measured, tally);
    }
    let mut left = BLOCK;
    while left > 0 {
        let bare = worker.timing.pass(left);
        draw(thread, worker, bare, tally);
        left -= bare;
        if left > 0 {
            groups(thread, worker, 1, is_measured, tally);
            left -= 1;
        }
    }
}

/// Does so many operations, which are drawn as they are done. None of them is timed.
fn draw(thread: &dyn Registered, worker: &mut Worker<'_>, count: usize, tally: &mut Tally) {
    let mut draws = worker.steps.draws(count);
    thread.draw(&mut draws, &mut tally.moves);
    let random = draws.random;
    worker.steps.go_on(random);
}

/// Draws operations, and then does them in groups, each under a guard, at its time, with latencies and pauses.
fn groups(
    thread: &dyn Registered,
    worker: &mut Worker<'_>,
    count: usize,
    is_measured: bool,
    tally: &mut Tally,
) {
    let Worker { steps, block, how, pause, per_guard, pacer, timing, is_strict, .. } = worker;
    let looks = *is_strict && is_measured;
    let drawn = &mut block[..count];
    steps.fill(drawn);
    for group in drawn.chunks(*per_guard) {
        let meant = pacer.as_mut().map(Pacer::wait);
        if looks {
            tally.look(&thread.totals());
        }
        let began = timing.is_due().then(|| meant.unwrap_or_else(Instant::now));
        thread.pinned(&mut |on| {
            for step in group {
                how.apply(*step, on, &mut tally.moves);
            }
            if !pause.is_zero() {
                std::thread::sleep(*pause);
            }
        });
        if let Some(began) = began {
            timing.record(group[0].operation, began);
        }
    }
}
