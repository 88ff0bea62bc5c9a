//! What must hold whatever parameters a domain has, and what each of them does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kovan_schemes::domain::Meter;
use kovan_schemes::schemes::{
    Crystalline, HazardEras, HpAsym, HpNaive, Hyaline1, Hyaline1S, Ibr, KovanRobust, Leak, Wfe,
};
use kovan_schemes::{Atomic, BoundInput, Domain, Guard, Handle, Parameter, Parameters, Reclaimer};

use crate::cases::{
    MANY, a_stall_stays_within_the_bound, clear, drops_each_once, readers_see_no_freed_node,
    replace,
};
use crate::tracked::{Drops, Tracked};

fn set<R: Reclaimer>(values: &[(&str, u64)]) -> Parameters {
    Parameters::of::<R>(values.iter().copied()).expect("the scheme takes these")
}

/// The least value, the default and a larger one, which a run can reach.
fn values(parameter: &Parameter) -> [u64; 3] {
    let Parameter { default, min, max, .. } = *parameter;
    [min, default, max.min(10 * default + 1)]
}

/// Parameters with one of them set, to each of its `values`; and with the least value of all.
fn settings<R: Reclaimer>() -> Vec<Parameters> {
    let declared = R::FACTS.parameters;
    let one = |p: &'static Parameter| values(p).map(|value| set::<R>(&[(p.name, value)]));
    let least: Vec<_> = declared.iter().map(|p| (p.name, p.min)).collect();
    declared.iter().flat_map(one).chain([set::<R>(&least)]).collect()
}

pub(crate) fn every_setting_frees_all<R: Reclaimer>() {
    let largest = |p: &Parameter| set::<R>(&[(p.name, p.max)]);
    for parameters in settings::<R>().into_iter().chain(R::FACTS.parameters.iter().map(largest)) {
        drops_each_once::<R>(&parameters);
        readers_see_no_freed_node::<R>(&parameters);
    }
}

pub(crate) fn every_setting_keeps_the_bound<R: Reclaimer>() {
    for parameters in settings::<R>() {
        a_stall_stays_within_the_bound::<R>(&parameters);
    }
}

pub(crate) fn the_bound_follows_the_parameters<R: Reclaimer>() {
    let input = BoundInput { handles: 2, stalled: 1, shields: 1, live: 1, ..BoundInput::default() };
    for parameter in R::FACTS.parameters.iter().filter(|p| p.name != "frees") {
        let bound = |value| R::bound(&input, &set::<R>(&[(parameter.name, value)]));
        let (least, largest) = (bound(parameter.min), bound(parameter.max));
        assert_eq!(least.is_some(), R::FACTS.robust.stalled);
        assert!(least.is_none() || least < largest, "{}: {least:?} {largest:?}", parameter.name);
    }
}

/// The mean of what is unreclaimed after each of so many replacements.
fn mean<R: Reclaimer>(
    cell: &Atomic<Tracked, R>,
    writer: &Handle<R>,
    meter: &Meter,
    replacements: u64,
) -> f64 {
    let drops = Drops::default();
    let unreclaimed = |_| {
        replace(cell, &writer.pin(), &drops);
        meter.totals().unreclaimed()
    };
    (0..replacements).map(unreclaimed).sum::<u64>() as f64 / replacements as f64
}

/// The means beside a thread that stalls after one load, while what it held is freed, and later.
fn means_beside_a_stall<R: Reclaimer>(parameters: &Parameters) -> [f64; 3] {
    let domain = Domain::<R>::with(parameters);
    let (other, writer, meter) = (domain.register(), domain.register(), domain.meter());
    let mut cell = Atomic::null();
    replace(&cell, &writer.pin(), &Drops::default());
    let stalled = {
        let guard = other.pin();
        let mut shield = guard.shield();
        let _ = guard.protect(&mut shield, &cell);
        mean(&cell, &writer, &meter, MANY as u64)
    };
    other.flush();
    let after = [(); 2].map(|()| mean(&cell, &writer, &meter, MANY as u64));
    clear(&mut cell, &writer.pin());
    [stalled, after[0], after[1]]
}

