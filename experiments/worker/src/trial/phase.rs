//! What all workers do now, and signals that threads wait for.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

use kovan_lab_base::data::Manner;
use kovan_lab_base::system::threads::{End, Meeting};

/// What the workers do. They look once for each block of operations.
pub(super) struct Phase(AtomicU8);

impl Phase {
    /// Operations do not count yet.
    pub(super) const WARM_UP: u8 = 0;
    /// Operations count.
    pub(super) const MEASURE: u8 = 1;
    /// The window is over.
    pub(super) const STOP: u8 = 2;

    pub(super) fn new() -> Self {
        Self(AtomicU8::new(Self::WARM_UP))
    }

    #[inline]
    pub(super) fn get(&self) -> u8 {
        self.0.load(Relaxed)
    }

    pub(super) fn set(&self, phase: u8) {
        // Ordering: nothing else is published with it; what workers return is ordered by `join`.
        self.0.store(phase, Relaxed);
    }
}

/// Something that happens once. Threads wait for it, each in its manner.
#[derive(Default)]
pub(super) struct Signal {
    is_given: AtomicBool,
    meeting: Meeting,
}

impl Signal {
    /// Gives the signal. Giving it again does nothing.
    pub(super) fn give(&self) {
        // Ordering: as for a phase.
        self.is_given.store(true, Relaxed);
        self.meeting.end(End::Released);
    }

    pub(super) fn is_given(&self) -> bool {
        self.is_given.load(Relaxed)
    }

    /// Sleeps for so long, or until it is given.
    pub(super) fn sleep(&self, length: Duration) {
        const SLICE: Duration = Duration::from_millis(20);
        let began = Instant::now();
        while !self.is_given() {
            let left = length.saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(SLICE));
        }
    }

    /// Waits for it.
    pub(super) fn wait(&self, how: Manner) {
        match how {
            // Who is stopped by a signal waits in its handler, and does not come here.
            Manner::Parked | Manner::Stopped => {
                let _ = self.meeting.place().arrive_and_wait();
            }
            Manner::Sleeping => {
                while !self.is_given() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Manner::Spinning => {
                while !self.is_given() {
                    std::hint::spin_loop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sleeps_is_woken_by_the_signal() {
        let (signal, began) = (Signal::default(), Instant::now());
        std::thread::scope(|scope| {
            scope.spawn(|| signal.sleep(Duration::from_secs(600)));
            signal.sleep(Duration::from_millis(30));
            assert!(began.elapsed() >= Duration::from_millis(30), "nobody gave it");
            signal.give();
        });
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
}
