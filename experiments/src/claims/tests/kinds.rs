//! The kinds of claims but for plain ratios.

use super::{RATIO, level, noise, outcome, outcome_of};
use crate::claims::{Ends, Verdict};

const ORDER: &str = "kind = \"order\"\nmetric = \"unreclaimed_mean\"\nat = { threads = \"1.5HW\", stalled = 0 }\n\
    order = [{ scheme = \"hp-naive\" }, { scheme = \"hazard-eras\" }, { scheme = [\"ibr\", \"epoch\"] }]";

#[test]
fn an_order_holds_for_each_neighbour() {
    let of = |eras: f64, share: f64| {
        outcome(ORDER, "unreclaimed_mean", move |id| {
            let level = match id.scheme.as_str() {
                "hp-naive" => 100.0,
                "hazard-eras" => eras,
                _ => 3000.0,
            };
            level * noise(id, share)
        })
    };
    let holds = of(1000.0, 0.1);
    assert_eq!(holds.verdict, Verdict::Reproduced);
    // For each structure and range: both thresholds below the eras, the eras below two others.
    assert_eq!(holds.cases.len(), 4 * (2 + 2));
    assert!(holds.cases.iter().all(|case| !case.name.contains("stalled")), "{holds:?}");
    assert_eq!(of(9000.0, 0.1).verdict, Verdict::Refuted);
    assert_eq!(of(3000.0, 0.3).verdict, Verdict::NotResolved);
    assert_eq!(outcome(ORDER, "ops", |_| 1.0).verdict, Verdict::NotTestable);
}

#[test]
fn what_is_equal_is_in_no_order() {
    let equal = |claim: &str| outcome(claim, "unreclaimed_mean", |_| 100.0).verdict;
    assert_eq!(equal(ORDER), Verdict::NotResolved);
    assert_eq!(equal(&format!("{ORDER}\ntolerance = 0.1")), Verdict::Reproduced);
}

#[test]
fn growth_is_of_a_class() {
    let claim = |class: &str| {
        format!("kind = \"growth\"\nof = {{ scheme = \"ibr\", stalled = 2 }}\nclass = \"{class}\"")
    };
    let of = |class: &str, growth: f64, share: f64| {
        outcome(&claim(class), "growth", move |id| growth * noise(id, share)).verdict
    };
    assert_eq!(of("flat", 0.0, 0.0), Verdict::Reproduced);
    assert_eq!(of("flat", -0.2, 0.1), Verdict::Reproduced, "what falls is flat");
    assert_eq!(of("flat", 0.9, 0.05), Verdict::Refuted);
    assert_eq!(of("flat", 0.01, 0.9), Verdict::NotResolved);
    assert_eq!(of("linear", 0.9, 0.05), Verdict::Reproduced);
    assert_eq!(of("linear", 0.001, 0.5), Verdict::Refuted);
    assert_eq!(of("linear", 0.5, 0.2), Verdict::NotResolved);
    for class in ["flat", "linear"] {
        assert_eq!(outcome(&claim(class), "ops", |_| 1.0).verdict, Verdict::NotTestable);
    }
}

#[test]
fn a_jump_is_between_two_points() {
    let claim = "kind = \"jump\"\nmetric = \"unreclaimed_mean\"\nat = { stalled = 0 }\n\
        of = { scheme = [\"ibr\", \"epoch\"], threads = \"1.5HW\" }\nover = { threads = \"HW\" }\nleast = 3";
    let of = |jump: f64, share: f64| {
        outcome(claim, "unreclaimed_mean", move |id| {
            100.0 * if id.threads == 6 { jump } else { 1.0 } * noise(id, share)
        })
    };
    assert_eq!((of(10.0, 0.1).verdict, of(10.0, 0.1).cases.len()), (Verdict::Reproduced, 8));
    assert!(of(10.0, 0.1).cases[0].name.contains("threads=6 / threads=4"), "{:?}", of(10.0, 0.1));
    assert_eq!(of(1.0, 0.1).verdict, Verdict::Refuted);
    assert_eq!(of(3.0, 0.3).verdict, Verdict::NotResolved);
    assert_eq!(outcome(claim, "ops", |_| 1.0).verdict, Verdict::NotTestable);
    // Where there was nothing before, any number is a jump; nothing after nothing is none.
    let from_nothing = |after: f64| {
        outcome(claim, "unreclaimed_mean", move |id| if id.threads == 6 { after } else { 0.0 })
    };
    assert_eq!(from_nothing(5.0).verdict, Verdict::Reproduced);
    let nothing = from_nothing(0.0);
    assert_eq!(nothing.verdict, Verdict::NotResolved);
    assert!(
        nothing.cases[0].why.contains("8 other blocks there is nothing to compare"),
        "{nothing:?}"
    );
}

