//! Threads that are stopped by a signal, at whatever instruction they are.

use kovan_schemes::{Domain, Handle, Reclaimer};
use kovan_structures::Structure;

use super::adversary::Intruder;
use super::apply::apply;
use super::steps::{BLOCK, Step};
use super::tally::Tally;
use crate::data::{Manner, Point};
use crate::system::stop::Victim;
use crate::system::threads::{Place, start};

/// What the thread says of where it is.
const IN_OPERATION: u8 = 1;
const IN_RETIREMENT: u8 = 2;

/// Lets the thread go, whatever happens.
struct LetsGo(&'static Victim);

impl Drop for LetsGo {
    fn drop(&mut self) {
        self.0.free();
    }
}

/// Runs a thread, stops it, arrives, and lets it go at the end of the schedule.
pub(super) fn run<R: Reclaimer, S: Structure<R>>(
    intruder: &Intruder<'_>,
    domain: &Domain<R>,
    structure: &S,
    place: &mut Place<'_>,
) -> Tally {
    if !intruder.begins(place) {
        return Tally::default();
    }
    let (schedule, at) = (intruder.schedule, intruder.adversary.at);
    let victim = Victim::new(match at {
        Point::InRetire => IN_RETIREMENT,
        Point::Anywhere => 0,
        _ => IN_OPERATION,
    });
    let needs = 2 * u64::from(intruder.trial.id.stalled);
    std::thread::scope(|scope| {
        let lets_go = LetsGo(victim);
        let thread = start(scope, needs, || {
            let handle = domain.register();
            // The panic makes the trial an error, which says why.
            victim.is_me().expect("a signal for one thread");
            match at {
                Point::InRetire => retire(intruder, &handle, victim),
                _ => operate(intruder, structure, &handle, victim),
            }
        });
        let is_over = || schedule.end.is_given() || thread.is_finished();
        if victim.stop(is_over) {
            place.arrive();
            schedule.end.wait(Manner::Parked);
        }
        drop(lets_go);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Inserts and removes until the end of the schedule.
fn operate<R: Reclaimer, S: Structure<R>>(
    intruder: &Intruder<'_>,
    structure: &S,
    handle: &Handle<R>,
    victim: &'static Victim,
) -> Tally {
    let mut tally = Tally::default();
    intruder.blocks(true, |step: Step| {
        let guard = handle.pin();
        let within = victim.within(IN_OPERATION);
        apply(structure, &guard, step, 1, &mut tally);
        drop(within);
    });
    tally
}

/// Retires values that nobody has seen, until the end of the schedule.
fn retire<R: Reclaimer>(
    intruder: &Intruder<'_>,
    handle: &Handle<R>,
    victim: &'static Victim,
) -> Tally {
    while !intruder.schedule.end.is_given() {
        for _ in 0..BLOCK {
            let guard = handle.pin();
            let node = guard.alloc(0_u64).into_shared();
            let within = victim.within(IN_RETIREMENT);
            // SAFETY: 1: it was allocated just now, in the handle's domain, and this is its only retirement. 2: it
            // was never published.
            unsafe { guard.retire(node) };
            drop(within);
        }
    }
    Tally::default()
}
