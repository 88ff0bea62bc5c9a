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
mod reader;
mod tally;
mod writer;

use std::cell::Cell;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use kovan_schemes::Reclaimer;

use super::budget::{Budget, Failure, or_abort};
use cold::Cold;
use kovan_lab_base::system::threads::start;
use place::Place;
use reader::reads;
use tally::Tally;
use writer::Writer;

/// The most time between a domain's first exchange and its last.
const ROUND: Duration = Duration::from_millis(100);

/// Runs exchanges under `R` while there is time.
pub(super) fn check<R: Reclaimer>(budget: &Budget) -> Result<String, Failure> {
    let (cold, tally) = ([Cold::new(), Cold::new()], Cell::new(Tally::default()));
    budget.rounds(|seed| {
        let seen = round::<R>(seed, &cold, budget.length.min(ROUND))?;
        tally.set(tally.get().and(seen));
        Ok(())
    })?;
    Ok(tally.get().to_string())
}

/// Exchanges in a new domain.
fn round<R: Reclaimer>(seed: u64, cold: &[Cold; 2], length: Duration) -> Result<Tally> {
    let place = Place::<R>::new();
    thread::scope(|scope| {
        start(scope, 1, || or_abort(|| reads(&place, seed, &cold[0])));
        or_abort(|| Writer::new(&place, &cold[1]).writes(seed, length))
    })
}
