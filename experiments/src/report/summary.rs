//! The table of what was measured.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::{Sample, Status};
use crate::support::numbers::{count, median};
use crate::support::table::render;

/// The columns of the table.
const HEADER: [&str; 12] = [
    "structure",
    "workload",
    "scheme",
    "threads",
    "stalled",
    "ok",
    "Mops/s",
    "range",
    "peak unreclaimed",
    "bound",
    "within",
    "RSS MiB",
];
/// Columns of numbers.
const NUMBERS: [&str; 9] =
    ["threads", "stalled", "ok", "Mops/s", "range", "peak unreclaimed", "peak", "bound", "RSS MiB"];
/// Columns that say where a row is measured. Where all rows have the same, a line above can say it.
const SETTING: [&str; 4] = ["structure", "workload", "threads", "stalled"];
/// Columns that are left out where the terminal is too narrow, in this order.
const SPARE: [&str; 3] = ["range", "RSS MiB", "within"];

/// One row per scheme and setting over the repeats: median and range of throughput, worst memory.
/// Refused pairs, of which nothing is measured, are lines below. No line of the table has more than
/// `width` columns, as long as leaving out the spare ones is enough for that.
pub(crate) fn summary(samples: &[Sample], width: Option<usize>) -> String {
    let order: Vec<&str> = kovan_schemes::registry::all().iter().map(|facts| facts.name).collect();
    let rank = |scheme: &str| order.iter().position(|name| *name == scheme).unwrap_or(order.len());
    let mut groups: BTreeMap<_, Vec<&Sample>> = BTreeMap::new();
    let mut refused: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for row in samples {
        let scheme = (rank(&row.scheme), row.scheme.as_str());
        if row.status == Status::Refused {
            refused.entry(row.structure.as_str()).or_default().insert(scheme);
        } else {
            let point = (row.threads, row.stalled);
            groups.entry((&row.structure, &row.workload, scheme, point)).or_default().push(row);
        }
    }
    let mut rows = Vec::new();
    for ((structure, workload, (_, scheme), (threads, stalled)), all) in groups {
        let mut cells = vec![structure.clone(), workload.clone(), scheme.into()];
        cells.extend([threads.to_string(), stalled.to_string()]);
        cells.extend(numbers(&all));
        rows.push(cells);
    }
    let table = Table { header: HEADER.to_vec(), rows };
    let mut text = table.fit(width.unwrap_or(usize::MAX));
    for (structure, schemes) in refused {
        let names: Vec<_> = schemes.into_iter().map(|(_, name)| name).collect();
        text.push_str(&format!(
            "{structure} is unsound under {}, so it was not run; `kovan-lab list matrix` says why\n",
            names.join(", ")
        ));
    }
    text
}

/// A table that can be made narrower.
struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn text(&self) -> String {
        let right: Vec<usize> =
            (0..self.header.len()).filter(|at| NUMBERS.contains(&self.header[*at])).collect();
        render(&self.header, &self.rows, &right)
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
        for name in SETTING {
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
    let ok: Vec<&&Sample> = all.iter().filter(|row| row.status == Status::Ok).collect();
    let mut rates: Vec<u64> = ok.iter().filter_map(|row| row.ops_per_second).collect();
    let peak = ok.iter().filter_map(|row| row.unreclaimed_peak).max();
    let bound = ok.iter().filter_map(|row| row.unreclaimed_bound).min();
    let memory = ok.iter().filter_map(|row| row.rss_peak_bytes).max();
    // Each row against its own bound.
    let broken = |row: &&&Sample| {
        row.unreclaimed_peak.zip(row.unreclaimed_bound).is_some_and(|(peak, bound)| peak > bound)
    };
    let within = match bound {
        Some(_) if ok.iter().any(broken) => "NO",
        Some(_) => "yes",
        None => "-",
    };
    let dash = || "-".to_string();
    let none = || if ok.is_empty() { dash() } else { "none".to_string() };
    let middle = median(&mut rates);
    let range = rates.first().zip(rates.last()).filter(|_| rates.len() > 1);
    vec![
        format!("{}/{}", ok.len(), all.len()),
        middle.map_or_else(dash, millions),
        range.map_or_else(dash, |(low, high)| format!("{}-{}", millions(*low), millions(*high))),
        peak.map_or_else(dash, count),
        bound.map_or_else(none, count),
        within.to_string(),
        memory.map_or_else(dash, |bytes| (bytes >> 20).to_string()),
    ]
}

#[allow(clippy::cast_precision_loss)] // For people; four digits are shown.
fn millions(number: u64) -> String {
    format!("{:.2}", number as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::SAMPLES_HEADER;

    fn sample(scheme: &str, repeat: u32, status: Status) -> Sample {
        let text = format!(
            "{SAMPLES_HEADER}x,{scheme},hash-map,w,none,2,0,mimalloc,{repeat},1,ok,,9,9,{repeat}000000,9,9,70,60,50,{},1048576,,,,\n",
            60 + 10 * repeat
        );
        let row = crate::results::parse(std::path::Path::new("-"), &text).expect("a row").remove(0);
        Sample { status, ..row }
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
        let broken = Sample { unreclaimed_peak: Some(101), ..ok(4) };
        assert_eq!(
            row(&[ok(1), broken])[5..],
            ["2/2", "2.50", "1.00-4.00", "101", "70", "NO", "1"]
        );
        // The peak of a repeat with a higher bound breaks nothing.
        let high = Sample { unreclaimed_peak: Some(100), ..ok(4) };
        assert_eq!(row(&[ok(1), high])[10], "yes");
        let failed = sample("ibr", 2, Status::Error);
        assert_eq!(row(&[failed])[5..], ["0/1", "-", "-", "-", "-", "-", "-"]);
    }

    #[test]
    fn refused_pairs_are_one_line_below_the_table() {
        let refused = |scheme| sample(scheme, 1, Status::Refused);
        let all = [refused("ibr"), refused("hazard-pointer"), refused("ibr")];
        let text = summary(&[&all[..], &[sample("epoch", 1, Status::Ok)]].concat(), None);
        let below = text.lines().last().unwrap_or_default();
        assert!(below.starts_with("hash-map is unsound under hazard-pointer, ibr, so"), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns_and_a_line_about_them() {
        let long = |scheme: &str, structure: &str| Sample {
            structure: structure.into(),
            workload: "write-heavy".into(),
            unreclaimed_peak: Some(1_234_567_890),
            unreclaimed_bound: Some(12_345_678),
            ..sample(scheme, 2, Status::Ok)
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
