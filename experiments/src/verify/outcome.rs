//! What the checks of a run without a record found: its table, and a line for each failure.

use std::collections::BTreeMap;
use std::fmt::Write;

use kovan_lab_base::support::table;
use kovan_lab_worker::checks::{Check, Job, Verdict};
use kovan_schemes::Strength as Protection;

/// A job and how it ended.
pub(super) struct Done {
    pub(super) at: usize,
    pub(super) job: Job,
    /// What was found, or why the system did not let it run.
    pub(super) found: Result<Verdict, String>,
}

impl Done {
    /// What was found, if it ran.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.found.as_ref().ok()
    }
}

/// Returns whether a failed script is what was to be shown: the canary caught it, over a weaker scheme.
pub(super) fn caught_as_it_should(job: &Job, verdict: &Verdict) -> bool {
    let Verdict::Failed { message, .. } = verdict else { return false };
    job.check == Check::Optimistic
        && protection(&job.scheme) < Some(Protection::Region)
        && message.starts_with("canary: ")
}

fn is_caught(done: &Done) -> bool {
    done.verdict().is_some_and(|verdict| caught_as_it_should(&done.job, verdict))
}

/// The checks that the system did not let run, one line for each reason. They say nothing of the pairs.
pub(super) fn not_run(done: &[Done]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
    for done in done {
        if let Err(reason) = &done.found {
            reasons.entry(reason).or_default().push(&done.job);
        }
    }
    let line = |(reason, jobs): (&str, Vec<&Job>)| {
        let Job { scheme, structure, check, .. } = jobs[0];
        let more = match jobs.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("could not run: {scheme} {structure} {}{more}: {reason}", check.name())
    };
    reasons.into_iter().map(line).collect()
}

pub(super) fn protection(scheme: &str) -> Option<Protection> {
    let all = kovan_schemes::registry::all();
    all.iter().find(|facts| facts.name == scheme).map(|facts| facts.strength)
}

/// A line for each failure: what, where, and how to see it again. Only of a `whole` run can be said
/// that something was never caught.
pub(super) fn failures(done: &[Done], whole: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for one in done.iter().filter(|done| !is_caught(done)) {
        let Some(Verdict::Failed { seed, message }) = one.verdict() else { continue };
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
        .filter(|done| done.job.check == Check::Optimistic && done.found.is_ok())
        .filter(|done| protection(&done.job.scheme) == Some(Protection::Guard))
        .collect();
    if whole && !guards.is_empty() && !guards.iter().any(|done| is_caught(done)) {
        lines.push(NOT_CAUGHT.into());
    }
    lines
}

/// In a table: the system did not let the check run.
const NOT_RUN: &str = "could not run";

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

/// A row for each pair, and for each scheme that was checked alone.
pub(super) fn table(done: &[Done]) -> String {
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
        row[column] = match &one.found {
            Ok(Verdict::Passed { .. }) => "ok".into(),
            Ok(Verdict::Failed { .. }) => "FAILED".into(),
            Err(_) => NOT_RUN.into(),
        };
        if let (Check::Linearizability, Ok(Verdict::Passed { detail })) = (check, &one.found) {
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
    for (check, title) in [
        (Check::Litmus, "announcement against scan"),
        (Check::Destructors, "most unreclaimed where destructors stop or retire"),
    ] {
        let rows = done.iter().filter(|done| done.job.check == check);
        let rows: Vec<_> = rows.map(scheme_row).collect();
        if !rows.is_empty() {
            let _ = write!(text, "\n{}", table::render(&["scheme", title], &rows, &[]));
        }
    }
    text
}

fn scheme_row(done: &Done) -> Vec<String> {
    let said = match &done.found {
        Ok(Verdict::Passed { detail }) => format!("ok, {detail}"),
        Ok(Verdict::Failed { message, .. }) => format!("FAILED: {message}"),
        Err(_) => NOT_RUN.into(),
    };
    vec![done.job.scheme.clone(), said]
}

fn script_row(done: &Done) -> Vec<String> {
    let strength = protection(&done.job.scheme);
    let said = match &done.found {
        Ok(Verdict::Passed { .. }) if strength == Some(Protection::Region) => "sound".into(),
        Ok(Verdict::Passed { .. }) => "not caught here; it does not compile".into(),
        Ok(Verdict::Failed { message, .. }) if is_caught(done) => {
            format!("caught, as it should: {message}")
        }
        Ok(Verdict::Failed { message, .. }) => format!("FAILED: {message}"),
        Err(_) => NOT_RUN.into(),
    };
    let protects = strength.map(|s| table::plain(&serde_json::json!(s))).unwrap_or_default();
    vec![done.job.scheme.clone(), protects, said]
}
