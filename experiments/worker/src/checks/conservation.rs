//! Nothing is lost, nothing comes twice: keys and nodes add up after concurrent runs.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use anyhow::{Result, ensure};
use kovan_erased::{ErasedPair, Operations, Subject};
use kovan_harness::random::XorShift;
use kovan_lab_base::system::threads::start;
use kovan_schemes::canary::jitter;
use kovan_structures::Kind;

use super::budget::{Budget, Failure, Gate, or_abort};
use crate::trial::tally::{check_gone, check_live};

/// One round.
#[derive(Clone, Copy, Debug)]
struct Shape {
    seed: u64,
    threads: u64,
    keys: u64,
    operations: u64,
    adversary: Adversary,
}

/// What goes on beside the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adversary {
    None,
    /// A thread leaves after a few operations, and another comes.
    Churn,
    /// A thread is stopped inside a guard in mid-structure.
    Stalled,
    /// A thread reads under one guard all the time.
    LongReader,
}

/// What a thread saw go in and come out.
#[derive(Default)]
struct Log {
    inserted: Vec<u64>,
    removed: Vec<u64>,
}

/// Operations of a thread that soon leaves.
const SHORT_LIFE: u64 = 12;

/// Runs the check.
pub(super) fn check(pair: &ErasedPair, budget: &Budget) -> Result<String, Failure> {
    let mut operations = 0;
    let rounds = budget.rounds(|seed| {
        let shape = Shape::random(seed);
        operations += shape.threads * shape.operations;
        round(pair, shape)
    })?;
    budget.counted("operations", operations);
    Ok(format!("{rounds} runs, {operations} operations"))
}

impl Shape {
    fn random(seed: u64) -> Self {
        let mut random = XorShift::stream(seed, 0, 21);
        let adversary = match seed % 4 {
            0 => Adversary::None,
            1 => Adversary::Churn,
            2 => Adversary::Stalled,
            _ => Adversary::LongReader,
        };
        Self {
            seed,
            threads: 2 + random.below(3),
            keys: [2, 5, 16, 64][random.index(4)],
            operations: 100 + random.below(1500),
            adversary,
        }
    }
}

fn round(pair: &ErasedPair, shape: Shape) -> Result<()> {
    let mut subject = pair.make(4);
    let prefill = prefill(&*subject, pair.structure.kind, shape);
    let logs = concurrent(&*subject, pair.structure.kind, shape);
    let held = subject.contents();
    let mut all = logs;
    all.push(prefill);
    match pair.structure.kind {
        Kind::Map => check_map(&all, &held)?,
        kind => check_values(kind, &all, held)?,
    }
    check_end(pair, subject)
}

/// What is checked when no thread uses the subject any more: nodes are conserved to the end.
pub(super) fn check_end(pair: &ErasedPair, mut subject: Box<dyn Subject>) -> Result<()> {
    let held = subject.contents().len() as u64;
    let before = subject.totals();
    check_live(&before, held, &pair.structure.nodes)?;
    let [structure_gone, domain_gone] = subject.finish();
    ensure!(
        structure_gone.live() == 0
            && structure_gone.allocated == structure_gone.retired + structure_gone.dropped,
        "{} nodes are neither retired nor dropped after the structure is gone",
        structure_gone.live()
    );
    ensure!(
        structure_gone.dropped == before.dropped + before.live(),
        "{} nodes were live, but {} dropped with the structure",
        before.live(),
        structure_gone.dropped - before.dropped
    );
    ensure!(domain_gone.freed <= domain_gone.retired, "more nodes freed than retired");
    check_gone(&domain_gone, pair.scheme.frees_on_drop)
}

/// Values are unique: the thread, and its count.
fn value(thread: u64, count: u64) -> u64 {
    (thread << 32) | count
}

const PREFILL: u64 = 0xFFFF;

fn prefill(subject: &dyn Subject, kind: Kind, shape: Shape) -> Log {
    let worker = subject.join();
    let mut log = Log::default();
    for count in 0..shape.keys / 2 {
        let key = if kind == Kind::Map { count } else { value(PREFILL, count) };
        worker.pinned(&mut |on| {
            if on.insert(key) {
                log.inserted.push(key);
            }
        });
    }
    log
}

/// The threads of a run: workers, the adversary, and under churn one more beside each worker.
fn threads_of(shape: Shape) -> u64 {
    let lives = if shape.adversary == Adversary::Churn { 2 } else { 1 };
    1 + lives * shape.threads
}

fn concurrent(subject: &dyn Subject, kind: Kind, shape: Shape) -> Vec<Log> {
    let (gate, done) = (Gate::new(shape.threads as usize), AtomicBool::new(false));
    let needs = threads_of(shape);
    thread::scope(|scope| {
        let beside = start(scope, needs, || or_abort(|| beside(subject, shape, &done)));
        let workers: Vec<_> = (0..shape.threads)
            .map(|thread| {
                let gate = &gate;
                start(scope, needs, move || or_abort(|| work(subject, kind, shape, thread, gate)))
            })
            .collect();
        let logs = workers.into_iter().filter_map(|worker| worker.join().ok()).collect();
        done.store(true, Relaxed);
        let _ = beside.join();
        logs
    })
}

