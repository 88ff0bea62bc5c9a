//! Threads that work side by side for a while.

use std::panic;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kovan_harness::random::XorShift;

/// Steps between two looks at the clock's flag.
const BLOCK: u64 = 64;
/// Steps before the window.
const WARM_UP: u64 = 1000;

/// How one number is made.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Worker threads.
    pub threads: usize,
    /// How long they work.
    pub window: Duration,
}

/// What a thread does. It stays on its thread.
pub trait Worker {
    /// What it leaves behind.
    type Output: Send;
    /// One step; `random` is fresh.
    fn step(&mut self, random: u64);
    /// The warm-up is over.
    fn begin(&mut self) {}
    /// The window is over.
    fn finish(self) -> Self::Output;
}

/// Steps, and nothing else.
pub(crate) struct Steps<F>(pub(crate) F);

impl<F: FnMut(u64)> Worker for Steps<F> {
    type Output = ();
    #[inline(always)]
    fn step(&mut self, random: u64) {
        self.0(random);
    }
    fn finish(self) {}
}

/// What the threads did.
#[derive(Debug)]
pub struct Work<O> {
    /// Steps of all of them in the window.
    pub steps: u64,
    /// How long the window was.
    pub elapsed: Duration,
    /// What each left behind.
    pub outputs: Vec<O>,
}

impl<O> Work<O> {
    /// Steps per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.steps as f64 / self.elapsed.as_secs_f64()
    }
}

/// Threads each make a worker and call it until `watch`, which the calling thread runs, is over.
/// They start, register and warm up before the window, and have ended, destructors of their
/// thread-local values included, when this returns.
pub fn work<W: Worker>(
    threads: usize,
    worker: impl Fn(usize) -> W + Sync,
    watch: impl FnOnce(),
) -> Work<W::Output> {
    let (stop, gate) = (AtomicBool::new(false), Barrier::new(threads + 1));
    let one = |index| {
        let mut draws = XorShift::stream(0, index as u64, 0);
        let mut worker = worker(index);
        (0..WARM_UP).for_each(|_| worker.step(draws.next_u48()));
        worker.begin();
        gate.wait();
        let mut steps = 0;
        while !stop.load(Ordering::Relaxed) {
            (0..BLOCK).for_each(|_| worker.step(draws.next_u48()));
            steps += BLOCK;
        }
        (steps, worker.finish())
    };
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|index| {
                scope.spawn({
                    let one = &one;
                    move || one(index)
                })
            })
            .collect();
        gate.wait();
        let start = Instant::now();
        watch();
        stop.store(true, Ordering::Relaxed);
        let elapsed = start.elapsed();
        // The end of a scope does not wait for destructors of thread-local values; a join does.
        let join = |handle: thread::ScopedJoinHandle<'_, _>| {
            handle.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
        };
        let done: Vec<(u64, _)> = handles.into_iter().map(join).collect();
        let steps = done.iter().map(|(steps, _)| steps).sum();
        Work { steps, elapsed, outputs: done.into_iter().map(|(_, output)| output).collect() }
    })
}
