//! Runs of a plan, with measurements that are made up.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use kovan_lab_base::data::{Further, Measured, Metrics, Share, Stop, Time, Trial};

use super::child::Outcome;
use super::{End, Repeats, Run};
use crate::plan::{Overrides, Plan};
use crate::results::{Records, Sample, read_samples};
use crate::spec::{ScaleName, parse};

/// A folder for one run, removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("kovan-lab-runner-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Records::create(&path).expect("tables");
        Self(path)
    }

    fn rows(&self) -> Vec<Sample> {
        read_samples(&self.0).expect("rows").rows
    }

    fn repeats(&self) -> Vec<u32> {
        self.rows().iter().map(|row| row.id.repeat).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Two cells, twice.
fn plan(further: Further) -> Plan {
    let text = "name = \"x\"\nquestion = \"?\"\nx = \"threads\"\nschemes = [\"ibr\", \"epoch\"]\n\
        structures = [\"michael-list\"]\nthreads = [1]\n[[workloads]]\nname = \"w\"\ninsert = 1\n\
        key_range = 8\nprefill = 0.5\n[scales.smoke]\nseconds = 1\nwarmup_seconds = 0\nrepeats = 2\n";
    let overrides = Overrides { further, ..Overrides::default() };
    let source = parse("x.toml", text).expect("valid");
    Plan::new(&source, ScaleName::Smoke, &overrides).expect("a plan")
}

fn narrow(target: f64) -> Further {
    Further { until_narrow: Some(Share(target)), ..Further::default() }
}

/// Runs a plan in a folder. Each trial takes two seconds of a clock of its own, and has so many operations;
/// none: the user interrupts.
fn run(folder: &Folder, plan: &Plan, mut ops: impl FnMut(&Trial) -> Option<u64>) -> End {
    let interrupted = AtomicBool::new(false);
    let seconds = Cell::new(0);
    let trials: Vec<&Trial> = plan.trials.iter().map(|planned| &planned.trial).collect();
    let resumed = Records::resume(&folder.0, &trials, None, |_| true).expect("opened");
    let mut records = resumed.records;
    let mut measure = |trial: &Trial| {
        seconds.set(seconds.get() + 2);
        let Some(ops) = ops(trial) else { return Ok(Outcome::Interrupted) };
        let metrics = Metrics { ops_per_second: Some(ops), ..Metrics::default() };
        Ok(Outcome::Measured(Box::new(Measured { metrics, ..Measured::default() }), None))
    };
    let run = Run {
        plan,
        kept: resumed.rows,
        capacity: None,
        interrupted: &interrupted,
        spent: &|| Duration::from_secs(seconds.get()),
        measure: &mut measure,
    };
    run.all(&mut records).expect("it runs")
}

fn repeats(end: End) -> Repeats {
    let End::Complete(repeats) = end else { panic!("interrupted") };
    repeats
}

/// Epoch is the same in each repeat; what ibr does alternates between so many and twice as many.
fn noisy(trial: &Trial) -> Option<u64> {
    let is_noisy = trial.id.scheme == "ibr" && trial.id.repeat.is_multiple_of(2);
    Some(if is_noisy { 2000 } else { 1000 })
}

#[test]
fn without_a_wish_there_are_the_planned_repeats() {
    let folder = Folder::new();
    let repeats = repeats(run(&folder, &plan(Further::default()), noisy));
    assert_eq!((repeats.done, repeats.stopped), (2, None));
    assert_eq!(folder.repeats(), [1, 1, 2, 2]);
}

#[test]
fn repeats_go_on_until_all_are_narrow() {
    let folder = Folder::new();
    // The interval of a median needs six values.
    let same = repeats(run(&folder, &plan(narrow(0.05)), |_| Some(1000)));
    assert_eq!((same.done, same.stopped), (6, Some(Stop::Narrow)));
    assert_eq!(folder.repeats(), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);

    // One value far out, and then none: wide as long as the interval reaches to it.
    let folder = Folder::new();
    let once = |trial: &Trial| Some(if trial.id.repeat == 1 { 5000 } else { 1000 });
    let later = repeats(run(&folder, &plan(narrow(0.05)), once));
    assert_eq!((later.done, later.stopped), (9, Some(Stop::Narrow)), "{later:?}");
    assert!(later.wide.is_empty());
}

#[test]
fn the_target_is_of_half_the_width() {
    // 1000 and 1100 in turn: the interval is from one to the other, 4.8 % to each side of the middle.
    let two = |trial: &Trial| Some(if trial.id.repeat.is_multiple_of(2) { 1100 } else { 1000 });
    let of = |target| {
        let further = Further { most_repeats: Some(8), ..narrow(target) };
        repeats(run(&Folder::new(), &plan(further), two)).stopped
    };
    assert_eq!((of(0.05), of(0.045)), (Some(Stop::Narrow), Some(Stop::MostRepeats)));
}

#[test]
fn what_stays_wide_ends_with_the_budget_or_the_most_repeats() {
    // A block takes four seconds. After 28 of them another one would not end within 31.
    let folder = Folder::new();
    let further = Further { budget: Some(Time(31.0)), ..narrow(0.05) };
    let of = repeats(run(&folder, &plan(further), noisy));
    assert_eq!((of.done, of.stopped), (7, Some(Stop::Budget)));
    let [wide] = &of.wide[..] else { panic!("{:?}", of.wide) };
    assert!(wide.cell.starts_with("ibr michael-list w"), "{}", wide.cell);
    assert!(wide.half_width.is_some_and(|of| (0.3..0.6).contains(&of)), "{wide:?}");

    let further = Further { most_repeats: Some(3), ..narrow(0.05) };
    let of = repeats(run(&Folder::new(), &plan(further), noisy));
    assert_eq!((of.done, of.stopped, of.wide.len()), (3, Some(Stop::MostRepeats), 2));
    assert_eq!(of.wide[0].half_width, None, "three values have no interval");

    // Without a target the budget alone decides.
    let further = Further { budget: Some(Time(20.0)), ..Further::default() };
    let of = repeats(run(&Folder::new(), &plan(further), noisy));
    assert_eq!((of.done, of.stopped, of.wide.len()), (5, Some(Stop::Budget), 0));
    // The planned ones are measured in any case.
    let further = Further { budget: Some(Time(1.0)), ..Further::default() };
    assert_eq!(repeats(run(&Folder::new(), &plan(further), noisy)).done, 2);
}

#[test]
fn an_interrupted_block_is_finished_first_and_counts_when_it_is_whole() {
    let folder = Folder::new();
    let further = Further { budget: Some(Time(13.0)), ..narrow(0.05) };
    let mut measured = 0;
    let end = run(&folder, &plan(further), |trial| {
        measured += 1;
        // Of the third block one cell is measured.
        if measured == 6 { None } else { noisy(trial) }
    });
    assert_eq!(end, End::Interrupted);
    assert_eq!(folder.repeats(), [1, 1, 2, 2, 3]);
    // No time at all is left for another one.
    let further = Further { budget: Some(Time(0.001)), ..narrow(0.05) };
    let of = repeats(run(&folder, &plan(further), noisy));
    assert_eq!((of.done, of.stopped), (3, Some(Stop::Budget)));
    assert_eq!(folder.repeats(), [1, 1, 2, 2, 3, 3]);
    // The same cells in the same order as if nobody had interrupted it.
    let whole = Folder::new();
    let further = Further { most_repeats: Some(3), ..narrow(0.05) };
    run(&whole, &plan(further), noisy);
    let ids = |of: &Folder| of.rows().into_iter().map(|row| (row.id, row.seed)).collect::<Vec<_>>();
    assert_eq!(ids(&folder), ids(&whole));
}
