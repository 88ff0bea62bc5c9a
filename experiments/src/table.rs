//! Tables for the terminal.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::records::{Sample, Status};

/// Columns padded to their widest cell; those of `right` are aligned at the right.
pub(crate) fn render(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (column, cell) in cells.enumerate() {
            let padding = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            let (before, after) = if right.contains(&column) {
                (padding, String::new())
            } else {
                (String::new(), padding)
            };
            text.push_str(&format!("{before}{cell}{after}  "));
        }
        format!("{}\n", text.trim_end())
    };
    let mut text = line(&mut header.iter().copied());
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    text.push_str(&line(&mut rule.iter().map(String::as_str)));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// A JSON string without its quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// A number with thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The sum, without the sign that `sum` gives nothing: -0.0.
pub(crate) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// The median; of an even number, the middle between the two in the middle.
pub(crate) fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    let high = *values.get(values.len() / 2)?;
    let low = values[(values.len() - 1) / 2];
    Some(low + (high - low) / 2)
}

/// One row per scheme and setting over the repeats: median and range of throughput, worst memory.
/// Refused pairs, of which nothing is measured, are lines below.
pub(crate) fn summary(samples: &[Sample]) -> String {
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
    let header = [
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
    let mut rows = Vec::new();
    for ((structure, workload, (_, scheme), (threads, stalled)), all) in groups {
        let mut cells = vec![structure.clone(), workload.clone(), scheme.into()];
        cells.extend([threads.to_string(), stalled.to_string()]);
        cells.extend(numbers(&all));
        rows.push(cells);
    }
    let mut text = render(&header, &rows, &[3, 4, 5, 6, 7, 8, 9, 11]);
    for (structure, schemes) in refused {
        let names: Vec<_> = schemes.into_iter().map(|(_, name)| name).collect();
        text.push_str(&format!(
            "{structure} is unsound under {}, so it was not run; `kovan-lab list matrix` says why\n",
            names.join(", ")
        ));
    }
    text
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
    use crate::records::SAMPLES_HEADER;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(median(&mut [3, 1, 2]), Some(2));
        assert_eq!(median(&mut [8, 1, 2, 4]), Some(3));
        assert_eq!(median(&mut [u64::MAX, u64::MAX - 2]), Some(u64::MAX - 1));
        assert_eq!(median(&mut []), None);
    }

    fn sample(scheme: &str, repeat: u32, status: Status) -> Sample {
        let text = format!(
            "{SAMPLES_HEADER}x,{scheme},hash-map,w,none,2,0,mimalloc,{repeat},1,ok,,9,9,{repeat}000000,9,9,70,60,50,{},1048576,,,,\n",
            60 + 10 * repeat
        );
        let row = crate::records::parse(std::path::Path::new("-"), &text).expect("a row").remove(0);
        Sample { status, ..row }
    }

    #[test]
    fn rows_have_the_range_and_their_own_bounds() {
        let ok = |repeat| sample("ibr", repeat, Status::Ok);
        let row = |samples: &[Sample]| {
            let text = summary(samples);
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
        let text = summary(&[&all[..], &[sample("epoch", 1, Status::Ok)]].concat());
        let below = text.lines().last().unwrap_or_default();
        assert!(below.starts_with("hash-map is unsound under hazard-pointer, ibr, so"), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
