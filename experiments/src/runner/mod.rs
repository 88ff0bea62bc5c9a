//! Runs the trials of a plan one after the other; every outcome is a row.

pub(crate) mod child;
mod further;
pub(crate) mod progress;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use kovan_lab_base::data::{Measured, Stop, Trial, TrialId, Wide};
use kovan_lab_base::support::numbers::count;
use kovan_lab_base::support::output::{note, with_stderr};

use self::child::Outcome;
use self::further::{Values, stop};
use self::progress::Progress;
use crate::plan::{Plan, Planned};
use crate::results::{Records, Sample, Status};

/// How a run ended.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// Every trial has a row, and so many repeats of each cell.
    Complete(Repeats),
    /// The user asked to stop.
    Interrupted,
}

/// How often each cell was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Repeats {
    /// Whole blocks.
    pub(crate) done: u32,
    /// Why there is no further one; absent where none was asked for.
    pub(crate) stopped: Option<Stop>,
    /// Which cells are wider than was asked for.
    pub(crate) wide: Vec<Wide>,
}

/// What is to be run, and with what.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    /// The rows that are there and complete.
    pub(crate) kept: Vec<Sample>,
    /// So many processors can be kept busy all the time.
    pub(crate) capacity: Option<f64>,
    /// Becomes true when the user asks to stop.
    pub(crate) interrupted: &'a AtomicBool,
    /// The time of the run until now, that of former sessions included.
    pub(crate) spent: &'a dyn Fn() -> Duration,
    /// Measures a trial.
    pub(crate) measure: &'a mut dyn FnMut(&Trial) -> Result<Outcome>,
}

impl Run<'_> {
    /// Runs the trials that are not complete yet, and then further blocks of them, as long as the plan asks
    /// for more. A block that was begun is finished first, whatever time is left, since its cells are
    /// compared with each other.
    pub(crate) fn all(mut self, records: &mut Records) -> Result<End> {
        let plan = self.plan;
        let mut seen = Seen::of(plan.judged, &self.kept);
        let planned: Vec<&Planned> = plan.trials.iter().collect();
        if !self.block(&planned, &mut seen, records)? {
            return Ok(End::Interrupted);
        }
        let (mut done, mut longest) = (plan.repeats, None);
        loop {
            let block = plan.block(done + 1);
            let is_begun = block.iter().any(|planned| seen.complete.contains(&planned.trial.id));
            let target = plan.further.until_narrow;
            let wide = target.map_or_else(Vec::new, |target| seen.values.wide(target));
            let began = (self.spent)();
            if !is_begun {
                // Of a session that has measured no block yet: as long as those of others, on average.
                let planned = Duration::from_secs_f64(Plan::estimate(block.iter()));
                let each = longest.unwrap_or(planned.max(began / done.max(1)));
                let stopped = stop(&plan.further, &wide, done, began, each);
                if stopped.is_some() || !plan.further.is_asked() {
                    return Ok(End::Complete(Repeats { done, stopped, wide }));
                }
            }
            note(&format!("repeat {} of at most {}{}", done + 1, plan.further.most(), told(&wide)));
            if !self.block(&block.iter().collect::<Vec<_>>(), &mut seen, records)? {
                return Ok(End::Interrupted);
            }
            done += 1;
            // What was there already took no time, so that it says nothing about the next block.
            if !is_begun {
                longest = longest.max(Some((self.spent)().saturating_sub(began)));
            }
        }
    }

    /// Runs those trials of a block that are not complete yet. Returns whether nobody interrupted it.
    fn block(
        &mut self,
        block: &[&Planned],
        seen: &mut Seen,
        records: &mut Records,
    ) -> Result<bool> {
        let is_left = |planned: &&&Planned| !seen.complete.contains(&planned.trial.id);
        let todo: Vec<&Planned> = block.iter().filter(is_left).copied().collect();
        let progress = Progress::new(todo.len(), "cells");
        for (index, planned) in todo.iter().enumerate() {
            let trial = &planned.trial;
            progress.at(|| trial.id.name());
            if self.interrupted.load(Relaxed) {
                progress.clear();
                return Ok(false);
            }
            let outcome = match &planned.refused {
                Some(reason) => Outcome::Refused(reason.clone()),
                None => (self.measure)(trial)?,
            };
            let Some((sample, measured)) = row_of(trial, outcome, self.capacity) else {
                progress.clear();
                return Ok(false);
            };
            if let Err(error) = records.append(trial, &sample, &measured) {
                progress.clear();
                return Err(error);
            }
            seen.add(&sample);
            let failed = matches!(sample.status, Status::Error | Status::Timeout);
            progress.end(index + 1, failed, &describe(&sample));
        }
        progress.clear();
        Ok(true)
    }
}

/// What the rows say that are there.
struct Seen {
    complete: BTreeSet<TrialId>,
    values: Values,
}

impl Seen {
    fn of(metric: &str, rows: &[Sample]) -> Self {
        let mut seen = Self { complete: BTreeSet::new(), values: Values::new(metric) };
        rows.iter().for_each(|row| seen.add(row));
        seen
    }

    fn add(&mut self, row: &Sample) {
        self.values.add(row);
        if row.is_complete() {
            self.complete.insert(row.id.clone());
        }
    }
}

/// How many cells are wide, and the widest of them.
fn told(wide: &[Wide]) -> String {
    let Some(first) = wide.first() else { return String::new() };
    let width = first.half_width.map_or_else(String::new, |of| format!(" ({:.1} %)", of * 100.0));
    format!(": {} cells are wide, most of all {}{width}", wide.len(), first.cell)
}

/// The row of an outcome, and what goes beside it; nothing where the user asked to stop.
fn row_of(trial: &Trial, outcome: Outcome, capacity: Option<f64>) -> Option<(Sample, Measured)> {
    let unmeasured =
        |status, text: &str| Some((Sample::unmeasured(trial, status, text), Measured::default()));
    match outcome {
        Outcome::Measured(mut measured, said) => {
            let share = measured.metrics.taken_by_others(trial.id.threads, capacity);
            measured.metrics.disturbed = share;
            Some((Sample::measured(trial, &measured, said.as_deref()), *measured))
        }
        Outcome::Refused(reason) => unmeasured(Status::Refused, &reason),
        Outcome::Failed(text) => unmeasured(Status::Error, &text),
        Outcome::TimedOut(said) => {
            let killed = format!("killed after {} s", trial.timeout_seconds);
            unmeasured(Status::Timeout, &with_stderr(Some(&killed), said.as_deref()))
        }
        Outcome::Interrupted => None,
    }
}

fn describe(sample: &Sample) -> String {
    let (what, metrics) = (sample.id.name(), &sample.metrics);
    match sample.status {
        Status::Ok => format!(
            "{what}: ok, {} ops/s, peak {} unreclaimed{}",
            metrics.ops_per_second.map(count).unwrap_or_default(),
            metrics.unreclaimed_peak.map(count).unwrap_or_default(),
            match metrics.throttled_us {
                None | Some(0) => String::new(),
                Some(micros) =>
                    format!(", a quota stopped threads for {} ms", micros.div_ceil(1000)),
            }
        ),
        Status::Error => format!("{what}: error: {}", sample.error),
        Status::Timeout => format!("{what}: timeout: {}", sample.error),
        Status::Refused => format!("{what}: refused: {}", sample.error),
    }
}
