//! Runs the trials of a plan one after the other; every outcome is a row.

pub(crate) mod child;
mod pipes;
pub(crate) mod progress;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Result;

use self::child::Outcome;
use self::progress::Progress;
use crate::data::{Measured, Trial, TrialId};
use crate::plan::{Plan, Planned};
use crate::results::{Records, Sample, Status};
use crate::support::numbers::count;
use crate::support::output::with_stderr;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Every trial has a row.
    Complete,
    /// The user asked to stop.
    Interrupted,
}

/// Runs the trials that are not complete yet. So many processors can be kept busy all the time.
pub(crate) fn run(
    plan: &Plan,
    complete: &BTreeSet<TrialId>,
    records: &mut Records,
    capacity: Option<f64>,
    interrupted: &AtomicBool,
) -> Result<End> {
    let todo: Vec<&Planned> =
        plan.trials.iter().filter(|planned| !complete.contains(&planned.trial.id)).collect();
    let progress = Progress::new(todo.len(), "cells");
    for (index, planned) in todo.iter().enumerate() {
        let trial = &planned.trial;
        progress.at(|| trial.id.name());
        if interrupted.load(Relaxed) {
            progress.clear();
            return Ok(End::Interrupted);
        }
        let outcome = match &planned.refused {
            Some(reason) => Outcome::Refused(reason.clone()),
            None => child::run(trial, interrupted)?,
        };
        let Some((sample, measured)) = row_of(trial, outcome, capacity) else {
            progress.clear();
            return Ok(End::Interrupted);
        };
        if let Err(error) = records.append(trial, &sample, &measured) {
            progress.clear();
            return Err(error);
        }
        let failed = matches!(sample.status, Status::Error | Status::Timeout);
        progress.end(index + 1, failed, &describe(&sample));
    }
    progress.clear();
    Ok(End::Complete)
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
