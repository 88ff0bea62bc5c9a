//! The table of what was measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use kovan_lab_base::data::{AXES, Metrics};
use kovan_lab_base::support::numbers::{count, median};
use kovan_lab_base::support::table::render;

use crate::results::{Sample, Status};

/// Columns that every table has: axes in this order, of which the scheme is ordered as in the registry.
const ALWAYS: [&str; 5] = ["structure", "workload", "scheme", "threads", "stalled"];
/// Columns of what was measured.
const MEASURED: [&str; 7] =
    ["ok", "Mops/s", "range", "peak unreclaimed", "bound", "within", "RSS MiB"];
/// The column that is there where a row is of the method `strict`.
const BY_OPERATION: &str = "by operation";
/// Columns of texts.
const TEXTS: [&str; 9] = [
    "structure",
    "workload",
    "scheme",
    "adversary",
    "allocator",
    "placement",
    "parameters",
    "method",
    "within",
];
/// Columns that are left out where the terminal is too narrow, in this order.
const SPARE: [&str; 3] = ["range", "RSS MiB", "within"];

/// One row per scheme and setting over the repeats: median and range of throughput, worst memory. Axes that
/// differ between rows are columns. Refused pairs, of which nothing is measured, are lines below. No line of the
/// table has more than `width` columns, as long as leaving out the spare ones is enough for that.
pub(crate) fn summary(samples: &[Sample], width: Option<usize>) -> String {
    let (table, notes) = table(samples);
    table.fit(width.unwrap_or(usize::MAX)) + &notes
}

/// Returns the table with all of its columns, and the lines below it.
pub(super) fn table(samples: &[Sample]) -> (Table, String) {
    let axes = columns(samples);
    let order: Vec<&str> = kovan_schemes::registry::all().iter().map(|facts| facts.name).collect();
    let rank = |scheme: &str| order.iter().position(|name| *name == scheme).unwrap_or(order.len());
    let mut groups: BTreeMap<_, Vec<&Sample>> = BTreeMap::new();
    let mut refused: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for row in samples {
        if row.status == Status::Refused {
            let scheme = (rank(&row.id.scheme), row.id.scheme.as_str());
            let pair = (row.id.structure.as_str(), row.error.as_str());
            refused.entry(pair).or_default().insert(scheme);
            continue;
        }
        let value = |axis: &&str| {
            let value = row.id.get(axis);
            (if *axis == "scheme" { rank(&row.id.scheme) } else { 0 }, value)
        };
        groups.entry(axes.iter().map(value).collect::<Vec<_>>()).or_default().push(row);
    }
    let (mut rows, mut disturbed) = (Vec::new(), Vec::new());
    for (point, all) in groups {
        disturbed.push(all.iter().filter(|row| row.is_disturbed()).count());
        let texts = point.into_iter().map(|(_, value)| value.map(|value| value.text));
        let mut cells: Vec<String> = texts.map(Option::unwrap_or_default).collect();
        cells.extend(numbers(&all));
        rows.push(cells);
    }
    let fixed = axes.len();
    let mut header: Vec<&str> = axes.into_iter().chain(MEASURED).collect();
    let is_strict = samples.iter().any(|row| row.id.is_strict());
    if is_strict {
        header.push(BY_OPERATION);
    } else {
        rows.iter_mut().for_each(|cells| cells.truncate(header.len()));
    }
    let mut notes = String::new();
    if is_strict {
        let _ = writeln!(
            notes,
            "method strict: as published harnesses measure; Mops/s is the best of the repeats, and \
             `{BY_OPERATION}` a worker's own unreclaimed nodes, mean over operations"
        );
    }
    notes.push_str(&refusals(refused));
    (Table { header, fixed, rows, disturbed }, notes)
}

/// The axes that are columns.
fn columns(samples: &[Sample]) -> Vec<&'static str> {
    let differs = |axis: &str| {
        let mut values = samples.iter().map(|row| row.id.get(axis));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let others = AXES.iter().map(|info| info.name).filter(|name| !ALWAYS.contains(name));
    // The number of the adversary's threads says whether there is one.
    let others = others.filter(|name| differs(name) && (*name != "adversary" || several(samples)));
    ALWAYS.into_iter().chain(others).collect()
}

/// Returns whether there is more than one adversary.
fn several(samples: &[Sample]) -> bool {
    let names: BTreeSet<&str> = samples.iter().map(|row| row.id.adversary.as_str()).collect();
    names.iter().filter(|name| **name != "none").count() > 1
}

/// A line for each structure and reason.
fn refusals(refused: BTreeMap<(&str, &str), BTreeSet<(usize, &str)>>) -> String {
    let matrix = kovan_structures::registry::matrix();
    let mut unsound: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut text = String::new();
    for ((structure, reason), schemes) in refused {
        for (_, scheme) in schemes {
            let is_unsound = matrix
                .iter()
                .any(|pair| pair.scheme == scheme && pair.structure == structure && !pair.allowed);
            if is_unsound {
                unsound.entry(structure).or_default().push(scheme);
            } else {
                let _ = writeln!(text, "{scheme} {structure} was not run: {reason}");
            }
        }
    }
    for (structure, schemes) in unsound {
        let _ = writeln!(
            text,
            "{structure} is unsound under {}, so it was not run; `kovan-lab list matrix` says why",
            schemes.join(", ")
        );
    }
    text
}

