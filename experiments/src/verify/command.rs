//! The `verify` command.

use std::collections::VecDeque;
use std::fmt::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use kovan_schemes::{Strength as Protection, canary};
use kovan_structures::registry::matrix;
use regex::Regex;

use super::job::{Job, Verdict};
use super::ledger::{self, Ledger};
use super::slices::{Queue, Slices};
use super::summary::{FULL, Summary};
use super::{Check, litmus, optimistic};
use crate::manifest::commit;
use crate::output::{note, print};
use crate::process::interrupt_flag;
use crate::progress::Progress;
use crate::table;

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only schemes that match this regular expression
    #[arg(long, value_name = "RE", value_parser = crate::cli::regex)]
    scheme: Option<Regex>,
    /// Only structures that match this regular expression
    #[arg(long, value_name = "RE", value_parser = crate::cli::regex)]
    structure: Option<Regex>,
    /// Only this check; may be repeated
    #[arg(long, value_name = "NAME", value_enum)]
    check: Vec<Check>,
    /// Time of all checks of a pair together; replaces that of the strength
    #[arg(long, value_name = "S", value_parser = crate::cli::seconds, allow_negative_numbers = true)]
    seconds_per_pair: Option<f64>,
    /// Time of a pair by name: quick 0.3 s, ci 1 s, full 30 minutes
    #[arg(long, value_enum, default_value_t = Strength::Quick)]
    strength: Strength,
    /// Of the first round of each check
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Processes at a time [default: one per processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Adds to this file what each check did, and goes on where it ends: with the next seeds, until
    /// every pair has its time in all runs together
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// With --record: begins no check after this time, for example 90s, 20m or 8h
    #[arg(long, value_name = "TIME", value_parser = crate::cli::time, requires = "record")]
    stop_after: Option<Duration>,
    /// Runs nothing, and prints what a file of --record holds
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "scheme", "structure", "check", "seconds_per_pair", "jobs"])]
    summary: Option<PathBuf>,
    /// Writes the summary into this document, between its markers
    #[arg(long, value_name = "DOCUMENT", requires = "summary")]
    markdown: Option<PathBuf>,
}

/// How long a pair is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Strength {
    Quick,
    Ci,
    Full,
}

impl Strength {
    fn seconds(self) -> f64 {
        match self {
            Self::Quick => 0.3,
            Self::Ci => 1.0,
            Self::Full => FULL,
        }
    }
}

/// The share of a pair's time; the rest is for what cannot be shortened.
pub(super) fn share(check: Check) -> f64 {
    match check {
        Check::Oracle => 0.1,
        Check::Conservation | Check::Canary => 0.2,
        Check::Linearizability => 0.3,
        Check::Bounds => 0.2,
        Check::Optimistic => 0.0,
        Check::Litmus => 1.0,
    }
}

/// A job and how it ended.
struct Done {
    at: usize,
    job: Job,
    verdict: Verdict,
}

/// Runs the gate; the value is the exit code: 1 if a check failed, 130 if interrupted.
pub(crate) fn verify(args: &VerifyArgs) -> Result<u8> {
    if let Some(path) = &args.summary {
        let summary = Summary::new(&ledger::read(path)?);
        if let Some(document) = &args.markdown {
            summary.write_into(document)?;
        }
        return tell(&summary);
    }
    let jobs = plan(args)?;
    let interrupted = interrupt_flag()?;
    note(if canary::COMPILED {
        "canary: compiled in; a read of a freed node, a double free and a late write are caught"
    } else {
        "canary: not compiled in, so late reads may pass unnoticed; build with --features canary"
    });
    let processes =
        args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(2, NonZero::get);
    if args.record.is_some() {
        return with_ledger(args, jobs, processes, &interrupted);
    }
    let numbered = jobs.into_iter().enumerate();
    let (paired, others): (VecDeque<_>, VecDeque<_>) =
        numbered.partition(|(_, job)| job.check == Check::Litmus);
    let count = others.len();
    let mut done = run_all(others, count, processes, &interrupted)?;
    // Two threads each, which see nothing unless they run at the same time.
    let count = paired.len();
    done.extend(run_all(paired, count, (processes / 2).max(1), &interrupted)?);
    done.sort_by_key(|done| done.at);
    if interrupted.load(Relaxed) {
        note("kovan-lab: interrupted");
        return Ok(130);
    }
    print(&format!("\n{}", table(&done)))?;
    let failures = failures(&done);
    for failure in &failures {
        note(failure);
    }
    let pairs = done.iter().filter(|done| !done.job.structure.is_empty());
    let mut names: Vec<_> = pairs.map(|done| (&done.job.scheme, &done.job.structure)).collect();
    names.dedup();
    print(&format!("\n{} pairs, {} checks, {} failed\n", names.len(), done.len(), failures.len()))?;
    Ok(u8::from(!failures.is_empty()))
}

