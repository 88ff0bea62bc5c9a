//! What a ledger holds: one row per scheme and per structure, the time in all, and what failed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use kovan_lab_base::support::numbers::{count, sum};
use kovan_lab_base::support::output::replace_file;
use kovan_lab_base::support::table;
use kovan_lab_worker::checks::Check;
use kovan_schemes::Strength as Protection;
use kovan_structures::registry::matrix;

use super::ledger::{Entry, Status, standing_failures};
use super::outcome::{NOT_CAUGHT, again, protection};

/// Seconds that each pair is to have at full strength.
pub(super) const FULL: f64 = 1800.0;
/// Between these lines of a document the summary is written.
const BEGIN: &str =
    "<!-- runs: written by `kovan-lab verify --summary FILE --markdown docs/GATE.md` -->\n";
const END: &str = "<!-- end of runs -->\n";
const HEADER: [&str; 9] =
    ["of", "pairs", "together", "least", "median", "complete", "histories", "rounds", "failed"];

/// A ledger, added up.
pub(super) struct Summary {
    rows: Vec<Vec<String>>,
    /// What is true of all rows.
    lines: Vec<String>,
    /// What failed and has not passed under another commit.
    pub(super) failures: Vec<String>,
}

/// What a pair has.
#[derive(Clone, Debug, Default)]
struct Pair {
    seconds: BTreeMap<Check, f64>,
    histories: u64,
    rounds: u64,
    /// True if a run of `bounds` retired more than the bound everywhere.
    reached: bool,
}

impl Pair {
    fn add(&mut self, entry: &Entry) {
        *self.seconds.entry(entry.check).or_default() += entry.passed();
        self.histories += entry.counts.get("histories").unwrap_or(&0);
        self.rounds += entry.rounds;
        let unreached = entry.counts.get("unreached");
        self.reached |= entry.check == Check::Bounds && unreached == Some(&0);
    }

    /// The time of all checks together.
    fn minutes(&self) -> f64 {
        sum(self.seconds.values().copied()) / 60.0
    }

    /// Returns whether each check has its share of the full time.
    fn complete(&self) -> bool {
        let has = |check: &Check| self.seconds.get(check).unwrap_or(&0.0) + 1e-3;
        Check::OF_PAIRS.iter().all(|check| has(check) >= check.share() * FULL)
    }
}

impl Summary {
    pub(super) fn new(entries: &[Entry]) -> Self {
        // Pairs without a line are there with no time: the least is of all.
        let mut pairs: BTreeMap<(&str, &str), Pair> = matrix()
            .iter()
            .filter(|pair| pair.allowed)
            .map(|pair| ((pair.scheme, pair.structure), Pair::default()))
            .collect();
        let mut gone = 0;
        for entry in entries.iter().filter(|entry| !Check::OF_SCHEMES.contains(&entry.check)) {
            match pairs.get_mut(&(entry.scheme.as_str(), entry.structure.as_str())) {
                Some(pair) => pair.add(entry),
                None => gone += 1,
            }
        }
        let failures = standing_failures(entries);
        let row_of = |name: &str, is: &dyn Fn(&str, &str) -> bool| {
            let of = pairs.iter().filter(|((scheme, structure), _)| is(scheme, structure));
            let failed = failures.keys().filter(|key| is(&key.0, &key.1)).count();
            row(name, &of.map(|(_, pair)| pair).collect::<Vec<_>>(), failed)
        };
        let schemes = kovan_schemes::registry::all();
        let structures = kovan_structures::registry::structures();
        let mut rows = Vec::new();
        rows.extend(schemes.iter().map(|it| row_of(it.name, &|scheme, _| scheme == it.name)));
        rows.extend(structures.iter().map(|it| row_of(it.name, &|_, other| other == it.name)));
        rows.push(row_of("all", &|_, _| true));
        let mut lines = totals(entries);
        let unreached = |pair: &&Pair| pair.seconds.contains_key(&Check::Bounds) && !pair.reached;
        let unreached = pairs.values().filter(unreached).count();
        if unreached > 0 {
            lines.push(format!(
                "In {unreached} pairs no run of `bounds` has retired more than the declared bound yet."
            ));
        }
        if gone > 0 {
            lines.push(format!("{gone} lines are of pairs that are no more; they are in no row."));
        }
        let mut failures: Vec<_> = failures.into_values().map(failure).collect();
        failures.extend(unsound_scripts_pass(entries));
        Self { rows, lines, failures }
    }

