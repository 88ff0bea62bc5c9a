//! Tables for the terminal.

use std::collections::BTreeSet;

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

/// The median; of an even number, the lower of the two in the middle.
pub(crate) fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// One row per scheme and setting over the repeats: median throughput, worst memory.
pub(crate) fn summary(samples: &[Sample]) -> String {
    let order: Vec<&str> = kovan_schemes::registry::all().iter().map(|facts| facts.name).collect();
    let rank = |scheme: &str| order.iter().position(|name| *name == scheme).unwrap_or(order.len());
    let groups: BTreeSet<_> = samples
        .iter()
        .map(|row| {
            (
                &row.structure,
                &row.workload,
                rank(&row.scheme),
                &row.scheme,
                row.threads,
                row.stalled,
            )
        })
        .collect();
    let header = [
        "structure",
        "workload",
        "scheme",
        "threads",
        "stalled",
        "ok",
        "Mops/s",
        "peak unreclaimed",
        "bound",
        "within",
        "RSS MiB",
    ];
    let mut rows = Vec::new();
    for (structure, workload, _, scheme, threads, stalled) in groups {
        let all: Vec<&Sample> = samples
            .iter()
            .filter(|row| {
                (&row.structure, &row.workload, &row.scheme) == (structure, workload, scheme)
                    && (row.threads, row.stalled) == (threads, stalled)
            })
            .collect();
        let mut cells = vec![
            structure.clone(),
            workload.clone(),
            scheme.clone(),
            threads.to_string(),
            stalled.to_string(),
        ];
        cells.extend(numbers(&all));
        rows.push(cells);
    }
    render(&header, &rows, &[3, 4, 5, 6, 7, 8, 10])
}

/// The measured columns of a group of repeats.
#[allow(clippy::cast_precision_loss)] // For people; four digits are shown.
fn numbers(all: &[&Sample]) -> Vec<String> {
    if let Some(row) = all.iter().find(|row| row.status == Status::Refused) {
        let text = format!("refused: {}", row.error.chars().take(60).collect::<String>());
        return ["-", "-", "-", "-", &text, "-"].map(str::to_string).to_vec();
    }
    let ok: Vec<&&Sample> = all.iter().filter(|row| row.status == Status::Ok).collect();
    let mut rates: Vec<u64> = ok.iter().filter_map(|row| row.ops_per_second).collect();
    let peak = ok.iter().filter_map(|row| row.unreclaimed_peak).max();
    let bound = ok.iter().filter_map(|row| row.unreclaimed_bound).min();
    let memory = ok.iter().filter_map(|row| row.rss_peak_bytes).max();
    let within = match (peak, bound) {
        (Some(peak), Some(bound)) if peak > bound => "NO",
        (Some(_), Some(_)) => "yes",
        _ => "-",
    };
    let dash = || "-".to_string();
    vec![
        format!("{}/{}", ok.len(), all.len()),
        median(&mut rates).map_or_else(dash, |rate| format!("{:.2}", rate as f64 / 1e6)),
        peak.map_or_else(dash, count),
        bound.map_or_else(|| "none".to_string(), count),
        within.to_string(),
        memory.map_or_else(dash, |bytes| (bytes >> 20).to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(median(&mut [3, 1, 2]), Some(2));
        assert_eq!(median(&mut [4, 1, 2, 3]), Some(2));
        assert_eq!(median(&mut []), None);
    }
}