/// Runs what the ledger does not have yet.
fn with_ledger(
    args: &VerifyArgs,
    jobs: Vec<Job>,
    processes: usize,
    interrupted: &AtomicBool,
) -> Result<u8> {
    let Some(path) = &args.record else { return Ok(0) };
    let deadline = args.stop_after.map(|time| Instant::now() + time);
    let (ledger, entries) = Ledger::open(path)?;
    let slices = Slices::new(jobs, seconds(args), deadline, (ledger, &entries), &commit());
    let count = slices.count();
    note(&format!("{}: {} checks recorded, {count} to come", path.display(), entries.len()));
    run_all(slices, count, processes, interrupted)?;
    let code = tell(&Summary::new(&ledger::read(path)?))?;
    if interrupted.load(Relaxed) {
        note(&format!(
            "kovan-lab: interrupted; {} is whole. To go on: the same command",
            path.display()
        ));
        return Ok(130);
    }
    Ok(code)
}

/// Prints what is recorded; 1 if something failed in it.
fn tell(summary: &Summary) -> Result<u8> {
    print(&format!("\n{}", summary.text()))?;
    for failure in &summary.failures {
        note(failure);
    }
    Ok(u8::from(!summary.failures.is_empty()))
}

/// The time that a pair is to have.
fn seconds(args: &VerifyArgs) -> f64 {
    args.seconds_per_pair.unwrap_or(args.strength.seconds())
}

fn plan(args: &VerifyArgs) -> Result<Vec<Job>> {
    let matches = |filter: &Option<Regex>, name: &str| {
        filter.as_ref().is_none_or(|filter| filter.is_match(name))
    };
    let selected = |check: Check| args.check.is_empty() || args.check.contains(&check);
    let seconds = seconds(args);
    let seed = args.seed;
    let mut jobs = Vec::new();
    for pair in matrix().into_iter().filter(|pair| pair.allowed) {
        if !matches(&args.scheme, pair.scheme) || !matches(&args.structure, pair.structure) {
            continue;
        }
        for check in Check::OF_PAIRS.into_iter().filter(|check| selected(*check)) {
            if check != Check::Canary || canary::COMPILED {
                let (scheme, structure) = (pair.scheme.to_string(), pair.structure.to_string());
                jobs.push(Job { scheme, structure, check, seconds: seconds * share(check), seed });
            }
        }
    }
    // These are of no structure, so they run when none is asked for.
    if args.structure.is_none() && selected(Check::Litmus) {
        for (scheme, _) in litmus::of_schemes().into_iter().filter(|it| matches(&args.scheme, it.0))
        {
            let (structure, check) = (String::new(), Check::Litmus);
            let seconds = seconds * share(check);
            jobs.push(Job { scheme: scheme.into(), structure, check, seconds, seed });
        }
    }
    if args.structure.is_none() && selected(Check::Optimistic) {
        for (facts, _) in optimistic::scripts() {
            let sound = facts.strength == Protection::Region;
            // Unsound scripts read freed memory: only where the canary sees it.
            if matches(&args.scheme, facts.name) && (sound || canary::COMPILED) {
                let (scheme, check) = (facts.name.to_string(), Check::Optimistic);
                jobs.push(Job { scheme, structure: String::new(), check, seconds: 1.0, seed });
            }
        }
    }
    ensure!(
        !jobs.is_empty(),
        "nothing to verify; `kovan-lab list matrix` shows the pairs, and the check `canary` needs a build with --features canary"
    );
    Ok(jobs)
}

