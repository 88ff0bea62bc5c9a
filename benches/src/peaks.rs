//! How many nodes are unreclaimed while nobody stalls.

use std::time::{Duration, Instant};

use crate::cells::Cell;
use crate::contender::Contender;
use crate::instrumented::{self, Instrumented};

use crate::rounds::Entry;
use crate::threads::{Setting, Steps, work};

/// Between two looks at the counts.
const PERIOD: Duration = Duration::from_millis(1);
/// Calls of the contender's flush, at most, after which nothing should be left.
const FLUSHES: usize = 1000;

/// Unreclaimed nodes of one measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Peak {
    /// The most that was seen.
    pub peak: f64,
    /// The mean of what was seen.
    pub mean: f64,
    /// How often it was looked at.
    pub samples: usize,
    /// What was left when the threads had ended and the contender had been flushed and dropped.
    pub left: i64,
}

/// Makes the entry of a contender in a cell.
#[must_use]
pub fn entry<C: Contender, L: Cell<Instrumented<C>> + 'static>() -> Entry<Peak> {
    Entry { group: C::GROUP, name: C::NAME, run: Box::new(measure::<C, L>) }
}

/// Watches the counts while the threads work.
fn measure<C: Contender, L: Cell<Instrumented<C>>>(Setting { threads, window }: Setting) -> Peak {
    instrumented::count_in(0);
    let before = instrumented::unreclaimed();
    let mut seen = Vec::new();
    {
        let contender = Instrumented::<C>::new();
        let cell = L::new(&contender);
        let worker = |index: usize| {
            instrumented::count_in(index + 1);
            let mut local = contender.register();
            let (contender, cell) = (&contender, &cell);
            Steps(move |random| cell.step(contender, &mut local, random))
        };
        work(threads, worker, || watch(window, || seen.push(instrumented::unreclaimed() - before)));
        drain(&contender, before);
    }
    Peak { left: instrumented::unreclaimed() - before, ..summarised(&seen) }
}

/// Calls `look` once per period.
fn watch(window: Duration, mut look: impl FnMut()) {
    let start = Instant::now();
    while start.elapsed() < window {
        std::thread::sleep(PERIOD);
        look();
    }
}

/// Flushes until nothing is left, so that the next measurement of a library with one global domain
/// starts without the garbage of this one.
fn drain<C: Contender>(contender: &C, before: i64) {
    let mut local = contender.register();
    for _ in 0..FLUSHES {
        if instrumented::unreclaimed() <= before {
            break;
        }
        contender.flush(&mut local);
    }
}

fn summarised(seen: &[i64]) -> Peak {
    let peak = seen.iter().copied().max().unwrap_or(0).max(0) as f64;
    let mean = seen.iter().map(|nodes| *nodes as f64).sum::<f64>() / seen.len().max(1) as f64;
    Peak { peak, mean, samples: seen.len(), left: 0 }
}

#[cfg(test)]
mod tests {
    use super::{Peak, summarised};

    #[test]
    fn a_peak_is_the_most_and_a_mean_is_of_all() {
        let expected = Peak { peak: 9.0, mean: 4.0, samples: 4, left: 0 };
        assert_eq!(summarised(&[1, 9, 4, 2]), expected);
        assert_eq!(summarised(&[]), Peak::default());
    }
}
