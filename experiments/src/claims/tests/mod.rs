//! Every kind of claim on synthetic records, for each of the four verdicts.

mod cells;
mod kinds;

use std::collections::BTreeMap;

use kovan_harness::random::{SplitMix, fnv};
use kovan_lab_base::data::{Metrics, RoleCount, TrialId};
use kovan_lab_base::system::machine::Machine;

use super::{Ends, Outcome, Records, Verdict};
use crate::plan::{Overrides, Plan};
use crate::results::{RoleRow, Sample, Status};
use crate::spec::{ScaleName, Source, parse};

/// So many processors has the machine of these tests.
const PROCESSORS: u32 = 4;

/// A spec with one claim.
fn source(claim: &str) -> Source {
    let text = format!(
        "name = \"x\"\nquestion = \"?\"\nx = \"threads\"\nschemes = [\"ibr\", \"epoch\", \"hp-naive\", \"hazard-eras\"]\n\
         structures = [\"michael-list\", \"hash-map\"]\nthreads = [1, \"HW\", \"1.5HW\"]\nstalled = [0, 2]\n\
         [axes]\nkey_range = [64, 1024]\n\"hp-naive.threshold\" = [30, 120]\n\
         [[workloads]]\nname = \"w\"\ninsert = 1\nremove = 1\nprefill = 0.5\n\
         [[workloads.roles]]\nname = \"readers\"\nget = 1\n[[workloads.roles]]\nname = \"writers\"\ninsert = 1\nremove = 1\n\
         [[claims]]\nid = \"C1\"\nsays = \"So it is.\"\nwhere = \"figure 1\"\npaper = \"1\"\n{claim}\n\
         [scales.smoke]\nseconds = 1\nwarmup_seconds = 0\nrepeats = 8\n"
    );
    parse("x.toml", &text).unwrap_or_else(|error| panic!("{error:#}"))
}

/// A row of a trial, or none.
type Row = Option<Sample>;

