//! The `list` command.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::ValueEnum;
use kovan_lab_base::support::suggest::suggest;
use kovan_lab_base::support::{output, table};
use kovan_schemes::Facts;
use kovan_structures::{Kind, StructureFacts};
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::arguments::regex;
use crate::spec::{self, Source, Spec};

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

/// A condition on the entries of a list.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    key: String,
    pattern: Regex,
}

/// Reads a filter, as `kind=map`.
pub(crate) fn filter(text: &str) -> Result<Filter, String> {
    let Some((key, pattern)) = text.split_once('=').filter(|(key, _)| !key.trim().is_empty())
    else {
        return Err("not a filter; write for example kind=map".into());
    };
    Ok(Filter { key: key.trim().into(), pattern: regex(&format!("(?i){pattern}"))? })
}

/// A line of a list: all that is known, and the columns of the table.
struct Entry {
    object: Value,
    row: Vec<String>,
}

/// A list.
struct List {
    what: What,
    header: &'static [&'static str],
    entries: Vec<Entry>,
}

/// Prints the list of what matches all filters.
pub(crate) fn list(what: Option<What>, format: Format, filters: &[Filter]) -> Result<()> {
    let kinds = match what {
        Some(what) => vec![what],
        None => vec![What::Schemes, What::Structures, What::Experiments],
    };
    let mut lists = kinds.into_iter().map(List::of).collect::<Result<Vec<_>>>()?;
    for filter in filters {
        // Of several lists, those stay that know what the filter asks for.
        let (known, unknown): (Vec<_>, Vec<_>) =
            lists.into_iter().partition(|list| list.knows(&filter.key));
        if known.is_empty() {
            let keys: BTreeSet<String> = unknown.iter().flat_map(List::keys).collect();
            let near = suggest(&filter.key, keys.iter().map(String::as_str));
            bail!("--filter: nothing listed has a `{}`; {near}", filter.key);
        }
        lists = known;
        lists.iter_mut().for_each(|list| list.keep(filter));
    }
    match format {
        Format::Json => {
            let objects = lists.into_iter().flat_map(|list| {
                let name = list.what.to_possible_value().map(|v| v.get_name().to_string());
                list.entries.into_iter().map(move |mut entry| {
                    if what.is_none() {
                        entry.object["list"] = json!(name);
                    }
                    entry.object
                })
            });
            let objects: Vec<Value> = objects.collect();
            output::print(&format!("{}\n", serde_json::to_string_pretty(&objects)?))
        }
        Format::Table => {
            let parts: Vec<String> = lists.into_iter().map(List::table).collect();
            output::print_report(&parts.join("\n"))
        }
    }
}

impl List {
    fn of(what: What) -> Result<Self> {
        let (header, entries): (&'static [&'static str], Vec<Entry>) = match what {
            What::Schemes => (
                &[
                    "scheme",
                    "protects",
                    "under a stall",
                    "implemented by",
                    "parameters",
                    "published",
                ],
                kovan_schemes::registry::all().iter().map(scheme).collect::<Result<_>>()?,
            ),
            What::Structures => (
                &["structure", "kind", "needs", "shields", "published"],
                kovan_structures::registry::structures().iter().map(structure).collect(),
            ),
            What::Experiments => {
                (&["experiment", "question"], spec::embedded()?.iter().map(experiment).collect())
            }
            What::Matrix => (
                &["scheme", "structure", "pair", "reason"],
                kovan_structures::registry::matrix().iter().map(pair).collect(),
            ),
        };
        Ok(Self { what, header, entries })
    }

    /// The names that a filter can have.
    fn keys(&self) -> Vec<String> {
        let objects = self.entries.iter().filter_map(|entry| entry.object.as_object());
        let keys = objects.take(1).flat_map(|object| object.keys().cloned());
        self.header.iter().map(ToString::to_string).chain(keys).collect()
    }

    fn knows(&self, key: &str) -> bool {
        let first = key.split('.').next().unwrap_or_default();
        self.keys().iter().any(|known| known == key || known == first)
    }

    fn keep(&mut self, filter: &Filter) {
        let column = self.header.iter().position(|name| *name == filter.key);
        self.entries.retain(|entry| {
            let in_table = column.is_some_and(|at| filter.pattern.is_match(&entry.row[at]));
            let path = filter.key.split('.');
            let value = path.fold(&entry.object, |value, key| &value[key]);
            let in_object = !value.is_null() && filter.pattern.is_match(&text_of(value));
            in_table || in_object
        });
    }

    fn table(self) -> String {
        let rows: Vec<Vec<String>> = self.entries.into_iter().map(|entry| entry.row).collect();
        table::render(self.header, &rows, &[])
    }
}

/// A value as a filter sees it; the parts of a list are separated by spaces.
fn text_of(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.iter().map(table::plain).collect::<Vec<_>>().join(" "),
        other => table::plain(other),
    }
}

fn scheme(facts: &Facts) -> Result<Entry> {
    let stall = if facts.robust.stalled { "bounded" } else { "unbounded" };
    let strength = table::plain(&json!(facts.strength));
    let (version, parameters) = (facts.version.into(), facts.defaults());
    let row =
        vec![facts.name.into(), strength, stall.into(), version, parameters, facts.paper.into()];
    Ok(Entry { object: serde_json::to_value(facts)?, row })
}

fn structure(facts: &StructureFacts) -> Entry {
    let kind = match facts.kind {
        Kind::Map => "map",
        Kind::Stack => "stack",
        Kind::Queue => "queue",
    };
    let needs = table::plain(&json!(facts.needs));
    let shields = facts.shields.to_string();
    Entry {
        object: json!({
            "name": facts.name, "kind": kind, "paper": facts.paper,
            "needs": facts.needs, "shields": facts.shields,
        }),
        row: vec![facts.name.into(), kind.into(), needs, shields, facts.paper.into()],
    }
}

fn experiment(source: &Source) -> Entry {
    let spec = &source.spec;
    Entry {
        object: json!({
            "name": spec.name, "question": spec.question,
            "citation": spec.citation, "file": source.file, "axes": axes(spec),
        }),
        row: vec![spec.name.clone(), spec.question.clone()],
    }
}

/// The axes on which an experiment has several values, whatever its scales make of them.
fn axes(spec: &Spec) -> Vec<&str> {
    let several = |names: Option<&Vec<String>>| names.is_none_or(|names| names.len() > 1);
    let own = [
        ("scheme", several(spec.schemes.as_ref())),
        ("structure", several(spec.structures.as_ref())),
        ("workload", spec.workloads.len() > 1),
        ("adversary", spec.adversaries.len() > 1),
        ("threads", spec.threads.len() > 1),
        ("stalled", spec.stalled.as_ref().is_some_and(|counts| counts.len() > 1)),
    ];
    let own = own.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name);
    let others = spec.axes.iter().filter(|(_, values)| values.len() > 1);
    own.chain(others.map(|(name, _)| name.as_str())).collect()
}

fn pair(pair: &kovan_structures::registry::Pair) -> Entry {
    let verdict = if pair.allowed { "allowed" } else { "refused" };
    let (scheme, structure) = (pair.scheme.to_string(), pair.structure.to_string());
    let reason = pair.reason.to_string();
    Entry {
        object: json!({
            "name": format!("{scheme} x {structure}"), "scheme": scheme, "structure": structure,
            "allowed": pair.allowed, "reason": reason,
        }),
        row: vec![scheme, structure, verdict.into(), reason],
    }
}
