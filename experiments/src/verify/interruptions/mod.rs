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
mod script;
mod walk;

use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use kovan_schemes::canary::reuse;

use self::coroutines::Crew;
use self::script::{Counts, Script};
use super::budget::{Budget, Failure};
use super::subject::Pair;

/// Scripts of a round, on the same structures and handles.
const SCRIPTS: u64 = 100;

/// Runs the check.
pub(super) fn check(pair: &Pair, budget: &Budget) -> Result<String, Failure> {
    let mut sum = Counts::default();
    budget.rounds(|seed| {
        let Counts { stops, undecided, freed, .. } = round(pair, seed)?;
        sum.scripts += SCRIPTS;
        sum.stops += stops;
        sum.undecided += undecided;
        sum.freed += freed;
        Ok(())
    })?;
    let Counts { scripts, stops, undecided, freed } = sum;
    budget.counted("scripts", scripts);
    budget.counted("stops", stops);
    budget.counted("freed", freed);
    let failure = |message| Err(Failure { seed: budget.seed, message });
    if stops == 0 {
        return failure(format!("vacuous: no operation of {scripts} scripts was interrupted"));
    }
    if undecided > scripts / 10 {
        return failure(format!("{undecided} of {scripts} histories could not be decided"));
    }
    Ok(format!("{scripts} scripts, {stops} interruptions, {freed} nodes freed meanwhile"))
}

fn round(pair: &Pair, seed: u64) -> Result<Counts> {
    reuse(seed.is_multiple_of(2));
    let script = Rc::new(Script::new(pair, seed));
    let mut crew = Crew::new(&script);
    let result = (0..SCRIPTS).try_for_each(|_| script.play(&mut crew));
    drop(crew);
    result?;
    let script = Rc::into_inner(script).context("a coroutine did not end")?;
    let (mut subject, counts) = script.end();
    ensure!(subject.contents().is_empty(), "a structure is not empty after it was emptied");
    super::conservation::check_end(pair, subject)?;
    Ok(counts)
}
