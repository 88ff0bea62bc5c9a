//! What came of the exchanges, and how long they are aside.

use std::fmt;

/// A reader's delay, in turns of an empty loop. The writer's is around it.
pub(super) const DELAY: u32 = 500;

/// What came of the exchanges.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) exchanges: u64,
    /// In which the reader got the node that was unlinked.
    pub(super) old: u64,
    /// In which the unlinked node was freed while the reader protected the other one.
    pub(super) freed: u64,
}

impl Tally {
    /// The sums of both.
    pub(super) fn and(self, more: Self) -> Self {
        Self {
            exchanges: self.exchanges + more.exchanges,
            old: self.old + more.old,
            freed: self.freed + more.freed,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exchanges, old, freed } = self;
        let percent = |part: &u64| 100 * part / (*exchanges).max(1);
        write!(f, "{exchanges} exchanges, the old node in {}%", percent(old))?;
        match freed {
            0 => write!(f, "; vacuous: none was freed meanwhile"),
            _ => write!(f, ", freed meanwhile in {}%", percent(freed)),
        }
    }
}
