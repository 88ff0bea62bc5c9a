//! The `verify` command.

use std::collections::VecDeque;
use std::fmt::Write;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use kovan_schemes::{Strength as Protection, canary};
use kovan_structures::registry::matrix;
use regex::Regex;

use super::job::{Job, Verdict};
use super::{Check, optimistic};
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
            Self::Full => 1800.0,
        }
    }
}

/// The share of a pair's time; the rest is for what cannot be shortened.
fn share(check: Check) -> f64 {
    match check {
        Check::Oracle => 0.1,
        Check::Conservation | Check::Canary => 0.2,
        Check::Linearizability => 0.3,
        Check::Bounds => 0.2,
        Check::Optimistic => 0.0,
    }
}

/// A job and how it ended.
struct Done {
    job: Job,
    verdict: Verdict,
}

/// Runs the gate; the value is the exit code: 1 if a check failed, 130 if interrupted.
pub(crate) fn verify(args: &VerifyArgs) -> Result<u8> {
    let jobs = plan(args)?;
    let interrupted = interrupt_flag()?;
    note(if canary::COMPILED {
        "canary: compiled in; a read of a freed node, a double free and a late write are caught"
    } else {
        "canary: not compiled in, so late reads may pass unnoticed; build with --features canary"
    });
    let processes =
        args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(2, NonZero::get);
    let done = run_all(jobs, processes, &interrupted)?;
    if interrupted.load(Relaxed) {
        note("kovan-lab: interrupted");
        return Ok(130);
    }
    print(&format!("\n{}", table(&done)))?;
    let failures = failures(&done);
    for failure in &failures {
        note(failure);
    }
    let pairs = done.iter().filter(|done| done.job.check != Check::Optimistic);
    let mut names: Vec<_> = pairs.map(|done| (&done.job.scheme, &done.job.structure)).collect();
    names.dedup();
    print(&format!("\n{} pairs, {} checks, {} failed\n", names.len(), done.len(), failures.len()))?;
    Ok(u8::from(!failures.is_empty()))
}

fn plan(args: &VerifyArgs) -> Result<Vec<Job>> {
    let matches = |filter: &Option<Regex>, name: &str| {
        filter.as_ref().is_none_or(|filter| filter.is_match(name))
    };
    let selected = |check: Check| args.check.is_empty() || args.check.contains(&check);
    let seconds = args.seconds_per_pair.unwrap_or(args.strength.seconds());
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
    // The script is of no structure, so it runs when none is asked for.
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

/// Runs all jobs, some at a time, and returns them in their order.
fn run_all(jobs: Vec<Job>, processes: usize, interrupted: &AtomicBool) -> Result<Vec<Done>> {
    let progress = Progress::new(jobs.len(), "checks");
    let count = jobs.len();
    let queue: Mutex<VecDeque<_>> = Mutex::new(jobs.into_iter().enumerate().collect());
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..processes {
            let (queue, send) = (&queue, send.clone());
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((at, job)) = next else { return };
                    let ended = job.supervise(interrupted);
                    // Without a receiver there is nothing left to do.
                    if interrupted.load(Relaxed) || send.send((at, job, ended)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut done: Vec<Option<Done>> = (0..count).map(|_| None).collect();
        let mut ended = 0;
        for (at, job, verdict) in receive {
            ended += 1;
            if let Some(verdict) = verdict? {
                let (done, line) = (&mut done[at], line(&job, &verdict));
                progress.at(|| line.chars().take(60).collect());
                progress.end(ended, matches!(verdict, Verdict::Failed { .. }), &line);
                *done = Some(Done { job, verdict });
            }
        }
        progress.clear();
        Ok(done.into_iter().flatten().collect())
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
fn caught_as_it_should(done: &Done) -> bool {
    let Verdict::Failed { message, .. } = &done.verdict else { return false };
    done.job.check == Check::Optimistic
        && protection(&done.job.scheme) < Some(Protection::Region)
        && message.starts_with("canary: ")
}

fn protection(scheme: &str) -> Option<Protection> {
    let all = kovan_schemes::registry::all();
    all.iter().find(|facts| facts.name == scheme).map(|facts| facts.strength)
}

/// A line for each failure: what, where, and how to see it again.
fn failures(done: &[Done]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in done.iter().filter(|done| !caught_as_it_should(done)) {
        let Verdict::Failed { seed, message } = &one.verdict else { continue };
        let Job { scheme, structure, check, .. } = &one.job;
        let check = check.name();
        let of = if structure.is_empty() {
            String::new()
        } else {
            format!(" --structure '^{structure}$'")
        };
        lines.push(format!(
            "FAILED {scheme} x {structure}, {check}, seed {seed}: {message}\n  again: kovan-lab verify --scheme '^{scheme}$'{of} --check {check} --seed {seed} --seconds-per-pair 30"
        ));
    }
    // The danger must be seen to be real over at least one scheme whose guards protect.
    let guards: Vec<_> = done
        .iter()
        .filter(|done| done.job.check == Check::Optimistic)
        .filter(|done| protection(&done.job.scheme) == Some(Protection::Guard))
        .collect();
    if !guards.is_empty() && !guards.iter().any(|done| caught_as_it_should(done)) {
        lines.push("FAILED optimistic: the canary caught the unsound traversal over no scheme whose guards protect".into());
    }
    lines
}

fn table(done: &[Done]) -> String {
    let mut header = vec!["scheme", "structure"];
    header.extend(Check::OF_PAIRS.map(Check::name));
    header.push("histories");
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in done.iter().filter(|done| done.job.check != Check::Optimistic) {
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
    text
}

fn script_row(done: &Done) -> Vec<String> {
    let strength = protection(&done.job.scheme);
    let said = match &done.verdict {
        Verdict::Passed { .. } if strength == Some(Protection::Region) => "sound".into(),
        Verdict::Passed { .. } => "not caught here; it does not compile".into(),
        Verdict::Failed { message, .. } if caught_as_it_should(done) => {
            format!("caught, as it should: {message}")
        }
        Verdict::Failed { message, .. } => format!("FAILED: {message}"),
    };
    let protects = strength.map(|s| table::plain(&serde_json::json!(s))).unwrap_or_default();
    vec![done.job.scheme.clone(), protects, said]
}
