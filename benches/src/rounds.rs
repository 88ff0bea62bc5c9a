//! Rounds: every contender in turn, so that a slow minute of the machine is slow for all of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kovan_harness::random::SplitMix;

use crate::cells::Cell;
use crate::contender::{Contender, Group, label};
use crate::threads::{Setting, Steps, work};

/// A contender in a cell.
pub struct Entry<O = f64> {
    /// The contenders that it is compared with.
    pub group: Group,
    /// The name of the contender.
    pub name: &'static str,
    /// Measures once and returns operations per second, if nothing else is said.
    pub run: Box<dyn Fn(Setting) -> O>,
}

impl<O> Entry<O> {
    /// The name in a table that shows both groups.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.group, self.name)
    }
}

impl<O> std::fmt::Debug for Entry<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.label()).finish()
    }
}

/// Measures `n` things once per round, in an order that changes from round to round; `results[i]`
/// has the rounds of the `i`th.
///
/// # Errors
/// The first error of `measure`, which gets the round and the thing.
pub fn interleave<O>(
    rounds: u16,
    n: usize,
    measure: impl FnMut(u16, usize) -> Result<O, String>,
) -> Result<Vec<Vec<O>>, String> {
    interleave_from(0, rounds, n, measure)
}

/// [`interleave`] in a program that makes only some of the rounds: orders depend on `first`, the
/// number of its first one.
///
/// # Errors
/// As there.
pub fn interleave_from<O>(
    first: u32,
    rounds: u16,
    n: usize,
    mut measure: impl FnMut(u16, usize) -> Result<O, String>,
) -> Result<Vec<Vec<O>>, String> {
    let mut results: Vec<_> = (0..n).map(|_| Vec::new()).collect();
    let mut mix = SplitMix::new(u64::from(first));
    for round in 0..rounds {
        for index in mix.order(n) {
            results[index].push(measure(round, index)?);
        }
    }
    Ok(results)
}

/// Makes the entry of a contender in a cell.
#[must_use]
pub fn entry<C: Contender, L: Cell<C>>() -> Entry {
    let run = |setting| {
        let contender = C::new();
        let cell = L::new(&contender);
        measure(setting, L::OPERATIONS, || {
            let mut local = contender.register();
            let (contender, cell) = (&contender, &cell);
            move |random| cell.step(contender, &mut local, random)
        })
    };
    Entry { group: C::GROUP, name: C::NAME, run: Box::new(run) }
}

/// Returns operations per second of threads that each make a worker and call it.
pub fn measure<W: FnMut(u64)>(
    setting: Setting,
    operations: u64,
    worker: impl Fn() -> W + Sync,
) -> f64 {
    let watch = || thread::sleep(setting.window);
    work(setting.threads, |_| Steps(worker()), watch).rate() * operations as f64
}

/// Returns the nanoseconds that a cache line takes from one thread to another and back: they tell
/// whether the machine has moved its virtual processors apart.
#[must_use]
pub fn ping_pong() -> f64 {
    const TURNS: u64 = 20_000;
    /// On a busy machine a turn may take a time slice, so the clock ends the game as well.
    const LONGEST: Duration = Duration::from_millis(5);
    const BLOCK: u64 = 16;
    const OVER: u64 = u64::MAX;
    let ball = AtomicU64::new(0);
    // Waits for the ball to be `at`, and passes it on. Returns false if the game is over.
    let pass = |at: u64| loop {
        match ball.load(Ordering::Acquire) {
            OVER => return false,
            found if found == at => {
                ball.store(at + 1, Ordering::Release);
                return true;
            }
            _ => std::hint::spin_loop(),
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..).take_while(|turn| pass(2 * turn + 1)).count());
        // When the first block is through, the other thread has started.
        (0..BLOCK).for_each(|turn| _ = pass(2 * turn));
        let (start, mut turn) = (Instant::now(), BLOCK);
        let elapsed = loop {
            (turn..turn + BLOCK).for_each(|turn| _ = pass(2 * turn));
            turn += BLOCK;
            let elapsed = start.elapsed();
            if turn >= TURNS || elapsed > LONGEST {
                break elapsed;
            }
        };
        // The other thread passes the last ball before it sees that.
        while ball.load(Ordering::Acquire) != 2 * turn {
            std::hint::spin_loop();
        }
        ball.store(OVER, Ordering::Release);
        elapsed.as_secs_f64() * 1e9 / (turn - BLOCK) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::ping_pong;

    #[test]
    fn a_cache_line_takes_some_time() {
        let time = ping_pong();
        assert!(time.is_finite() && time > 1.0, "{time}");
    }
}
