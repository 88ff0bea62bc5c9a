//! What a worker counts, and the checks at the end of a cell.

use anyhow::{Result, ensure};
use kovan_erased::Moves;
use kovan_schemes::Totals;
use kovan_structures::{Kind, Nodes};

/// What a worker did: to the structure, and inside the window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// What went into the structure and what came out.
    pub(crate) moves: Moves,
    /// Operations inside the window.
    pub(crate) ops: u64,
    /// Traversals that began anew inside the window.
    pub(crate) restarts: u64,
    /// The most nodes that one block of operations freed inside the window.
    pub(crate) free_burst: u64,
    /// Operations inside the window at whose begin the worker looked at its own unreclaimed nodes.
    pub(crate) looks: u64,
    /// Sum of what it saw. A worker that frees what others have retired may have less than none.
    pub(crate) looked: i64,
}

impl Tally {
    /// Adds another thread's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.moves.add(&other.moves);
        self.ops += other.ops;
        self.restarts += other.restarts;
        self.free_burst = self.free_burst.max(other.free_burst);
        self.looks += other.looks;
        self.looked += other.looked;
    }

    /// Counts what a worker holds as an operation begins.
    #[inline]
    pub(crate) fn look(&mut self, own: &Totals) {
        self.looks += 1;
        self.looked += own.retired.cast_signed() - own.freed.cast_signed();
    }

    /// Returns the mean of what was seen as operations began, to a hundredth.
    #[allow(clippy::cast_precision_loss)] // A mean.
    pub(crate) fn mean_look(&self) -> Option<f64> {
        (self.looks > 0).then(|| {
            let mean = self.looked as f64 / self.looks as f64;
            (mean * 100.0).round() / 100.0
        })
    }

    /// Returns whether the structure holds what went in and did not come out. `self` includes the prefill.
    pub(crate) fn check_contents(&self, kind: &Kind, contents: &mut [u64]) -> Result<()> {
        let moves = &self.moves;
        let expected = moves.inserted.wrapping_sub(moves.removed);
        let held = contents.len() as u64;
        ensure!(
            held == expected,
            "size: {} inserted - {} removed = {expected}, but the structure holds {held}",
            moves.inserted,
            moves.removed
        );
        let expected = moves.inserted_sum.wrapping_sub(moves.removed_sum);
        let sum = contents.iter().fold(0u64, |sum, key| sum.wrapping_add(*key));
        ensure!(sum == expected, "key sum: expected {expected}, but the structure holds {sum}");
        if matches!(kind, Kind::Map) {
            contents.sort_unstable();
            let twice = contents.windows(2).find(|pair| pair[0] == pair[1]);
            ensure!(twice.is_none(), "key {} is in the map twice", twice.map_or(0, |pair| pair[0]));
        }
        Ok(())
    }
}

/// Conservation of nodes while the structure still holds `held` keys, which take at least so many
/// nodes.
pub(crate) fn check_live(totals: &Totals, held: u64, nodes: &Nodes) -> Result<()> {
    ensure!(
        totals.freed <= totals.retired,
        "{} freed, but only {} retired",
        totals.freed,
        totals.retired
    );
    let gone = totals.retired + totals.dropped;
    ensure!(
        totals.allocated >= gone + nodes.with_keys(held).start(),
        "{} nodes allocated, but {gone} gone and {held} keys held",
        totals.allocated
    );
    Ok(())
}

/// Conservation of nodes after structure and domain are gone.
pub(crate) fn check_gone(totals: &Totals, frees_on_drop: bool) -> Result<()> {
    ensure!(
        totals.allocated == totals.retired + totals.dropped,
        "{} nodes allocated, but {} retired and {} dropped",
        totals.allocated,
        totals.retired,
        totals.dropped
    );
    ensure!(totals.panicked == 0, "{} destructors panicked", totals.panicked);
    ensure!(
        !frees_on_drop || totals.freed == totals.retired,
        "{} nodes retired, but {} freed after the domain was dropped",
        totals.retired,
        totals.freed
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_must_balance() {
        let mut tally = Tally::default();
        [1, 2, 3].into_iter().for_each(|key| tally.moves.insert(key));
        tally.moves.remove(2);
        assert!(tally.check_contents(&Kind::Map, &mut [3, 1]).is_ok());
        assert!(tally.check_contents(&Kind::Map, &mut [1]).is_err());
        assert!(tally.check_contents(&Kind::Map, &mut [1, 2]).is_err());
        assert!(tally.check_contents(&Kind::Map, &mut [2, 2]).is_err(), "twice the same key");
        assert!(tally.check_contents(&Kind::Stack, &mut [2, 2]).is_ok());
    }

    #[test]
    fn the_mean_of_looks_is_over_operations() {
        let own = |retired, freed| Totals { retired, freed, ..Totals::default() };
        let (mut tally, mut other) = (Tally::default(), Tally::default());
        assert_eq!(tally.mean_look(), None);
        tally.look(&own(9, 0));
        tally.look(&own(9, 1));
        // It has freed what another one has retired.
        other.look(&own(3, 10));
        tally.add(&other);
        assert_eq!((tally.looks, tally.mean_look()), (3, Some(3.33)));
    }

    #[test]
    fn nodes_are_conserved() {
        let totals =
            Totals { allocated: 10, retired: 6, freed: 5, dropped: 4, ..Totals::default() };
        assert!(check_gone(&totals, false).is_ok());
        assert!(check_gone(&totals, true).is_err());
        assert!(check_gone(&Totals { freed: 6, ..totals }, true).is_ok());
        assert!(check_gone(&Totals { allocated: 11, ..totals }, false).is_err());
        assert!(check_live(&totals, 0, &Nodes::ONE_PER_KEY).is_ok());
        assert!(check_live(&totals, 1, &Nodes::ONE_PER_KEY).is_err());
        let shared = Nodes { keys_per_node: 32, fixed: 1, ..Nodes::ONE_PER_KEY };
        let totals = Totals { allocated: 11, ..totals };
        assert!(check_live(&totals, 32, &shared).is_ok());
        assert!(check_live(&totals, 33, &shared).is_err());
    }
}
