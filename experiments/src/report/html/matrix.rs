//! What ran, and how it ended: schemes by structures and workloads.

use std::collections::{BTreeMap, BTreeSet};

use kovan_lab_base::data::{Settings, TrialId};

use super::markup::{paragraph, text};
use super::{Draft, Reported};
use crate::report::spoils;
use crate::results::Status;

/// Counts how the cells of one scheme, structure and workload ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ends {
    ok: usize,
    failed: usize,
    timeout: usize,
    refused: usize,
    disturbed: usize,
    broken: usize,
    /// Planned, and without a row.
    missing: usize,
}

impl Ends {
    /// Returns each count that is not zero in words, with its class in the style.
    fn parts(self) -> Vec<(String, &'static str)> {
        let Self { ok, failed, timeout, refused, disturbed, broken, missing } = self;
        let all = [
            (broken, "bound broken in", "broken"),
            (failed, "failed", "broken"),
            (timeout, "timeout", "broken"),
            (ok, "ok", "good"),
            (disturbed, "disturbed", "doubt"),
            (refused, "refused", "absent"),
            (missing, "not measured", "absent"),
        ];
        let there = all.into_iter().filter(|(count, ..)| *count > 0);
        there
            .map(|(count, name, class)| match name {
                "bound broken in" => (format!("{name} {count}"), class),
                _ => (format!("{count} {name}"), class),
            })
            .collect()
    }
}

/// A structure and a workload.
type Column<'a> = (&'a str, &'a str);

/// The counts of one scheme by structure and workload.
type Row<'a> = BTreeMap<Column<'a>, Ends>;

/// The counts of all schemes.
struct Matrix<'a> {
    /// Each scheme with its parameters, in the order of the registry.
    rows: Vec<(String, Row<'a>)>,
    columns: Vec<Column<'a>>,
}

/// Adds the section.
pub(super) fn section(draft: &mut Draft, folder: &Reported<'_>, level: usize, anchor: &str) {
    draft.section(level, anchor, "What ran");
    let Reported { samples, manifest, .. } = folder;
    let planned = manifest.planned(folder.source);
    let Matrix { rows, columns } = matrix(folder, &planned);
    let caption = "how many cells ended in which way, by scheme, structure and workload";
    draft.html.push_str(&format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table class=\"matrix\">\
         <caption><span>{caption}</span></caption>\n<thead><tr><th scope=\"col\">scheme</th>"
    ));
    for (structure, workload) in &columns {
        let name = format!("{structure}, {workload}");
        draft.html.push_str(&format!("<th scope=\"col\">{}</th>", text(&name)));
    }
    draft.html.push_str("</tr></thead>\n<tbody>\n");
    for (name, ends) in rows {
        draft.html.push_str(&format!("<tr><th scope=\"row\">{}</th>", text(&name)));
        for column in &columns {
            draft.html.push_str("<td>");
            for (words, class) in ends.get(column).copied().unwrap_or_default().parts() {
                draft.html.push_str(&format!("<span class=\"{class}\">{words}</span> "));
            }
            draft.html.push_str("</td>");
        }
        draft.html.push_str("</tr>\n");
    }
    draft.html.push_str("</tbody></table></div>\n");
    draft.html.push_str(&paragraph(
        "A cell of an experiment is one scheme at one value of every axis, once. Cells that are disturbed or have a \
         broken bound are counted among those that are ok, too.",
    ));
    let (lines, _) = spoils(samples, &manifest.machine);
    if !lines.is_empty() {
        draft.html.push_str("<ul class=\"notes\">\n");
        for line in lines {
            let class = if line.starts_with("BROKEN") { " class=\"broken\"" } else { "" };
            draft.html.push_str(&format!("<li{class}>{}</li>\n", text(&line)));
        }
        draft.html.push_str("</ul>\n");
    }
    draft.end();
}

/// Counts how the cells ended that have a row, and those that were planned and have none.
fn matrix<'a>(folder: &'a Reported<'_>, planned: &'a [TrialId]) -> Matrix<'a> {
    let order: Vec<&str> = kovan_schemes::registry::all().iter().map(|facts| facts.name).collect();
    let place = |name: &str| order.iter().position(|known| *known == name).unwrap_or(order.len());
    // Names of schemes that are not in the registry, as in records of older versions, come last.
    let mut rows: BTreeMap<(usize, &str, &Settings), Row<'_>> = BTreeMap::new();
    let mut columns: BTreeSet<Column<'_>> = BTreeSet::new();
    let mut add = |id: &'a TrialId, with: &dyn Fn(&mut Ends)| {
        let column = (id.structure.as_str(), id.workload.as_str());
        columns.insert(column);
        let row = rows.entry((place(&id.scheme), id.scheme.as_str(), &id.parameters)).or_default();
        with(row.entry(column).or_default());
    };
    for row in folder.samples {
        add(&row.id, &|ends| {
            match row.status {
                Status::Ok => ends.ok += 1,
                Status::Error => ends.failed += 1,
                Status::Timeout => ends.timeout += 1,
                Status::Refused => ends.refused += 1,
            }
            if row.is_ok() {
                ends.disturbed += usize::from(row.is_disturbed());
                ends.broken += usize::from(row.metrics.breaks_bound());
            }
        });
    }
    let there: BTreeSet<&TrialId> = folder.samples.iter().map(|row| &row.id).collect();
    for id in planned.iter().filter(|id| !there.contains(id)) {
        add(id, &|ends| ends.missing += 1);
    }
    let named = |((_, scheme, parameters), row): ((_, &str, &Settings), _)| {
        (format!("{scheme} {parameters}").trim_end().to_string(), row)
    };
    Matrix { rows: rows.into_iter().map(named).collect(), columns: columns.into_iter().collect() }
}