#[test]
fn a_number_of_stalled_threads_is_another_point() {
    let claim = "kind = \"jump\"\nmetric = \"unreclaimed_peak\"\nat = { threads = 1, structure = \"hash-map\" }\n\
        of = { scheme = \"epoch\", stalled = 2 }\nover = { stalled = 0 }\nleast = 100";
    let of = |stalled: f64| {
        outcome(claim, "unreclaimed_peak", move |id| if id.stalled == 2 { stalled } else { 10.0 })
    };
    // `none` is the adversary of the one, `stalled` that of the other.
    assert_eq!((of(5000.0).verdict, of(5000.0).cases.len()), (Verdict::Reproduced, 2));
    assert_eq!(of(50.0).verdict, Verdict::Refuted);
}

#[test]
fn what_is_flat_hardly_varies_along_an_axis() {
    let claim = "kind = \"flat\"\nmetric = \"unreclaimed_peak\"\nof = { scheme = \"hp-naive\", threads = 1 }\n\
        across = \"key_range\"\nmost = 2";
    let of = |factor: f64, share: f64| {
        outcome(claim, "unreclaimed_peak", move |id| {
            1000.0 * if id.key_range == 1024 { factor } else { 1.0 } * noise(id, share)
        })
    };
    let flat = of(1.2, 0.05);
    assert_eq!((flat.verdict, flat.cases.len()), (Verdict::Reproduced, 2 * 2 * 2));
    assert!(flat.cases[0].name.contains("key_range=64, key_range=1024"), "{:?}", flat.cases[0]);
    assert_eq!(of(0.1, 0.05).verdict, Verdict::Refuted);
    assert_eq!(of(2.0, 0.3).verdict, Verdict::NotResolved);
    assert_eq!(of(0.0, 0.0).verdict, Verdict::Refuted, "nothing at one point");
    let nowhere = outcome(claim, "unreclaimed_peak", |_| 0.0);
    assert_eq!(nowhere.verdict, Verdict::Reproduced, "nothing at any point");
    assert_eq!(outcome(claim, "ops", |_| 1.0).verdict, Verdict::NotTestable);
}

const VALUE: &str = "kind = \"value\"\nmetric = \"unreclaimed_mean\"\nper = \"threads\"\n\
    of = { scheme = \"hp-naive\", \"hp-naive.threshold\" = 30 }\nleast = 14\nmost = 17";

#[test]
fn a_value_may_be_for_each_thread() {
    let of = |each: f64, share: f64| {
        outcome(VALUE, "unreclaimed_mean", move |id| {
            let own = if id.parameters.to_string() == "threshold=30" { each } else { 9999.0 };
            f64::from(id.threads) * own * 1.0 * noise(id, share)
        })
    };
    // The whole numbers of these records are coarse, so the limits are wide.
    let anchors = of(15.5, 0.01);
    assert_eq!(anchors.verdict, Verdict::Reproduced, "{anchors:?}");
    assert_eq!(anchors.cases.len(), 2 * 3 * 2 * 2, "of one threshold only");
    assert_eq!(of(30.0, 0.01).verdict, Verdict::Refuted);
    assert_eq!(of(16.5, 0.2).verdict, Verdict::NotResolved);
    assert_eq!(outcome(VALUE, "ops", |_| 1.0).verdict, Verdict::NotTestable);
}

#[test]
fn the_spread_of_three_blocks_may_decide_about_a_count_of_nodes() {
    let of = |claim: &str, blocks: u32, values: [f64; 3]| {
        let claim = claim.to_string();
        outcome_of(&claim, move |mut row| {
            let value = values[(row.id.repeat as usize - 1) % 3] * f64::from(row.id.threads);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive.
            let whole = value.round() as u64;
            (row.metrics.unreclaimed_mean, row.metrics.retired) = (Some(whole), Some(whole));
            (row.id.repeat <= blocks).then_some(row)
        })
    };
    let narrow = of(VALUE, 3, [15.0, 15.0, 16.0]);
    assert_eq!(narrow.verdict, Verdict::Reproduced);
    let finding = narrow.cases[0].finding.expect("measured");
    assert_eq!((finding.low, finding.high, finding.ends), (14.0, 17.0, Ends::Spread));
    assert_eq!(of(VALUE, 3, [15.0, 14.0, 16.0]).verdict, Verdict::NotResolved);
    assert_eq!(of(VALUE, 3, [60.0, 61.0, 60.0]).verdict, Verdict::Refuted);
    let two = of(VALUE, 2, [15.0; 3]);
    assert_eq!(two.verdict, Verdict::NotResolved);
    assert_eq!(two.cases[0].why, "2 blocks; an interval needs 6, the spread of a count of nodes 3");
    // Nothing else is known from three blocks.
    let other = VALUE.replace("unreclaimed_mean", "retired");
    assert_eq!(of(&other, 3, [15.0; 3]).verdict, Verdict::NotResolved);
}

