//! Threads that are stopped by a signal, at whatever instruction they are.

use kovan_erased::{BLOCK, Moves, Subject, Worker};
use kovan_lab_base::data::{Manner, Point};
use kovan_lab_base::system::stop::Victim;
use kovan_lab_base::system::threads::{Place, start};

use super::adversary::Intruder;
use super::steps::Step;

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
pub(super) fn run(intruder: &Intruder<'_>, subject: &dyn Subject, place: &mut Place<'_>) -> Moves {
    if !intruder.begins(place) {
        return Moves::default();
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
            let own = subject.join();
            // The panic makes the trial an error, which says why.
            victim.is_me().expect("a signal for one thread");
            match at {
                Point::InRetire => retire(intruder, &*own, victim),
                _ => operate(intruder, &*own, victim),
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
fn operate(intruder: &Intruder<'_>, own: &dyn Worker, victim: &'static Victim) -> Moves {
    let mut moves = Moves::default();
    intruder.blocks(true, |step: Step| {
        own.pinned(&mut |on| {
            let within = victim.within(IN_OPERATION);
            intruder.how.apply(step, on, &mut moves);
            drop(within);
        });
    });
    moves
}

/// Retires values that nobody has seen, until the end of the schedule.
fn retire(intruder: &Intruder<'_>, own: &dyn Worker, victim: &'static Victim) -> Moves {
    while !intruder.schedule.end.is_given() {
        for _ in 0..BLOCK {
            own.retire_one(&mut |retirement| {
                let within = victim.within(IN_RETIREMENT);
                retirement();
                drop(within);
            });
        }
    }
    Moves::default()
}
