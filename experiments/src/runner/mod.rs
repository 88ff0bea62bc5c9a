//! Runs the cells of a plan one after the other; every outcome is a row.

pub(crate) mod child;
mod pipes;
pub(crate) mod progress;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Result;

use self::child::Outcome;
use self::progress::Progress;
use crate::data::Cell;
use crate::plan::{Plan, Planned};
use crate::results::{Records, Sample, Status};
use crate::support::numbers::count;
use crate::support::output::with_stderr;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Every cell has a row.
    Complete,
    /// The user asked to stop.
    Interrupted,
}

/// Runs the cells that are not complete yet.
pub(crate) fn run(
    plan: &Plan,
    complete: &BTreeSet<String>,
    records: &mut Records,
    interrupted: &AtomicBool,
) -> Result<End> {
    let todo: Vec<&Planned> =
        plan.cells.iter().filter(|planned| !complete.contains(&planned.cell.key())).collect();
    let progress = Progress::new(todo.len(), "cells");
    for (index, planned) in todo.iter().enumerate() {
        let cell = &planned.cell;
        progress.at(|| {
            let Cell { scheme, structure, threads, stalled, .. } = cell;
            format!("{scheme} {structure}, {threads} threads, {stalled} stalled")
        });
        if interrupted.load(Relaxed) {
            progress.clear();
            return Ok(End::Interrupted);
        }
        let outcome = match &planned.refused {
            Some(reason) => Outcome::Refused(reason.clone()),
            None => child::run(cell, interrupted)?,
        };
        let (sample, points) = match outcome {
            Outcome::Measured(measured, points, said) => {
                (Sample::measured(cell, &measured, said.as_deref()), points)
            }
            Outcome::Refused(reason) => {
                (Sample::unmeasured(cell, Status::Refused, &reason), Vec::new())
            }
            Outcome::Failed(text) => (Sample::unmeasured(cell, Status::Error, &text), Vec::new()),
            Outcome::TimedOut(said) => {
                let killed = format!("killed after {} s", cell.timeout_seconds);
                let text = with_stderr(Some(&killed), said.as_deref());
                (Sample::unmeasured(cell, Status::Timeout, &text), Vec::new())
            }
            Outcome::Interrupted => {
                progress.clear();
                return Ok(End::Interrupted);
            }
        };
        if let Err(error) = records.append(cell, &sample, &points) {
            progress.clear();
            return Err(error);
        }
        let failed = matches!(sample.status, Status::Error | Status::Timeout);
        progress.end(index + 1, failed, &describe(&sample));
    }
    progress.clear();
    Ok(End::Complete)
}

fn describe(sample: &Sample) -> String {
    let what = sample.name();
    match sample.status {
        Status::Ok => format!(
            "{what}: ok, {} ops/s, peak {} unreclaimed{}",
            sample.ops_per_second.map(count).unwrap_or_default(),
            sample.unreclaimed_peak.map(count).unwrap_or_default(),
            match sample.throttled_us {
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
