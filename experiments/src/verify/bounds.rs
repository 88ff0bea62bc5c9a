//! What a scheme declares about its garbage, held against adversaries.
//!
//! Where it declares a bound, no sample may pass it. Where it declares its garbage unbounded, a stalled
//! thread must really hold back what is retired, or this check would see nothing at all.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kovan_schemes::{BoundInput, Totals};
use kovan_structures::Kind;

use super::budget::{Budget, Failure, or_abort};
use super::subject::{Operations, Pair, Subject};
use crate::rng::XorShift;

/// What is in the way of reclamation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adversary {
    /// Stopped inside a guard in mid-structure, with all protections set.
    Stalled,
    /// One guard, and look-ups without an end.
    LongReader,
    /// Workers leave after a few dozen operations, and others come.
    Churn,
    /// More workers than processors.
    Oversubscription,
}

const ALL: [Adversary; 4] =
    [Adversary::Stalled, Adversary::LongReader, Adversary::Churn, Adversary::Oversubscription];
const KEYS: u64 = 48;
/// Operations of a worker that soon leaves.
const SHORT_LIFE: u64 = 50;
/// What is retired at least under a stall before anything is said about its share.
const ENOUGH: u64 = 3000;
/// A run goes on so many times its share of the time if it could not have failed yet.
const EXTENSION: u32 = 4;

/// The extremes of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Largest sample of unreclaimed nodes.
    peak: u64,
    /// Largest sample of live nodes.
    live: u64,
    /// Retired since the adversary was there.
    retired: u64,
    /// Of those, unreclaimed at the end, adversary still there.
    kept: u64,
}

/// Runs the check.
pub(super) fn check(pair: &Pair, budget: &Budget) -> Result<String, Failure> {
    let mut text = Vec::new();
    let slice = Budget { length: Duration::ZERO, ..*budget };
    for (at, adversary) in ALL.into_iter().enumerate() {
        slice.rounds(|seed| {
            text.extend(hold(pair, adversary, seed.wrapping_add(at as u64), budget.length / 4)?);
            Ok(())
        })?;
    }
    Ok(text.join("; "))
}

fn hold(pair: &Pair, adversary: Adversary, seed: u64, length: Duration) -> Result<Option<String>> {
    let robust = pair.scheme.robust;
    let claimed = match adversary {
        Adversary::Stalled => robust.stalled,
        Adversary::LongReader => robust.long_reader,
        // Nobody stays in a guard, so what bounds a stall bounds this.
        Adversary::Churn | Adversary::Oversubscription => robust.stalled,
    };
    if !claimed && adversary != Adversary::Stalled {
        return Ok(None);
    }
    let workers = if adversary == Adversary::Oversubscription { 8 } else { 2 };
    let held = matches!(adversary, Adversary::Stalled | Adversary::LongReader);
    let bound = |live| {
        let shields = pair.structure.shields;
        let input =
            BoundInput { threads: workers, stalled: u64::from(held), shields, live_at_stall: live };
        pair.bound(&input)
    };
    let subject = pair.make(32);
    let enough = |seen: &Seen| match bound(seen.live) {
        Some(bound) if claimed => seen.retired > 2 * bound,
        _ => seen.retired >= ENOUGH,
    };
    let seen = run(&*subject, pair.structure.kind, adversary, workers, seed, length, enough);
    super::conservation::check_end(pair, subject)?;
    let Seen { peak, live, retired, kept } = seen;
    if !claimed {
        ensure!(retired >= ENOUGH, "only {retired} nodes were retired under a stall");
        ensure!(
            kept >= retired / 10 * 9 || !pair.scheme.bound.starts_with("unbounded"),
            "vacuous: garbage is declared unbounded, but of {retired} nodes retired under a stall only {kept} were kept"
        );
        return Ok(Some(format!("stalled: {kept} of {retired} kept")));
    }
    let Some(bound) = bound(live) else {
        anyhow::bail!("{adversary:?}: robustness is claimed, but no bound is declared");
    };
    ensure!(
        peak <= bound,
        "{adversary:?}: {peak} nodes unreclaimed, the declared bound is {bound}"
    );
    let shown = if retired > bound { "" } else { ", not reached" };
    Ok(Some(format!("{adversary:?}: {peak} of {bound} ({retired} retired{shown})")))
}