/// A table that can be made narrower.
pub(super) struct Table {
    pub(super) header: Vec<&'static str>,
    /// Columns at the left that say where a row is measured. Where all rows have the same, a line above can say
    /// it.
    fixed: usize,
    pub(super) rows: Vec<Vec<String>>,
    /// For each row how many of its repeats other programs disturbed.
    pub(super) disturbed: Vec<usize>,
}

impl Table {
    fn text(&self) -> String {
        render(&self.header, &self.rows, &self.numbers())
    }

    /// Returns the columns of numbers.
    pub(super) fn numbers(&self) -> Vec<usize> {
        (0..self.header.len()).filter(|at| !TEXTS.contains(&self.header[*at])).collect()
    }

    fn is_wider(&self, width: usize) -> bool {
        self.text().lines().any(|line| line.chars().count() > width)
    }

    /// The table in so many columns, and what was done for that.
    fn fit(mut self, width: usize) -> String {
        if !self.is_wider(width) {
            return self.text();
        }
        if let Some(name) = self.header.iter_mut().find(|name| **name == "peak unreclaimed") {
            *name = "peak";
        }
        let mut same = Vec::new();
        let settings: Vec<_> = self.header[..self.fixed].to_vec();
        for name in settings.into_iter().filter(|name| *name != "scheme") {
            if self.is_wider(width)
                && let Some(value) = self.only_value(name)
            {
                self.remove(name);
                same.push(format!("{name} {value}"));
            }
        }
        let mut left_out = Vec::new();
        for name in SPARE {
            if self.is_wider(width) {
                self.remove(name);
                left_out.push(name);
            }
        }
        let mut text = String::new();
        if !same.is_empty() {
            text.push_str(&format!("all rows: {}\n\n", same.join(", ")));
        }
        text.push_str(&self.text());
        text.push_str("peak: of unreclaimed nodes\n");
        if !left_out.is_empty() {
            let left_out = left_out.join(", ");
            text.push_str(&format!("not shown in {width} columns: {left_out} (see samples.csv)\n"));
        }
        text
    }

    /// The value that all rows have in a column.
    fn only_value(&self, name: &str) -> Option<String> {
        let at = self.header.iter().position(|header| *header == name)?;
        let first = &self.rows.first()?[at];
        self.rows.iter().all(|row| row[at] == *first).then(|| first.clone())
    }

