//! A count of calls that tells when a period of them has ended.

use std::cell::Cell;

/// Counts the calls of a period down, so that a call reads and writes one field.
#[derive(Debug)]
pub(crate) struct Every {
    period: u64,
    /// Calls until the period ends; never 0.
    left: Cell<u64>,
}

impl Every {
    /// A count whose periods have this many calls, at least one.
    pub(crate) fn new(period: u64) -> Self {
        Self { period, left: Cell::new(period) }
    }

    /// Counts a call. Returns whether it ends a period.
    #[inline]
    pub(crate) fn count(&self) -> bool {
        let left = self.left.get() - 1;
        if left > 0 {
            self.left.set(left);
            return false;
        }
        self.left.set(self.period);
        true
    }

    /// Returns whether calls were counted since the last period ended.
    pub(crate) fn has_begun(&self) -> bool {
        self.left.get() != self.period
    }
}
