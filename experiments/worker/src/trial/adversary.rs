//! The threads of an adversary.

use std::time::{Duration, Instant};

use kovan_erased::{BLOCK, Moves, Subject, Worker};
use kovan_lab_base::data::{Adversary, AdversaryKind, Manner, Mix, Point, Trial};
use kovan_lab_base::system::threads::Place;

use super::apply::How;
use super::phase::Signal;
use super::steps::{Step, Steps};

/// When the threads of an adversary begin, and when they end.
#[derive(Default)]
pub(super) struct Schedule {
    pub(super) begin: Signal,
    pub(super) end: Signal,
}

impl Schedule {
    /// Gives what is due at this part of the window. Whoever has no begin has begun; whoever has no end goes on
    /// after the window.
    pub(super) fn at(&self, adversary: &Adversary, part: f64) {
        if adversary.from.is_some_and(|from| from <= part) {
            self.begin.give();
        }
        if adversary.until.is_some_and(|until| until <= part) {
            self.end.give();
        }
    }

    /// Ends all waiting.
    pub(super) fn over(&self) {
        self.end.give();
        self.begin.give();
    }
}

/// A worker that is to sleep once.
pub(super) struct Delay<'a> {
    pub(super) adversary: &'a Adversary,
    pub(super) schedule: &'a Schedule,
    pub(super) key: u64,
}

impl Delay<'_> {
    /// Returns whether it is to sleep now.
    pub(super) fn is_due(&self) -> bool {
        self.schedule.begin.is_given()
    }

    /// Sleeps until the end of the schedule.
    pub(super) fn sleep(self, own: &dyn Worker) {
        let mut wait = || self.schedule.end.wait(self.adversary.how);
        let stopped = stop(own, self.adversary.at, self.key, self.schedule, &mut wait);
        assert!(stopped, "the worker did not come to its stop within the window");
    }
}

/// Calls `wait` at a point. Returns whether the thread came there before the schedule was over.
fn stop(
    own: &dyn Worker,
    at: Point,
    key: u64,
    schedule: &Schedule,
    wait: &mut dyn FnMut(),
) -> bool {
    match at {
        Point::Outside | Point::Anywhere => wait(),
        Point::Pinned => own.pinned(&mut |_| wait()),
        Point::Inside => {
            let mut held = false;
            own.pinned(&mut |on| {
                on.hold_inside(key, &mut || {
                    held = true;
                    wait();
                });
            });
            // The panic makes the trial an error; the place at the meeting lets the others end.
            assert!(held, "the structure did not hold the stalled thread at key {key}");
        }
        Point::InRetire => {
            return own.stop_in_retirement(wait, &mut || schedule.end.is_given());
        }
    }
    true
}

/// One further thread: where it stops, and what it may touch.
pub(super) struct Intruder<'a> {
    pub(super) trial: &'a Trial,
    pub(super) adversary: &'a Adversary,
    pub(super) schedule: &'a Schedule,
    pub(super) how: How,
    /// From 0, among the threads of the adversary.
    pub(super) nth: u32,
}

impl Intruder<'_> {
    /// Runs until the end of the schedule. Arrives once it has begun, or at once where it begins later.
    pub(super) fn run(&self, subject: &dyn Subject, place: &mut Place<'_>) -> Moves {
        let Self { adversary, schedule, .. } = self;
        if !self.begins(place) {
            return Moves::default();
        }
        if adversary.kind == AdversaryKind::Churn {
            place.arrive();
            return self.churn(subject);
        }
        let own = subject.join();
        let (key, how) = (self.key(), adversary.how);
        let mut wait = || {
            place.arrive();
            schedule.end.wait(how);
        };
        let mut moves = Moves::default();
        match adversary.kind {
            AdversaryKind::Stalled => {
                let stopped = stop(&*own, adversary.at, key, schedule, &mut wait);
                assert!(stopped, "the thread did not come to its stop within the window");
            }
            AdversaryKind::Idle => {
                own.pinned(&mut |on| {
                    on.contains(key);
                });
                wait();
            }
            AdversaryKind::Nap => {
                let period = self.period();
                while !schedule.end.is_given() {
                    let mut nap = || {
                        place.arrive();
                        schedule.end.sleep(period);
                    };
                    stop(&*own, adversary.at, key, schedule, &mut nap);
                }
            }
            AdversaryKind::LongReader | AdversaryKind::LongWriter => {
                place.arrive();
                let is_writer = adversary.kind == AdversaryKind::LongWriter;
                own.pinned(&mut |on| {
                    self.blocks(is_writer, |step| self.how.apply(step, on, &mut moves));
                });
            }
            AdversaryKind::Churn | AdversaryKind::Delayed => {}
        }
        moves
    }

    /// Waits for the begin of the schedule, and arrives before that. Returns whether it is not over.
    pub(super) fn begins(&self, place: &mut Place<'_>) -> bool {
        if self.adversary.from.is_some() {
            place.arrive();
            self.schedule.begin.wait(Manner::Parked);
        }
        !self.schedule.end.is_given()
    }

    /// Threads that come and go, one after the other.
    fn churn(&self, subject: &dyn Subject) -> Moves {
        let mut moves = Moves::default();
        while !self.schedule.end.is_given() {
            let life: Box<dyn FnOnce() -> Moves + Send + '_> = Box::new(|| {
                let (own, mut moves) = (subject.join(), Moves::default());
                let ends = Instant::now() + self.period();
                let mut steps = self.steps(&self.mix());
                let mut block = [Step::NONE; BLOCK];
                while Instant::now() < ends && !self.schedule.end.is_given() {
                    steps.fill(&mut block);
                    for step in block {
                        own.pinned(&mut |on| self.how.apply(step, on, &mut moves));
                    }
                }
                moves
            });
            let lived = std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().spawn_scoped(scope, life);
                thread.map(|thread| thread.join())
            });
            match lived {
                Ok(Ok(lived)) => moves.add(&lived),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system starts no more threads now; later it may.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        moves
    }

    /// Blocks of look-ups, or of insertions and removals, until the end of the schedule.
    pub(super) fn blocks(&self, is_writer: bool, mut each: impl FnMut(Step)) {
        let mix = if is_writer {
            let others = self.mix();
            Mix { insert: 1, remove: 1, contains: 0, put: 0, update: 0, scan: 0, ..others }
        } else {
            Mix { contains: 1, ..Mix::default() }
        };
        let mut steps = self.steps(&mix);
        let mut block = [Step::NONE; BLOCK];
        while !self.schedule.end.is_given() {
            steps.fill(&mut block);
            block.into_iter().for_each(&mut each);
        }
    }

    fn mix(&self) -> Mix {
        self.trial.workload.all_roles().swap_remove(0).mix
    }

    /// A stream of its own.
    fn steps(&self, mix: &Mix) -> Steps {
        let threads = self.trial.id.threads;
        let nth = threads + self.nth;
        Steps::new(
            mix,
            self.trial.id.key_range,
            self.trial.seed,
            nth,
            threads + self.trial.id.stalled,
        )
    }

    fn period(&self) -> Duration {
        Duration::from_millis(self.trial.id.period_ms)
    }

    /// Keys spread evenly over the range; one stalled thread stops in the middle.
    fn key(&self) -> u64 {
        middle_key(self.trial, self.nth)
    }
}

/// The place in the structure of the `nth` thread that stops there.
pub(super) fn middle_key(trial: &Trial, nth: u32) -> u64 {
    trial.id.key_range * u64::from(nth + 1) / (u64::from(trial.id.stalled) + 1)
}