    fn remove(&mut self, name: &str) {
        if let Some(at) = self.header.iter().position(|header| *header == name) {
            self.header.remove(at);
            self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }
}

/// The measured columns of a group of repeats.
fn numbers(all: &[&Sample]) -> Vec<String> {
    let ok: Vec<&Metrics> = all.iter().filter(|row| row.is_ok()).map(|row| &row.metrics).collect();
    let mut rates: Vec<u64> = ok.iter().filter_map(|of| of.ops_per_second).collect();
    let peak = ok.iter().filter_map(|of| of.unreclaimed_peak).max();
    let bound = ok.iter().filter_map(|of| of.unreclaimed_bound).min();
    let memory = ok.iter().filter_map(|of| of.rss_peak_bytes).max();
    let within = match bound {
        // Each row against its own bound.
        Some(_) if ok.iter().any(|of| of.breaks_bound()) => "NO",
        Some(_) => "yes",
        None => "-",
    };
    let dash = || "-".to_string();
    let none = || if ok.is_empty() { dash() } else { "none".to_string() };
    let is_best = all.iter().any(|row| row.id.is_strict());
    let middle = if is_best { rates.iter().copied().max() } else { median(&mut rates) };
    rates.sort_unstable();
    let own: Vec<f64> = ok.iter().filter_map(|of| of.unreclaimed_by_operation).collect();
    let own = kovan_harness::stats::location::median(&own);
    let range = rates.first().zip(rates.last()).filter(|_| rates.len() > 1);
    vec![
        format!("{}/{}", ok.len(), all.len()),
        middle.map_or_else(dash, millions),
        range.map_or_else(dash, |(low, high)| format!("{}-{}", millions(*low), millions(*high))),
        peak.map_or_else(dash, count),
        bound.map_or_else(none, count),
        within.to_string(),
        memory.map_or_else(dash, |bytes| (bytes >> 20).to_string()),
        own.map_or_else(dash, |own| format!("{own:.1}")),
    ]
}

#[allow(clippy::cast_precision_loss)] // For people; four digits are shown.
fn millions(number: u64) -> String {
    format!("{:.2}", number as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::parse_samples;

    fn sample(scheme: &str, repeat: u32, status: Status) -> Sample {
        let text = format!(
            "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,error,\
             ops,ops_per_second,unreclaimed_peak,unreclaimed_bound,rss_peak_bytes\n\
             x,{scheme},hash-map,w,none,2,0,mimalloc,{repeat},1,ok,,9,{repeat}000000,70,{},1048576\n",
            60 + 10 * repeat
        );
        Sample { status, ..parse_samples(&text).remove(0) }
    }

    fn with_peak(row: Sample, peak: u64) -> Sample {
        let metrics = Metrics { unreclaimed_peak: Some(peak), ..row.metrics };
        Sample { metrics, ..row }
    }

    #[test]
    fn rows_have_the_range_and_their_own_bounds() {
        let ok = |repeat| sample("ibr", repeat, Status::Ok);
        let row = |samples: &[Sample]| {
            let text = summary(samples, None);
            let row = text.lines().nth(2).unwrap_or_default();
            row.split_whitespace().map(str::to_string).collect::<Vec<_>>()
        };
        let of = ["hash-map", "w", "ibr", "2", "0"];
        assert_eq!(row(&[ok(1), ok(4)])[..5], of);
        assert_eq!(row(&[ok(1), ok(4)])[5..], ["2/2", "2.50", "1.00-4.00", "70", "70", "yes", "1"]);
        let broken = with_peak(ok(4), 101);
        assert_eq!(
            row(&[ok(1), broken])[5..],
            ["2/2", "2.50", "1.00-4.00", "101", "70", "NO", "1"]
        );
        // The peak of a repeat with a higher bound breaks nothing.
        let high = with_peak(ok(4), 100);
        assert_eq!(row(&[ok(1), high])[10], "yes");
        let failed = sample("ibr", 2, Status::Error);
        assert_eq!(row(&[failed])[5..], ["0/1", "-", "-", "-", "-", "-", "-"]);
    }

    #[test]
    fn the_strict_method_has_its_best_repeat_and_what_operations_saw() {
        let of = |method: &'static str| {
            (1..=3).map(move |repeat| {
                let mut row = sample("ibr", repeat * 2, Status::Ok);
                row.id.method = method.into();
                let seen = (method == "strict").then(|| f64::from(repeat));
                row.metrics.unreclaimed_by_operation = seen;
                row
            })
        };
        let text = summary(&of("sound").chain(of("strict")).collect::<Vec<_>>(), None);
        let row = |method: &str| {
            let line = text.lines().find(|line| line.contains(&format!(" {method} ")));
            let line = line.unwrap_or_default().split_whitespace();
            line.map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(row("sound")[5..9], ["sound", "3/3", "4.00", "2.00-6.00"], "{text}");
        assert_eq!(row("strict")[5..9], ["strict", "3/3", "6.00", "2.00-6.00"], "{text}");
        assert_eq!(row("sound").last().map(String::as_str), Some("-"), "{text}");
        assert_eq!(row("strict").last().map(String::as_str), Some("2.0"), "{text}");
        assert!(text.contains("best of the repeats"), "{text}");
        let sound = summary(&of("sound").collect::<Vec<_>>(), None);
        assert!(!sound.contains("method") && !sound.contains(BY_OPERATION), "{sound}");
    }

    #[test]
    fn refused_pairs_are_one_line_below_the_table() {
        let refused = |scheme: &str, structure: &str| {
            let mut row = sample(scheme, 1, Status::Refused);
            row.id.structure = structure.into();
            Sample { error: "why".into(), ..row }
        };
        let harris = |scheme| refused(scheme, "harris-list");
        let all =
            [harris("ibr"), harris("hazard-pointer"), harris("ibr"), refused("ibr", "ms-queue")];
        let text = summary(&[&all[..], &[sample("epoch", 1, Status::Ok)]].concat(), None);
        let below: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(below.len(), 2, "{text}");
        assert_eq!(below[0], "ibr ms-queue was not run: why");
        assert!(
            below[1].starts_with("harris-list is unsound under hazard-pointer, ibr, so"),
            "{text}"
        );
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns_and_a_line_about_them() {
        let long = |scheme: &str, structure: &str| {
            let mut row = with_peak(sample(scheme, 2, Status::Ok), 1_234_567_890);
            row.id.structure = structure.into();
            row.id.workload = "write-heavy".into();
            row.metrics.unreclaimed_bound = Some(12_345_678);
            row
        };
        let two = [long("hazard-pointer", "natarajan-mittal-tree"), long("ibr", "hash-map")];
        let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let full = summary(&two, None);
        assert!(widest(&full) > 110 && full.contains("peak unreclaimed"), "{full}");
        assert_eq!(summary(&two, Some(widest(&full))), full, "as wide as it needs");
        for width in [110, 100] {
            let text = summary(&two, Some(width));
            assert!(widest(&text) <= width, "{text}");
            assert!(text.contains("natarajan-mittal-tree") && text.contains("Mops/s"), "{text}");
            assert!(text.contains("all rows: workload write-heavy"), "{text}");
        }
        let narrow = summary(&two, Some(80));
        assert!(narrow.contains("not shown in 80 columns: range, RSS MiB, within"), "{narrow}");
        assert!(widest(&narrow) <= 80, "{narrow}");
        let one = summary(&two[..1], Some(80));
        assert!(one.starts_with("all rows: structure natarajan-mittal-tree, workload"), "{one}");
        assert!(!one.contains("not shown"), "{one}");
    }
}
