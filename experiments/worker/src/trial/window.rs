//! The measured window of a trial: the adversary, the workers and the sampler.

use std::io;
use std::panic::resume_unwind;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use kovan_erased::{Moves, Subject};
use kovan_lab_base::data::{Manner, Metrics, Operation, RoleCount, SeriesPoint, Trial};
use kovan_lab_base::system::cgroup::Groups;
use kovan_lab_base::system::machine::resident_bytes;
use kovan_lab_base::system::placement::Places;
use kovan_lab_base::system::threads::{End, Meeting, TooFew};
use kovan_lab_base::system::usage::Usage;
use kovan_schemes::Totals;
use kovan_structures::StructureFacts;

use super::adversary::{Delay, Intruder, Schedule, middle_key};
use super::apply::How;
use super::meters::{Meters, Sums};
use super::phase::Phase;
use super::probes;
use super::stopped;
use super::tally::Tally;
use super::timing::Timing;
use super::work::{Worker, work};

/// How often the sampler reads the counters.
const SAMPLE_EVERY: Duration = Duration::from_millis(5);

/// What the sampler and the workers saw.
pub(super) struct Window {
    /// The samples in the order of time; the last is the end of the window.
    pub(super) points: Vec<SeriesPoint>,
    /// The most live nodes of the structure that it saw, or that there were when the threads stopped.
    pub(super) live: u64,
    /// Nodes allocated while the window was open.
    pub(super) allocated: u64,
    /// What everybody did to the structure, and the operations of the workers inside the window.
    pub(super) tally: Tally,
    pub(super) roles: Vec<RoleCount>,
    pub(super) timing: Timing,
    /// What is measured beside the counters.
    pub(super) metrics: Metrics,
}

/// What one worker leaves.
struct Left {
    tally: Tally,
    counts: [u64; Operation::ALL.len()],
    timing: Timing,
    meters: Meters,
}

/// Runs the adversary, the workers and the sampler (on this thread).
///
/// # Errors
/// If the system does not start all of the threads; none of them is left.
pub(super) fn measure(
    subject: &dyn Subject,
    facts: &StructureFacts,
    trial: &Trial,
) -> Result<Window, TooFew> {
    let meter = || subject.totals();
    let (phase, schedule) = (Phase::new(), Schedule::default());
    let (arrivals, start) = (Meeting::default(), Meeting::default());
    let places = Places::of(&trial.id.placement);
    let roles = trial.workload.all_roles();
    let role_of_each = trial.workload.role_of_each(trial.id.threads);
    let adversary = trial.adversary.as_ref();
    if adversary.is_some_and(|adversary| adversary.from.is_none()) {
        schedule.begin.give();
    }
    let line_round_trip_ns = probes::line_round_trip(trial.id.threads);
    let sums = Sums::prepare(trial);
    thread::scope(|scope| {
        let _dismiss = Dismiss { meetings: [&arrivals, &start], schedule: &schedule };
        let further = adversary.filter(|adversary| !adversary.is_of_workers());
        let count = further.map_or(0, |_| trial.id.stalled);
        let intruders = start_all(scope, count, |nth| {
            let adversary = further.expect("there is one, as it has threads");
            let how = How::new(facts, &roles[0].mix);
            let intruder = Intruder { trial, adversary, schedule: &schedule, how, nth };
            let mut place = arrivals.place();
            Box::new(move || match adversary.how {
                Manner::Stopped => stopped::run(&intruder, subject, &mut place),
                _ => intruder.run(subject, &mut place),
            }) as Body<'_, Moves>
        });
        let intruders = intruders.map_err(|refused| too_few(trial, 0, refused))?;
        let have_arrived = arrivals.wait_for_arrivals(count);
        let live = meter().live();

        let workers = start_all(scope, trial.id.threads, |nth| {
            let mix = &roles[role_of_each[nth as usize]].mix;
            let (phase, mut place, places) = (&phase, start.place(), &places);
            let delay = adversary.filter(|adversary| adversary.is_of_workers());
            let delay = delay.filter(|_| nth < trial.id.stalled).map(|adversary| Delay {
                adversary,
                schedule: &schedule,
                key: middle_key(trial, nth),
            });
            let body = move || {
                places.go(nth);
                let mut worker = Worker::new(trial, mix, facts, nth, delay);
                worker.meters = Meters::of(trial);
                let own = subject.join();
                let have_come = place.arrive_and_wait() == End::Released;
                let tally =
                    if have_come { work(&*own, phase, &mut worker) } else { Tally::default() };
                let Worker { steps, timing, meters, .. } = worker;
                Left { tally, counts: steps.counts, timing, meters }
            };
            Box::new(body) as Body<'_, Left>
        });
        let workers = workers.map_err(|refused| too_few(trial, intruders.len(), refused))?;
        let ready = have_arrived && start.wait_for_arrivals(trial.id.threads);
        start.end(if ready { End::Released } else { End::Abandoned });
        let watched = ready.then(|| watch(&meter, &phase, &schedule, trial, live));

        // Workers that sleep are woken first, and so is who may hold a lock that the workers wait for.
        if adversary.is_some_and(|of| of.is_of_workers() || of.may_hold_locks()) {
            schedule.over();
        }
        let results: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
        schedule.over();
        let departed: Vec<_> = intruders.into_iter().map(ScopedJoinHandle::join).collect();
        let left: Vec<Left> = results
            .into_iter()
            .map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect();
        let mut tally = Tally::default();
        for result in departed {
            tally.moves.add(&result.unwrap_or_else(|panic| resume_unwind(panic)));
        }
        // Without a window a thread has panicked, and its panic went on above.
        let mut window = watched.expect("all threads arrived");
        window.tally = tally;
        window.metrics.line_round_trip_ns = line_round_trip_ns;
        window.take(&left, trial, &role_of_each, sums);
        Ok(window)
    })
}

