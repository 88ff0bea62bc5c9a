//! What a worker measures of its own thread in the window, where the spec asks for it.

use kovan_lab_base::data::{Measure, Metrics, Trial};
use kovan_lab_base::system::allocator;
use kovan_lab_base::system::hardware::{Counter, EVENTS};
use kovan_schemes::timing::{self, Cost, Sampled, Samples};

/// One retirement in so many is timed, and one free in so many.
const EVERY: u32 = 64;

/// The meters of one worker.
#[derive(Default)]
pub(super) struct Meters {
    reclamation: bool,
    samples: Option<Samples>,
    counters: [Option<Counter>; EVENTS.len()],
    counts: [Option<u64>; EVENTS.len()],
}

impl Meters {
    /// The meters that a trial asks for, of the calling thread.
    pub(super) fn of(trial: &Trial) -> Self {
        let reclamation = trial.measure.contains(&Measure::Reclamation);
        let hardware = trial.measure.contains(&Measure::Hardware);
        // Why a counter is not there, the parent tells once.
        let counter = |event| if hardware { Counter::open(event).ok() } else { None };
        Self { reclamation, counters: EVENTS.map(counter), ..Self::default() }
    }

    /// Begins to measure.
    pub(super) fn begin(&self) {
        if self.reclamation {
            timing::begin(EVERY);
        }
        self.counters.iter().flatten().for_each(Counter::begin);
    }

    /// Ends measuring.
    pub(super) fn end(&mut self) {
        self.counts = self.counters.each_ref().map(|counter| counter.as_ref()?.end());
        if self.reclamation {
            self.samples = Some(timing::end());
        }
    }
}

/// Sums of the meters of all workers.
pub(super) struct Sums {
    /// What sampling a retirement costs, and sampling a free.
    cost: Option<[Cost; 2]>,
    samples: Samples,
    /// The counts of the processor; nothing where that of any worker is missing.
    counts: [Option<u64>; EVENTS.len()],
}

impl Sums {
    /// Makes the process ready to measure what a trial asks for. On the thread that starts the workers.
    pub(super) fn prepare(trial: &Trial) -> Self {
        let cost = trial.measure.contains(&Measure::Reclamation).then(|| {
            allocator::tell_frees();
            timing::cost(EVERY)
        });
        Self { cost, samples: Samples::default(), counts: [Some(0); EVENTS.len()] }
    }

    /// Adds the meters of a worker.
    pub(super) fn add(&mut self, meters: &Meters) {
        if let Some(samples) = &meters.samples {
            self.samples.add(samples);
        }
        for (sum, count) in self.counts.iter_mut().zip(meters.counts) {
            *sum = sum.zip(count).map(|(sum, count)| sum + count);
        }
    }

    /// Writes what was measured into the metrics.
    pub(super) fn finish(&self, metrics: &mut Metrics) {
        if let Some(cost) = &self.cost {
            reclamation(metrics, &self.samples, cost);
        }
        [
            metrics.hw_cycles,
            metrics.hw_instructions,
            metrics.hw_cache_misses,
            metrics.hw_branch_misses,
        ] = self.counts;
    }
}

fn reclamation(
    metrics: &mut Metrics,
    Samples { retirements, frees, running_ns }: &Samples,
    [of_retirement, of_free]: &[Cost; 2],
) {
    let share = |ns: f64| {
        let share = (*running_ns > 0).then(|| ns / real(*running_ns))?;
        Some((share * 1e6).round() / 1e6)
    };
    // What the sampling of the frees within adds to a retirement is no part of it.
    let of_frees = real(retirements.frees_within) * of_free.event_ns;
    metrics.retire_ns_share = share(estimate(retirements, of_retirement, of_frees));
    metrics.free_ns_share = share(estimate(frees, of_free, 0.0));
    metrics.retire_longest_ns = (retirements.timed > 0).then_some(retirements.longest_ns);
    metrics.retire_timed = Some(retirements.timed);
    metrics.free_timed = Some(frees.timed);
    let cost =
        real(retirements.events) * of_retirement.event_ns + real(frees.events) * of_free.event_ns;
    metrics.timing_ns_share = share(cost);
}

/// Estimates the time of all events from those that were timed.
fn estimate(of: &Sampled, cost: &Cost, more: f64) -> f64 {
    let timed = (real(of.sum_ns) - real(of.timed) * cost.empty_ns - more).max(0.0);
    timed / real(of.timed.max(1)) * real(of.events)
}

#[allow(clippy::cast_precision_loss)] // An estimate.
fn real(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_of_all_events_without_what_timing_costs() {
        let of = |events, timed, sum_ns, frees_within| Sampled {
            events,
            timed,
            sum_ns,
            longest_ns: 900,
            frees_within,
        };
        let samples = Samples {
            // 10 of 1000 took 1100 ns each, of which the clock took 50 and two timed frees 2 * 25.
            retirements: of(1000, 10, 11_000, 20),
            // 5 of 500 took 130 ns each, of which the clock took 30.
            frees: of(500, 5, 650, 0),
            running_ns: 10_000_000,
        };
        let cost =
            [Cost { event_ns: 10.0, empty_ns: 50.0 }, Cost { event_ns: 25.0, empty_ns: 30.0 }];
        let mut metrics = Metrics::default();
        reclamation(&mut metrics, &samples, &cost);
        assert_eq!(metrics.retire_ns_share, Some(0.1));
        assert_eq!(metrics.free_ns_share, Some(0.005));
        assert_eq!(metrics.timing_ns_share, Some(0.00225));
        assert_eq!(metrics.retire_longest_ns, Some(900));
        assert_eq!((metrics.retire_timed, metrics.free_timed), (Some(10), Some(5)));
    }

    #[test]
    fn a_count_that_one_worker_lacks_is_not_measured() {
        let meters = |counts| Meters { counts, ..Meters::default() };
        let mut sums =
            Sums { cost: None, samples: Samples::default(), counts: [Some(0); EVENTS.len()] };
        sums.add(&meters([Some(1), Some(2), None, Some(4)]));
        sums.add(&meters([Some(10), Some(20), Some(30), None]));
        let mut metrics = Metrics::default();
        sums.finish(&mut metrics);
        assert_eq!((metrics.hw_cycles, metrics.hw_instructions), (Some(11), Some(22)));
        assert_eq!((metrics.hw_cache_misses, metrics.hw_branch_misses), (None, None));
        assert_eq!(metrics.retire_ns_share, None);
    }

    #[test]
    fn nothing_retired_is_no_time_and_no_longest() {
        let mut metrics = Metrics::default();
        let cost = [Cost { event_ns: 10.0, empty_ns: 50.0 }; 2];
        let samples = Samples { running_ns: 1_000_000_000, ..Samples::default() };
        reclamation(&mut metrics, &samples, &cost);
        assert_eq!((metrics.retire_ns_share, metrics.retire_longest_ns), (Some(0.0), None));
    }
}
