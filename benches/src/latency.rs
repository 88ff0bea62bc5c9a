//! How long single calls take while every second operation replaces a value.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::threads::{Setting, Worker, work};

mod subjects;

pub use subjects::{Clock, Over};

/// Shared pointers.
const POINTERS: usize = 64;
/// The quantiles of the table; the maximum comes after them.
pub const QUANTILES: [f64; 4] = [0.5, 0.99, 0.999, 0.9999];
/// Their names, and the maximum's.
pub const COLUMNS: [&str; 5] = ["p50", "p99", "p99.9", "p99.99", "max"];

/// What a shared pointer leads to: besides its node a destructor has this to free.
pub type Payload = Box<[u64; 8]>;

/// What is timed.
pub trait Subject: Sync + Sized {
    /// What `step` times, in the order of its [`Times`].
    const CALLS: &'static [&'static str];
    /// A thread's registration.
    type Local;
    /// The name in tables.
    fn name() -> String;
    /// Makes one with values.
    fn new() -> Self;
    /// Registers the calling thread.
    fn register(&self) -> Self::Local;
    /// One operation, timed.
    fn step(&self, local: &mut Self::Local, random: u64, times: &mut Times);
}

/// A histogram of each kind of call, in nanoseconds.
pub struct Times(Vec<Histogram<u64>>);

impl Times {
    fn new(calls: usize) -> Self {
        // From a nanosecond to a minute, three digits. The bounds are right, so it is `Some`.
        let empty = Histogram::new_with_bounds(1, 60_000_000_000, 3).ok();
        Self(empty.into_iter().cycle().take(calls).collect())
    }

    /// A call of kind `call` took so long.
    #[inline(always)]
    pub fn record(&mut self, call: usize, time: Duration) {
        self.0[call].saturating_record(time.as_nanos() as u64);
    }

    fn add(&mut self, other: &Self) {
        for (sum, histogram) in self.0.iter_mut().zip(&other.0) {
            // Of the same bounds, so there is no error.
            let _ = sum.add(histogram);
        }
    }

    /// For each call, the quantiles and the maximum, in nanoseconds.
    fn quantiles(&self) -> Vec<[f64; 5]> {
        let of = |histogram: &Histogram<u64>| {
            let quantiles = QUANTILES.map(|q| histogram.value_at_quantile(q) as f64);
            let [p50, p99, p999, p9999] = quantiles;
            [p50, p99, p999, p9999, histogram.max() as f64]
        };
        self.0.iter().map(of).collect()
    }
}

struct Timed<'s, S: Subject> {
    subject: &'s S,
    local: S::Local,
    times: Times,
}

impl<S: Subject> Worker for Timed<'_, S> {
    type Output = Times;
    #[inline(always)]
    fn step(&mut self, random: u64) {
        self.subject.step(&mut self.local, random, &mut self.times);
    }
    fn begin(&mut self) {
        self.times.0.iter_mut().for_each(Histogram::reset);
    }
    fn finish(self) -> Times {
        self.times
    }
}

/// A contender: its name, its calls, and what measures it once, in nanoseconds by call.
pub struct Contestant {
    /// The name in tables.
    pub name: String,
    /// What is timed.
    pub calls: &'static [&'static str],
    /// Measures once.
    pub run: fn(Setting) -> Vec<[f64; 5]>,
}

/// Makes the contestant of a subject.
#[must_use]
pub fn contestant<S: Subject>() -> Contestant {
    Contestant { name: S::name(), calls: S::CALLS, run: measure::<S> }
}

fn measure<S: Subject>(Setting { threads, window }: Setting) -> Vec<[f64; 5]> {
    let subject = S::new();
    let worker = |_| Timed {
        subject: &subject,
        local: subject.register(),
        times: Times::new(S::CALLS.len()),
    };
    let work = work(threads, worker, || std::thread::sleep(window));
    let mut all = Times::new(S::CALLS.len());
    work.outputs.iter().for_each(|times| all.add(times));
    all.quantiles()
}

/// The clock.
#[inline(always)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Times;

    #[test]
    fn quantiles_of_known_times() {
        let (mut times, mut more) = (Times::new(2), Times::new(2));
        // 1 to 10,000 ns, odd ones in one thread and even ones in another.
        for ns in 1..=10_000 {
            let times = if ns % 2 == 0 { &mut times } else { &mut more };
            times.record(1, Duration::from_nanos(ns));
        }
        times.add(&more);
        let quantiles = times.quantiles();
        assert_eq!(quantiles[0], [0.0; 5]);
        let expected = [5_000.0, 9_900.0, 9_990.0, 9_999.0, 10_000.0];
        for (found, expected) in quantiles[1].into_iter().zip(expected) {
            // Three digits.
            assert!((found - expected).abs() <= expected * 1e-3, "{found} for {expected}");
        }
    }
}
