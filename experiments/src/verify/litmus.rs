//! The check `litmus`: a reader's announcement against a writer's scan, as a store-buffer litmus.
//!
//! A reader announces itself and loads a pointer; a writer unlinks the node and looks who announced
//! himself. Without a full fence on both sides each may miss the other: the stores wait in the store
//! buffers while the loads are done. x86-64 does so too. So two threads do that and nothing else,
//! again and again; then both stop, and the reader, still protecting what it got, looks whether that
//! was freed. No use needs to fall into a narrow window: only the announcement has to be late.
//!
//! What makes the window wide and hit often:
//! - ballast: stores to cold memory right before. Store buffers of x86-64 are first in, first out, so
//!   an announcement without a fence waits behind them, long enough even for the two or
//!   three advances of an epoch.
//! - aim: the writer's delay follows what the reader got last, the old node or the new, so half of the
//!   exchanges are on either side; random delays of several magnitudes are added.
//! - the unlink is an exchange or a plain store by turns; after the latter the writer's fence is needed.
//! - in some exchanges the reader is in its guard already, and the node is so young that a scheme with
//!   eras has to announce one.

mod cold;
mod place;
mod writer;

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use kovan_schemes::Reclaimer;

use super::budget::{Budget, Failure};
use cold::Cold;
use place::Place;

/// The most time between a domain's first exchange and its last.
const ROUND: Duration = Duration::from_millis(100);
/// A reader's delay, in turns of an empty loop. The writer's is around it.
const DELAY: u32 = 500;

/// Runs exchanges under `R` while there is time.
pub(super) fn check<R: Reclaimer>(budget: &Budget) -> Result<String, Failure> {
    let (cold, tally) = ([Cold::new(), Cold::new()], Cell::new(Tally::default()));
    budget.rounds(|seed| {
        let seen = Place::<R>::new().round(seed, &cold, budget.length.min(ROUND))?;
        tally.set(tally.get().and(seen));
        Ok(())
    })?;
    Ok(tally.get().to_string())
}

/// What came of the exchanges.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    exchanges: u64,
    /// In which the reader got the node that was unlinked.
    old: u64,
    /// In which the unlinked node was freed while the reader protected the other one.
    freed: u64,
}

impl Tally {
    fn and(self, more: Self) -> Self {
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
