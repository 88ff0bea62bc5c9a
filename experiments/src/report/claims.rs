//! Verdicts on claims as tables, and as a file for those who evaluate an artifact.

use std::collections::BTreeMap;
use std::path::Path;

use kovan_lab_base::support::numbers::readable;
use kovan_lab_base::support::shell::quoted;
use kovan_lab_base::support::table::{markdown_line, render};
use serde_json::{Value, json};

use crate::claims::{Allowed, Ends, Finding, Judged, Outcome, Verdict, blocks_are};
use crate::results::Sample;
use crate::results::manifest::Manifest;

/// The columns of verdicts.
pub(super) const HEADER: [&str; 7] =
    ["claim", "cells", "measured", "95 %", "blocks", "allowed", "verdict"];
/// The columns that are numbers.
pub(super) const NUMBERS: [usize; 3] = [2, 3, 4];

/// The claims in words, the table, and notes.
pub(crate) fn text(outcomes: &[Outcome]) -> String {
    let mut text = String::from("claims\n\n");
    for outcome in outcomes {
        let claim = &outcome.claim;
        text.push_str(&format!(
            "{}  {}\n    paper: {} ({})\n",
            claim.id, claim.says, claim.paper, claim.place
        ));
    }
    let rows: Vec<Vec<String>> = outcomes.iter().flat_map(rows).collect();
    text.push_str(&format!("\n{}", render(&HEADER, &rows, &NUMBERS)));
    let notes = notes(outcomes);
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        text.push_str(&format!("{note}\n"));
    }
    text.push_str(&format!("\n{}\n", counts(outcomes)));
    text
}

/// A row for each part of a claim, and one for all of it where there are several.
pub(super) fn rows(outcome: &Outcome) -> Vec<Vec<String>> {
    let Outcome { claim, allowed, verdict, cases, .. } = outcome;
    let allowed = allowed.text();
    let row = |cells: &str, case: Option<&Judged>, verdict: Verdict| {
        let finding = case.and_then(|case| case.finding.as_ref());
        vec![
            claim.id.clone(),
            cells.to_string(),
            finding.map_or_else(|| "-".into(), |finding| readable(finding.estimate)),
            finding.map_or_else(|| "-".into(), ends),
            case.map_or_else(|| "-".into(), |case| case.blocks.to_string()),
            allowed.clone(),
            verdict.name().into(),
        ]
    };
    match &cases[..] {
        [] => vec![row("-", None, *verdict)],
        [case] => vec![row(&case.name, Some(case), *verdict)],
        _ => {
            let each = cases.iter().map(|case| row(&case.name, Some(case), case.verdict));
            let all = row(&format!("all {}", cases.len()), None, *verdict);
            each.chain([all]).collect()
        }
    }
}

/// The ends of what was measured; those that are no interval are marked.
fn ends(finding: &Finding) -> String {
    let Finding { low, high, ends, .. } = finding;
    let mark = match ends {
        Ends::Interval => "",
        Ends::Spread => " (spread)",
        Ends::Range => " (range)",
    };
    format!("{} to {}{mark}", readable(*low), readable(*high))
}

/// Why verdicts are as they are, the same reason once.
pub(super) fn notes(outcomes: &[Outcome]) -> Vec<String> {
    let mut notes = Vec::new();
    for outcome in outcomes {
        let id = &outcome.claim.id;
        if !outcome.why.is_empty() {
            notes.push(format!("{id}: {}", outcome.why));
        }
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for case in outcome.cases.iter().filter(|case| !case.why.is_empty()) {
            reasons.entry(&case.why).or_default().push(&case.name);
        }
        for (why, cells) in reasons {
            let more = cells.len().saturating_sub(1);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let place = if outcome.cases.len() > 1 {
                format!(", {}{more}", cells[0])
            } else {
                String::new()
            };
            notes.push(format!("{id}{place}: {why}"));
        }
        let disturbed: usize = outcome.cases.iter().map(|case| case.disturbed).sum();
        if disturbed > 0 {
            notes.push(format!(
                "{id}: {} left out, since other programs disturbed a row; `resume` with --redo \
                 disturbed measures again",
                blocks_are(disturbed)
            ));
        }
    }
    notes
}

pub(crate) fn counts(outcomes: &[Outcome]) -> String {
    let of = |verdict: Verdict| {
        let count = outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
        format!("{count} {}", verdict.name())
    };
    let all = [Verdict::Reproduced, Verdict::Refuted, Verdict::NotResolved, Verdict::NotTestable];
    format!("of {} claims: {}", outcomes.len(), all.map(of).join(", "))
}

/// The table in Markdown, with notes below.
pub(crate) fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| claim | in words | paper | where | cells | measured | 95 % | blocks | allowed | verdict |\n\
         |---|---|---|---|---|--:|--:|--:|---|---|\n",
    );
    for outcome in outcomes {
        let claim = &outcome.claim;
        for (place, row) in rows(outcome).into_iter().enumerate() {
            // The words once.
            let words = if place == 0 {
                [claim.says.clone(), claim.paper.clone(), claim.place.clone()]
            } else {
                [const { String::new() }; 3]
            };
            text.push_str(&markdown_line(&[&row[..1], &words, &row[1..]].concat()));
        }
    }
    text.push('\n');
    for note in notes(outcomes) {
        text.push_str(&format!("- {note}\n"));
    }
    text.push_str(&format!("\n{}\n", counts(outcomes)));
    text
}