/// The outcome of a claim, with rows that `measure` makes of the unmeasured ones.
fn outcome_of(claim: &str, measure: impl Fn(Sample) -> Row) -> Outcome {
    let source = source(claim);
    let overrides = Overrides { processors: PROCESSORS, ..Overrides::default() };
    let plan = Plan::new(&source, ScaleName::Smoke, &overrides).expect("a plan");
    let of = |planned: &crate::plan::Planned| {
        let mut row = Sample::unmeasured(&planned.trial, Status::Ok, "");
        row.metrics.ops = Some(1000);
        measure(row)
    };
    let samples: Vec<Sample> = plan.trials.iter().filter_map(of).collect();
    let role = |(row, name): (&Sample, &str)| RoleRow {
        experiment: "x".into(),
        id: row.id.clone(),
        value: RoleCount {
            role: name.into(),
            threads: 1,
            ops: 1,
            ops_per_second: row.metrics.gets.unwrap_or(0) * if name == "readers" { 1 } else { 7 },
        },
    };
    let roles: Vec<RoleRow> =
        samples.iter().flat_map(|row| [(row, "readers"), (row, "writers")]).map(role).collect();
    let records = Records {
        samples: &samples,
        roles: &roles,
        planned: plan.trials.iter().map(|planned| planned.trial.id.clone()).collect(),
        machine: &Machine::here(),
        processors: PROCESSORS,
    };
    let mut outcomes = records.judge(&source.spec.claims);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

/// The same, with a value of a metric for each row.
fn outcome(claim: &str, metric: &str, value: impl Fn(&TrialId) -> f64) -> Outcome {
    let info = kovan_lab_base::data::MetricInfo::of(metric).expect("a metric");
    outcome_of(claim, |mut row| {
        let value = value(&row.id);
        let whole = format!("{value:.0}");
        let set = info_set(&mut row.metrics, info, &whole);
        if set.is_err() || metric == "growth" {
            info_set(&mut row.metrics, info, &value.to_string()).expect("a number");
        }
        Some(row)
    })
}

fn info_set(
    metrics: &mut Metrics,
    info: &'static kovan_lab_base::data::MetricInfo,
    text: &str,
) -> Result<(), String> {
    metrics.set(info, text)
}

/// Some noise of a share that depends on the row, the same each time.
fn noise(id: &TrialId, share: f64) -> f64 {
    let text = id.name();
    let hash = SplitMix::new(fnv(text.as_bytes())).next_u64();
    #[allow(clippy::cast_precision_loss)] // A share.
    let unit = (hash >> 11) as f64 / (1_u64 << 53) as f64;
    1.0 + share * (2.0 * unit - 1.0)
}

/// Blocks that differ up to eighty times.
fn level(id: &TrialId) -> f64 {
    1e6 * 3_f64.powi(i32::try_from(id.repeat % 5).expect("small"))
}

/// The throughput of a scheme where `epoch` has 1.
fn throughput(of_ibr: f64, share: f64) -> impl Fn(&TrialId) -> f64 {
    move |id| {
        let factor = if id.scheme == "ibr" { of_ibr } else { 1.0 };
        level(id) * factor * noise(id, share)
    }
}

const RATIO: &str = "kind = \"ratio\"\nmetric = \"throughput\"\nof = { scheme = \"ibr\" }\n\
    over = { scheme = \"epoch\" }\nleast = 0.9\nmost = 1.1";

#[test]
fn a_ratio_is_taken_within_blocks() {
    let of = |factor, share| outcome(RATIO, "ops_per_second", throughput(factor, share));
    let same = of(1.0, 0.02);
    assert_eq!(same.verdict, Verdict::Reproduced);
    // Each of two structures, three thread counts, two counts of stalled threads and two ranges.
    assert_eq!(same.cases.len(), 2 * 3 * 2 * 2);
    assert!(same.cases.iter().all(|case| case.blocks == 8), "{same:?}");
    let finding = same.cases[0].finding.expect("measured");
    assert!((0.9..1.1).contains(&finding.estimate) && finding.ends == Ends::Interval);
    assert_eq!(of(2.0, 0.02).verdict, Verdict::Refuted);
    assert_eq!(of(0.5, 0.02).verdict, Verdict::Refuted);
    assert_eq!(of(1.0, 0.5).verdict, Verdict::NotResolved);
    assert_eq!(of(1.1, 0.02).verdict, Verdict::NotResolved, "the interval holds the limit");
}

#[test]
fn rows_of_different_blocks_are_no_pair() {
    // Levels grow from block to block, and each scheme lacks blocks that the other has.
    let outcome = outcome_of(RATIO, |mut row| {
        let lacks = if row.id.scheme == "ibr" { 8 } else { 1 };
        let factor = if row.id.scheme == "ibr" { 1 } else { 2 };
        row.metrics.ops_per_second = Some(factor * 3_u64.pow(row.id.repeat) * 1000);
        (row.id.repeat != lacks).then_some(row)
    });
    assert_eq!(outcome.verdict, Verdict::Refuted);
    let case = &outcome.cases[0];
    let finding = case.finding.expect("measured");
    assert_eq!((case.blocks, finding.low, finding.high), (6, 0.5, 0.5));
}

#[test]
fn what_is_missing_or_refused_is_not_testable() {
    let without = |scheme: &'static str| {
        outcome_of(RATIO, move |mut row| {
            row.metrics.ops_per_second = Some(9);
            (row.id.scheme != scheme).then_some(row)
        })
    };
    let outcome = without("epoch");
    assert_eq!(outcome.verdict, Verdict::NotTestable);
    assert!(outcome.cases[0].why.contains("epoch hash-map: not measured"), "{outcome:?}");
    let refused = outcome_of(RATIO, |mut row| {
        row.metrics.ops_per_second = Some(9);
        if row.id.scheme == "ibr" {
            (row.status, row.error) = (Status::Refused, "it does not compile".into());
        }
        Some(row)
    });
    assert_eq!(refused.verdict, Verdict::NotTestable);
    assert!(refused.cases[0].why.contains("refused: it does not compile"), "{refused:?}");
    let unmeasured = outcome_of(RATIO, Some);
    assert_eq!(unmeasured.verdict, Verdict::NotTestable);
    assert!(unmeasured.cases[0].why.contains("no row has `ops_per_second`"), "{unmeasured:?}");
}