/// The adversary, until the workers are done.
fn beside(subject: &dyn Subject, shape: Shape, done: &AtomicBool) {
    let wait = || {
        while !done.load(Relaxed) {
            thread::yield_now();
        }
    };
    match shape.adversary {
        Adversary::Stalled => subject.join().pinned(&mut |on| {
            on.hold_inside(shape.keys / 2, &mut || wait());
        }),
        Adversary::LongReader => subject.join().pinned(&mut |on| {
            let mut key = 0;
            while !done.load(Relaxed) {
                let _ = on.contains(key % shape.keys);
                key += 1;
            }
        }),
        Adversary::None | Adversary::Churn => {}
    }
}

fn work(subject: &dyn Subject, kind: Kind, shape: Shape, thread: u64, gate: &Gate) -> Log {
    gate.pass_together();
    let life = if shape.adversary == Adversary::Churn { SHORT_LIFE } else { shape.operations };
    let mut log = Log::default();
    let mut from = 0;
    while from < shape.operations {
        let to = (from + life).min(shape.operations);
        let mut live = || live(subject, kind, shape, thread, from..to, &mut log);
        if shape.adversary == Adversary::Churn {
            // A thread of its own, so that what the scheme keeps per thread goes with it.
            thread::scope(|scope| {
                let _ = start(scope, threads_of(shape), || or_abort(&mut live)).join();
            });
        } else {
            live();
        }
        from = to;
    }
    log
}

fn live(
    subject: &dyn Subject,
    kind: Kind,
    shape: Shape,
    thread: u64,
    counts: std::ops::Range<u64>,
    log: &mut Log,
) {
    jitter(shape.seed ^ (thread << 40) ^ counts.start, 24);
    let mut random = XorShift::stream(shape.seed, (thread << 32) | counts.start, 22);
    let worker = subject.join();
    for count in counts {
        let key = random.below(shape.keys);
        let choice = random.below(16);
        worker.pinned(&mut |on| operation(on, kind, (thread, count, key), choice, log));
        if choice == 0 {
            worker.flush();
        }
    }
}

fn operation(
    on: &dyn Operations,
    kind: Kind,
    (thread, count, key): (u64, u64, u64),
    choice: u64,
    log: &mut Log,
) {
    match choice {
        0..7 => {
            let key = if kind == Kind::Map { key } else { value(thread, count) };
            if on.insert(key) {
                log.inserted.push(key);
            }
        }
        7..14 => log.removed.extend(on.remove(key)),
        14 => {
            let _ = on.contains(key);
        }
        _ => on.hold_inside(key, &mut thread::yield_now),
    }
}

/// Each key is there as often as it went in and did not come out, which is never twice.
fn check_map(logs: &[Log], held: &[u64]) -> Result<()> {
    let mut keys: Vec<u64> = logs.iter().flat_map(|log| log.inserted.iter().copied()).collect();
    keys.extend_from_slice(held);
    keys.extend(logs.iter().flat_map(|log| log.removed.iter().copied()));
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let count = |of: &[u64]| of.iter().filter(|k| **k == key).count();
        let inserted: usize = logs.iter().map(|log| count(&log.inserted)).sum();
        let removed: usize = logs.iter().map(|log| count(&log.removed)).sum();
        let present = count(held);
        ensure!(
            present <= 1 && inserted == removed + present,
            "key {key}: {inserted} times inserted, {removed} times removed, and there {present} times"
        );
    }
    Ok(())
}

/// Each value that went in comes out once or is there, and a queue keeps the order of a producer.
fn check_values(kind: Kind, logs: &[Log], held: Vec<u64>) -> Result<()> {
    let mut out: Vec<Vec<u64>> = logs.iter().map(|log| log.removed.clone()).collect();
    out.push(held);
    if kind == Kind::Queue {
        for consumer in &out {
            for (at, later) in consumer.iter().enumerate() {
                let overtaken = consumer[at + 1..]
                    .iter()
                    .find(|value| *value >> 32 == later >> 32 && *value < later);
                // Linear in what follows; runs are short.
                ensure!(
                    overtaken.is_none(),
                    "{later:#x} came out before {:#x}, which the same thread put in first",
                    overtaken.unwrap_or(&0)
                );
            }
        }
    }
    let mut out = out.concat();
    let mut inn: Vec<u64> = logs.iter().flat_map(|log| log.inserted.iter().copied()).collect();
    out.sort_unstable();
    inn.sort_unstable();
    let twice = out.windows(2).find(|pair| pair[0] == pair[1]);
    ensure!(twice.is_none(), "{:#x} came out twice", twice.map_or(0, |pair| pair[0]));
    ensure!(out == inn, "{} values went in, {} came out or are there", inn.len(), out.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(inserted: &[u64], removed: &[u64]) -> Log {
        Log { inserted: inserted.to_vec(), removed: removed.to_vec() }
    }

    #[test]
    fn keys_and_values_must_add_up() {
        assert!(check_map(&[log(&[1, 2], &[2]), log(&[2], &[])], &[1, 2]).is_ok());
        assert!(check_map(&[log(&[1], &[])], &[]).is_err(), "lost");
        assert!(check_map(&[log(&[1], &[1])], &[1]).is_err(), "came back");
        assert!(check_map(&[log(&[1, 1], &[])], &[1, 1]).is_err(), "twice");
        let values = |removed: &[u64], held: &[u64]| {
            check_values(Kind::Queue, &[log(&[1, 2, 3], removed)], held.to_vec())
        };
        assert!(values(&[1, 2], &[3]).is_ok());
        assert!(values(&[2, 1], &[3]).is_err(), "out of order");
        assert!(values(&[1, 2, 2], &[3]).is_err(), "twice");
        assert!(values(&[1, 2], &[]).is_err(), "lost");
    }
}
