//! The check `interruptions`: operations that stop at a point inside, for as long as others take that run to
//! their ends or stop in turn. Coroutines of one thread do it all, so that a stop costs no change of
//! threads, needs no luck of the scheduler, and repeats (`docs/GATE.md` says where not).
//!
//! As in PCT (Burckhardt, Kothari, Musuvathi & Nagarakatte, ASPLOS 2010), the first in a random order runs
//! until it ends or stops at a random point; then it gets another place in the order. Addresses of freed
//! nodes come back at once in half of the rounds. Three structures are in one domain, the last of which
//! only moves clocks on and retires much. At some destructors the coroutine does operations by its own
//! handle, as a destructor may. The order of memory is that of one processor; for weaker ones there are
//! models.

mod coroutines;
mod hand;
mod plan;
mod script;

use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use kovan_erased::ErasedPair;
use kovan_schemes::canary::reuse;
use kovan_structures::Kind;

use self::coroutines::Crew;
use self::hand::Hand;
use self::plan::CREW;
use self::script::{KEYS, Script};
use super::budget::{Budget, Failure};
use super::linear::few_are_undecided;
use super::model::Op;

/// Scripts of a round, on the same structures and handles.
const SCRIPTS: u64 = 100;

/// What came of the rounds.
#[derive(Clone, Copy, Default)]
struct Counts {
    scripts: u64,
    /// How often a coroutine stopped.
    stops: u64,
    /// Histories that were not decided.
    undecided: u64,
    /// Nodes that were freed by the ends of the scripts.
    freed: u64,
}

/// Runs the check.
pub(super) fn check(pair: &ErasedPair, budget: &Budget) -> Result<String, Failure> {
    let mut counts = Counts::default();
    budget.rounds(|seed| round(pair, seed, &mut counts))?;
    let Counts { scripts, stops, undecided, freed } = counts;
    budget.counted("scripts", scripts);
    budget.counted("stops", stops);
    budget.counted("freed", freed);
    if stops == 0 {
        let message = format!("vacuous: no operation of {scripts} scripts was interrupted");
        return Err(Failure { seed: budget.seed, message });
    }
    few_are_undecided(budget, undecided, scripts)?;
    Ok(format!("{scripts} scripts, {stops} interruptions, {freed} nodes freed meanwhile"))
}

fn round(pair: &ErasedPair, seed: u64, counts: &mut Counts) -> Result<()> {
    reuse(seed.is_multiple_of(2));
    let script = Rc::new(Script::new(pair, seed));
    let mut crew = Crew::new(&script);
    for _ in 0..SCRIPTS {
        counts.scripts += 1;
        counts.stops += play(&script, &mut crew)?;
    }
    drop(crew);
    let script = Rc::into_inner(script).context("a coroutine did not end")?;
    let (mut subject, undecided) = script.end();
    counts.undecided += undecided;
    counts.freed += subject.totals().freed;
    ensure!(subject.contents().is_empty(), "a structure is not empty after it was emptied");
    super::conservation::check_end(pair, subject)
}

/// Plays a script, from empty structures to empty ones; how often a coroutine stopped.
fn play(script: &Script, crew: &mut Crew) -> Result<u64> {
    let stops = match script.below(8) {
        0 | 1 if script.kind == Kind::Map => {
            // In trees, a path below the greatest key.
            outside(script, |hand| {
                for key in [KEYS - 1, 0, 1, 2, 3, 4] {
                    hand.alone(0, Op::Insert(key));
                }
            });
            crew.play_orders(&script.removals())
        }
        2 | 3 => {
            outside(script, Hand::fill);
            crew.play_orders(&script.crossing())
        }
        _ => {
            script.begin_at_random();
            outside(script, Hand::fill);
            crew.play(script, 2 + script.index(CREW - 1))
        }
    };
    outside(script, Hand::empty);
    script.judge()?;
    Ok(stops)
}

/// Works with a handle that is not there while the coroutines play: one that idles may hold back what they
/// retire.
fn outside<'s>(script: &'s Script, work: impl FnOnce(&Hand<'s>)) {
    work(&Hand::new(script, CREW));
}
