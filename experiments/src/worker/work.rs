//! The loop of a worker.

use std::time::{Duration, Instant};

use kovan_schemes::{Handle, Reclaimer};
use kovan_structures::Structure;

use super::adversary::Delay;
use super::apply::apply;
use super::phase::Phase;
use super::steps::{BLOCK, Step, Steps};
use super::tally::Tally;
use super::timing::{Pacer, Timing};
use crate::data::Mix;

/// What one worker brings to its loop.
pub(super) struct Worker<'a> {
    pub(super) steps: Steps,
    pub(super) timing: Timing,
    pub(super) pacer: Option<Pacer>,
    /// Where it is one of those that sleep.
    pub(super) delay: Option<Delay<'a>>,
    per_guard: usize,
    pause: Duration,
    scan_keys: u64,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        mix: &Mix,
        steps: Steps,
        latency_every: u32,
        rate: f64,
        delay: Option<Delay<'a>>,
    ) -> Self {
        let pacer = Pacer::new(rate);
        // Whoever asks for arrivals asks for their latencies.
        let every = if pacer.is_some() { latency_every.max(1) } else { latency_every };
        Self {
            steps,
            timing: Timing::new(every),
            pacer,
            delay,
            per_guard: mix.operations_per_guard as usize,
            pause: Duration::from_micros(mix.pause_in_guard_us),
            scan_keys: mix.scan_keys,
        }
    }
}

/// Runs blocks of operations until the window is over. Not inlined, so that each pair is one function in a
/// profile.
#[inline(never)]
pub(super) fn work<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    handle: &Handle<R>,
    phase: &Phase,
    worker: &mut Worker<'_>,
) -> Tally {
    let mut tally = Tally::default();
    let mut block = [Step::NONE; BLOCK];
    let mut is_measured = false;
    let mut restarts = 0;
    loop {
        let now = phase.get();
        if now == Phase::MEASURE && !is_measured {
            is_measured = true;
            restarts = kovan_structures::restarts();
            worker.steps.counts = Default::default();
            worker.timing.clear();
        } else if now == Phase::STOP {
            tally.restarts = kovan_structures::restarts() - restarts;
            return tally;
        }
        if let Some(delay) = worker.delay.take_if(|delay| delay.is_due()) {
            delay.sleep(structure, handle);
        }
        worker.steps.fill(&mut block);
        let freed = handle.totals().freed;
        for group in block.chunks(worker.per_guard) {
            let meant = worker.pacer.as_mut().map(Pacer::wait);
            let began = worker.timing.is_due().then(|| meant.unwrap_or_else(Instant::now));
            let guard = handle.pin();
            for step in group {
                apply(structure, &guard, *step, worker.scan_keys, &mut tally);
            }
            if !worker.pause.is_zero() {
                std::thread::sleep(worker.pause);
            }
            drop(guard);
            if let Some(began) = began {
                worker.timing.record(group[0].operation, began);
            }
        }
        if is_measured {
            tally.ops += BLOCK as u64;
            tally.free_burst = tally.free_burst.max(handle.totals().freed - freed);
        }
    }
}
