//! Measures one cell, in a process of its own: prefill, stall, warm up, measure, stop, verify.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use kovan_schemes::{BoundInput, Domain, Reclaimer};
use kovan_structures::Structure;
use kovan_structures::registry::{DispatchError, Visitor, dispatch};
use serde::{Deserialize, Serialize};

use crate::measure::measure;
use crate::output::one_line;
use crate::plan::Cell;
use crate::process::exit_with_parent;
use crate::rng::Permutation;
use crate::tally::{Tally, check_gone, check_live};
use crate::threads::{RAISE, TooFew, give_up};

/// A line that the child writes to its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub(crate) enum Line {
    /// A point of the time series.
    Point(Point),
    /// The end of a cell.
    Result(Measured),
    /// The pair is unsound.
    Refused {
        /// Why.
        reason: String,
    },
}

/// The counters at a time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Since the window began.
    pub(crate) t_ns: u64,
    /// Nodes retired since the domain began.
    pub(crate) retired: u64,
    /// Nodes freed since the domain began.
    pub(crate) freed: u64,
    /// Resident memory.
    pub(crate) rss_bytes: Option<u64>,
}

/// What a cell measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The check that failed.
    pub(crate) error: Option<String>,
    /// Operations in the window, all workers.
    pub(crate) ops: u64,
    /// Length of the window as measured.
    pub(crate) elapsed_ns: u64,
    /// At the end of the window, threads still stalled.
    pub(crate) retired: u64,
    /// At the end of the window, threads still stalled.
    pub(crate) freed: u64,
    /// Largest sample.
    pub(crate) unreclaimed_peak: u64,
    /// Mean of the samples, rounded.
    pub(crate) unreclaimed_mean: u64,
    /// `retired - freed`.
    pub(crate) unreclaimed_end: u64,
    /// What the scheme declares for this cell.
    pub(crate) unreclaimed_bound: Option<u64>,
    /// Largest sample of resident memory.
    pub(crate) rss_peak_bytes: Option<u64>,
    /// Processor time of the process in the window.
    pub(crate) cpu_ns: Option<u64>,
    /// Periods of the window in which a quota was used up.
    pub(crate) throttled_count: Option<u64>,
    /// Time for which a quota stopped threads in the window, in microseconds.
    pub(crate) throttled_us: Option<u64>,
}

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
        let bound = R::bound(&BoundInput {
            handles: u64::from(cell.threads),
            stalled: u64::from(cell.stalled),
            shields: S::FACTS.shields,
            live: window.live,
            ..BoundInput::default()
        });
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
