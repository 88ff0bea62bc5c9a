//! The measured window of a cell: stalled threads, workers and the sampler.

use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use kovan_schemes::domain::Meter;
use kovan_schemes::{Domain, Handle, Reclaimer};
use kovan_structures::{Kind, Structure};

use crate::data::Cell;
use crate::data::{Measured, Point};
use crate::support::rng::XorShift;
use crate::system::cgroup::{Groups, Throttled};
use crate::system::machine::{processor_time, resident_bytes};
use crate::system::threads::{End, Meeting, Place, TooFew};
use crate::worker::tally::Tally;

/// How often the sampler reads the counters.
const SAMPLE_EVERY: Duration = Duration::from_millis(5);
/// Operations between two looks at the phase.
const OPS_PER_LOOK: u64 = 64;

/// What the sampler saw.
pub(crate) struct Window {
    /// In order of time; the last is the end of the window.
    pub(crate) points: Vec<Point>,
    /// The most live nodes of the structure that it saw, or that there were when the threads stopped.
    pub(crate) live: u64,
    elapsed: Duration,
    /// Of all threads, within the window.
    processor: Option<Duration>,
    /// Quotas stopped threads so often, and for so long, within the window.
    throttled: Option<Throttled>,
}

impl Window {
    /// The row of the cell.
    pub(crate) fn summary(&self, ops: u64, bound: Option<u64>, error: Option<String>) -> Measured {
        let unreclaimed =
            || self.points.iter().map(|point| point.retired.saturating_sub(point.freed));
        let count = self.points.len().max(1) as u64;
        let last = self.points.last();
        Measured {
            error,
            ops,
            elapsed_ns: nanoseconds(self.elapsed),
            retired: last.map_or(0, |point| point.retired),
            freed: last.map_or(0, |point| point.freed),
            unreclaimed_peak: unreclaimed().max().unwrap_or(0),
            unreclaimed_mean: (unreclaimed().sum::<u64>() + count / 2) / count,
            unreclaimed_end: unreclaimed().next_back().unwrap_or(0),
            unreclaimed_bound: bound,
            rss_peak_bytes: self.points.iter().filter_map(|point| point.rss_bytes).max(),
            cpu_ns: self.processor.map(nanoseconds),
            throttled_count: self.throttled.map(|throttled| throttled.count),
            throttled_us: self.throttled.and_then(|t| u64::try_from(t.time.as_micros()).ok()),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What the workers do now. They look every [`OPS_PER_LOOK`] operations.
struct Phase(AtomicU8);

impl Phase {
    const WARM_UP: u8 = 0;
    const MEASURE: u8 = 1;
    const STOP: u8 = 2;

    fn set(&self, phase: u8) {
        // Ordering: nothing else is published with it; what workers return is ordered by `join`.
        self.0.store(phase, Relaxed);
    }
}

/// Runs stalled threads, workers and the sampler (on this thread).
///
/// # Errors
/// If the system does not start all of the threads; none of them is left.
pub(crate) fn measure<R: Reclaimer, S: Structure<R>>(
    domain: &Domain<R>,
    structure: &S,
    cell: &Cell,
) -> Result<(Window, Tally), TooFew> {
    let meter = domain.meter();
    let phase = Phase(AtomicU8::new(Phase::WARM_UP));
    let (stall, start) = (Meeting::default(), Meeting::default());
    thread::scope(|scope| {
        let _dismiss = Dismiss([&stall, &start]);
        let stalled = start_all(scope, cell.stalled, |nth| {
            let (key, mut place) = (middle_key(cell, nth + 1), stall.place());
            move || stay(domain, structure, key, &mut place)
        });
        let stalled = stalled.map_err(|refused| too_few(cell, 0, refused))?;
        let stalled_arrived = stall.wait_for_arrivals(cell.stalled);
        let live = meter.totals().live();

        let workers = start_all(scope, cell.threads, |thread| {
            let (phase, mut place) = (&phase, start.place());
            move || {
                let handle = domain.register();
                match place.arrive_and_wait() {
                    End::Released => work(structure, &handle, phase, cell, thread),
                    End::Abandoned => Tally::default(),
                }
            }
        });
        let workers = workers.map_err(|refused| too_few(cell, stalled.len(), refused))?;
        let ready = stalled_arrived && start.wait_for_arrivals(cell.threads);
        start.end(if ready { End::Released } else { End::Abandoned });
        let window = ready.then(|| watch(&meter, &phase, cell, live));

        let results: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
        stall.end(End::Released);
        let departed: Vec<_> = stalled.into_iter().map(ScopedJoinHandle::join).collect();
        let mut tally = Tally::default();
        for result in results {
            tally.add(&result.unwrap_or_else(|panic| resume_unwind(panic)));
        }
        departed.into_iter().for_each(|result| result.unwrap_or_else(|panic| resume_unwind(panic)));
        // Without a window a thread has panicked, and its panic went on above.
        Ok((window.expect("all threads arrived"), tally))
    })
}

/// Ends meetings when the threads are not all started, so that those that are do not wait for ever.
struct Dismiss<'a>([&'a Meeting; 2]);

impl Drop for Dismiss<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|meeting| meeting.end(End::Abandoned));
    }
}

