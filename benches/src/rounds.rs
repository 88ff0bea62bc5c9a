//! Rounds: every contender in turn, in one process, so that a slow minute of the machine is slow for
//! all of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::cells::Cell;
use crate::contender::Contender;
use crate::naive::{self, Naive};
use crate::random::shuffled;
use crate::sdd_cells;
use crate::threads::{Setting, Steps, work};

/// A contender in a cell: its name, and what measures it once.
pub struct Entry<O = f64> {
    /// Who.
    pub name: &'static str,
    /// Measures once; operations per second, if nothing else is said.
    pub run: Box<dyn Fn(Setting) -> O>,
}

impl<O> std::fmt::Debug for Entry<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.name).finish()
    }
}

/// Measures `n` things once per round, in an order that changes from round to round; `results[i]`
/// has the rounds of the `i`th.
///
/// # Errors
/// The first of `measure`, which gets the round and the thing.
pub fn interleave<O>(
    rounds: u16,
    n: usize,
    mut measure: impl FnMut(u16, usize) -> Result<O, String>,
) -> Result<Vec<Vec<O>>, String> {
    let mut results: Vec<_> = (0..n).map(|_| Vec::new()).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15;
    for round in 0..rounds {
        for index in shuffled(n, &mut state) {
            results[index].push(measure(round, index)?);
        }
    }
    Ok(results)
}

/// A contender in a cell.
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
    Entry { name: C::NAME, run: Box::new(run) }
}

/// Operations per second of threads that each make a worker and call it.
pub fn measure<W: FnMut(u64)>(
    setting: Setting,
    operations: u64,
    worker: impl Fn() -> W + Sync,
) -> f64 {
    let watch = || thread::sleep(setting.window);
    work(setting.threads, |_| Steps(worker()), watch).rate() * operations as f64
}

/// A naive value in a cell, if it can do it.
#[must_use]
pub fn naive_entry<N: Naive>(cell: &str) -> Option<Entry> {
    let step = naive::step::<N>(cell)?;
    let run = move |setting| {
        let value = N::new();
        measure(setting, 1, || |random| step(&value, random))
    };
    Some(Entry { name: N::NAME, run: Box::new(run) })
}

/// sdd in a cell, if it has one.
#[must_use]
pub fn sdd_entry(cell: &str) -> Option<Entry> {
    let (step, operations) = sdd_cells::step(cell)?;
    let run = move |setting| {
        let value = sdd_cells::new();
        measure(setting, operations, || |random| step(&value, random))
    };
    Some(Entry { name: sdd_cells::NAME, run: Box::new(run) })
}

/// Nanoseconds that a cache line takes from one thread to another and back: it tells whether the
/// machine has moved its virtual processors apart.
#[must_use]
pub fn ping_pong() -> f64 {
    const TURNS: u64 = 20_000;
    let ball = AtomicU64::new(0);
    let play = |mine: u64| {
        for turn in 0..TURNS {
            while ball.load(Ordering::Acquire) != 2 * turn + mine {
                std::hint::spin_loop();
            }
            ball.store(2 * turn + mine + 1, Ordering::Release);
        }
    };
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| play(1));
        play(0);
    });
    start.elapsed().as_secs_f64() * 1e9 / TURNS as f64
}
