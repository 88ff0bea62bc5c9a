//! The check `canary`: readers under the heaviest reuse, in builds whose nodes notice a late read.
//!
//! Few keys, much retirement, a flush after every few operations, long guards with many operations
//! in them, and pauses inside operations: what is freed too early is freed while it is read. The
//! nodes themselves notice (see [`kovan_schemes::canary`]) and end the process.

use std::thread;

use anyhow::{Result, ensure};
use kovan_harness::random::XorShift;
use kovan_schemes::canary::{jitter, reuse};

use super::budget::{Budget, Failure, Gate, or_abort};
use super::model::query;
use kovan_erased::{ErasedPair, Subject, Worker};
use kovan_lab_base::system::threads::start;
use kovan_structures::Kind;

/// Threads of a round.
const THREADS: u64 = 4;
/// Guards of a thread in a round.
const GUARDS: u64 = 150;

/// Runs the check.
pub(super) fn check(pair: &ErasedPair, budget: &Budget) -> Result<String, Failure> {
    let mut freed = 0;
    let rounds = budget.rounds(|seed| {
        freed += round(pair, seed)?;
        Ok(())
    })?;
    budget.counted("freed", freed);
    Ok(format!("{rounds} runs, {freed} nodes freed meanwhile"))
}

fn round(pair: &ErasedPair, seed: u64) -> Result<u64> {
    // In a quarter of the rounds addresses come back at once: a late read may see the next node then, but
    // an exchange that takes that for the old one is seen.
    reuse(seed.is_multiple_of(4));
    let subject = pair.make(2);
    let keys = 1 + seed % 6;
    let gate = Gate::new(THREADS as usize);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (subject, gate, kind) = (&*subject, &gate, pair.structure.kind);
            let work = move || or_abort(|| work(subject, kind, seed, thread, keys, gate));
            start(scope, THREADS, work);
        }
    });
    let freed = subject.totals().freed;
    ensure!(freed <= subject.totals().retired, "more nodes freed than retired");
    super::conservation::check_end(pair, subject)?;
    Ok(freed)
}

fn work(subject: &dyn Subject, kind: Kind, seed: u64, thread: u64, keys: u64, gate: &Gate) {
    let mut random = XorShift::stream(seed, thread, 41);
    jitter(seed ^ (thread << 48), 8);
    let mut worker = subject.join();
    gate.pass_together();
    for guard in 0..GUARDS {
        // Long guards of one thread, short ones of the others.
        let length = if thread == 0 { 1 + random.below(40) } else { 1 + random.below(3) };
        section(&*worker, kind, &mut random, keys, length);
        if guard % 4 == thread {
            worker.flush();
        }
        if random.below(24) == 0 {
            drop(worker);
            worker = subject.join();
        }
    }
}

fn section(worker: &dyn Worker, kind: Kind, random: &mut XorShift, keys: u64, length: u64) {
    worker.pinned(&mut |on| {
        for _ in 0..length {
            let key = random.below(keys);
            match random.below(14) {
                0..3 => {
                    let _ = on.insert(key);
                }
                3..6 => {
                    let _ = on.remove(key);
                }
                // Stacks and queues stay short, so that both ends are at one node.
                6 if kind != Kind::Map => {
                    let _ = on.remove(key);
                }
                6..8 => {
                    let _ = on.contains(key);
                }
                10 => {
                    let _ = on.query(query(kind, key, random.below(5)));
                }
                11 => {
                    let _ = on.put(key, key);
                }
                // It stands at nodes while others go on.
                13 => {
                    let mut stand = |_| thread::yield_now();
                    if !on.scan(key, 1 + random.below(4), &mut stand) {
                        on.iterate(&mut stand);
                    }
                }
                // Nor must a flush end what this guard protects.
                12 => worker.flush(),
                // The end of a nested guard must not end this one.
                8 => worker.pinned(&mut |nested| {
                    let _ = nested.contains(key);
                }),
                // Holds protections while another operation and other threads go on.
                _ => on.hold_inside(key, &mut || {
                    let _ = on.contains(key);
                    thread::yield_now();
                }),
            }
        }
    });
}
