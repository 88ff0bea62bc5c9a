//! The loop of a worker.

use std::time::{Duration, Instant};

use kovan_schemes::{Handle, Reclaimer};
use kovan_structures::{Kind, Structure};

use super::adversary::Delay;
use super::apply::apply;
use super::meters::Meters;
use super::phase::Phase;
use super::steps::{BLOCK, Plain, Step, Steps};
use super::tally::Tally;
use super::timing::{Pacer, Timing};
use crate::data::Mix;

/// What one worker brings to its loop.
pub(super) struct Worker<'a> {
    pub(super) steps: Steps,
    pub(super) timing: Timing,
    pub(super) pacer: Option<Pacer>,
    pub(super) meters: Meters,
    /// Operations that it is asked for in a second; 0: as many as it can.
    rate: f64,
    /// Where it is one of those that sleep.
    pub(super) delay: Option<Delay<'a>>,
    per_guard: usize,
    pause: Duration,
    scan_keys: u64,
    /// Nothing but operations, each under a guard of its own.
    is_bare: bool,
    /// Looks at its own unreclaimed nodes as each operation begins.
    is_strict: bool,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        mix: &Mix,
        steps: Steps,
        latency_every: u32,
        rate: f64,
        is_strict: bool,
        delay: Option<Delay<'a>>,
    ) -> Self {
        // Whoever asks for arrivals asks for their latencies.
        let every = if rate > 0.0 { latency_every.max(1) } else { latency_every };
        let is_bare =
            every == 0 && !is_strict && mix.operations_per_guard == 1 && mix.pause_in_guard_us == 0;
        Self {
            is_bare,
            is_strict,
            steps,
            timing: Timing::new(every),
            pacer: None,
            meters: Meters::default(),
            rate,
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
    let (mut restarts, mut plain_ops) = (0, 0);
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
            worker.steps.count_again(plain_ops);
            return tally;
        }
        if let Some(delay) = worker.delay.take_if(|delay| delay.is_due()) {
            delay.sleep(structure, handle);
        }
        let freed = handle.totals().freed;
        let plain = if worker.is_bare { worker.steps.plain() } else { None };
        if let Some(plain) = plain {
            let plain = plain_block(structure, handle, plain, &mut tally);
            worker.steps.go_on(plain);
            plain_ops += if is_measured { BLOCK as u64 } else { 0 };
        } else {
            worker.steps.fill(&mut block);
            let looks = worker.is_strict && is_measured;
            groups(structure, handle, worker, &block, looks, &mut tally);
        }
        if is_measured {
            tally.ops += BLOCK as u64;
            tally.free_burst = tally.free_burst.max(handle.totals().freed - freed);
        }
    }
}

/// A block of a plain workload, without a clock and with a guard for each operation: nothing may stand between
/// the operations but the draws of the next one.
#[inline]
fn plain_block<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    handle: &Handle<R>,
    mut plain: Plain,
    tally: &mut Tally,
) -> Plain {
    let is_map = matches!(S::FACTS.kind, Kind::Map);
    // Its own, in registers.
    let sums = tally;
    let mut tally = Tally::default();
    for _ in 0..BLOCK {
        let key = plain.first + plain.keys.below(plain.count);
        let choice = plain.choices.below(plain.total);
        let guard = handle.pin();
        if choice < plain.insert {
            if structure.insert(&guard, key) {
                tally.insert(key);
            }
        } else if choice < plain.remove {
            if let Some(out) = structure.remove(&guard, key) {
                tally.remove(if is_map { key } else { out });
            }
        } else {
            tally.found += u64::from(structure.contains(&guard, key));
        }
    }
    sums.add(&tally);
    plain
}

/// A block of operations, so many under a guard, each at its time, with latencies and pauses.
#[inline(never)]
fn groups<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    handle: &Handle<R>,
    worker: &mut Worker<'_>,
    block: &[Step; BLOCK],
    looks: bool,
    tally: &mut Tally,
) {
    for group in block.chunks(worker.per_guard) {
        let meant = worker.pacer.as_mut().map(Pacer::wait);
        if looks {
            tally.look(&handle.totals());
        }
        let began = worker.timing.is_due().then(|| meant.unwrap_or_else(Instant::now));
        let guard = handle.pin();
        for step in group {
            apply(structure, &guard, *step, worker.scan_keys, tally);
        }
        if !worker.pause.is_zero() {
            std::thread::sleep(worker.pause);
        }
        drop(guard);
        if let Some(began) = began {
            worker.timing.record(group[0].operation, began);
        }
    }
}
