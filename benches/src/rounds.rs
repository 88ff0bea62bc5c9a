//! Rounds: every contender in turn, in one process, so that a slow minute of the machine is slow for
//! all of them.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cells::Cell;
use crate::contender::Contender;
use crate::naive::{self, Naive};
use crate::sdd_cells;

/// Steps between two looks at the clock's flag.
const BLOCK: u64 = 64;

/// How one number is made.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Worker threads.
    pub threads: usize,
    /// How long they work.
    pub window: Duration,
}

/// A contender in a cell: its name, and what measures it once, in operations per second.
pub struct Entry {
    /// Who.
    pub name: &'static str,
    /// Measures once.
    pub run: Box<dyn Fn(Setting) -> f64>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.name).finish()
    }
}

/// The next number of `xorshift64*` (Vigna 2016); the state is not 0.
pub fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
}

/// Operations per second of threads that each make a worker and call it until the window is over.
/// Threads start, register and warm up before the window, and end after it.
fn measure<W: FnMut(u64)>(
    Setting { threads, window }: Setting,
    operations: u64,
    worker: impl Fn() -> W + Sync,
) -> f64 {
    let (stop, total) = (AtomicBool::new(false), AtomicU64::new(0));
    let gate = Barrier::new(threads + 1);
    let mut elapsed = Duration::ZERO;
    thread::scope(|scope| {
        for index in 0..threads {
            let (stop, total, gate, worker) = (&stop, &total, &gate, &worker);
            scope.spawn(move || {
                let mut state = 0x9E37_79B9_7F4A_7C15 ^ ((index as u64 + 1) << 32);
                let mut step = worker();
                (0..1000).for_each(|_| step(random(&mut state)));
                gate.wait();
                let mut steps = 0;
                while !stop.load(Ordering::Relaxed) {
                    (0..BLOCK).for_each(|_| step(random(&mut state)));
                    steps += BLOCK;
                }
                total.fetch_add(steps * operations, Ordering::Relaxed);
            });
        }
        gate.wait();
        let start = Instant::now();
        thread::sleep(window);
        stop.store(true, Ordering::Relaxed);
        elapsed = start.elapsed();
    });
    total.into_inner() as f64 / elapsed.as_secs_f64()
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
