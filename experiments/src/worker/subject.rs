//! A pair of a scheme and a structure behind one type: what starts threads, waits and adds up is compiled once,
//! and only what touches the structure is compiled for each pair.

use kovan_schemes::domain::Meter;
use kovan_schemes::{Domain, Reclaimer};
use kovan_structures::Structure;

use super::adversary::Intruder;
use super::phase::Phase;
use super::stopped;
use super::tally::Tally;
use super::work::{Worker, work};
use crate::data::Manner;
use crate::system::threads::Place;

/// A structure in its domain.
pub(super) trait Subject: Sync {
    /// The counters.
    fn meter(&self) -> Meter;
    /// Inserts keys.
    fn fill(&self, keys: &mut dyn Iterator<Item = u64>) -> Tally;
    /// Registers the calling thread, waits for the others, and works if they have come.
    fn work(
        &self,
        phase: &Phase,
        worker: &mut Worker<'_>,
        have_come: &mut dyn FnMut() -> bool,
    ) -> Tally;
    /// Does what a thread of an adversary does.
    fn intrude(&self, intruder: &Intruder<'_>, place: &mut Place<'_>) -> Tally;
}

/// A pair.
pub(super) struct Real<'a, R: Reclaimer, S> {
    pub(super) domain: &'a Domain<R>,
    pub(super) structure: &'a S,
}

impl<R: Reclaimer, S: Structure<R>> Subject for Real<'_, R, S> {
    fn meter(&self) -> Meter {
        self.domain.meter()
    }

    fn fill(&self, keys: &mut dyn Iterator<Item = u64>) -> Tally {
        let (mut tally, handle) = (Tally::default(), self.domain.register());
        for key in keys {
            if self.structure.insert(&handle.pin(), key) {
                tally.insert(key);
            }
        }
        tally
    }

    fn work(
        &self,
        phase: &Phase,
        worker: &mut Worker<'_>,
        have_come: &mut dyn FnMut() -> bool,
    ) -> Tally {
        let handle = self.domain.register();
        if have_come() { work(self.structure, &handle, phase, worker) } else { Tally::default() }
    }

    fn intrude(&self, intruder: &Intruder<'_>, place: &mut Place<'_>) -> Tally {
        if intruder.adversary.how == Manner::Stopped {
            return stopped::run(intruder, self.domain, self.structure, place);
        }
        intruder.run(self.domain, self.structure, place)
    }
}
