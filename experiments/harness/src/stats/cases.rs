//! The functions against the values of SciPy.
//!
//! `notebooks/check_stats.py` writes `notebooks/stats-cases.csv` and checks that SciPy still gives what is
//! in it; these tests check that the functions give it too.

use super::bootstrap::{self, Resampling};
use super::{Interval, location, normal, pairs, sign, signed_rank, theil_sen};

const CASES: &str = include_str!("../../../../notebooks/stats-cases.csv");
const HEADER: &str = "sample,method,argument,x,y,expected,tolerance";

/// A row of the file.
struct Case<'a> {
    sample: &'a str,
    method: &'a str,
    argument: f64,
    x: Vec<f64>,
    y: Vec<f64>,
    /// `None` where there are too few values for the method.
    expected: Option<Vec<f64>>,
    /// The most by which an expected value may be missed.
    tolerance: f64,
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

fn cases() -> Vec<Case<'static>> {
    let mut lines = CASES.lines();
    assert_eq!(lines.next(), Some(HEADER));
    let case = |line: &'static str| {
        let fields: [&str; 7] = line.split(',').collect::<Vec<_>>().try_into().expect("7 fields");
        let [sample, method, argument, x, y, expected, tolerance] = fields;
        Case {
            sample,
            method,
            argument: argument.parse().unwrap_or(f64::NAN),
            x: numbers(x),
            y: numbers(y),
            expected: (expected != "none").then(|| numbers(expected)),
            tolerance: tolerance.parse().unwrap_or(f64::NAN),
        }
    };
    lines.map(case).collect()
}

fn flat(interval: Interval) -> Vec<f64> {
    vec![interval.estimate, interval.low, interval.high, interval.confidence]
}

/// What this module gives for a case.
fn given(case: &Case) -> Option<Vec<f64>> {
    let one = |value: Option<f64>| value.map(|value| vec![value]);
    let points = || case.x.iter().copied().zip(case.y.iter().copied()).collect::<Vec<_>>();
    let how = Resampling { resamples: 100_000, seed: 1, confidence: case.argument };
    let bca = |statistic: fn(&mut [f64]) -> f64| bootstrap::interval(&case.x, statistic, how);
    match case.method {
        "normal-cdf" => one(Some(normal::cdf(case.x[0]))),
        "normal-quantile" => one(Some(normal::quantile(case.x[0]))),
        "median" => one(location::median(&case.x)),
        "quantile" => one(location::quantile(&case.x, case.argument)),
        "geometric-mean" => one(location::geometric_mean(&case.x)),
        "median-absolute-deviation" => one(location::median_absolute_deviation(&case.x)),
        "median-interval" => sign::median_interval(&case.x, case.argument).map(flat),
        "sign-test" => one(sign::test(&case.x)),
        "signed-rank-test" => one(signed_rank::test(&case.x)),
        "hodges-lehmann" => signed_rank::hodges_lehmann(&case.x, case.argument).map(flat),
        "paired-ratio" => pairs::ratio(&points()).map(flat),
        "theil-sen" => theil_sen::line(&points(), case.argument)
            .map(|line| [flat(line.slope), vec![line.intercept]].concat()),
        "bca-mean" => bca(mean).map(flat),
        "bca-deviation" => bca(deviation).map(flat),
        "bca-median" => bca(bootstrap::median_in_place).map(flat),
        "bca-ratio-of-medians" => bootstrap::ratio_of_medians(&case.x, &case.y, how).map(flat),
        method => panic!("no method {method}"),
    }
}

fn mean(values: &mut [f64]) -> f64 {
    values.iter().sum::<f64>() / super::real(values.len())
}

fn deviation(values: &mut [f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (squares / super::real(values.len())).sqrt()
}

fn agrees(given: Option<&[f64]>, expected: Option<&[f64]>, tolerance: f64) -> bool {
    match (given, expected) {
        (None, None) => true,
        (Some(given), Some(expected)) => {
            let close = |(one, two): (&f64, &f64)| (one - two).abs() <= tolerance;
            given.len() == expected.len() && given.iter().zip(expected).all(close)
        }
        _ => false,
    }
}

#[test]
fn all_functions_agree_with_scipy() {
    for case in cases() {
        let Case { sample, method, argument, tolerance, .. } = case;
        let (given, expected) = (given(&case), &case.expected);
        assert!(
            agrees(given.as_deref(), expected.as_deref(), tolerance),
            "{method} {argument} of {sample}: {given:?}, SciPy has {expected:?}"
        );
    }
}

#[test]
fn every_method_has_cases_with_and_without_a_value() {
    let cases = cases();
    let count = |method: &str, some: bool| {
        cases.iter().filter(|case| case.method == method && case.expected.is_some() == some).count()
    };
    let intervals = ["median-interval", "hodges-lehmann", "paired-ratio", "theil-sen", "bca-mean"];
    for method in intervals {
        assert!(count(method, true) >= 3 && count(method, false) >= 1, "{method}");
    }
    let estimates = ["median", "quantile", "geometric-mean", "median-absolute-deviation"];
    let tests = ["sign-test", "signed-rank-test", "normal-cdf", "normal-quantile"];
    let others = ["bca-deviation", "bca-median", "bca-ratio-of-medians"];
    for method in estimates.iter().chain(&tests).chain(&others) {
        assert!(count(method, true) >= 3, "{method}");
    }
}

#[test]
fn what_differs_does_not_agree() {
    assert!(agrees(Some(&[1.0, 2.0]), Some(&[1.0, 2.05]), 0.1));
    assert!(!agrees(Some(&[1.0, 2.0]), Some(&[1.0, 2.2]), 0.1));
    assert!(!agrees(Some(&[1.0, f64::NAN]), Some(&[1.0, 2.0]), 0.1));
    assert!(!agrees(Some(&[1.0]), Some(&[1.0, 2.0]), 0.1));
    assert!(!agrees(Some(&[1.0, 2.0]), Some(&[1.0, 2.0]), f64::NAN));
    assert!(!agrees(None, Some(&[1.0]), 0.1) && !agrees(Some(&[1.0]), None, 0.1));
}
