//! Threads that stop inside of a retirement.

use kovan_pairs::Subject;

fn make(scheme: &str) -> Box<dyn Subject> {
    kovan_pairs::find(scheme, "treiber-stack").expect("a pair").make(1)
}

/// Returns how often a thread of the subject stops, if it may try this often.
fn stops(subject: &dyn Subject, tries: u32) -> u32 {
    let (mut stops, mut tried) = (0, 0);
    let own = subject.join();
    let stopped = own.stop_in_retirement(&mut || stops += 1, &mut || {
        tried += 1;
        tried > tries
    });
    assert_eq!(stopped, stops > 0);
    own.flush();
    stops
}

#[test]
fn it_stops_where_retirements_free() {
    assert_eq!(stops(&*make("hp-asym"), 1 << 14), 1);
    assert_eq!(stops(&*make("leak"), 1 << 14), 0, "it frees nothing");
    assert_eq!(stops(&*make("epoch"), 1 << 14), 0, "it frees as it pins");
}

#[test]
fn it_stops_within_the_retirement_alone() {
    let subject = make("hp-asym");
    assert_eq!(stops(&*subject, 0), 0, "it is over before it begins");
    assert_eq!(stops(&*subject, 3), 0, "what a flush frees stops nobody");
    let [_, gone] = subject.finish();
    assert_eq!((gone.retired, gone.freed), (3, 3));
}

#[test]
fn a_retirement_happens_once_and_within_its_caller() {
    let subject = make("leak");
    let own = subject.join();
    let mut seen = [0; 3];
    own.retire_one(&mut |retirement| {
        seen[0] = subject.totals().retired;
        retirement();
        seen[1] = subject.totals().retired;
        retirement();
        seen[2] = subject.totals().retired;
    });
    assert_eq!(seen, [0, 1, 1]);
}