#[test]
fn a_value_may_be_for_each_operation() {
    let claim = "kind = \"ratio\"\nmetric = \"restarts\"\nper = \"ops\"\nof = { structure = \"michael-list\" }\n\
        over = { structure = \"hash-map\" }\nat = { scheme = \"epoch\" }\nleast = 100";
    let of = |list: f64, map: f64| {
        outcome(
            claim,
            "restarts",
            move |id| {
                if id.structure == "michael-list" { list } else { map }
            },
        )
    };
    assert_eq!(of(5000.0, 10.0).verdict, Verdict::Reproduced);
    assert_eq!(of(5000.0, 0.0).verdict, Verdict::Reproduced, "more than any number of times");
    assert_eq!(of(500.0, 10.0).verdict, Verdict::Refuted);
    assert_eq!(of(0.0, 0.0).verdict, Verdict::NotResolved);
}

#[test]
fn roles_have_values_of_their_own() {
    let claim = "kind = \"ratio\"\nmetric = \"throughput\"\nrole = \"readers\"\nof = { scheme = \"ibr\" }\n\
        over = { scheme = \"epoch\" }\nleast = 1.9\nmost = 2.1";
    // The roles of these records take their values from the number of look-ups.
    let of = |ibr: f64| {
        outcome(claim, "gets", move |id| if id.scheme == "ibr" { ibr } else { 100.0 }).verdict
    };
    assert_eq!([of(200.0), of(700.0)], [Verdict::Reproduced, Verdict::Refuted]);
}

#[test]
fn a_bound_is_of_each_row() {
    let claim = "kind = \"bound\"\nof = { scheme = \"hp-naive\" }";
    let of = |claim: &str, peak: u64, bound: Option<u64>| {
        outcome_of(claim, move |mut row| {
            // One row of one block stands out, and it is disturbed.
            let is_worst = row.id.repeat == 3 && row.id.threads == 6 && row.id.stalled == 2;
            row.metrics.disturbed = Some(if is_worst { 0.9 } else { 0.0 });
            row.metrics.unreclaimed_peak = Some(if is_worst { peak } else { 10 });
            row.metrics.unreclaimed_bound = bound;
            Some(row)
        })
    };
    let holds = of(claim, 1000, Some(1000));
    assert_eq!(holds.verdict, Verdict::Reproduced);
    let broken = of(claim, 1001, Some(1000));
    assert_eq!(broken.verdict, Verdict::Refuted);
    let case = broken.cases.iter().find(|case| case.verdict == Verdict::Refuted).expect("one");
    assert_eq!(case.why, "1 of 8 rows pass it: 1,001, and 1,000 are allowed");
    assert_eq!(of(claim, 1001, None).verdict, Verdict::NotTestable, "none is declared");
    let own = format!("{claim}\nmost = 500");
    assert_eq!(of(&own, 500, None).verdict, Verdict::Reproduced);
    assert_eq!(of(&own, 501, Some(9999)).verdict, Verdict::Refuted);
    // A bound holds or does not, so no number of rows leaves it unresolved; without a row it cannot be tested.
    assert_eq!(outcome_of(claim, |_| None).verdict, Verdict::NotTestable);
}

#[test]
fn the_geometric_mean_may_be_judged_instead_of_each() {
    let claim = format!("{RATIO}\ntogether = true");
    // The list is twice as fast, the map half as fast.
    let of = |factor: f64, share: f64| {
        outcome(&claim, "ops_per_second", move |id| {
            let own = if id.structure == "hash-map" { factor / 2.0 } else { factor * 2.0 };
            level(id) * if id.scheme == "ibr" { own } else { 1.0 } * noise(id, share)
        })
    };
    let mean = of(1.0, 0.01);
    assert_eq!((mean.verdict, mean.cases.len()), (Verdict::Reproduced, 1));
    assert_eq!(mean.cases[0].name, "geometric mean of 24");
    assert_eq!(of(1.5, 0.01).verdict, Verdict::Refuted);
    assert_eq!(of(1.1, 0.01).verdict, Verdict::NotResolved);
    assert_eq!(outcome(&claim, "ops", |_| 1.0).verdict, Verdict::NotTestable);
}