/// Runs all jobs, about so many, some at a time.
fn run_all(
    queue: impl Queue,
    count: usize,
    processes: usize,
    interrupted: &AtomicBool,
) -> Result<Vec<Done>> {
    let progress = Progress::new(count, "checks");
    let queue = Mutex::new(queue);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..processes {
            let (queue, send) = (&queue, send.clone());
            scope.spawn(move || {
                loop {
                    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
                    let next = lock().next();
                    let Some((at, job)) = next else { return };
                    let ended = job.supervise(interrupted).and_then(|ended| {
                        // Before the next one: who waits for this one to end must see it.
                        ended.iter().try_for_each(|ended| lock().ended(at, &job, ended))?;
                        Ok(ended.map(|ended| ended.verdict))
                    });
                    // Without a receiver there is nothing left to do.
                    if send.send((at, job, ended)).is_err() || interrupted.load(Relaxed) {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut done: Vec<Done> = Vec::new();
        for (at, job, verdict) in receive {
            if let Some(verdict) = verdict? {
                let line = line(&job, &verdict);
                progress.at(|| line.chars().take(60).collect());
                progress.end(done.len() + 1, matches!(verdict, Verdict::Failed { .. }), &line);
                done.push(Done { at, job, verdict });
            }
        }
        progress.clear();
        Ok(done)
    })
}

fn line(job: &Job, verdict: &Verdict) -> String {
    let Job { scheme, structure, check, .. } = job;
    let name = check.name();
    match verdict {
        Verdict::Passed { detail } => format!("{scheme} {structure} {name}: ok, {detail}"),
        Verdict::Failed { message, .. } => {
            format!("{scheme} {structure} {name}: failed: {message}")
        }
    }
}

/// Whether a failed script is what was to be shown: the canary caught it, over a weaker scheme.
pub(super) fn caught_as_it_should(job: &Job, verdict: &Verdict) -> bool {
    let Verdict::Failed { message, .. } = verdict else { return false };
    job.check == Check::Optimistic
        && protection(&job.scheme) < Some(Protection::Region)
        && message.starts_with("canary: ")
}

pub(super) fn protection(scheme: &str) -> Option<Protection> {
    let all = kovan_schemes::registry::all();
    all.iter().find(|facts| facts.name == scheme).map(|facts| facts.strength)
}

/// A line for each failure: what, where, and how to see it again.
fn failures(done: &[Done]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in done.iter().filter(|done| !caught_as_it_should(&done.job, &done.verdict)) {
        let Verdict::Failed { seed, message } = &one.verdict else { continue };
        let Job { scheme, structure, check, .. } = &one.job;
        lines.push(format!(
            "FAILED {scheme} x {structure}, {}, seed {seed}: {message}\n  {}",
            check.name(),
            again(scheme, structure, *check, *seed)
        ));
    }
    // The danger must be seen to be real over at least one scheme whose guards protect.
    let guards: Vec<_> = done
        .iter()
        .filter(|done| done.job.check == Check::Optimistic)
        .filter(|done| protection(&done.job.scheme) == Some(Protection::Guard))
        .collect();
    if !guards.is_empty()
        && !guards.iter().any(|done| caught_as_it_should(&done.job, &done.verdict))
    {
        lines.push(NOT_CAUGHT.into());
    }
    lines
}

/// The danger was not shown to be one.
pub(super) const NOT_CAUGHT: &str = "FAILED optimistic: the canary caught the unsound traversal over no scheme whose guards protect";

/// The command that begins with a round.
pub(super) fn again(scheme: &str, structure: &str, check: Check, seed: u64) -> String {
    let of =
        if structure.is_empty() { String::new() } else { format!(" --structure '^{structure}$'") };
    let check = check.name();
    format!(
        "again: kovan-lab verify --scheme '^{scheme}$'{of} --check {check} --seed {seed} --seconds-per-pair 30"
    )
}

fn table(done: &[Done]) -> String {
    let mut header = vec!["scheme", "structure"];
    header.extend(Check::OF_PAIRS.map(Check::name));
    header.push("histories");
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in done.iter().filter(|done| !done.job.structure.is_empty()) {
        let Job { scheme, structure, check, .. } = &one.job;
        if rows.last().is_none_or(|row| row[0] != *scheme || row[1] != *structure) {
            let mut row = vec![scheme.clone(), structure.clone()];
            row.resize(header.len(), "-".into());
            rows.push(row);
        }
        let Some(row) = rows.last_mut() else { continue };
        let column = 2 + Check::OF_PAIRS.iter().position(|c| c == check).unwrap_or(0);
        row[column] = match &one.verdict {
            Verdict::Passed { .. } => "ok".into(),
            Verdict::Failed { .. } => "FAILED".into(),
        };
        if let (Check::Linearizability, Verdict::Passed { detail }) = (check, &one.verdict) {
            row[header.len() - 1].clone_from(detail);
        }
    }
    let mut text = if rows.is_empty() { String::new() } else { table::render(&header, &rows, &[]) };
    let scripts = done.iter().filter(|done| done.job.check == Check::Optimistic);
    let scripts: Vec<_> = scripts.map(script_row).collect();
    if !scripts.is_empty() {
        let header = ["scheme", "protects", "traversal out of an unlinked node"];
        // Writing to a string does not fail.
        let _ = write!(text, "\n{}", table::render(&header, &scripts, &[]));
    }
    let litmus = done.iter().filter(|done| done.job.check == Check::Litmus);
    let litmus: Vec<_> = litmus.map(litmus_row).collect();
    if !litmus.is_empty() {
        let header = ["scheme", "announcement against scan"];
        let _ = write!(text, "\n{}", table::render(&header, &litmus, &[]));
    }
    text
}

fn litmus_row(done: &Done) -> Vec<String> {
    let said = match &done.verdict {
        Verdict::Passed { detail } => format!("ok, {detail}"),
        Verdict::Failed { message, .. } => format!("FAILED: {message}"),
    };
    vec![done.job.scheme.clone(), said]
}

fn script_row(done: &Done) -> Vec<String> {
    let strength = protection(&done.job.scheme);
    let said = match &done.verdict {
        Verdict::Passed { .. } if strength == Some(Protection::Region) => "sound".into(),
        Verdict::Passed { .. } => "not caught here; it does not compile".into(),
        Verdict::Failed { message, .. } if caught_as_it_should(&done.job, &done.verdict) => {
            format!("caught, as it should: {message}")
        }
        Verdict::Failed { message, .. } => format!("FAILED: {message}"),
    };
    let protects = strength.map(|s| table::plain(&serde_json::json!(s))).unwrap_or_default();
    vec![done.job.scheme.clone(), protects, said]
}
