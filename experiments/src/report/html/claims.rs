//! The claims of the spec, with what papers have and what was measured.

use super::markup::{Table, paragraph, text};
use super::{Draft, Reported};
use crate::claims::{Outcome, Verdict};
use crate::report::claims::{HEADER, NUMBERS, counts, notes, rows};

/// Adds the section. A spec without claims has one that says so.
pub(super) fn section(draft: &mut Draft, folder: &Reported<'_>, level: usize, anchor: &str) {
    draft.section(level, anchor, "Claims");
    if folder.outcomes.is_empty() {
        draft.html.push_str(&paragraph("The experiment makes no claims."));
        return draft.end();
    }
    draft.html.push_str(&paragraph(&format!("The verdicts {}.", counts(folder.outcomes))));
    for outcome in folder.outcomes {
        draft.html.push_str(&claim(outcome, level + 1));
    }
    draft.html.push_str(&paragraph(
        "A claim is reproduced only if all of the 95 % interval is allowed, and refuted only if nothing of it is. \
         The interval is that of the median of the blocks, by the sign test, unless it is marked otherwise.",
    ));
    draft.end();
}

/// Returns the class that a verdict has in the style.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "good",
        Verdict::Refuted => "broken",
        Verdict::NotResolved => "open",
        Verdict::NotTestable => "absent",
    }
}

fn claim(outcome: &Outcome, level: usize) -> String {
    let Outcome { claim, verdict, .. } = outcome;
    let rows = rows(outcome);
    let mut html = format!(
        "<div class=\"claim\">\n<h{level}>{}: {} <span class=\"badge {}\">{}</span></h{level}>\n\
         <p>In the paper: {} ({}).</p>\n",
        text(&claim.id),
        text(&claim.says),
        class(*verdict),
        verdict.name(),
        text(&claim.paper),
        text(&claim.place)
    );
    let caption = format!("what was measured for {}", claim.id);
    // The heading has the name already.
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row[1..].to_vec()).collect();
    let numbers = NUMBERS.map(|column| column - 1);
    let table = Table { caption: &caption, header: &HEADER[1..], rows: &rows, numbers: &numbers };
    let last = HEADER.len() - 2;
    html.push_str(&table.marked(|row, column| {
        let is_refuted = rows[row][last] == Verdict::Refuted.name();
        if column == last && is_refuted { "broken" } else { "" }
    }));
    let notes = notes(std::slice::from_ref(outcome));
    if !notes.is_empty() {
        html.push_str("<ul class=\"notes\">\n");
        notes.iter().for_each(|note| html.push_str(&format!("<li>{}</li>\n", text(note))));
        html.push_str("</ul>\n");
    }
    html + "</div>\n"
}