impl Window {
    /// Adds what the workers left.
    fn take(&mut self, left: &[Left], trial: &Trial, role_of_each: &[usize], mut sums: Sums) {
        let mut counts = [0; Operation::ALL.len()];
        for worker in left {
            self.tally.add(&worker.tally);
            self.timing.add(&worker.timing);
            sums.add(&worker.meters);
            counts.iter_mut().zip(worker.counts).for_each(|(sum, count)| *sum += count);
        }
        let [inserts, removes, gets, puts, updates, scans] = counts.map(Some);
        let elapsed = self.metrics.elapsed_ns.unwrap_or_default();
        let own = std::mem::take(&mut self.metrics);
        self.metrics = Metrics { inserts, removes, gets, puts, updates, scans, ..own };
        sums.finish(&mut self.metrics);
        for (at, role) in trial.workload.roles.iter().enumerate() {
            let of = || left.iter().zip(role_of_each).filter(|(_, role)| **role == at);
            let ops = of().map(|(worker, _)| worker.tally.ops).sum();
            self.roles.push(RoleCount {
                role: role.name.clone(),
                threads: u32::try_from(of().count()).unwrap_or(u32::MAX),
                ops,
                ops_per_second: per_second(ops, elapsed),
            });
        }
    }
}

/// A number in so many nanoseconds, for a second; rounded down.
pub(super) fn per_second(count: u64, elapsed_ns: u64) -> u64 {
    let rate = u128::from(count) * 1_000_000_000 / u128::from(elapsed_ns.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// Ends all waiting when the threads are not all started, so that those that are do not wait for ever.
struct Dismiss<'a> {
    meetings: [&'a Meeting; 2],
    schedule: &'a Schedule,
}

impl Drop for Dismiss<'_> {
    fn drop(&mut self) {
        self.meetings.iter().for_each(|meeting| meeting.end(End::Abandoned));
        self.schedule.over();
    }
}

/// What a thread does.
type Body<'scope, T> = Box<dyn FnOnce() -> T + Send + 'scope>;

/// Starts so many threads; or how many of them were started before the system refused one.
fn start_all<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    count: u32,
    mut thread: impl FnMut(u32) -> Body<'scope, T>,
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

fn too_few(trial: &Trial, before: usize, (started, cause): (usize, io::Error)) -> TooFew {
    let needs = trial.id.threads as usize + trial.id.stalled as usize;
    TooFew { needs, started: before + started, cause }
}

/// Lets the workers warm up, samples the window, and tells the workers to stop.
fn watch(
    meter: &dyn Fn() -> Totals,
    phase: &Phase,
    schedule: &Schedule,
    trial: &Trial,
    mut live: u64,
) -> Window {
    thread::sleep(Duration::from_secs_f64(trial.warmup_seconds));
    let groups = Groups::here();
    let (throttled, usage) = (groups.throttled(), Usage::now());
    let (began, allocated) = (Instant::now(), meter().allocated);
    phase.set(Phase::MEASURE);
    let length = trial.id.seconds.0;
    let give = |now: Duration| {
        if let Some(adversary) = &trial.adversary {
            schedule.at(adversary, now.as_secs_f64() / length.as_secs_f64());
        }
    };
    let mut points = sample(meter, began, length, &mut live, give);
    phase.set(Phase::STOP);
    let (elapsed, used) = (began.elapsed(), Usage::now().since(&usage));
    // The end of the window: the workers stop, and the stalled threads are still stalled.
    points.push(point(meter, began, &mut live));
    let throttled = groups.throttled().zip(throttled).map(|(after, before)| after.since(before));
    let metrics = Metrics {
        elapsed_ns: Some(nanoseconds(elapsed)),
        cpu_ns: used.cpu_ns,
        minor_faults: used.minor_faults,
        major_faults: used.major_faults,
        voluntary_switches: used.voluntary_switches,
        involuntary_switches: used.involuntary_switches,
        throttled_count: throttled.map(|throttled| throttled.count),
        throttled_us: throttled.and_then(|t| u64::try_from(t.time.as_micros()).ok()),
        ..Metrics::default()
    };
    Window {
        points,
        live,
        allocated: meter().allocated - allocated,
        tally: Tally::default(),
        roles: Vec::new(),
        timing: Timing::new(0),
        metrics,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn sample(
    meter: &dyn Fn() -> Totals,
    began: Instant,
    length: Duration,
    live: &mut u64,
    mut at: impl FnMut(Duration),
) -> Vec<SeriesPoint> {
    let mut points = Vec::with_capacity(usize::try_from(length.as_millis()).unwrap_or(0) / 4 + 16);
    let mut due = Duration::ZERO;
    while due < length {
        thread::sleep(due.saturating_sub(began.elapsed()));
        at(began.elapsed());
        points.push(point(meter, began, live));
        // A late sample is not made up for by a burst of samples.
        due = (due + SAMPLE_EVERY).max(began.elapsed());
    }
    thread::sleep(length.saturating_sub(began.elapsed()));
    points
}

fn point(meter: &dyn Fn() -> Totals, began: Instant, live: &mut u64) -> SeriesPoint {
    let totals = meter();
    *live = totals.live().max(*live);
    SeriesPoint {
        t_ns: nanoseconds(began.elapsed()),
        retired: totals.retired,
        freed: totals.freed,
        rss_bytes: resident_bytes(),
        unreclaimed_bytes: Some(totals.unreclaimed_bytes()),
    }
}
