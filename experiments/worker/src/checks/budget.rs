//! How long a check runs, and how to repeat what it found.

use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

/// The time and the seed of a check.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The seed of the first round; the next round has the next seed.
    pub seed: u64,
    /// Rounds begin while this is not over; the first one always does.
    pub length: Duration,
    /// True if the seed of each round is written to stdout, for a parent to know when this crashes.
    pub announce: bool,
}

/// A check found something.
#[derive(Debug)]
pub struct Failure {
    /// The seed with which the first round is the one that failed.
    pub seed: u64,
    /// What was found.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (seed {})", self.message, self.seed)
    }
}

/// What begins the line of a round.
pub(super) const ROUND: &str = "round ";
/// What begins the line of a number that a check counted.
pub(super) const COUNTED: &str = "counted ";

impl Budget {
    /// Calls `round` with one seed after the other, and returns how often.
    pub(super) fn rounds(&self, round: impl FnMut(u64) -> Result<()>) -> Result<u64, Failure> {
        self.rounds_and(|_| false, round)
    }

    /// The same, and goes on after the time is over while there is `more` to do, which is asked with
    /// the time since the beginning.
    pub(super) fn rounds_and(
        &self,
        more: impl Fn(Duration) -> bool,
        mut round: impl FnMut(u64) -> Result<()>,
    ) -> Result<u64, Failure> {
        let began = Instant::now();
        let mut done = 0;
        while done == 0 || began.elapsed() < self.length || more(began.elapsed()) {
            let seed = self.seed.wrapping_add(done);
            self.tell(format_args!("{ROUND}{seed}"));
            round(seed).map_err(|error| Failure { seed, message: format!("{error:#}") })?;
            done += 1;
        }
        Ok(done)
    }

    /// Tells the parent a number of the whole check, for the record: its name in one word, in the plural.
    pub(super) fn counted(&self, name: &str, count: u64) {
        self.tell(format_args!("{COUNTED}{name} {count}"));
    }

    fn tell(&self, line: fmt::Arguments<'_>) {
        if self.announce {
            // Nobody may be listening any more.
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    }
}

/// Runs a thread of a check. Other threads wait for it at barriers, so a panic (its message is on
/// stderr by then) ends the process.
pub(super) fn or_abort<T>(thread: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(thread)).unwrap_or_else(|_| std::process::abort())
}

/// Looks at a gate before a thread sleeps: those that run at the same time meet without a system call.
const SPINS: u32 = 300;
/// Looks that a thread takes to wake up.
const MOMENT: u32 = 2000;

/// A barrier that spins a little first, so that threads leave it at nearly the same time, then sleeps.
/// Who gives up the processor in a loop instead waits long, on a busy machine: each time for a whole
/// slice of another program.
#[derive(Debug)]
pub(super) struct Gate {
    threads: usize,
    /// Arrivals since the beginning.
    arrived: AtomicUsize,
    /// Those that went on together, since the beginning.
    together: AtomicUsize,
    asleep: Mutex<()>,
    open: Condvar,
}

impl Gate {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
            together: AtomicUsize::new(0),
            asleep: Mutex::new(()),
            open: Condvar::new(),
        }
    }

    /// Waits for all others, and then a moment for those that have to wake up: threads that can run at
    /// the same time go on at the same time.
    pub(super) fn pass_together(&self) {
        self.pass();
        // Relaxed: about time alone.
        let mine = self.together.fetch_add(1, Ordering::Relaxed);
        let all = (mine / self.threads + 1) * self.threads;
        for _ in 0..MOMENT {
            if self.together.load(Ordering::Relaxed) >= all {
                return;
            }
            std::hint::spin_loop();
        }
    }

    /// Arrives without waiting for others; how many arrivals open the gate.
    pub(super) fn arrive(&self) -> usize {
        // Acquire and release: what was done before the gate is seen behind it.
        let mine = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (mine / self.threads + 1) * self.threads;
        if mine + 1 == all {
            // The lock: whoever saw the gate closed is asleep by now, and hears this.
            drop(self.asleep.lock().unwrap_or_else(PoisonError::into_inner));
            self.open.notify_all();
        }
        all
    }

    /// Waits for all others.
    pub(super) fn pass(&self) {
        let all = self.arrive();
        let closed = || self.arrived.load(Ordering::Acquire) < all;
        for _ in 0..SPINS {
            if !closed() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut lock = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        while closed() {
            lock = self.open.wait(lock).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
