//! Which cells claims choose, and what these are called.

use super::{PROCESSORS, RATIO, outcome, source};
use crate::claims::{Judged, Records, refuse_unmatched};
use crate::plan::{Overrides, Plan};
use crate::spec::{ScaleName, parse};
use kovan_lab_base::system::machine::Machine;

#[test]
fn claims_that_no_cell_matches_are_refused() {
    let refused = |claim: &str| {
        let error = refuse_unmatched(&source(claim)).expect_err("refused");
        format!("{error:#}")
    };
    // Each value is there, but a denominator with these is the numerator itself.
    let itself = refused(&RATIO.replace("\"epoch\"", "\"ibr\""));
    assert!(itself.starts_with("x.toml:") && itself.contains("claim `C1`"), "{itself}");
    assert!(itself.contains("no cells of this spec, at any scale, match it together"), "{itself}");
    assert!(refuse_unmatched(&source(RATIO)).is_ok());
    let unsound = source(RATIO);
    let text = unsound.text.replace("michael-list\", \"hash-map", "harris-list\", \"hash-map");
    let text = text.replace("\nleast = 0.9", "\nat = { structure = \"harris-list\" }\nleast = 0.9");
    let error = refuse_unmatched(&parse("x.toml", &text).expect("valid")).expect_err("refused");
    assert!(format!("{error:#}").contains("of a pair that is refused"), "{error:#}");
}

#[test]
fn claims_of_embedded_specs_match_cells() {
    for source in crate::spec::embedded().expect("valid") {
        refuse_unmatched(&source).expect("matched");
    }
}

#[test]
fn parameters_are_as_in_the_numerator_unless_they_are_named() {
    let cases = |keys: &str| {
        let claim = format!("kind = \"jump\"\nmetric = \"ops\"\nleast = 2\n{keys}");
        outcome(&claim, "ops", |_| 1.0).cases
    };
    let at = "at = { structure = \"hash-map\", stalled = 0, key_range = 64 }\n";
    let same = "of = { scheme = \"hp-naive\", threads = \"HW\" }\nover = { threads = 1 }";
    let names = |cases: Vec<Judged>| cases.into_iter().map(|c| c.name).collect::<Vec<_>>();
    let each = "threads=4 / threads=1, threshold=";
    let expected = [format!("{each}120"), format!("{each}30")];
    let mut found = names(cases(&format!("{at}{same}")));
    found.sort();
    assert_eq!(found, expected);
    // One threshold over the other.
    let other = "of = { scheme = \"hp-naive\", threads = 1, \"hp-naive.threshold\" = 120 }\n\
        over = { \"hp-naive.threshold\" = 30 }";
    assert_eq!(names(cases(&format!("{at}{other}"))), ["threshold=120 / threshold=30"]);
    // What is said of one scheme's parameter does not choose among cells of others.
    let free = at.replace("stalled = 0", "stalled = 0, threads = 1, \"hp-naive.threshold\" = 30");
    let others = "of = { scheme = [\"ibr\", \"hp-naive\"] }\nover = { scheme = \"epoch\" }";
    assert_eq!(names(cases(&format!("{free}{others}"))), ["hp-naive / epoch", "ibr / epoch"]);
}

#[test]
fn workloads_with_ranges_of_their_own_are_compared() {
    let claim = "kind = \"jump\"\nmetric = \"ops\"\nleast = 2\nat = { scheme = \"ibr\", structure = \"hash-map\", \
        threads = 1, stalled = 0 }\nof = { workload = \"w\" }\nover = { workload = \"v\" }\n";
    let flat = "kind = \"flat\"\nmetric = \"ops\"\nmost = 2\nat = { scheme = \"ibr\", structure = \"hash-map\", \
        threads = 1, stalled = 0 }\nacross = \"workload\"\n";
    let good = source(RATIO).text;
    let second = "[[workloads]]\nname = \"v\"\ninsert = 1\nremove = 1\nkey_range = 64\nprefill = 0.5\n[[claims]]";
    let swept = good.replace("[[claims]]", second);
    let own =
        swept.replace("key_range = [64, 1024]\n", "").replace("\"w\"\n", "\"w\"\nkey_range = 9\n");
    let names = |text: &str, claim: &str| {
        let start = text.find("kind = ").expect("a claim");
        let end = text.find("[scales").expect("scales");
        let text = format!("{}{claim}{}", &text[..start], &text[end..]);
        let source = parse("x.toml", &text).unwrap_or_else(|error| panic!("{error:#}"));
        let overrides = Overrides { processors: PROCESSORS, ..Overrides::default() };
        let plan = Plan::new(&source, ScaleName::Smoke, &overrides).expect("a plan");
        let records = Records {
            samples: &[],
            roles: &[],
            planned: plan.trials.iter().map(|planned| planned.trial.id.clone()).collect(),
            machine: &Machine::here(),
            processors: PROCESSORS,
        };
        let cases = records.judge(&source.spec.claims).remove(0).cases;
        cases.into_iter().map(|case| case.name).collect::<Vec<_>>()
    };
    let both = ["w key_range=9 / v key_range=64".to_string()];
    assert_eq!(names(&own, claim), both);
    assert_eq!(names(&own, flat).len(), 1);
    // Where the range is an axis, it is the same on both sides.
    assert_eq!(names(&swept, claim), ["w / v, key_range=64", "w / v, key_range=1024"]);
    assert_eq!(names(&swept, flat).len(), 2);
}

#[test]
fn parts_have_names_by_what_differs() {
    let name = |claim: &str| outcome(claim, "ops", |_| 1.0).cases[0].name.clone();
    let all = "kind = \"value\"\nmetric = \"ops\"\nleast = 1\n";
    let one =
        "scheme = \"hp-naive\", structure = \"hash-map\", threads = 1, stalled = 2, key_range = 64";
    // The threshold is swept, the number of stalled threads is not.
    assert_eq!(name(&format!("{all}of = {{ {one} }}")), "hp-naive, threshold=30");
    let other = one.replace("hp-naive", "ibr").replace("stalled = 2", "stalled = [0, 2]");
    assert_eq!(name(&format!("{all}of = {{ {other} }}")), "ibr, stalled=0");
    let ratio = RATIO.replace("ratio\"", "ratio\"\nat = { structure = \"hash-map\", stalled = 0 }");
    assert_eq!(name(&ratio), "ibr / epoch, threads=1, key_range=64");
}
