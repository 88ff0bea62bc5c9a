//! What a retirement costs while other threads hold guards.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::cells::Shared;
use crate::contender::{Contender, label};

/// Retirements before the clock starts.
const WARM_UP: u64 = 1000;
/// Calls of the contender's flush after the guards have ended, so that the next measurement of a
/// library with one global domain starts without the garbage of this one.
const FLUSHES: usize = 64;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Width {
    /// Other threads, each parked inside a guard.
    pub guards: usize,
    /// Retirements: so many nodes wait for the guards under a region scheme.
    pub retires: u64,
}

/// A contender: its name, and what measures it once, in nanoseconds per retirement.
pub struct Subject {
    /// The name in tables.
    pub name: String,
    /// Measures once.
    pub run: fn(Width) -> f64,
}

/// Makes the subject of a contender.
#[must_use]
pub fn subject<C: Contender>() -> Subject {
    Subject { name: label(C::GROUP, C::NAME), run: measure::<C> }
}

fn measure<C: Contender>(Width { guards, retires }: Width) -> f64 {
    let contender = C::new();
    let shared = Shared::<C, u64>::new(0);
    let (inside, done) = (Barrier::new(guards + 1), Barrier::new(guards + 1));
    let hold = || {
        let mut local = contender.register();
        let mut guard = contender.pin(&mut local);
        // Protected until the guard ends.
        let value = shared.read(&mut guard, |value| *value);
        inside.wait();
        done.wait();
        value
    };
    let mut local = contender.register();
    let mut replace = |times: u64| {
        for value in 0..times {
            shared.replace(&contender.pin(&mut local), value);
        }
    };
    let elapsed = thread::scope(|scope| {
        let holders: Vec<_> = (0..guards).map(|_| scope.spawn(hold)).collect();
        inside.wait();
        replace(WARM_UP);
        let start = Instant::now();
        replace(retires);
        let elapsed = start.elapsed();
        done.wait();
        // Joined: their registrations end with their threads.
        for holder in holders {
            assert!(holder.join().is_ok(), "a parked thread panicked");
        }
        elapsed
    });
    (0..FLUSHES).for_each(|_| contender.flush(&mut local));
    elapsed.as_secs_f64() * 1e9 / retires as f64
}

/// How much of a linear growth there is: the ratio of the costs over the ratio of the guards.
#[must_use]
pub fn growth((few, cost_few): (usize, f64), (many, cost_many): (usize, f64)) -> f64 {
    (cost_many / cost_few) / (many as f64 / few as f64)
}

#[cfg(test)]
mod tests {
    use super::growth;

    #[test]
    fn growth_is_one_if_linear_and_the_inverse_of_the_guards_if_constant() {
        assert_eq!(growth((1, 10.0), (256, 2560.0)), 1.0);
        assert_eq!(growth((1, 10.0), (256, 10.0)), 1.0 / 256.0);
        assert_eq!(growth((8, 10.0), (32, 20.0)), 0.5);
    }
}