pub(crate) fn every_parameter_has_an_effect<R: Reclaimer>() {
    for parameter in R::FACTS.parameters {
        let means = values(parameter)
            .map(|value| means_beside_a_stall::<R>(&set::<R>(&[(parameter.name, value)])));
        let differ = |at: usize| {
            let of = means.map(|means| means[at]);
            let most = of.into_iter().fold(0.0, f64::max);
            of.into_iter().any(|mean| mean < 0.9 * most)
        };
        assert!((0..3).any(differ), "{}: {}: {means:?}", R::FACTS.name, parameter.name);
    }
}

pub(crate) fn what_is_not_declared_is_refused<R: Reclaimer>() {
    let scheme = R::FACTS.name;
    let refused = |name, value| Parameters::of::<R>([(name, value)]).unwrap_err().to_string();
    let unknown = refused("colour", 3);
    assert!(unknown.starts_with(&format!("{scheme}: there is no parameter `colour`")), "{unknown}");
    for parameter in R::FACTS.parameters {
        let Parameter { name, unit, default, min, max, description, source } = *parameter;
        assert!(unknown.contains(&format!("`{name}`")), "{unknown}");
        assert!((min..=max).contains(&default), "{name}: {default} is not in {min} to {max}");
        assert!(description.ends_with('.') && !unit.is_empty() && !source.is_empty(), "{name}");
        let outside = min.checked_sub(1).into_iter().chain([max + 1]);
        for value in outside {
            let line =
                format!("{scheme}: `{name}` cannot be {value}; it takes {min} to {max} {unit}");
            assert_eq!(refused(name, value), line);
        }
        let twice = Parameters::of::<R>([(name, min), (name, max)]).unwrap_err().to_string();
        assert_eq!(twice, format!("{scheme}: `{name}` is set twice"));
        let parameters = set::<R>(&[(name, max)]);
        assert_eq!(parameters.values(&R::FACTS)[name], max);
        assert_eq!(Parameters::default().values(&R::FACTS)[name], default);
    }
}

#[test]
fn the_line_names_the_parameters_that_exist() {
    let refused = |error: kovan_schemes::ParameterError| error.to_string();
    assert_eq!(
        Parameters::of::<Ibr>([("treshold", 30)]).map_err(refused),
        Err("ibr: there is no parameter `treshold`; it has `era_frequency` and `threshold`".into())
    );
    assert_eq!(
        Parameters::of_scheme(&Leak::FACTS, [("batch", 1)]).map_err(refused),
        Err("leak: there is no parameter `batch`; it has none".into())
    );
}

#[test]
fn a_domain_refuses_the_parameters_of_another_scheme() {
    let panic = catch_unwind(AssertUnwindSafe(|| {
        Domain::<Hyaline1>::with(&set::<HpAsym>(&[("threshold", 30)]))
    }));
    let text = panic.unwrap_err().downcast_ref::<String>().cloned().unwrap_or_default();
    assert_eq!(text, "hyaline-1: there is no parameter `threshold`; it has `batch`");
}

/// Checks that a thread alone has a mean of `expected` nodes that are not reclaimed, but for a tenth.
fn has_mean<R: Reclaimer>(values: &[(&str, u64)], expected: f64) {
    let domain = Domain::<R>::with(&set::<R>(values));
    // Of three handles with a shield each, so that 42 cells for shields are allocated.
    let handles = [(); 3].map(|()| domain.register());
    let guards = handles.each_ref().map(Handle::pin);
    drop(guards.each_ref().map(Guard::shield));
    drop(guards);
    let mut cell = Atomic::null();
    let mean = mean(&cell, &handles[0], &domain.meter(), 50 * 120);
    assert!(
        (0.9 * expected..1.1 * expected).contains(&mean),
        "{}: {values:?}: a mean of {mean}, not {expected}",
        R::FACTS.name
    );
    clear(&mut cell, &handles[0].pin());
}

/// What papers report for their thresholds: (R + 1) / 2 for hazard pointers, half a batch for Hyaline.
#[test]
fn a_value_that_is_set_is_exact() {
    for threshold in [30, 120, 128] {
        let expected = (threshold + 1) as f64 / 2.0;
        has_mean::<HpNaive>(&[("threshold", threshold)], expected);
        has_mean::<HpAsym>(&[("threshold", threshold)], expected);
        let values = [("threshold", threshold), ("era_frequency", 1)];
        has_mean::<HazardEras>(&values, expected);
        has_mean::<Ibr>(&values, expected);
        has_mean::<Wfe>(&values, expected);
    }
    for batch in [64, 120] {
        has_mean::<Hyaline1>(&[("batch", batch)], batch as f64 / 2.0);
        has_mean::<Hyaline1S>(&[("batch", batch)], batch as f64 / 2.0);
        has_mean::<Crystalline>(&[("batch", batch)], batch as f64 / 2.0);
    }
}

