//! Runs with a ledger, without running a check: what comes next, what is kept, what is told.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use kovan_lab_worker::checks::{Check, Ended, Job, Reached, Verdict};

use super::ledger::{Entry, Ledger, Status, read, standing_failures};
use super::slices::{Queue, Slices};
use super::summary::{FULL, Summary};

/// A ledger of its own for a test, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, nth) = (std::process::id(), NEXT.fetch_add(1, Relaxed));
        Self(std::env::temp_dir().join(format!("kovan-ledger-{name}-{process}-{nth}")))
    }

    fn slices(&self, jobs: Vec<Job>, full: f64, commit: &str) -> Slices {
        let (ledger, entries) = Ledger::open(&self.0).expect("a ledger");
        Slices::new(jobs, full, None, (ledger, &entries), commit)
    }

    fn entries(&self) -> Vec<Entry> {
        read(&self.0).expect("a ledger")
    }

    fn refused(&self) -> String {
        format!("{:#}", Ledger::open(&self.0).expect_err("refused"))
    }

    fn add(&self, text: &str) {
        let mut file = OpenOptions::new().append(true).open(&self.0).expect("there");
        file.write_all(text.as_bytes()).expect("written");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const PAIRS: [(&str, &str); 3] =
    [("epoch", "ms-queue"), ("leak", "ms-queue"), ("leak", "treiber-stack")];

/// Checks of them all.
const CHECKS: usize = PAIRS.len() * Check::OF_PAIRS.len();

fn jobs() -> Vec<Job> {
    let of = |(scheme, structure): (&str, &str)| {
        let job = move |check| Job {
            scheme: scheme.into(),
            structure: structure.into(),
            check,
            seconds: 1.0,
            seed: 1,
        };
        Check::OF_PAIRS.map(job)
    };
    PAIRS.into_iter().flat_map(of).collect()
}

/// It ran seven rounds, and failed in the last one if there is a message.
fn ended(job: &Job, message: Option<&str>) -> Ended {
    let last = job.seed + 6;
    let verdict = match message {
        None => Verdict::Passed { detail: "seven rounds".into() },
        Some(message) => Verdict::Failed { seed: last, message: message.into() },
    };
    let counts = [("histories".to_string(), 10)].into();
    let reached = Reached { rounds: 7, last: Some(last), counts };
    Ended { verdict, took: Duration::from_secs(1), reached }
}

/// Lets up to so many slices pass.
fn pass(slices: &mut Slices, count: usize) -> usize {
    for done in 0..count {
        let Some((at, job)) = slices.next() else { return done };
        slices.ended(at, &job, &ended(&job, None)).expect("appended");
    }
    count
}

/// The seconds of a pair that each check's time is its share of.
fn times(entries: &[Entry]) -> Vec<f64> {
    let passed = |job: &Job| {
        let key = (job.scheme.clone(), job.structure.clone(), job.check);
        let mine = entries.iter().filter(|entry| entry.key() == key);
        mine.map(Entry::passed).sum::<f64>() / job.check.share()
    };
    jobs().iter().map(passed).collect()
}

#[test]
fn pairs_come_forward_together() {
    let file = File::new("together");
    let mut slices = file.slices(jobs(), 90.0, "a");
    // 5, 20, 60 and 90 seconds of each check.
    assert_eq!(slices.count(), 4 * CHECKS);
    for done in 0..4 * CHECKS {
        assert_eq!(pass(&mut slices, 1), 1, "slice {done}");
        let times = times(&file.entries());
        let least = times.iter().copied().fold(f64::MAX, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        // Nothing is two steps before another.
        let step = [5.0, 20.0, 60.0, 90.0].into_iter().find(|step| *step > least + 1e-6);
        assert!(most <= step.unwrap_or(90.0) + 1e-6, "after {done}: from {least} to {most}");
    }
    assert_eq!(pass(&mut slices, 1), 0, "all have their time");
    assert!(times(&file.entries()).iter().all(|time| (time - 90.0).abs() < 1e-6));
}

#[test]
fn a_later_run_goes_on_with_other_seeds() {
    let file = File::new("seeds");
    for run in 0..6 {
        let mut slices = file.slices(jobs(), 60.0, ["a", "b"][run % 2]);
        assert_eq!(slices.count(), 3 * CHECKS - 10 * run);
        pass(&mut slices, 10);
    }
    assert_eq!(file.slices(jobs(), 60.0, "a").count(), 0);
    let entries = file.entries();
    assert_eq!(entries.len(), 3 * CHECKS);
    for job in jobs() {
        let of = |entry: &&Entry| {
            (&entry.scheme, &entry.structure, entry.check)
                == (&job.scheme, &job.structure, job.check)
        };
        let seeds: Vec<_> = entries.iter().filter(of).map(|e| (e.first, e.last)).collect();
        assert_eq!(seeds, [(1, 7), (8, 14), (15, 21)]);
    }
    // More time than before is only the rest.
    assert_eq!(file.slices(jobs(), 120.0, "a").count(), CHECKS);
}

#[test]
fn what_runs_is_not_given_out_twice() {
    let file = File::new("running");
    let mut slices = file.slices(jobs(), 20.0, "a");
    let (mut running, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    while let Some((at, job)) = slices.next() {
        assert!(seen.insert(at), "{job:?} is given out twice");
        running.push((at, job));
    }
    assert_eq!(running.len(), CHECKS);
    for (at, job) in &running {
        slices.ended(*at, job, &ended(job, None)).expect("appended");
    }
    assert_eq!(pass(&mut slices, 99), CHECKS);
}

#[test]
fn no_slice_begins_when_the_time_is_over() {
    let file = File::new("deadline");
    let (ledger, _) = Ledger::open(&file.0).expect("a ledger");
    let over = Instant::now();
    assert!(Slices::new(jobs(), 20.0, Some(over), (ledger, &[]), "a").next().is_none());
}

#[test]
fn half_a_line_is_left_out_and_a_damaged_one_refused() {
    let file = File::new("half");
    pass(&mut file.slices(jobs(), 20.0, "a"), 3);
    let whole = fs::read_to_string(&file.0).expect("text");
    file.add(&whole[..40]);
    assert_eq!(file.entries().len(), 3);
    // The next line does not stick to the half one.
    pass(&mut file.slices(jobs(), 20.0, "a"), 1);
    assert_eq!(file.entries().len(), 4);

    let line = whole.lines().next().expect("a line");
    for damaged in ["not JSON", "", "{}", &line.replace("\"seconds\":", "\"seconds\":-")] {
        fs::write(&file.0, format!("{line}\n{damaged}\n{line}\n")).expect("written");
        let told = file.refused();
        assert!(told.contains("line 2: not a recorded check"), "{damaged}: {told}");
    }
}

#[test]
fn a_ledger_is_of_one_run_and_one_kind_of_build() {
    let file = File::new("one");
    let mut slices = file.slices(jobs(), 20.0, "a");
    assert!(file.refused().contains("another run"));
    pass(&mut slices, 1);
    drop(slices);
    let text = fs::read_to_string(&file.0).expect("text");
    let here = format!("\"canary\":{}", kovan_schemes::canary::COMPILED);
    let other = format!("\"canary\":{}", !kovan_schemes::canary::COMPILED);
    fs::write(&file.0, text.replace(&here, &other)).expect("written");
    assert!(file.refused().contains("the canary"));
}

#[test]
fn a_failure_stays_until_it_passes_under_another_commit() {
    let file = File::new("failure");
    let mut slices = file.slices(jobs(), 20.0, "a");
    pass(&mut slices, CHECKS);
    let (at, bad) = slices.next().expect("a job");
    slices.ended(at, &bad, &ended(&bad, Some("lost a key"))).expect("appended");
    let failing = bad.seed + 6;
    assert_eq!(pass(&mut slices, 99), CHECKS - 1, "the others go on, without it");
    drop(slices);

    let mut same = file.slices(jobs(), 20.0, "a");
    assert_eq!((same.count(), pass(&mut same, 99)), (0, 0), "the commit has failed");
    drop(same);
    let told = Summary::new(&file.entries()).failures;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("lost a key") && told[0].contains(&format!("--seed {failing} ")));

    // Under another one, what failed comes first, from the round that failed.
    let mut fixed = file.slices(jobs(), 20.0, "b");
    let (at, job) = fixed.next().expect("a job");
    assert_eq!((&job.scheme, job.check, job.seed), (&bad.scheme, bad.check, failing));
    assert!(times(&file.entries())[at] < 6.0, "what failed does not count");
    fixed.ended(at, &job, &ended(&job, None)).expect("appended");
    pass(&mut fixed, 99);
    drop(fixed);
    assert!(standing_failures(&file.entries()).is_empty());
    assert!(Summary::new(&file.entries()).failures.is_empty());
    assert!(times(&file.entries()).iter().all(|time| *time > 20.0 - 1e-6));
}

#[test]
fn a_failure_under_another_commit_is_seen_again_even_when_its_time_is_full() {
    let file = File::new("again");
    let mut slices = file.slices(jobs(), 5.0, "a");
    pass(&mut slices, CHECKS);
    drop(slices);
    let mut more = file.slices(jobs(), 20.0, "a");
    let (at, bad) = more.next().expect("a job");
    more.ended(at, &bad, &ended(&bad, Some("lost"))).expect("appended");
    drop(more);
    let mut less = file.slices(jobs(), 5.0, "b");
    assert_eq!(less.count(), 1);
    assert_eq!(less.next().map(|(_, job)| job.seed), Some(bad.seed + 6));
}

#[test]
fn the_summary_adds_up() {
    let file = File::new("summary");
    pass(&mut file.slices(jobs(), 60.0, "one"), CHECKS);
    pass(&mut file.slices(jobs(), FULL, "two"), 9999);
    let entries = file.entries();
    let text = Summary::new(&entries).text();
    let row = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>()).unwrap_or_default()
    };
    let of = |scheme: &str| entries.iter().filter(|entry| entry.scheme == scheme).count();
    let leak = row("leak");
    // Two of its pairs are complete, and the others have nothing.
    assert_eq!(leak[1..5], ["60.0", "0.0", "0.0", "2"], "{text}");
    assert_eq!(leak[5], kovan_lab_base::support::numbers::count(of("leak") as u64 * 10));
    assert_eq!(leak[6], kovan_lab_base::support::numbers::count(of("leak") as u64 * 7));
    assert_eq!((row("all")[1], row("all")[4]), ("90.0", "3"));
    assert_eq!(row("kovan")[1..], ["0.0", "0.0", "0.0", "0", "0", "0", "0"]);
    // The same three by structure.
    let structures = kovan_structures::registry::structures();
    let complete = structures.iter().map(|it| row(it.name)[4].parse::<usize>());
    assert_eq!(complete.sum::<Result<usize, _>>(), Ok(3));
    // All checks with their shares of 5 s, and the rest of half an hour, of three pairs.
    assert!(text.contains("1.50 hours in"), "{text}");
    assert!(text.contains("`one` 0.00 h, `two` 1.50 h"), "{text}");
    assert!(text.contains("In 3 pairs no run of `bounds`"), "{text}");
}

