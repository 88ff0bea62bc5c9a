//! Tests whether a history is linearizable: the algorithm of Wing and Gong (JPDC 1993), with Lowe's memory
//! of the configurations seen (Testing for linearizability, 2017).
//!
//! A configuration is the set of operations that have taken effect and the state of the model. From
//! it, an operation may be next that began before the first end of one that is still to come. The
//! history is linearizable if all operations can take effect, each with the answer that it gave.

use std::collections::HashSet;
use std::fmt::Write;

use anyhow::{Result, ensure};
use kovan_structures::Kind;

use super::budget::{Budget, Failure};
use super::model::{Answer, Model, Op};

/// A completed operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) thread: usize,
    pub(super) op: Op,
    pub(super) answer: Answer,
    /// When it was called, and when it returned. All times of a history differ.
    pub(super) called: u64,
    pub(super) returned: u64,
}

/// What is known of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Linearizable,
    NotLinearizable,
    /// There were more configurations than the checker looks at.
    Undecided,
}

/// Operations in one history; they are bits of a set.
pub(super) const MAX_RECORDS: usize = 128;
/// Configurations that are looked at.
const MAX_CONFIGURATIONS: usize = 1_000_000;

/// Decides whether the history is linearizable, from an empty structure.
///
/// # Panics
/// If it has more than [`MAX_RECORDS`].
pub(super) fn decide(kind: Kind, history: &[Record]) -> Verdict {
    assert!(history.len() <= MAX_RECORDS, "{} records in a history", history.len());
    let mut records = history.to_vec();
    // Those called first are tried first: nearly always the order in which they took effect.
    records.sort_unstable_by_key(|record| record.called);
    let all = if records.len() == MAX_RECORDS { u128::MAX } else { (1 << records.len()) - 1 };
    let mut seen = HashSet::new();
    let mut stack = vec![(0_u128, Model::new(kind))];
    while let Some((done, model)) = stack.pop() {
        if done == all {
            return Verdict::Linearizable;
        }
        if seen.len() > MAX_CONFIGURATIONS {
            return Verdict::Undecided;
        }
        let open = || records.iter().enumerate().filter(|(at, _)| done >> at & 1 == 0);
        let first_end = open().map(|(_, record)| record.returned).min().unwrap_or(u64::MAX);
        // Pushed in reverse, so that the first is popped first.
        for (at, record) in
            open().filter(|(_, r)| r.called < first_end).collect::<Vec<_>>().iter().rev()
        {
            let mut next = model.clone();
            if next.apply(record.op) == record.answer {
                let configuration = (done | 1 << at, next);
                if seen.insert(configuration.clone()) {
                    stack.push(configuration);
                }
            }
        }
    }
    Verdict::NotLinearizable
}

/// Returns whether operations of different threads overlap.
pub(super) fn overlaps(history: &[Record]) -> bool {
    let mut records: Vec<_> = history.iter().collect();
    records.sort_unstable_by_key(|record| record.called);
    // The operations of a thread do not overlap, so whoever begins before the last end is another.
    records.windows(2).any(|pair| pair[1].called < pair[0].returned)
}

/// Decides a history; false if there were too many configurations.
///
/// # Errors
/// If it is not linearizable.
pub(super) fn judge(kind: Kind, history: &[Record]) -> Result<bool> {
    let verdict = decide(kind, history);
    let right = verdict != Verdict::NotLinearizable;
    ensure!(right, "a history is not linearizable:{}", text(history));
    Ok(verdict == Verdict::Linearizable)
}

/// Checks that at most a tenth of so many histories is undecided.
///
/// # Errors
/// If there are more.
pub(super) fn few_are_undecided(
    budget: &Budget,
    undecided: u64,
    histories: u64,
) -> Result<(), Failure> {
    if undecided <= histories / 10 {
        return Ok(());
    }
    let message = format!("{undecided} of {histories} histories could not be decided");
    Err(Failure { seed: budget.seed, message })
}

