//! What a scheme declares about its garbage, held against adversaries.
//!
//! Where it declares a bound, no sample may pass it. Where it declares its garbage unbounded, a stalled
//! thread must really hold back what is retired, or this check would see nothing at all.

mod adversary;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::budget::{Budget, Failure};
use adversary::{ALL, Adversary, Round, Seen, run};
use kovan_erased::ErasedPair;

/// What is retired at least under a stall before anything is said about its share.
const ENOUGH: u64 = 3000;
/// No adversary stays longer in a round, if it need not: under a stall an unbounded scheme keeps all,
/// and further rounds have other seeds.
const LONGEST: Duration = Duration::from_secs(1);

/// What the rounds of one adversary saw, of the one that came nearest to the bound.
#[derive(Clone, Copy, Debug)]
struct Held {
    adversary: Adversary,
    /// `None` where no bound is claimed.
    bound: Option<u64>,
    seen: Seen,
    /// True if more was retired in a round than the bound allows, so that the round could have failed.
    reached: bool,
}

/// How long a stall without a bound may take until enough is retired.
const BUSY: Duration = Duration::from_secs(2);

/// Returns whether the run goes on until more is retired than the bound allows. The others show in their time
/// that a bound counts handles, and what was live, rather than threads, and what was live at a stall.
fn goes_on(adversary: Adversary) -> bool {
    !matches!(
        adversary,
        Adversary::IdleHandles | Adversary::LooksThenStops | Adversary::GrowsBetweenStalls
    )
}

/// How much longer than its time a check may take, all adversaries together, until enough is retired
/// that it could have failed. A full run goes on for long; a scaled-down one must end.
pub(super) fn patience(length: Duration) -> Duration {
    if length < Duration::from_secs(1) { length * 5 } else { Duration::from_secs(120) }
}

/// Runs the check.
pub(super) fn check(pair: &ErasedPair, budget: &Budget) -> Result<String, Failure> {
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
            let more = if reached || !goes_on(adversary) { Duration::ZERO } else { patience };
            // Too few under a stall without a bound is a failure, so there is time even on a busy machine.
            let least = if claims(pair, adversary) { more } else { more.max(BUSY) };
            let new = hold(pair, Round { adversary, seed, times: (slice, slice + least) })?;
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
    let unreached = held.iter().filter(|held| !held.reached && goes_on(held.adversary)).count();
    budget.counted("unreached", unreached as u64);
    Ok(held.iter().map(Held::text).collect::<Vec<_>>().join("; "))
}

/// Returns whether garbage is bounded beside this adversary.
fn claims(pair: &ErasedPair, adversary: Adversary) -> bool {
    // Of those that do not go on loading, what bounds a stall bounds all.
    let long = adversary == Adversary::LongReader;
    if long { pair.scheme.robust.long_reader } else { pair.scheme.robust.stalled }
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
fn hold(pair: &ErasedPair, round: Round) -> Result<Held> {
    let Round { adversary, .. } = round;
    let claimed = claims(pair, adversary);
    let subject = pair.make(32);
    let bound = |seen: &Seen| pair.bound(&seen.input).filter(|_| claimed);
    let enough = |seen: &Seen| match bound(seen) {
        Some(bound) => seen.retired > bound + bound / 2,
        _ => seen.retired >= ENOUGH,
    };
    let seen = run(pair, &*subject, round, enough);
    super::conservation::check_end(pair, subject)?;
    let Seen { peak, retired, kept, input } = seen;
    if !claimed {
        ensure!(retired >= ENOUGH, "only {retired} nodes were retired under a stall");
        ensure!(
            kept >= retired / 10 * 9 || !pair.scheme.bound.starts_with("unbounded"),
            "vacuous: garbage is declared unbounded, but of {retired} nodes retired under a stall only {kept} were kept"
        );
        return Ok(Held { adversary, bound: None, seen, reached: true });
    }
    let Some(bound) = bound(&seen) else {
        anyhow::bail!("{adversary:?}: robustness is claimed, but no bound is declared");
    };
    ensure!(
        peak <= bound,
        "{adversary:?}: {peak} nodes unreclaimed, the declared bound is {bound} under {input:?}"
    );
    Ok(Held { adversary, bound: Some(bound), seen, reached: retired > bound })
}
