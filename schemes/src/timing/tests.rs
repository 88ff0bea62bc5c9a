use super::*;

/// Works for so long.
fn spin(time: Duration) {
    let began = Began::now();
    while began.at.elapsed().saturating_sub(Duration::from_nanos(began.waited_ns())) < time {
        std::hint::spin_loop();
    }
}

#[test]
fn gaps_are_random_and_right_on_the_average() {
    begin(64);
    let gaps: Vec<u32> = (0..4000).map(|_| STATE.with(State::gap)).collect();
    end();
    let mean = f64::from(gaps.iter().sum::<u32>()) / 4000.0;
    assert!((61.0..67.0).contains(&mean), "{mean}");
    assert!(gaps.iter().all(|gap| (17..=111).contains(gap)));
    let seen: std::collections::BTreeSet<_> = gaps.iter().collect();
    assert!(seen.len() > 90, "{}", seen.len());
}

#[test]
fn a_scan_at_every_64th_retirement_is_seen_as_often_as_it_is() {
    begin(64);
    let scans = |nth: u32| {
        if nth.is_multiple_of(64) {
            spin(Duration::from_micros(100));
        }
    };
    (0..64_000).for_each(|nth| retirement(|| scans(nth)));
    let seen = end().retirements;
    assert_eq!(seen.events, 64_000);
    // About 1000 are timed, of which about 16 scan.
    assert!((850..1150).contains(&seen.timed), "{seen:?}");
    let scans = seen.sum_ns / 100_000;
    assert!((4..100).contains(&scans), "{seen:?}");
}

#[test]
fn a_free_ends_when_its_own_memory_is_free() {
    let (mine, others) = (1_u8, 2_u8);
    begin(1);
    free((&raw const mine).cast(), || {});
    memory_is_free(&raw const others);
    spin(Duration::from_millis(2));
    assert_eq!(STATE.with(|state| state.frees.sampled.get().timed), 0, "not yet");
    memory_is_free(&raw const mine);
    memory_is_free(&raw const mine);
    let frees = end().frees;
    assert_eq!((frees.events, frees.timed), (1, 1));
    assert!(frees.sum_ns >= 2_000_000, "{frees:?}");
}

#[test]
fn the_time_in_which_the_thread_does_not_run_does_not_count() {
    begin(1);
    retirement(|| std::thread::sleep(Duration::from_millis(50)));
    retirement(|| spin(Duration::from_millis(5)));
    let seen = end();
    if running_ns().is_some() {
        let took = seen.retirements.sum_ns;
        assert!((5_000_000..40_000_000).contains(&took), "{seen:?}");
        assert!((5_000_000..40_000_000).contains(&seen.running_ns), "{seen:?}");
    }
}

#[test]
fn what_is_within_an_event_is_a_part_of_it() {
    let node = 1_u8;
    begin(1);
    retirement(|| {
        retirement(|| {});
        free((&raw const node).cast(), || free((&raw const node).cast(), || {}));
    });
    let seen = end();
    assert_eq!((seen.retirements.events, seen.retirements.timed), (1, 1), "{seen:?}");
    assert_eq!((seen.frees.events, seen.retirements.frees_within), (1, 1), "{seen:?}");
}

#[test]
fn a_panic_leaves_the_event() {
    begin(1);
    let thrown = std::panic::catch_unwind(|| retirement(|| panic!("a panic of the test")));
    assert!(thrown.is_err());
    retirement(|| {});
    assert_eq!(end().retirements.events, 2);
}

#[test]
fn the_cost_is_more_than_nothing_and_a_thread_does_not_sample_afterwards() {
    for Cost { event_ns, empty_ns } in cost(64) {
        assert!(event_ns > 0.0 && event_ns < 10_000.0, "{event_ns}");
        assert!(empty_ns > 0.0 && empty_ns < 10_000.0, "{empty_ns}");
    }
    assert!(!is_on());
}