    /// For the terminal.
    pub(super) fn text(&self) -> String {
        let table = table::render(&HEADER, &self.rows, &[1, 2, 3, 4, 5, 6, 7, 8]);
        format!("{table}\n{}\n", self.lines.join("\n"))
    }

    fn markdown(&self) -> String {
        let mut text =
            format!("| {} |\n|---|{}\n", HEADER.join(" | "), "---:|".repeat(HEADER.len() - 1));
        for row in &self.rows {
            text.push_str(&table::markdown_line(row));
        }
        let _ = writeln!(text, "\n{}", self.lines.join("\n"));
        for failure in &self.failures {
            let _ = writeln!(text, "\n    {}", failure.replace('\n', "\n    "));
        }
        text
    }

    /// Writes it into a document, between its markers.
    pub(super) fn write_into(&self, path: &Path) -> Result<()> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let parts = text.split_once(BEGIN);
        let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) = parts.with_context(|| {
            let (begin, end) = (BEGIN.trim_end(), END.trim_end());
            format!("{}: needs a line `{begin}`, and a line `{end}` below", path.display())
        })?;
        let new = format!("{before}{BEGIN}{}{END}{after}", self.markdown());
        replace_file(path, new.as_bytes())
    }
}

fn row(name: &str, pairs: &[&Pair], failed: usize) -> Vec<String> {
    let mut minutes: Vec<f64> = pairs.iter().map(|pair| pair.minutes()).collect();
    minutes.sort_by(f64::total_cmp);
    let at = |place: usize| minutes.get(place).copied().unwrap_or_default();
    vec![
        name.into(),
        pairs.len().to_string(),
        format!("{:.1}", sum(minutes.iter().copied())),
        format!("{:.1}", at(0)),
        format!("{:.1}", at(minutes.len().saturating_sub(1) / 2)),
        pairs.iter().filter(|pair| pair.complete()).count().to_string(),
        count(pairs.iter().map(|pair| pair.histories).sum()),
        count(pairs.iter().map(|pair| pair.rounds).sum()),
        failed.to_string(),
    ]
}

/// The time in all, and under which commits and on which processors.
fn totals(entries: &[Entry]) -> Vec<String> {
    let hours = |of: &dyn Fn(&Entry) -> bool| {
        let seconds = entries.iter().filter(|entry| of(entry)).map(Entry::passed);
        sum(seconds) / 3600.0
    };
    // In the order in which they first come.
    let names = |of: fn(&Entry) -> &str| {
        let mut seen = BTreeSet::new();
        entries.iter().map(of).filter(|name| seen.insert(*name)).collect::<Vec<_>>()
    };
    let each = |of: fn(&Entry) -> &str| {
        let one = |name: &&str| format!("`{name}` {:.2} h", hours(&|entry| of(entry) == *name));
        names(of).iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let Some((first, last)) = entries.first().zip(entries.last()) else {
        return vec!["Nothing is recorded yet.".into()];
    };
    let day = |entry: &Entry| entry.date.split('T').next().unwrap_or_default().to_string();
    vec![
        format!(
            "Minutes: of the pairs together, of the pair with the least, and of the median; all checks together. A \
             pair is complete with {:.0}, each check with its share.",
            FULL / 60.0
        ),
        format!(
            "{:.2} hours in {} checks, {} the canary, from {} to {}.",
            hours(&|_| true),
            count(entries.len() as u64),
            if entries.iter().all(|entry| entry.canary) { "with" } else { "without" },
            day(first),
            day(last)
        ),
        format!("Commits: {}.", each(|entry| &entry.commit)),
        format!("Processors: {}.", each(|entry| &entry.processor)),
    ]
}

fn failure(entry: &Entry) -> String {
    let Entry { scheme, structure, check, detail, commit, .. } = entry;
    let seed = entry.failing.unwrap_or(entry.first);
    format!(
        "FAILED {scheme} x {structure}, {}, seed {seed}, commit {commit}, {}: {detail}\n  {}",
        check.name(),
        entry.date,
        again(scheme, structure, *check, seed)
    )
}

/// As in a run without a ledger: the danger must be seen over at least one scheme whose guards protect.
fn unsound_scripts_pass(entries: &[Entry]) -> Option<String> {
    let scripts = entries.iter().filter(|entry| entry.check == Check::Optimistic);
    let weak: Vec<_> =
        scripts.filter(|entry| protection(&entry.scheme) == Some(Protection::Guard)).collect();
    let caught = weak.iter().any(|entry| entry.status == Status::Caught);
    (!weak.is_empty() && !caught).then(|| NOT_CAUGHT.into())
}
