//! The summary as the terminal shows it, and the places of the schemes.

use super::answer::ByMetric;
use super::markup::{Table, paragraph, text};
use super::{Draft, Reported};
use crate::report::{disturbed, rank, summary};

/// Adds the section.
pub(super) fn section(
    draft: &mut Draft,
    folder: &Reported<'_>,
    ranked: &[ByMetric],
    level: usize,
    anchor: &str,
) {
    draft.section(level, anchor, "Tables");
    summarised(draft, folder);
    let mut notes: Vec<String> = Vec::new();
    for (metric, ranking) in ranked {
        let grid = rank::grid(ranking);
        let caption = format!("places by {}", metric.label);
        let table = Table {
            caption: &caption,
            header: grid.header,
            rows: &grid.rows,
            numbers: grid.numbers,
        };
        draft.html.push_str(&table.html());
        for note in rank::notes(ranking).lines() {
            if !notes.iter().any(|known| known == note) {
                notes.push(note.into());
            }
        }
    }
    notes.iter().for_each(|note| draft.html.push_str(&paragraph(note)));
    draft.end();
}

/// Adds the summary with all of its columns. Rows that other programs disturbed are marked.
fn summarised(draft: &mut Draft, folder: &Reported<'_>) {
    let (mut table, notes) = summary::table(folder.samples);
    let mut numbers = table.numbers();
    let within = table.header.iter().position(|name| *name == "within");
    let (header, rows) = (&mut table.header, &mut table.rows);
    if table.disturbed.iter().any(|count| *count > 0) {
        numbers.push(header.len());
        header.push("disturbed");
        for (row, count) in rows.iter_mut().zip(&table.disturbed) {
            row.push(if *count > 0 { count.to_string() } else { "-".into() });
        }
    }
    let html = Table { caption: "what was measured", header, rows, numbers: &numbers };
    draft.html.push_str(&html.marked(|row, column| {
        let is_broken = within.is_some_and(|within| rows[row][within] == "NO");
        match () {
            () if is_broken && within == Some(column) => "broken",
            () if table.disturbed[row] > 0 => "doubt",
            () => "",
        }
    }));
    draft.html.push_str(
        "<p>One row for each scheme and setting: the median throughput over the repeats with its range, the largest \
         peak of unreclaimed nodes with the least declared bound, and whether each repeat kept its own bound.</p>\n",
    );
    notes.lines().for_each(|line| draft.html.push_str(&paragraph(line)));
    if let Some(told) = disturbed::told(folder.samples) {
        draft
            .html
            .push_str(&format!("<p class=\"doubt\">Rows in this colour: {}.</p>\n", text(&told)));
    }
}
