//! What is checked next: always what has the least time, in slices that grow, so that all pairs have
//! about the same time whenever a run is cut off.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use anyhow::Result;
use kovan_lab_worker::checks::{Check, Ended, Job};

use super::ledger::{Entry, Key, Ledger, standing_failures};
use super::outcome::caught_as_it_should;

/// Where jobs come from.
pub(super) trait Queue: Send {
    /// The next job with its place, if there is one now.
    fn next(&mut self) -> Option<(usize, Job)>;
    /// The job at this place has ended.
    fn ended(&mut self, at: usize, job: &Job, ended: &Ended) -> Result<()>;
    /// The system did not let the job at this place run.
    fn not_run(&mut self, at: usize);
}

/// Each job once, in order.
impl Queue for VecDeque<(usize, Job)> {
    fn next(&mut self) -> Option<(usize, Job)> {
        self.pop_front()
    }
    fn ended(&mut self, _: usize, _: &Job, _: &Ended) -> Result<()> {
        Ok(())
    }
    fn not_run(&mut self, _: usize) {}
}

/// Seconds of a pair after each slice; a further slice is as long as the last step.
const STEPS: [f64; 4] = [5.0, 20.0, 60.0, 120.0];
/// Sums of fractions are not exact.
const NEARLY: f64 = 1e-6;

/// The jobs of a run with a ledger.
#[derive(Debug)]
pub(super) struct Slices {
    works: Vec<Work>,
    /// Time that each pair is to have.
    full: f64,
    deadline: Option<Instant>,
    ledger: Ledger,
    commit: String,
}

/// A check of a pair, and how far it is.
#[derive(Debug)]
struct Work {
    /// The job, with the seed that comes next.
    job: Job,
    /// The share of the time of its pair; nothing for what runs once.
    share: Option<f64>,
    passed: f64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// Failed under another commit: to be seen again first.
    Again,
    Running,
    /// Failed under this commit, ran once, or could not run.
    Over,
}

impl Slices {
    /// What is still to do of `jobs` until each pair has `full` seconds.
    pub(super) fn new(
        jobs: Vec<Job>,
        full: f64,
        deadline: Option<Instant>,
        (ledger, entries): (Ledger, &[Entry]),
        commit: &str,
    ) -> Self {
        let failures = standing_failures(entries);
        let mut of: BTreeMap<Key, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            of.entry(entry.key()).or_default().push(entry);
        }
        let work = |job: Job| {
            let key = (job.scheme.clone(), job.structure.clone(), job.check);
            let entries = of.get(&key).map(Vec::as_slice).unwrap_or_default();
            Work::new(job, entries, failures.get(&key).copied(), commit)
        };
        let works = jobs.into_iter().map(work).collect();
        Self { works, full, deadline, ledger, commit: commit.into() }
    }

    /// Slices that are to come if nothing fails.
    pub(super) fn count(&self) -> usize {
        self.works.iter().map(|work| work.slices(self.full)).sum()
    }
}

impl Work {
    /// From the lines of the job, and the one of them that is a standing failure.
    fn new(mut job: Job, entries: &[&Entry], failed: Option<&Entry>, commit: &str) -> Self {
        if let Some(last) = entries.last() {
            job.seed = last.last.wrapping_add(1);
        }
        let mut state = State::Waiting;
        if let Some(failed) = failed {
            job.seed = failed.failing.unwrap_or(failed.first);
            state = if failed.commit == commit { State::Over } else { State::Again };
        }
        // The script has no seed, so once under each commit is enough.
        let once = job.check == Check::Optimistic;
        if once && state == State::Waiting && entries.iter().any(|entry| entry.commit == commit) {
            state = State::Over;
        }
        let passed = entries.iter().map(|entry| entry.passed()).sum();
        Self { share: (!once).then(|| job.check.share()), job, passed, state }
    }

    /// The part of the pair's time that this has, as seconds of the pair.
    fn of_pair(&self) -> f64 {
        self.share.map_or(0.0, |share| self.passed / share)
    }

    /// How long the next slice is.
    fn slice(&self, full: f64) -> Option<f64> {
        let Some(share) = self.share else {
            return matches!(self.state, State::Waiting | State::Again).then_some(self.job.seconds);
        };
        let to = step_after(self.of_pair()).min(full);
        // What failed is seen again, even if it has all its time.
        let short = if self.state == State::Again { full.min(STEPS[0]) } else { 0.0 };
        let seconds = (to - self.of_pair()).max(short);
        (seconds > NEARLY && self.state != State::Over).then_some(seconds * share)
    }

    fn slices(&self, full: f64) -> usize {
        if self.slice(full).is_none() || self.share.is_none() {
            return usize::from(self.slice(full).is_some());
        }
        let mut at = self.of_pair();
        let mut count = usize::from(at + NEARLY >= full);
        while at + NEARLY < full {
            at = step_after(at);
            count += 1;
        }
        count
    }
}

/// The first step that is more than this.
fn step_after(seconds: f64) -> f64 {
    let first = STEPS.into_iter().find(|step| *step > seconds + NEARLY);
    let [.., before, last] = STEPS;
    let further =
        || last + (((seconds + NEARLY - last) / (last - before)).floor() + 1.0) * (last - before);
    first.unwrap_or_else(further)
}

impl Queue for Slices {
    fn next(&mut self) -> Option<(usize, Job)> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return None;
        }
        let (full, mut best) = (self.full, None::<(usize, f64, f64)>);
        for (at, work) in self.works.iter().enumerate() {
            if work.state == State::Running {
                continue;
            }
            let Some(seconds) = work.slice(full) else { continue };
            let rank = if work.state == State::Again { -1.0 } else { work.of_pair() };
            // The first of those with the least.
            if best.is_none_or(|(_, least, _)| rank + NEARLY < least) {
                best = Some((at, rank, seconds));
            }
        }
        let (at, _, seconds) = best?;
        let work = &mut self.works[at];
        work.state = State::Running;
        Some((at, Job { seconds, ..work.job.clone() }))
    }

    fn ended(&mut self, at: usize, job: &Job, ended: &Ended) -> Result<()> {
        let caught = caught_as_it_should(job, &ended.verdict);
        let entry = Entry::new(job, ended, caught, &self.commit);
        let work = &mut self.works[at];
        let over = entry.failing.is_some() || work.share.is_none();
        work.state = if over { State::Over } else { State::Waiting };
        work.passed += entry.passed();
        work.job.seed = entry.last.wrapping_add(1);
        self.ledger.append(&entry)
    }

    fn not_run(&mut self, at: usize) {
        // Nothing is recorded. This run leaves it, as the next try would most likely end the same.
        self.works[at].state = State::Over;
    }
}