/// All of it as an array of objects.
pub(crate) fn json(outcomes: &[Outcome]) -> Value {
    let number = |number: f64| if number.abs() > 1e300 { json!("infinite") } else { json!(number) };
    let case = |case: &Judged| {
        json!({
            "cells": case.name,
            "measured": case.finding.map(|of| number(of.estimate)),
            "low": case.finding.map(|of| number(of.low)),
            "high": case.finding.map(|of| number(of.high)),
            "ends": case.finding.map(|of| of.ends),
            "blocks": case.blocks,
            "disturbed_blocks": case.disturbed,
            "verdict": case.verdict,
            "why": case.why,
        })
    };
    let outcome = |outcome: &Outcome| {
        let Outcome { claim, allowed: Allowed { least, most, .. }, verdict, why, .. } = outcome;
        json!({
            "id": claim.id,
            "says": claim.says,
            "paper": claim.paper,
            "where": claim.place,
            "kind": claim.kind,
            "metric": claim.metric(),
            "least": least,
            "most": most,
            "verdict": verdict,
            "why": why,
            "cells": outcome.cases.iter().map(case).collect::<Vec<_>>(),
            "minutes": outcome.seconds / 60.0,
        })
    };
    outcomes.iter().map(outcome).collect()
}

/// The file for those who evaluate an artifact: what each claim is, how to repeat it, and what was found.
pub(crate) fn artifact(
    dir: &Path,
    manifest: &Manifest,
    samples: &[Sample],
    outcomes: &[Outcome],
) -> String {
    let measured = samples.iter().filter(|row| row.is_ok()).count();
    let minutes = manifest
        .duration_seconds
        .map_or_else(|| "unknown".into(), |seconds| format!("{:.1}", seconds / 60.0));
    let mut text = format!(
        "# Claims of {}\n\n{}\n\n| | |\n|---|---|\n",
        manifest.experiment, manifest.question
    );
    let command = command(manifest);
    let check = format!("kovan-lab check {} --artifact", quoted(&dir.display().to_string()));
    for (key, value) in [
        ("published in", manifest.citation.clone()),
        ("experiment", format!("{} ({})", manifest.experiment, manifest.spec_file)),
        ("scale", manifest.scale.to_string()),
        ("repeat it", format!("`{command}`")),
        ("judge it again", format!("`{check}`")),
        ("minutes", minutes),
        ("cells measured", format!("{measured} of {}", samples.len())),
        ("begun", manifest.started.clone()),
        ("machine", manifest.machine.description()),
        ("program", manifest.build.description()),
    ] {
        text.push_str(&markdown_line(&[key.into(), value]));
    }
    text.push_str(
        "\n| claim | experiment | command | expected | measured | verdict | minutes |\n|---|---|---|---|---|---|--:|\n",
    );
    for outcome in outcomes {
        let Outcome { claim, allowed, verdict, cases, seconds, .. } = outcome;
        let found = |case: &Judged| {
            let finding = case.finding.as_ref();
            finding.map(|of| format!("{}: {} ({})", case.name, readable(of.estimate), ends(of)))
        };
        let found: Vec<String> = cases.iter().filter_map(found).collect();
        let found = if found.is_empty() { "nothing".into() } else { found.join("; ") };
        text.push_str(&markdown_line(&[
            format!("{}: {}", claim.id, claim.says),
            manifest.experiment.clone(),
            format!("`{command}`"),
            format!("{} ({}); allowed here: {}", claim.paper, claim.place, allowed.text()),
            found,
            verdict.name().into(),
            format!("{:.1}", seconds / 60.0),
        ]));
    }
    text.push_str(&format!("\n{}.\n", counts(outcomes)));
    let notes = notes(outcomes);
    if !notes.is_empty() {
        text.push_str("\n## Why\n\n");
    }
    for note in notes {
        text.push_str(&format!("- {note}\n"));
    }
    text.push_str(
        "\nMinutes of a claim are those of the cells that it is about; cells are shared between claims. Numbers in \
         parentheses are the 95 % interval of the median of the blocks, unless they are marked otherwise. A claim is \
         reproduced only if all of the interval is allowed, and refuted only if nothing of it is: \
         docs/METHODOLOGY.md.\n",
    );
    text
}

/// The command that measured, as it is typed.
pub(super) fn command(manifest: &Manifest) -> String {
    command_of(&manifest.command)
}

/// Returns a command as it is typed; its first word is the path of a program.
pub(super) fn command_of(words: &[String]) -> String {
    let arguments = words.iter().skip(1).map(|argument| quoted(argument));
    ["kovan-lab".to_string()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}
