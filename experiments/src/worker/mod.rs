//! Measures one cell, in a process of its own: prefill, stall, warm up, measure, stop, verify.

pub(crate) mod tally;
mod window;

use std::io::Write;

use anyhow::{Context, Result, ensure};
use kovan_schemes::{BoundInput, Domain, Parameters, Reclaimer};
use kovan_structures::Structure;
use kovan_structures::registry::{DispatchError, Visitor, dispatch};

use self::tally::{Tally, check_gone, check_live};
use self::window::measure;
use crate::data::{Cell, Line};
use crate::support::output::one_line;
use crate::support::rng::Permutation;
use crate::system::threads::{RAISE, TooFew, exit_with_parent, give_up};

/// The child process: measures, and writes lines of JSON to stdout.
pub(crate) fn main(definition: &str) -> Result<()> {
    let cell: Cell = serde_json::from_str(definition).context("not a cell")?;
    exit_with_parent();
    let lines = match dispatch(&cell.scheme, &cell.structure, Measurement { cell: &cell }) {
        Ok(Ok(lines)) => lines,
        Ok(Err(refused)) => give_up(&format!("{refused}: {RAISE}, or run with fewer --threads")),
        Err(DispatchError::Refused { reason }) => vec![Line::Refused { reason }],
        Err(DispatchError::UnknownScheme(name)) => anyhow::bail!("unknown scheme `{name}`"),
        Err(DispatchError::UnknownStructure(name)) => anyhow::bail!("unknown structure `{name}`"),
    };
    let mut text = Vec::new();
    for line in &lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    std::io::stdout().write_all(&text).context("cannot write the result")?;
    Ok(())
}

struct Measurement<'a> {
    cell: &'a Cell,
}

impl Visitor for Measurement<'_> {
    type Output = Result<Vec<Line>, TooFew>;

    fn visit<R: Reclaimer, S: Structure<R>>(self) -> Result<Vec<Line>, TooFew> {
        let cell = self.cell;
        let domain = Domain::<R>::new();
        let meter = domain.meter();
        let mut structure =
            S::new(&domain, usize::try_from(cell.workload.prefill).unwrap_or(1).max(1));
        let mut tally = prefill(&domain, &structure, cell);
        let prefilled = tally;
        let (window, workers) = measure(&domain, &structure, cell)?;
        tally.add(&workers);

        let expected = cell.workload.prefill;
        let verify = || -> Result<()> {
            ensure!(
                prefilled.inserted == expected,
                "prefill: {} of {expected} keys went in",
                prefilled.inserted
            );
            ensure!(
                tally.ops > 0,
                "no operation finished in the window: it is too short, or others keep the processors busy"
            );
            let mut contents = structure.contents();
            tally.check_contents(&S::FACTS.kind, &mut contents)?;
            check_live(&meter.totals(), contents.len() as u64, &S::FACTS.nodes)?;
            drop(structure);
            drop(domain);
            check_gone(&meter.totals(), R::FACTS.frees_on_drop)
        };
        let verified = verify();
        let input = BoundInput {
            handles: u64::from(cell.threads),
            stalled: u64::from(cell.stalled),
            shields: S::FACTS.shields,
            live: window.live,
            ..BoundInput::default()
        };
        let bound = R::bound(&input, &Parameters::default());
        let error = verified.err().map(|error| one_line(&format!("check failed: {error:#}")));
        let mut lines = vec![Line::Result(window.summary(tally.ops, bound, error))];
        if cell.series {
            lines.extend(window.points.into_iter().map(Line::Point));
        }
        Ok(lines)
    }
}

/// Inserts exactly the number of keys, distinct and shuffled.
fn prefill<R: Reclaimer, S: Structure<R>>(domain: &Domain<R>, structure: &S, cell: &Cell) -> Tally {
    let keys = Permutation::new(cell.seed, cell.workload.key_range);
    let mut tally = Tally::default();
    let handle = domain.register();
    for key in (0..cell.workload.prefill).map(|place| keys.at(place)) {
        if structure.insert(&handle.pin(), key) {
            tally.insert(key);
        }
    }
    tally
}