/// Runs workers against an adversary and samples the counters.
fn run(
    subject: &dyn Subject,
    kind: Kind,
    adversary: Adversary,
    workers: u64,
    seed: u64,
    length: Duration,
    enough: impl Fn(&Seen) -> bool,
) -> Seen {
    let (stop, leave, there) =
        (&AtomicBool::new(false), &AtomicBool::new(false), &AtomicBool::new(false));
    fill(subject);
    thread::scope(|scope| {
        let held = matches!(adversary, Adversary::Stalled | Adversary::LongReader);
        if held {
            scope.spawn(move || or_abort(|| stay(subject, adversary, there, leave)));
            wait_for(there);
        }
        let before = subject.totals();
        let threads: Vec<_> = (0..workers)
            .map(|thread| {
                scope.spawn(move || {
                    or_abort(|| work(subject, kind, adversary, (seed, thread), stop));
                })
            })
            .collect();
        let seen = sample(subject, before, length, enough);
        stop.store(true, Relaxed);
        for thread in threads {
            let _ = thread.join();
        }
        // The adversary leaves last: until here it held what it holds.
        leave.store(true, Relaxed);
        seen
    })
}

fn sample(
    subject: &dyn Subject,
    before: Totals,
    length: Duration,
    enough: impl Fn(&Seen) -> bool,
) -> Seen {
    let began = Instant::now();
    let mut seen = Seen::default();
    loop {
        let now = subject.totals();
        seen.peak = seen.peak.max(now.unreclaimed());
        seen.live = seen.live.max(now.live());
        seen.retired = now.retired - before.retired;
        seen.kept = now.unreclaimed().saturating_sub(before.unreclaimed());
        let over = began.elapsed();
        if over >= length
            && (enough(&seen) || over >= length * EXTENSION + Duration::from_millis(100))
        {
            return seen;
        }
        thread::sleep(Duration::from_micros(300));
    }
}

fn fill(subject: &dyn Subject) {
    let worker = subject.join();
    for key in 0..KEYS / 2 {
        worker.pinned(&mut |on| {
            let _ = on.insert(key * 2);
        });
    }
}

fn wait_for(flag: &AtomicBool) {
    while !flag.load(Relaxed) {
        thread::sleep(Duration::from_micros(100));
    }
}

fn stay(subject: &dyn Subject, adversary: Adversary, there: &AtomicBool, leave: &AtomicBool) {
    subject.join().pinned(&mut |on| match adversary {
        Adversary::Stalled => on.hold_inside(KEYS / 2, &mut || {
            there.store(true, Relaxed);
            wait_for(leave);
        }),
        _ => {
            let mut key = 0;
            while !leave.load(Relaxed) {
                let _ = on.contains(key % KEYS);
                there.store(true, Relaxed);
                key += 1;
            }
        }
    });
}

fn work(
    subject: &dyn Subject,
    kind: Kind,
    adversary: Adversary,
    (seed, thread): (u64, u64),
    stop: &AtomicBool,
) {
    let life = if adversary == Adversary::Churn { SHORT_LIFE } else { u64::MAX };
    let mut random = XorShift::stream(seed, thread, 51);
    while !stop.load(Relaxed) {
        let random = &mut random;
        let live = move || {
            let worker = subject.join();
            for count in 0..life {
                if stop.load(Relaxed) {
                    return;
                }
                let key = random.below(KEYS);
                // A stack and a queue stay short: in and out by turns.
                let insert = if kind == Kind::Map { random.below(2) == 0 } else { count % 2 == 0 };
                worker.pinned(&mut |on| update(on, insert, key));
            }
        };
        if adversary == Adversary::Churn {
            thread::scope(|scope| drop(scope.spawn(|| or_abort(live)).join()));
        } else {
            let mut live = live;
            live();
        }
    }
}

fn update(on: &dyn Operations, insert: bool, key: u64) {
    if insert {
        let _ = on.insert(key);
    } else {
        let _ = on.remove(key);
    }
}
