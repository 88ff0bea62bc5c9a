//! The `verify` command.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use anyhow::Result;
use kovan_lab_base::support::output::{complain, note, print};
use kovan_schemes::canary;

use super::args::VerifyArgs;
use super::ledger::{self, Ledger};
use super::outcome::{Done, failures, not_run, table};
use super::slices::Slices;
use super::summary::Summary;
use super::workers::run_all;
use crate::system::builds::commit;
use kovan_lab_base::system::process::interrupt_flag;
use kovan_lab_worker::checks::{Check, Job};

/// Runs the gate; the value is the exit code: 1 if a check failed, 130 if interrupted.
pub(crate) fn verify(args: &VerifyArgs) -> Result<u8> {
    if let Some(path) = &args.summary {
        let summary = Summary::new(&ledger::read(path)?);
        if let Some(document) = &args.markdown {
            summary.write_into(document)?;
        }
        return tell(&summary);
    }
    let jobs = args.jobs()?;
    args.refusals().iter().for_each(|line| complain(line));
    let interrupted = interrupt_flag()?;
    match &args.record {
        Some(path) => with_record(args, path, jobs, &interrupted),
        None => without_record(args, jobs, &interrupted),
    }
}

/// Says what this build can see.
fn tell_canary() {
    note(if canary::COMPILED {
        "canary: compiled in; a read of a freed node, a double free and a late write are caught"
    } else {
        "canary: not compiled in, so late reads may pass unnoticed; build with --features canary"
    });
}

/// Runs each check once.
fn without_record(args: &VerifyArgs, jobs: Vec<Job>, interrupted: &AtomicBool) -> Result<u8> {
    tell_canary();
    let (processes, asked) = (args.processes(), jobs.len());
    let numbered = jobs.into_iter().enumerate();
    let (paired, others): (VecDeque<_>, VecDeque<_>) =
        numbered.partition(|(_, job)| job.check == Check::Litmus);
    let count = others.len();
    let mut done = run_all(others, count, processes, interrupted)?;
    // Two threads each, which see nothing unless they run at the same time.
    let count = paired.len();
    done.extend(run_all(paired, count, (processes / 2).max(1), interrupted)?);
    done.sort_by_key(|done| done.at);
    print(&format!("\n{}", table(&done)))?;
    let stopped = interrupted.load(Relaxed);
    let failures = failures(&done, !stopped);
    for failure in &failures {
        note(failure);
    }
    let pairs = done.iter().filter(|done| !done.job.structure.is_empty());
    let mut names: Vec<_> = pairs.map(|done| (&done.job.scheme, &done.job.structure)).collect();
    names.dedup();
    let refused = done.iter().filter(|done| done.found.is_err()).count();
    print(&format!(
        "\n{} pairs, {} checks, {} failed{}\n",
        names.len(),
        done.len() - refused,
        failures.len(),
        if refused > 0 { format!(", {refused} could not run") } else { String::new() }
    ))?;
    let code = tell_not_run(&done);
    if stopped {
        note(&format!(
            "kovan-lab: interrupted after {} of {asked} checks; with --record FILE they would be kept",
            done.len()
        ));
        return Ok(130);
    }
    Ok(if failures.is_empty() { code } else { 1 })
}

/// Says which checks the system did not let run; the exit code, if nothing has failed.
fn tell_not_run(done: &[Done]) -> u8 {
    let lines = not_run(done);
    lines.iter().for_each(|line| complain(line));
    if lines.is_empty() { 0 } else { 2 }
}

/// Runs what the record does not have yet.
fn with_record(
    args: &VerifyArgs,
    path: &Path,
    jobs: Vec<Job>,
    interrupted: &AtomicBool,
) -> Result<u8> {
    let deadline = args.stop_after.map(|time| Instant::now() + time);
    let (ledger, entries) = Ledger::open(path)?;
    tell_canary();
    let slices = Slices::new(jobs, args.seconds(), deadline, (ledger, &entries), &commit());
    let count = slices.count();
    note(&format!("{}: {} checks recorded, {count} to come", path.display(), entries.len()));
    let done = run_all(slices, count, args.processes(), interrupted)?;
    let code = tell(&Summary::new(&ledger::read(path)?))?;
    if interrupted.load(Relaxed) {
        note(&format!(
            "kovan-lab: interrupted; {} is whole. To go on: the same command",
            path.display()
        ));
        return Ok(130);
    }
    let refused = tell_not_run(&done);
    Ok(if code == 0 { refused } else { code })
}

/// Prints what is recorded; 1 if something failed in it.
fn tell(summary: &Summary) -> Result<u8> {
    print(&format!("\n{}", summary.text()))?;
    for failure in &summary.failures {
        note(failure);
    }
    Ok(u8::from(!summary.failures.is_empty()))
}
