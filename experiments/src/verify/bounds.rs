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
/// No adversary stays longer in a round, if it need not: under a stall an unbounded scheme keeps all,
/// and further rounds have other seeds.
const LONGEST: Duration = Duration::from_secs(1);

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

/// What the rounds of one adversary saw, of the one that came nearest to the bound.
#[derive(Clone, Copy, Debug)]
struct Held {
    adversary: Adversary,
    /// `None` where no bound is claimed.
    bound: Option<u64>,
    seen: Seen,
    /// Whether more was retired in a round than the bound allows, so that the round could have failed.
    reached: bool,
}

/// How much longer than its time a check may take, all adversaries together, until enough is retired
/// that it could have failed. A full run goes on for long; a scaled-down one must end.
pub(super) fn patience(length: Duration) -> Duration {
    if length < Duration::from_secs(1) { length * 5 } else { Duration::from_secs(120) }
}

/// Runs the check.
pub(super) fn check(pair: &Pair, budget: &Budget) -> Result<String, Failure> {
    let adversaries =
        || ALL.into_iter().filter(|one| *one == Adversary::Stalled || claims(pair, *one));
    let count = u32::try_from(adversaries().count()).unwrap_or(1);
    let slice = (budget.length / count).min(LONGEST);
    let mut patience = patience(budget.length);
    let mut held: Vec<Held> = Vec::new();
    budget.rounds(|seed| {
        for (at, adversary) in adversaries().enumerate() {
            let began = Instant::now();
            let seed = seed.wrapping_mul(ALL.len() as u64).wrapping_add(at as u64);
            // Once is enough: the rounds after it may be short.
            let reached = held.get(at).is_some_and(|held| held.reached);
            let more = if reached { Duration::ZERO } else { patience };
            let new = hold(pair, adversary, seed, slice, slice + more)?;
            patience = patience.saturating_sub(began.elapsed().saturating_sub(slice));
            match held.get_mut(at) {
                Some(old) => old.add(&new),
                None => held.push(new),
            }
        }
        Ok(())
    })?;
    for held in &held {
        held.count(budget);
    }
    let unreached = held.iter().filter(|held| !held.reached).count();
    budget.counted("unreached", unreached as u64);
    Ok(held.iter().map(Held::text).collect::<Vec<_>>().join("; "))
}

/// Whether garbage is bounded beside this adversary.
fn claims(pair: &Pair, adversary: Adversary) -> bool {
    match adversary {
        Adversary::LongReader => pair.scheme.robust.long_reader,
        // Nobody stays in a guard in the last two, so what bounds a stall bounds them.
        Adversary::Stalled | Adversary::Churn | Adversary::Oversubscription => {
            pair.scheme.robust.stalled
        }
    }
}

impl Held {
    /// The share of the bound that was used, in comparable form.
    fn share(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)] // To compare.
        self.bound.map_or(0.0, |bound| self.seen.peak as f64 / bound as f64)
    }

    fn add(&mut self, new: &Self) {
        let reached = self.reached || new.reached;
        let retired = self.seen.retired.max(new.seen.retired);
        if new.share() > self.share() {
            *self = *new;
        }
        self.reached = reached;
        // Of a stall without a bound, what was kept belongs to what was retired.
        if self.bound.is_some() {
            self.seen.retired = retired;
        }
    }

    fn count(&self, budget: &Budget) {
        let name = format!("{:?}", self.adversary).to_lowercase();
        if let Some(bound) = self.bound {
            budget.counted(&format!("{name}-peak"), self.seen.peak);
            budget.counted(&format!("{name}-bound"), bound);
        }
        budget.counted(&format!("{name}-retired"), self.seen.retired);
    }

    fn text(&self) -> String {
        let Seen { peak, retired, kept, .. } = self.seen;
        let Some(bound) = self.bound else { return format!("stalled: {kept} of {retired} kept") };
        let shown = if self.reached { "" } else { ", not reached" };
        format!("{:?}: {peak} of {bound} ({retired} retired{shown})", self.adversary)
    }
}

/// One round beside one adversary, for `length`, and until enough is retired, but not after `longest`.
fn hold(
    pair: &Pair,
    adversary: Adversary,
    seed: u64,
    length: Duration,
    longest: Duration,
) -> Result<Held> {
    let claimed = claims(pair, adversary);
    let workers = if adversary == Adversary::Oversubscription { 8 } else { 2 };
    let stays = matches!(adversary, Adversary::Stalled | Adversary::LongReader);
    let bound = |live| {
        let shields = pair.structure.shields;
        let stalled = u64::from(stays);
        let input = BoundInput { threads: workers, stalled, shields, live_at_stall: live };
        pair.bound(&input).filter(|_| claimed)
    };
    let subject = pair.make(32);
    let enough = |seen: &Seen| match bound(seen.live) {
        Some(bound) => seen.retired > bound + bound / 2,
        _ => seen.retired >= ENOUGH,
    };
    // Too few under a stall is a failure, so there is time for them even on a busy machine.
    let longest = if claimed { longest } else { longest.max(length + Duration::from_secs(2)) };
    let times = (length, longest);
    let seen = run(&*subject, pair.structure.kind, adversary, workers, seed, times, enough);
    super::conservation::check_end(pair, subject)?;
    let Seen { peak, live, retired, kept } = seen;
    if !claimed {
        ensure!(retired >= ENOUGH, "only {retired} nodes were retired under a stall");
        ensure!(
            kept >= retired / 10 * 9 || !pair.scheme.bound.starts_with("unbounded"),
            "vacuous: garbage is declared unbounded, but of {retired} nodes retired under a stall only {kept} were kept"
        );
        return Ok(Held { adversary, bound: None, seen, reached: true });
    }
    let Some(bound) = bound(live) else {
        anyhow::bail!("{adversary:?}: robustness is claimed, but no bound is declared");
    };
    ensure!(
        peak <= bound,
        "{adversary:?}: {peak} nodes unreclaimed, the declared bound is {bound}"
    );
    Ok(Held { adversary, bound: Some(bound), seen, reached: retired > bound })
}

/// Runs workers against an adversary and samples the counters.
fn run(
    subject: &dyn Subject,
    kind: Kind,
    adversary: Adversary,
    workers: u64,
    seed: u64,
    times: (Duration, Duration),
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
        let seen = sample(subject, before, times, enough);
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
    (length, longest): (Duration, Duration),
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
        if over >= length && (enough(&seen) || over >= longest) {
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