/// Starts so many threads; or how many of them were started before the system refused one.
fn start_all<'scope, T: Send + 'scope, F: FnOnce() -> T + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    count: u32,
    mut thread: impl FnMut(u32) -> F,
) -> Result<Vec<ScopedJoinHandle<'scope, T>>, (usize, io::Error)> {
    let mut started = Vec::new();
    for nth in 0..count {
        match thread::Builder::new().spawn_scoped(scope, thread(nth)) {
            Ok(handle) => started.push(handle),
            Err(cause) => return Err((started.len(), cause)),
        }
    }
    Ok(started)
}

fn too_few(cell: &Cell, before: usize, (started, cause): (usize, io::Error)) -> TooFew {
    let needs = cell.threads as usize + cell.stalled as usize;
    TooFew { needs, started: before + started, cause }
}

/// Lets the workers warm up, samples the window, and tells the workers to stop.
fn watch(meter: &Meter, phase: &Phase, cell: &Cell, mut live: u64) -> Window {
    thread::sleep(Duration::from_secs_f64(cell.warmup_seconds));
    let groups = Groups::here();
    let throttled = groups.throttled();
    let (began, before) = (Instant::now(), processor_time());
    phase.set(Phase::MEASURE);
    let mut points = sample(meter, began, Duration::from_secs_f64(cell.seconds), &mut live);
    phase.set(Phase::STOP);
    let (elapsed, after) = (began.elapsed(), processor_time());
    let processor = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    // The end of the window: the workers stop, and the stalled threads are still stalled.
    points.push(point(meter, began, &mut live));
    let throttled = groups.throttled().zip(throttled).map(|(after, before)| after.since(before));
    Window { points, elapsed, processor, throttled, live }
}

/// Keys spread evenly over the range; one stalled thread stops in the middle.
fn middle_key(cell: &Cell, nth: u32) -> u64 {
    cell.workload.key_range * u64::from(nth) / (u64::from(cell.stalled) + 1)
}

/// A stalled thread: stops inside a guard, in mid-structure, until it is released.
fn stay<R: Reclaimer, S: Structure<R>>(
    domain: &Domain<R>,
    structure: &S,
    key: u64,
    place: &mut Place<'_>,
) {
    let handle = domain.register();
    let guard = handle.pin();
    let mut held = false;
    structure.hold_inside(&guard, key, &mut || {
        held = true;
        place.arrive_and_wait();
    });
    // The panic makes the cell an error; its place at the meeting lets the others end.
    assert!(held, "the structure did not hold the stalled thread at key {key}");
}

fn sample(meter: &Meter, began: Instant, length: Duration, live: &mut u64) -> Vec<Point> {
    let mut points = Vec::with_capacity(usize::try_from(length.as_millis()).unwrap_or(0) / 4 + 16);
    let mut due = Duration::ZERO;
    while due < length {
        thread::sleep(due.saturating_sub(began.elapsed()));
        points.push(point(meter, began, live));
        // A late sample is not made up for by a burst of samples.
        due = (due + SAMPLE_EVERY).max(began.elapsed());
    }
    thread::sleep(length.saturating_sub(began.elapsed()));
    points
}

fn point(meter: &Meter, began: Instant, live: &mut u64) -> Point {
    let totals = meter.totals();
    *live = totals.live().max(*live);
    let (retired, freed) = (totals.retired, totals.freed);
    Point { t_ns: nanoseconds(began.elapsed()), retired, freed, rss_bytes: resident_bytes() }
}

/// The measured loop. Not inlined, so that each pair is one function in a profile.
#[inline(never)]
fn work<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    handle: &Handle<R>,
    phase: &Phase,
    cell: &Cell,
    thread: u32,
) -> Tally {
    let mut keys = XorShift::stream(cell.seed, u64::from(thread), 1);
    let mut choices = XorShift::stream(cell.seed, u64::from(thread), 2);
    let range = cell.workload.key_range;
    let inserts = u64::from(cell.workload.insert);
    let writes = inserts + u64::from(cell.workload.remove);
    let is_map = matches!(S::FACTS.kind, Kind::Map);
    let mut tally = Tally::default();
    loop {
        let now = phase.0.load(Relaxed);
        if now == Phase::STOP {
            return tally;
        }
        for _ in 0..OPS_PER_LOOK {
            let key = keys.below(range);
            let choice = choices.below(100);
            let guard = handle.pin();
            if choice < inserts {
                if structure.insert(&guard, key) {
                    tally.insert(key);
                }
            } else if choice < writes {
                if let Some(out) = structure.remove(&guard, key) {
                    tally.remove(if is_map { key } else { out });
                }
            } else {
                tally.found += u64::from(structure.contains(&guard, key));
            }
        }
        tally.ops += if now == Phase::MEASURE { OPS_PER_LOOK } else { 0 };
    }
}