#[test]
fn a_part_that_cannot_be_tested_does_not_hide_the_others() {
    let of = |factor: f64| {
        outcome_of(RATIO, move |mut row| {
            if row.id.structure == "hash-map" {
                return None;
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive.
            let rate = throughput(factor, 0.01)(&row.id) as u64;
            row.metrics.ops_per_second = Some(rate);
            Some(row)
        })
    };
    assert_eq!(of(1.0).verdict, Verdict::Reproduced);
    assert_eq!(of(3.0).verdict, Verdict::Refuted);
    let untested = of(1.0).cases.iter().filter(|c| c.verdict == Verdict::NotTestable).count();
    assert_eq!(untested, 12);
}

#[test]
fn few_blocks_resolve_nothing_and_say_how_many_are_needed() {
    let few = |most| {
        outcome_of(RATIO, move |mut row| {
            row.metrics.ops_per_second = Some(if row.id.scheme == "ibr" { 500 } else { 100 });
            (row.id.repeat <= most).then_some(row)
        })
    };
    assert_eq!(few(6).verdict, Verdict::Refuted);
    let five = few(5);
    assert_eq!(five.verdict, Verdict::NotResolved);
    let case = &five.cases[0];
    assert_eq!(case.why, "5 blocks; an interval needs 6");
    assert_eq!(case.finding.expect("a point").ends, Ends::Range);
}

#[test]
fn disturbed_rows_are_left_out() {
    let of = |disturbed: u32| {
        outcome_of(RATIO, move |mut row| {
            let is_disturbed = row.id.scheme == "epoch" && row.id.repeat <= disturbed;
            // What is disturbed is much slower.
            row.metrics.disturbed = Some(if is_disturbed { 0.4 } else { 0.02 });
            row.metrics.ops_per_second = Some(if is_disturbed { 10 } else { 1000 });
            Some(row)
        })
    };
    let two = of(2);
    assert_eq!((two.verdict, two.cases[0].blocks), (Verdict::Reproduced, 6));
    assert_eq!(two.cases[0].disturbed, 2);
    assert_eq!(of(3).verdict, Verdict::NotResolved);
    assert_eq!(of(8).verdict, Verdict::NotResolved);
    assert_eq!(of(8).cases[0].blocks, 0);
}

#[test]
fn blocks_that_are_spread_over_machines_are_not_paired() {
    let of = |elsewhere: u32| {
        outcome_of(RATIO, move |mut row| {
            let is_elsewhere = row.id.scheme == "epoch" && row.id.repeat <= elsewhere;
            // The other machine is much slower.
            row.machine = Some(if is_elsewhere { "slow" } else { "fast" }.into());
            row.metrics.ops_per_second = Some(if is_elsewhere { 10 } else { 1000 });
            Some(row)
        })
    };
    let two = of(2);
    assert_eq!((two.verdict, two.cases[0].blocks), (Verdict::Reproduced, 6));
    let three = of(3);
    assert_eq!((three.verdict, three.cases[0].blocks), (Verdict::NotResolved, 5));
    let told = "3 blocks are spread over machines or builds";
    assert!(three.cases[0].why.contains(told), "{}", three.cases[0].why);
}

#[test]
fn needs_that_are_not_met_are_not_testable() {
    let with = |needs: &str| {
        let claim = format!("{RATIO}\nneeds = {{ {needs} }}");
        outcome(&claim, "ops_per_second", throughput(1.0, 0.01))
    };
    assert_eq!(with("cores = 1").verdict, Verdict::Reproduced);
    let cores = with("cores = 16000");
    assert_eq!(cores.verdict, Verdict::NotTestable);
    assert!(cores.why.starts_with("needs 16000 processors; the machine has "), "{}", cores.why);
    assert_eq!(with("allocator = \"mimalloc\"").verdict, Verdict::Reproduced);
    let allocator = with("allocator = \"jemalloc\"");
    assert_eq!(allocator.verdict, Verdict::NotTestable);
    assert!(allocator.why.contains("the allocator jemalloc"), "{}", allocator.why);
}

#[test]
fn a_ratio_may_be_held_against_another() {
    let claim = "kind = \"ratio\"\nmetric = \"throughput\"\nat = { stalled = 0, key_range = 64 }\n\
        of = { scheme = \"ibr\", threads = \"HW\" }\nover = { scheme = \"epoch\" }\nagainst = { threads = 1 }\nmost = 0.6";
    // At one thread the ratio is 2, at four threads it is `factor`.
    let of = |factor: f64| {
        outcome(claim, "ops_per_second", move |id| {
            let ratio = if id.threads == 1 { 2.0 } else { factor };
            level(id) * if id.scheme == "ibr" { ratio } else { 1.0 } * noise(id, 0.01)
        })
    };
    assert_eq!((of(1.0).verdict, of(1.0).cases.len()), (Verdict::Reproduced, 2));
    assert!((of(1.0).cases[0].finding.expect("measured").estimate - 0.5).abs() < 0.02);
    assert_eq!(of(2.0).verdict, Verdict::Refuted);
    assert_eq!(of(1.2).verdict, Verdict::NotResolved);
    assert_eq!(outcome(claim, "ops", |_| 1.0).verdict, Verdict::NotTestable);
}

#[test]
fn an_interval_that_holds_the_limit_is_never_a_verdict() {
    // Whatever the noise, the truth is on the limit: neither verdict may come often.
    let mut counts: BTreeMap<Verdict, u32> = BTreeMap::new();
    let claim = format!(
        "{RATIO}\nat = {{ structure = \"hash-map\", threads = 1, stalled = 0, key_range = 64 }}"
    );
    for seed in 0..40_u32 {
        let outcome = outcome(&claim, "ops_per_second", |id| {
            let other = TrialId { repeat: id.repeat + 100 * seed, ..id.clone() };
            1e6 * if id.scheme == "ibr" { 1.1 } else { 1.0 } * noise(&other, 0.05)
        });
        *counts.entry(outcome.verdict).or_default() += 1;
    }
    assert!(counts.get(&Verdict::NotResolved).is_some_and(|count| *count >= 36), "{counts:?}");
}

#[test]
fn one_interval_of_many_outside_may_be_chance() {
    // Of 24 parts some are three times as large as is allowed, in so many blocks.
    let of = |blocks: u32, is_outside: fn(&TrialId) -> bool| {
        outcome_of(RATIO, move |mut row| {
            let factor = if row.id.scheme == "ibr" && is_outside(&row.id) { 3 } else { 1 };
            row.metrics.ops_per_second = Some(1000 * factor);
            (row.id.repeat <= blocks).then_some(row)
        })
    };
    let one = |id: &TrialId| {
        id.structure == "hash-map" && id.threads == 1 && id.stalled == 0 && id.key_range == 64
    };
    let few = of(6, one);
    assert_eq!(few.verdict, Verdict::NotResolved);
    assert!(few.why.starts_with("1 of 24 intervals are outside"), "{}", few.why);
    assert_eq!(of(8, one).verdict, Verdict::NotResolved, "0.004 of chance, of 0.001 for each");
    assert_eq!(of(6, |_| true).verdict, Verdict::Refuted);
    let many = of(6, |id| id.structure == "hash-map");
    assert_eq!((many.verdict, many.cases.len()), (Verdict::NotResolved, 24));
    assert_eq!(of(8, |id| id.structure == "hash-map").verdict, Verdict::Refuted);
}
