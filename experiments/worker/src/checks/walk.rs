//! An iteration or a scan must see some keys, and must not see others.

use anyhow::{Result, ensure};
use kovan_erased::Operations;

use super::linear::Record;
use super::model::{Answer, Op};

/// An iteration over a map, or a scan, and what it saw.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) called: u64,
    pub(super) returned: u64,
    pub(super) keys: Vec<u64>,
    /// What was asked for, if it was a scan.
    pub(super) scan: Option<Scan>,
}

/// Which keys a scan is to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) from: u64,
    pub(super) count: u64,
}

impl Walk {
    /// Scans, or iterates if no scan is asked for; `None` if the structure has no such operation. `tick`
    /// tells the time.
    pub(super) fn take(
        scan: Option<Scan>,
        on: &dyn Operations,
        tick: impl Fn() -> u64,
    ) -> Option<Self> {
        let (called, mut keys) = (tick(), Vec::new());
        let mut see = |key| keys.push(key);
        let there = match scan {
            Some(Scan { from, count }) => on.scan(from, count, &mut see),
            None => on.iterate(&mut see),
        };
        there.then(|| Self { called, returned: tick(), keys, scan })
    }

    /// Compares it with the operations on the same map.
    ///
    /// # Errors
    /// If it saw a key twice, missed one that was there throughout, or saw one that never was; a scan also if
    /// it saw keys in another order, below its first or more than it was to.
    pub(super) fn check(&self, history: &[Record]) -> Result<()> {
        let Self { called, returned, keys, scan } = self;
        let name = if scan.is_some() { "a scan" } else { "an iteration" };
        let mut within = 0..=u64::MAX;
        if let Some(Scan { from, count }) = *scan {
            ensure!(keys.is_sorted_by(|a, b| a < b), "a scan went back: it saw {keys:?}");
            ensure!(keys.len() as u64 <= count, "a scan of {count} saw {keys:?}");
            let below = keys.first().is_some_and(|first| *first < from);
            ensure!(!below, "a scan from {from} saw {keys:?}");
            within = from..=u64::MAX;
            if keys.len() as u64 == count {
                // It was told to go no further.
                let Some(last) = keys.last() else { return Ok(()) };
                within = from..=*last;
            }
        }
        for (at, key) in keys.iter().enumerate() {
            ensure!(!keys[..at].contains(key), "{name} saw the key {key} twice");
            // It had surely gone between the two.
            let went = |add: &Record| {
                history.iter().any(|record| {
                    removes(record, *key)
                        && record.called > add.returned
                        && record.returned < *called
                })
            };
            let was_there = |r: &Record| adds(r, *key) && r.called < *returned && !went(r);
            ensure!(
                history.iter().any(was_there),
                "{name} saw the key {key}, which was not there meanwhile"
            );
        }
        for add in history.iter().filter(|record| record.returned < *called) {
            let (Op::Insert(key) | Op::Put(key, _)) = add.op else { continue };
            let went = |record: &Record| {
                removes(record, key) && record.called < *returned && record.returned > add.called
            };
            ensure!(
                !adds(add, key)
                    || !within.contains(&key)
                    || keys.contains(&key)
                    || history.iter().any(went),
                "{name} did not see the key {key}, which was there all the time: it saw {keys:?}"
            );
        }
        Ok(())
    }
}

/// Returns whether the key is present for a time from then on.
fn adds(record: &Record, key: u64) -> bool {
    match record.op {
        Op::Insert(added) => added == key && record.answer == Answer::Flag(true),
        Op::Put(added, _) => added == key,
        _ => false,
    }
}

fn removes(record: &Record, key: u64) -> bool {
    record.op == Op::Remove(key) && record.answer != Answer::Key(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(called: u64, returned: u64, op: Op, answer: Answer) -> Record {
        Record { thread: 0, op, answer, called, returned }
    }

    /// While a walk goes on, 1 is there throughout, 2 goes, 3 comes, 4 comes later, 5 never was, 6 is gone, 7 is
    /// there throughout.
    fn history() -> [Record; 8] {
        [
            record(0, 1, Op::Insert(1), Answer::Flag(true)),
            record(2, 3, Op::Insert(2), Answer::Flag(true)),
            record(4, 5, Op::Insert(6), Answer::Flag(true)),
            record(6, 7, Op::Remove(6), Answer::Key(Some(6))),
            record(8, 9, Op::Put(7, 1), Answer::Key(None)),
            record(11, 12, Op::Remove(2), Answer::Key(Some(2))),
            record(13, 14, Op::Put(3, 9), Answer::Key(None)),
            record(21, 22, Op::Insert(4), Answer::Flag(true)),
        ]
    }

    fn right(scan: Option<Scan>, keys: &[u64]) -> bool {
        Walk { called: 10, returned: 20, keys: keys.into(), scan }.check(&history()).is_ok()
    }

    #[test]
    fn what_is_there_throughout_is_seen_and_what_never_was_is_not() {
        for keys in [&[1, 7][..], &[7, 1], &[1, 2, 7], &[1, 7, 3], &[1, 2, 3, 7]] {
            assert!(right(None, keys), "{keys:?}");
        }
        for keys in [&[][..], &[1], &[2, 3, 7], &[1, 1, 7], &[1, 4, 7], &[1, 5, 7], &[1, 6, 7]] {
            assert!(!right(None, keys), "{keys:?}");
        }
    }

    #[test]
    fn scans_ascend_and_end_where_they_are_to() {
        let scan = |from, count, keys: &[u64]| right(Some(Scan { from, count }), keys);
        assert!(scan(0, 9, &[1, 2, 7]) && scan(0, 9, &[1, 7]) && scan(0, 9, &[1, 3, 7]));
        assert!(scan(1, 1, &[1]) && scan(0, 2, &[1, 2]) && scan(0, 2, &[1, 7]) && scan(0, 0, &[]));
        assert!(scan(2, 9, &[7]) && scan(2, 1, &[2]) && scan(8, 9, &[]));
        // Back, twice, below the first, too many, too few, past one that stays, and one that is gone.
        assert!(!scan(0, 9, &[1, 7, 2]) && !scan(0, 9, &[1, 1, 7]) && !scan(2, 9, &[1, 7]));
        assert!(!scan(0, 1, &[1, 7]) && !scan(0, 3, &[1]) && !scan(0, 2, &[2, 7]));
        assert!(!scan(0, 9, &[1, 6, 7]));
    }
}