/// A batch that had to wait for entries, because more guards than its nodes were there, leaves the next
/// ones as they are.
#[test]
fn a_batch_that_waited_does_not_enlarge_the_next() {
    let (domain, drops) =
        (Domain::<Hyaline1>::with(&set::<Hyaline1>(&[("batch", 4)])), Drops::default());
    let others: Vec<_> = (0..40).map(|_| domain.register()).collect();
    let (writer, mut cell) = (domain.register(), Atomic::null());
    let guards: Vec<_> = others.iter().map(Handle::pin).collect();
    (0..45).for_each(|_| replace(&cell, &writer.pin(), &drops));
    drop(guards);
    // The first of these fill the batch that is open.
    mean(&cell, &writer, &domain.meter(), 4);
    let mean = mean(&cell, &writer, &domain.meter(), 400);
    assert!(mean <= 2.5, "a mean of {mean}, not half a batch");
    clear(&mut cell, &writer.pin());
}

/// The bounds as their words have them, by hand, with N = 5, H = 15, G = 10 and 11 lists.
#[test]
fn bounds_are_what_their_words_say() {
    let input = BoundInput {
        handles: 4,
        stalled: 1,
        shields: 3,
        live: 100,
        allocated_in_guard: 50,
        retired_in_destructors: 7,
    };
    let hazards = [("threshold", 30)];
    let eras = [("threshold", 30), ("era_frequency", 10)];
    let batches = [("batch", 4), ("era_frequency", 10)];
    let waiting = 11 * (30 + 14);
    assert_eq!(HpNaive::bound(&input, &set::<HpNaive>(&hazards)), Some(waiting + 11 * 15));
    assert_eq!(HpAsym::bound(&input, &set::<HpAsym>(&hazards)), Some(waiting + 11 * 15));
    let shields = (1 + 11 * 4) * 3 * (100 + 5 * 12);
    assert_eq!(HazardEras::bound(&input, &set::<HazardEras>(&eras)), Some(waiting + shields));
    assert_eq!(Wfe::bound(&input, &set::<Wfe>(&eras)), Some(waiting + shields));
    let guards = (1 + 11 * 4) * (3 * 100 + 50 + 2 * 5 * 12);
    assert_eq!(Ibr::bound(&input, &set::<Ibr>(&eras)), Some(waiting + guards));
    let held = 5 * (10 * 8 * (100 + 50 + 5 * 12) + 2 * 8 + 7);
    assert_eq!(Hyaline1S::bound(&input, &set::<Hyaline1S>(&batches)), Some(held));
    let held = 15 * 10 * 16 * (100 + 5 * 12) + 5 * (2 * 16 + 7);
    assert_eq!(Crystalline::bound(&input, &set::<Crystalline>(&batches)), Some(held));
    let input = BoundInput { retired_in_destructors: 0, live: 5000, ..input };
    // 79 batches of 64 addresses, rounded up to 80.
    let robust = 5 * (64 + 5050) + 2 * 5 * 80 * 10 + 5 * 44 * 10;
    assert_eq!(KovanRobust::bound(&input, &set::<KovanRobust>(&[("batch", 10)])), Some(robust));
    assert_eq!(KovanRobust::bound(&input, &set::<KovanRobust>(&[("frees", 1)])), None);
}

/// Without a value that is set, thresholds grow with what a scan reads: 30 handles have 420 cells.
#[test]
fn defaults_grow() {
    let input = BoundInput { handles: 30, shields: 1, ..BoundInput::default() };
    let bound = |set: &Parameters| HpAsym::bound(&input, set).expect("a bound");
    assert_eq!(bound(&Parameters::default()), 61 * (420 + 30));
    assert_eq!(bound(&set::<HpAsym>(&[("threshold", 256)])), 61 * (256 + 30));
}
