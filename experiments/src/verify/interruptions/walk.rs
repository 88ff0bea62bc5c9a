//! An iteration must see some keys, and must not see others.

use anyhow::{Result, ensure};

use super::super::linear::Record;
use super::super::model::{Answer, Op};

/// An iteration over a map, and what it saw.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) called: u64,
    pub(super) returned: u64,
    pub(super) keys: Vec<u64>,
}

impl Walk {
    /// Compares it with the operations on the same map.
    ///
    /// # Errors
    /// If it saw a key twice, missed one that was there throughout, or saw one that never was.
    pub(super) fn check(&self, history: &[Record]) -> Result<()> {
        for (at, key) in self.keys.iter().enumerate() {
            ensure!(!self.keys[..at].contains(key), "an iteration saw the key {key} twice");
            // It had surely gone between the two.
            let went = |add: &Record| {
                history.iter().any(|record| {
                    removes(record, *key)
                        && record.called > add.returned
                        && record.returned < self.called
                })
            };
            let was_there = |r: &Record| adds(r, *key) && r.called < self.returned && !went(r);
            ensure!(
                history.iter().any(was_there),
                "an iteration saw the key {key}, which was not there meanwhile"
            );
        }
        for add in history.iter().filter(|record| record.returned < self.called) {
            let (Op::Insert(key) | Op::Put(key, _)) = add.op else { continue };
            let went = |record: &Record| {
                removes(record, key)
                    && record.called < self.returned
                    && record.returned > add.called
            };
            ensure!(
                !adds(add, key) || self.keys.contains(&key) || history.iter().any(went),
                "an iteration did not see the key {key}, which was there all the time"
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

    #[test]
    fn what_is_there_throughout_is_seen_and_what_never_was_is_not() {
        let history = [
            record(0, 1, Op::Insert(1), Answer::Flag(true)),
            record(2, 3, Op::Insert(2), Answer::Flag(true)),
            record(4, 5, Op::Insert(6), Answer::Flag(true)),
            record(6, 7, Op::Remove(6), Answer::Key(Some(6))),
            record(11, 12, Op::Remove(2), Answer::Key(Some(2))),
            record(13, 14, Op::Put(3, 9), Answer::Key(None)),
            record(21, 22, Op::Insert(4), Answer::Flag(true)),
        ];
        let saw =
            |keys: &[u64]| Walk { called: 10, returned: 20, keys: keys.into() }.check(&history);
        for right in [&[1][..], &[1, 2], &[1, 3], &[1, 2, 3]] {
            assert!(saw(right).is_ok(), "{right:?}");
        }
        for wrong in [&[][..], &[2, 3], &[1, 1], &[1, 4], &[1, 5], &[1, 6]] {
            assert!(saw(wrong).is_err(), "{wrong:?}");
        }
    }
}
