//! The `list` command.

use anyhow::Result;
use clap::ValueEnum;
use kovan_schemes::Facts;
use kovan_structures::{Kind, StructureFacts};
use serde_json::{Value, json};

use crate::spec::{self, Source};
use crate::support::{output, table};

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Reclamation schemes.
    Schemes,
    /// Data structures.
    Structures,
    /// Embedded experiments.
    Experiments,
    /// Every scheme with every structure, allowed or refused.
    Matrix,
}

/// How to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns.
    Table,
    /// An array of objects.
    Json,
}

/// Prints the list.
pub(crate) fn list(what: Option<What>, format: Format) -> Result<()> {
    let kinds = match what {
        Some(what) => vec![what],
        None => vec![What::Schemes, What::Structures, What::Experiments],
    };
    match format {
        Format::Json => {
            let mut objects = Vec::new();
            for kind in kinds {
                for mut object in json_of(kind)? {
                    if what.is_none() {
                        object["list"] =
                            json!(kind.to_possible_value().map(|v| v.get_name().to_string()));
                    }
                    objects.push(object);
                }
            }
            output::print(&format!("{}\n", serde_json::to_string_pretty(&objects)?))
        }
        Format::Table => {
            let parts = kinds.into_iter().map(table_of).collect::<Result<Vec<_>>>()?;
            output::print(&parts.join("\n"))
        }
    }
}

fn json_of(what: What) -> Result<Vec<Value>> {
    Ok(match what {
        What::Schemes => kovan_schemes::registry::all()
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()?,
        What::Structures => {
            kovan_structures::registry::structures().iter().map(structure).collect()
        }
        What::Experiments => spec::embedded()?.iter().map(experiment).collect(),
        What::Matrix => kovan_structures::registry::matrix()
            .iter()
            .map(|pair| {
                json!({
                    "name": format!("{} x {}", pair.scheme, pair.structure),
                    "scheme": pair.scheme.to_string(),
                    "structure": pair.structure.to_string(),
                    "allowed": pair.allowed,
                    "reason": pair.reason.to_string(),
                })
            })
            .collect(),
    })
}

fn structure(facts: &StructureFacts) -> Value {
    json!({
        "name": facts.name, "kind": kind(facts), "paper": facts.paper,
        "needs": facts.needs, "shields": facts.shields,
    })
}

fn kind(facts: &StructureFacts) -> &'static str {
    match facts.kind {
        Kind::Map => "map",
        Kind::Stack => "stack",
        Kind::Queue => "queue",
    }
}

fn experiment(source: &Source) -> Value {
    json!({
        "name": source.spec.name, "question": source.spec.question,
        "citation": source.spec.citation, "file": source.file,
    })
}

fn table_of(what: What) -> Result<String> {
    let (header, rows): (&[&str], Vec<Vec<String>>) = match what {
        What::Schemes => (
            &["scheme", "protects", "under a stall", "implemented by", "parameters", "published"],
            kovan_schemes::registry::all().iter().map(scheme_row).collect(),
        ),
        What::Structures => (
            &["structure", "kind", "needs", "shields", "published"],
            kovan_structures::registry::structures().iter().map(structure_row).collect(),
        ),
        What::Experiments => (
            &["experiment", "question"],
            spec::embedded()?.into_iter().map(|s| vec![s.spec.name, s.spec.question]).collect(),
        ),
        What::Matrix => (
            &["scheme", "structure", "pair", "reason"],
            kovan_structures::registry::matrix()
                .iter()
                .map(|pair| {
                    let verdict = if pair.allowed { "allowed" } else { "refused" };
                    vec![
                        pair.scheme.to_string(),
                        pair.structure.to_string(),
                        verdict.into(),
                        pair.reason.to_string(),
                    ]
                })
                .collect(),
        ),
    };
    Ok(table::render(header, &rows, &[]))
}

fn scheme_row(facts: &Facts) -> Vec<String> {
    let stall = if facts.robust.stalled { "bounded" } else { "unbounded" };
    let strength = table::plain(&json!(facts.strength));
    let (version, parameters) = (facts.version.into(), facts.defaults());
    vec![facts.name.into(), strength, stall.into(), version, parameters, facts.paper.into()]
}

fn structure_row(facts: &StructureFacts) -> Vec<String> {
    let needs = table::plain(&json!(facts.needs));
    vec![
        facts.name.into(),
        kind(facts).into(),
        needs,
        facts.shields.to_string(),
        facts.paper.into(),
    ]
}
