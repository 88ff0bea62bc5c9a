//! Latencies of operations, one histogram for each kind.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use kovan_lab_base::data::{Latency, Metrics, Operation};

/// Significant decimal digits of a latency.
const DIGITS: u8 = 3;

/// The latencies of one worker.
pub(super) struct Timing {
    /// One group of operations in so many is timed.
    every: u32,
    left: u32,
    kinds: [Option<Histogram<u64>>; Operation::ALL.len()],
}

impl Timing {
    /// Times one group in so many; 0: none.
    pub(super) fn new(every: u32) -> Self {
        Self { every, left: every, kinds: Default::default() }
    }

    /// Returns of how many groups one is timed; 0: none.
    pub(super) fn every(&self) -> u32 {
        self.every
    }

    /// Passes groups that are not timed, as far as the next one that is, and at most so many. Returns how many.
    pub(super) fn pass(&mut self, most: usize) -> usize {
        if self.every == 0 {
            return most;
        }
        let passed = most.min(self.left as usize - 1);
        self.left -= u32::try_from(passed).expect("at most what is left");
        passed
    }

    /// Returns whether the next group is timed.
    #[inline]
    pub(super) fn is_due(&mut self) -> bool {
        if self.every == 0 {
            return false;
        }
        self.left -= 1;
        if self.left == 0 {
            self.left = self.every;
            return true;
        }
        false
    }

    /// Records what began at this time and ends now.
    #[inline(never)]
    pub(super) fn record(&mut self, operation: Operation, began: Instant) {
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let empty = || Histogram::new(DIGITS).expect("so many digits are allowed");
        // A histogram without limits takes every value.
        let _ = self.kinds[operation as usize].get_or_insert_with(empty).record(took);
    }

    /// Forgets what the warm-up has recorded.
    pub(super) fn clear(&mut self) {
        self.kinds = Default::default();
    }

    /// Adds another worker's latencies.
    pub(super) fn add(&mut self, other: &Self) {
        for (mine, more) in self.kinds.iter_mut().zip(&other.kinds) {
            match (mine, more) {
                (Some(mine), Some(more)) => {
                    let _ = mine.add(more);
                }
                (mine @ None, Some(more)) => *mine = Some(more.clone()),
                (_, None) => {}
            }
        }
    }

    /// What was recorded, by kind; the percentiles of all kinds together go into the metrics.
    pub(super) fn finish(&self, metrics: &mut Metrics) -> Vec<Latency> {
        let Some(mut all) = self.kinds.iter().flatten().next().cloned() else { return Vec::new() };
        all.reset();
        for kind in self.kinds.iter().flatten() {
            let _ = all.add(kind);
        }
        let at = |percent| Some(all.value_at_percentile(percent));
        metrics.latency_count = Some(all.len());
        metrics.latency_p50_ns = at(50.0);
        metrics.latency_p99_ns = at(99.0);
        metrics.latency_p999_ns = at(99.9);
        metrics.latency_p9999_ns = at(99.99);
        metrics.latency_max_ns = Some(all.max());
        let kinds = Operation::ALL.iter().zip(&self.kinds);
        kinds.filter_map(|(kind, of)| of.as_ref().map(|of| latency(*kind, of))).collect()
    }
}

fn latency(kind: Operation, of: &Histogram<u64>) -> Latency {
    let counts = of.iter_recorded();
    let pair = |value: hdrhistogram::iterators::IterationValue<u64>| {
        (value.value_iterated_to(), value.count_since_last_iteration())
    };
    Latency { operation: kind.name().into(), counts: counts.map(pair).collect() }
}

/// The times at which operations are to begin, whether or not the ones before have ended (an open loop): a
/// worker that is late keeps the times, and its latencies count from them.
pub(super) struct Pacer {
    next: Instant,
    step: Duration,
}

impl Pacer {
    /// The times of a worker that is to do so many operations in a second; none where it is not told.
    pub(super) fn new(per_second: f64) -> Option<Self> {
        let step = (per_second > 0.0).then(|| Duration::from_secs_f64(1.0 / per_second))?;
        Some(Self { next: Instant::now() + step, step })
    }

    /// Waits until the next operation is to begin, and returns when that was meant to be.
    pub(super) fn wait(&mut self) -> Instant {
        /// A sleep may take so much longer.
        const LATE: Duration = Duration::from_micros(200);
        let (meant, now) = (self.next, Instant::now());
        self.next += self.step;
        let early = meant.saturating_duration_since(now);
        if early > LATE {
            std::thread::sleep(early - LATE);
        }
        while Instant::now() < meant {
            std::hint::spin_loop();
        }
        meant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_is_timed() {
        let mut timing = Timing::new(3);
        assert_eq!([(); 6].map(|()| timing.is_due()), [false, false, true, false, false, true]);
        assert!(![(); 6].map(|()| Timing::new(0).is_due()).contains(&true));
        assert_eq!((timing.pass(1), timing.pass(9), timing.is_due()), (1, 1, true));
        assert_eq!((timing.pass(9), timing.pass(9), timing.is_due()), (2, 0, true));
        assert_eq!(Timing::new(0).pass(9), 9);
        assert_eq!((Timing::new(1).pass(9), Timing::new(1).is_due()), (0, true));
    }

    #[test]
    fn latencies_add_up_by_kind() {
        let began = Instant::now().checked_sub(Duration::from_millis(5)).expect("after the start");
        let (mut one, mut two) = (Timing::new(1), Timing::new(1));
        one.record(Operation::Get, began);
        two.record(Operation::Get, began);
        two.record(Operation::Put, began);
        one.add(&two);
        let mut metrics = Metrics::default();
        let all = one.finish(&mut metrics);
        let counts: Vec<_> = all.iter().map(|l| (l.operation.as_str(), l.count())).collect();
        assert_eq!(counts, [("contains", 2), ("put", 1)]);
        assert_eq!(metrics.latency_count, Some(3));
        assert!(metrics.latency_p50_ns.is_some_and(|ns| ns >= 5_000_000), "{metrics:?}");
        assert!(Timing::new(1).finish(&mut metrics).is_empty());
    }

    #[test]
    fn who_is_late_keeps_the_times() {
        let mut pacer = Pacer::new(1000.0).expect("a rate");
        let first = pacer.wait();
        std::thread::sleep(Duration::from_millis(10));
        let (second, third) = (pacer.wait(), pacer.wait());
        assert_eq!([second - first, third - second], [Duration::from_millis(1); 2]);
        assert!(Pacer::new(0.0).is_none());
    }
}