/// The line of a check of a scheme alone.
fn of_a_scheme(check: Check, status: Status) -> Entry {
    let (scheme, structure) = ("ibr".into(), String::new());
    let job = Job { scheme, structure, check, seconds: 1.0, seed: 1 };
    Entry { status, ..Entry::new(&job, &ended(&job, None), false, "a") }
}

#[test]
fn checks_of_schemes_are_not_lost_pairs() {
    let gone = |entry: Entry| Summary::new(&[entry]).text().contains("pairs that are no more");
    for check in Check::OF_SCHEMES {
        assert!(!gone(of_a_scheme(check, Status::Passed)), "{}", check.name());
    }
    let pair = of_a_scheme(Check::Oracle, Status::Passed);
    assert!(gone(Entry { structure: "no-more".into(), ..pair }));
}

#[test]
fn the_unsound_script_must_be_caught_somewhere() {
    let script = |status| of_a_scheme(Check::Optimistic, status);
    assert!(Summary::new(&[script(Status::Caught)]).failures.is_empty());
    assert_eq!(Summary::new(&[script(Status::Passed)]).failures.len(), 1);
}

/// `verify --summary docs/gate-runs.jsonl --markdown docs/GATE.md` writes it anew.
#[test]
fn the_summary_in_the_repository_is_of_the_record_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let there = fs::read_to_string(docs.join("GATE.md")).expect("a document");
    let copy = File::new("document");
    fs::write(&copy.0, &there).expect("written");
    let entries = read(&docs.join("gate-runs.jsonl")).expect("a record");
    Summary::new(&entries).write_into(&copy.0).expect("written");
    let anew = fs::read_to_string(&copy.0).expect("a document");
    assert!(anew == there, "docs/GATE.md does not say what docs/gate-runs.jsonl holds");
}

#[test]
fn the_summary_goes_between_the_markers_of_a_document() {
    let (file, document) = (File::new("written"), File::new("document"));
    pass(&mut file.slices(jobs(), 60.0, "one"), CHECKS);
    let summary = Summary::new(&file.entries());
    fs::write(&document.0, "text\n").expect("written");
    let told = format!("{:#}", summary.write_into(&document.0).expect_err("no markers"));
    assert!(told.contains("<!-- runs") && !told.contains('\n'), "{told}");
    let markers = include_str!("../../../docs/GATE.md");
    fs::write(&document.0, markers).expect("written");
    summary.write_into(&document.0).expect("written");
    let once = fs::read_to_string(&document.0).expect("text");
    assert!(once.contains("| leak | ") && once.starts_with("# The gate"), "{once}");
    summary.write_into(&document.0).expect("written again");
    assert_eq!(fs::read_to_string(&document.0).expect("text"), once);
}
