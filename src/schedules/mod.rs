//! Larger programs than loom can explore, under random and under adversarial schedules: shuttle
//! runs them, one thread at a time, and chooses the next thread at every atomic operation.
//! `ci/schedules` runs them.
//!
//! What this can find: a wrong step, or a wrong order of steps, in any of the schedules tried. What
//! it cannot: a memory ordering that is too weak (every execution is sequentially consistent, and
//! fences do nothing), and what none of the schedules met. For these there are the models of loom.
//!
//! A failure prints its schedule; `KOVAN_SCHEDULE`, with the name of a file that holds it, runs that
//! schedule alone.

mod bounds;
mod programs;
mod starve;
mod steps;
mod world;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};
use std::prelude::v1::*;

use starve::Starve;

/// Preemptions of the schedules that have few of them.
const PREEMPTIONS: usize = 5;

/// Runs `body` under so many schedules of each kind, times `KOVAN_STRESS`, which may be a fraction.
fn check(schedules: usize, body: impl Fn() + Clone + Send + Sync + 'static) {
    if let Ok(schedule) = std::env::var("KOVAN_SCHEDULE") {
        return shuttle::replay_from_file(body, schedule);
    }
    let stress = std::env::var("KOVAN_STRESS").ok().and_then(|s| s.parse().ok()).unwrap_or(1.0);
    let schedules = ((schedules as f64 * stress) as usize).max(1);
    let random = run(RandomScheduler::new(schedules), body.clone());
    let few = run(PctScheduler::new(PREEMPTIONS, schedules), body.clone());
    let starving = run(Starve::new(schedules), body);
    let thread = std::thread::current();
    println!(
        "{}: schedules: {random} random, {few} with few preemptions, {starving} that starve a call",
        thread.name().unwrap_or_default(),
    );
}

/// Runs a program of one thread, which has one schedule.
fn once(body: impl Fn() + Send + Sync + 'static) {
    run(RandomScheduler::new(1), body);
}

fn run(scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    config.stack_size = 1 << 17;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(body)
}