/// A history for people, in the order of its calls.
fn text(history: &[Record]) -> String {
    let mut records = history.to_vec();
    records.sort_unstable_by_key(|record| record.called);
    let mut text = String::new();
    for Record { thread, op, answer, called, returned } in records {
        // Writing to a string does not fail.
        let _ = write!(text, " [{called}-{returned}] t{thread} {op} -> {answer};");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with its times.
    fn at(called: u64, returned: u64, thread: usize, op: Op, answer: Answer) -> Record {
        Record { thread, op, answer, called, returned }
    }
    fn put(key: u64) -> (Op, Answer) {
        (Op::Insert(key), Answer::Flag(true))
    }
    fn took(key: u64) -> (Op, Answer) {
        (Op::Remove(key), Answer::Key(Some(key)))
    }
    const NOTHING: (Op, Answer) = (Op::Remove(0), Answer::Key(None));

    /// One record per thread, from (called, returned, operation).
    fn history(records: &[(u64, u64, (Op, Answer))]) -> Vec<Record> {
        let record =
            |(thread, (called, returned, (op, answer)))| at(called, returned, thread, op, answer);
        records.iter().copied().enumerate().map(record).collect()
    }

    fn is(kind: Kind, records: &[(u64, u64, (Op, Answer))]) -> bool {
        match decide(kind, &history(records)) {
            Verdict::Linearizable => true,
            Verdict::NotLinearizable => false,
            Verdict::Undecided => panic!("undecided"),
        }
    }

    #[test]
    fn sequential_histories() {
        assert!(is(Kind::Queue, &[(0, 1, put(1)), (2, 3, put(2)), (4, 5, took(1))]));
        assert!(!is(Kind::Queue, &[(0, 1, put(1)), (2, 3, put(2)), (4, 5, took(2))]));
        assert!(is(Kind::Stack, &[(0, 1, put(1)), (2, 3, put(2)), (4, 5, took(2))]));
        assert!(!is(Kind::Stack, &[(0, 1, put(1)), (2, 3, put(2)), (4, 5, took(1))]));
        assert!(is(Kind::Map, &[(0, 1, put(1)), (2, 3, took(1)), (4, 5, put(1))]));
        assert!(!is(Kind::Map, &[(0, 1, put(1)), (2, 3, put(1))]), "a second insertion succeeds");
        assert!(is(Kind::Map, &[]));
    }

    #[test]
    fn overlapping_operations_may_take_either_order() {
        assert!(is(
            Kind::Queue,
            &[(0, 3, put(1)), (1, 2, put(2)), (4, 5, took(2)), (6, 7, took(1))]
        ));
        assert!(is(Kind::Queue, &[(0, 2, put(1)), (1, 3, took(1))]));
        assert!(is(Kind::Queue, &[(0, 2, put(1)), (1, 3, NOTHING)]));
    }

    #[test]
    fn real_time_order_counts() {
        assert!(!is(Kind::Queue, &[(0, 1, put(1)), (2, 3, NOTHING)]), "it was there");
        assert!(!is(Kind::Stack, &[(0, 1, took(1)), (2, 3, put(1))]), "it was not there yet");
        // Herlihy and Wing 1990, figure 1: a value that was taken is taken again.
        assert!(!is(Kind::Queue, &[(0, 9, put(1)), (1, 8, took(1)), (2, 7, took(1))]));
    }

    #[test]
    fn a_value_cannot_be_absent_while_it_is_always_present() {
        // 1 is inserted, then removed and inserted again by one thread; a look-up beside may miss it
        // only while it is out.
        let missed = (Op::Contains(1), Answer::Flag(false));
        assert!(is(Kind::Map, &[(0, 1, put(1)), (2, 4, took(1)), (3, 7, missed), (5, 6, put(1))]));
        assert!(!is(
            Kind::Map,
            &[(0, 1, put(1)), (2, 4, missed), (3, 6, (Op::Contains(2), Answer::Flag(false)))]
        ));
        // Two removals of one key both succeed: the mark that was not checked.
        assert!(!is(Kind::Map, &[(0, 1, put(1)), (2, 5, took(1)), (3, 4, took(1))]));
    }

    #[test]
    fn an_emptied_stack_that_was_never_empty() {
        // 1 stays in the stack from before the removal begins until it ends.
        let records =
            [(0, 1, put(1)), (2, 4, put(2)), (3, 6, NOTHING), (7, 8, took(2)), (9, 10, took(1))];
        assert!(!is(Kind::Stack, &records));
    }

    #[test]
    fn overlap() {
        assert!(!overlaps(&history(&[(0, 1, put(1)), (2, 3, put(2))])));
        assert!(overlaps(&history(&[(0, 2, put(1)), (1, 3, put(2))])));
    }

    #[test]
    fn many_concurrent_operations_are_decided() {
        // All orders of twelve insertions lead to the same map: memory keeps this from 12! steps.
        let mut records: Vec<_> = (0..12).map(|i| (i, 100 + i, put(i))).collect();
        assert!(is(Kind::Map, &records));
        records.push((200, 201, (Op::Contains(3), Answer::Flag(false))));
        assert!(!is(Kind::Map, &records));
    }
}
