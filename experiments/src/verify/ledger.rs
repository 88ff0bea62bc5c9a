//! The ledger: one JSON line for each check that ended, so that the times of many runs add up.
//!
//! Lines are appended and flushed one by one. A killed run loses the checks that it was in, and leaves
//! at most half a line, which the next run removes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use kovan_lab_base::support::output::note;
use kovan_lab_base::system::machine::{Machine, now};
use kovan_lab_worker::checks::{Check, Ended, Job, Verdict};
use kovan_schemes::canary;
use serde::{Deserialize, Serialize};

/// How a recorded check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    Passed,
    Failed,
    /// An unsound script was caught, as it should be.
    Caught,
}

/// A line of a ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) scheme: String,
    /// Empty for the script, which has none.
    pub(super) structure: String,
    pub(super) check: Check,
    pub(super) status: Status,
    /// What the check was given; what it took beyond that does not count.
    pub(super) seconds: f64,
    /// From the start of its process to the end.
    pub(super) took: f64,
    /// The seed of the first round, and of the last one that began.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) rounds: u64,
    /// What the check counted, by name.
    pub(super) counts: BTreeMap<String, u64>,
    /// What was looked at or found.
    pub(super) detail: String,
    /// The seed with which the first round fails, where one did.
    pub(super) failing: Option<u64>,
    pub(super) commit: String,
    pub(super) canary: bool,
    pub(super) processor: String,
    /// When it ended, in UTC.
    pub(super) date: String,
}

/// The pair and check of a line.
pub(super) type Key = (String, String, Check);

impl Entry {
    /// The line of a job that ended now.
    pub(super) fn new(job: &Job, ended: &Ended, caught: bool, commit: &str) -> Self {
        let (status, detail, failing) = match &ended.verdict {
            Verdict::Passed { detail } => (Status::Passed, detail, None),
            Verdict::Failed { message, .. } if caught => (Status::Caught, message, None),
            Verdict::Failed { seed, message } => (Status::Failed, message, Some(*seed)),
        };
        Self {
            scheme: job.scheme.clone(),
            structure: job.structure.clone(),
            check: job.check,
            status,
            seconds: job.seconds,
            took: ended.took.as_secs_f64(),
            first: job.seed,
            last: ended.reached.last.unwrap_or(job.seed),
            rounds: ended.reached.rounds,
            counts: ended.reached.counts.clone(),
            detail: detail.clone(),
            failing,
            commit: commit.into(),
            canary: canary::COMPILED,
            processor: Machine::here().processor().into(),
            date: now(),
        }
    }

    pub(super) fn key(&self) -> Key {
        (self.scheme.clone(), self.structure.clone(), self.check)
    }

    /// The seconds that count: a check that failed has not passed them.
    pub(super) fn passed(&self) -> f64 {
        if self.status == Status::Failed { 0.0 } else { self.seconds }
    }
}

/// The last line of each pair and check that failed and has not passed under another commit since.
pub(super) fn standing_failures(entries: &[Entry]) -> BTreeMap<Key, &Entry> {
    let mut failures: BTreeMap<Key, &Entry> = BTreeMap::new();
    for entry in entries {
        if entry.status == Status::Failed {
            failures.insert(entry.key(), entry);
        } else if failures.get(&entry.key()).is_some_and(|failed| failed.commit != entry.commit) {
            failures.remove(&entry.key());
        }
    }
    failures
}

/// A ledger that is open for appending; no other process appends to it meanwhile.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
}

impl Ledger {
    /// Opens or creates a ledger; and what it holds.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Entry>)> {
        check_kind(path)?;
        let told = || format!("cannot open {}", path.display());
        let file = OpenOptions::new().append(true).create(true).open(path).with_context(told)?;
        // Two runs would give the same seeds twice.
        ensure!(file.try_lock().is_ok(), "{}: another run writes to it", path.display());
        let (entries, whole) = read_whole(path)?;
        let other = entries.iter().find(|entry| entry.canary != canary::COMPILED);
        if let Some(other) = other {
            let kind = |canary| if canary { "with" } else { "without" };
            bail!(
                "{}: written by a build {} the canary, and this one is {} it; their times do not add up",
                path.display(),
                kind(other.canary),
                kind(canary::COMPILED)
            );
        }
        file.set_len(whole).with_context(told)?;
        Ok((Self { path: path.into(), file }, entries))
    }

    /// Writes a line to its end, or, on a full disk, not at all.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let before = self.file.metadata().map(|data| data.len());
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let (Err(_), Ok(length)) = (&written, before) {
            let _ = self.file.set_len(length);
        }
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The lines of a ledger.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>> {
    Ok(read_whole(path)?.0)
}

/// A record is a file, or not there yet.
fn check_kind(path: &Path) -> Result<()> {
    ensure!(
        !path.is_dir(),
        "{} is a folder; a record is a file, for example {}",
        path.display(),
        path.join("runs.jsonl").display()
    );
    ensure!(!path.exists() || path.is_file(), "{} is no file; a record is one", path.display());
    Ok(())
}

/// The whole lines, and how many bytes they are.
fn read_whole(path: &Path) -> Result<(Vec<Entry>, u64)> {
    check_kind(path)?;
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{}: no such record; `verify --record` writes one", path.display())
        }
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        // Whoever appends cuts this off, so it must be a line that was begun, not another file.
        let (begun, tail) = (br#"{"scheme":""#, &bytes[whole..]);
        let common = begun.len().min(tail.len());
        ensure!(
            tail[..common] == begun[..common],
            "{}: not a file of recorded checks; it is left as it is",
            path.display()
        );
        let line = bytes[..whole].iter().filter(|byte| **byte == b'\n').count() + 1;
        note(&format!(
            "{}: line {line} is half a line of a run that was killed; it is left out",
            path.display()
        ));
    }
    let mut entries = Vec::new();
    for (at, line) in bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let entry = understand(line).with_context(|| {
            format!("{}, line {}: not a recorded check", path.display(), at + 1)
        })?;
        entries.push(entry);
    }
    Ok((entries, whole as u64))
}

fn understand(line: &[u8]) -> Result<Entry> {
    let entry: Entry = serde_json::from_slice(line)?;
    for seconds in [entry.seconds, entry.took] {
        // A year; sums stay numbers.
        ensure!((0.0..=31_536_000.0).contains(&seconds), "{seconds} is no number of seconds");
    }
    Ok(entry)
}
