//! What a spec may say beyond what its types allow; what is wrong is named with its line.

use std::collections::BTreeSet;

use anyhow::{Error, Result, anyhow, bail, ensure};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::language::{MAX_THREADS, Scale, Spec};
use crate::data::Workload;
use crate::support::suggest::suggest;

/// What is wrong in a spec, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// The keys and places in lists that lead to it.
    path: Vec<String>,
    error: Error,
}

impl Fault {
    fn new(path: &[&str], error: Error) -> Self {
        Self { path: path.iter().map(ToString::to_string).collect(), error }
    }

    /// The same, inside of what these keys lead to, which is called `name`.
    fn within(self, outer: &[&str], name: &str) -> Self {
        let path = outer.iter().map(ToString::to_string).chain(self.path).collect();
        Self { path, error: self.error.context(name.to_string()) }
    }

    /// The line of the file, and what is wrong there.
    pub(super) fn in_file(self, file: &str, text: &str) -> Error {
        let line = line_of(text, &self.path).map_or_else(String::new, |line| format!(":{line}"));
        // All of it, as one line of a chain.
        anyhow!("{file}{line}: {:#}", self.error)
    }
}

/// The line, from 1, of a place in a text.
pub(super) fn line_at(text: &str, place: usize) -> usize {
    let before = &text.as_bytes()[..place.min(text.len())];
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The line of what a path leads to, or of the last part of the path that is there.
fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut place = None;
    let mut table = Some(root.get_ref());
    let mut list: Option<&[Spanned<DeValue<'_>>]> = None;
    for step in path {
        let (key_place, value) = match (table, list) {
            (Some(table), _) => match table.iter().find(|(key, _)| key.get_ref() == step) {
                Some((key, value)) => (Some(key.span().start), value),
                None => break,
            },
            (None, Some(list)) => match step.parse().ok().and_then(|at: usize| list.get(at)) {
                Some(value) => (None, value),
                None => break,
            },
            (None, None) => break,
        };
        place = Some(key_place.unwrap_or(value.span().start));
        table = value.get_ref().as_table();
        list = value.get_ref().as_array().map(|array| &array[..]);
    }
    place.map(|place| line_at(text, place))
}

/// A check of the value of a key.
fn at(key: &str, checked: Result<()>) -> Result<(), Fault> {
    checked.map_err(|error| Fault::new(&[key], error))
}

/// A condition on the value of a key, and what is wrong where it does not hold.
fn require(key: &str, holds: bool, wrong: impl FnOnce() -> String) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::new(&[key], anyhow!(wrong()))) }
}

/// A check of the values of a list; the place is that of the one that is wrong.
fn at_item(key: &str, checked: Result<(), (Option<usize>, Error)>) -> Result<(), Fault> {
    checked.map_err(|(place, error)| match place {
        Some(place) => Fault::new(&[key, &place.to_string()], error),
        None => Fault::new(&[key], error),
    })
}

impl Spec {
    pub(super) fn check(&self) -> Result<(), Fault> {
        at("name", check_name("name", &self.name))?;
        at("question", check_text("question", &self.question))?;
        at("citation", check_text("citation", &self.citation))?;
        let asks = !self.question.trim().is_empty();
        require("question", asks, || "question: is empty".into())?;
        let schemes = kovan_schemes::registry::all();
        let known: Vec<_> = schemes.iter().map(|facts| facts.name).collect();
        at_item("schemes", check_known("schemes", "scheme", self.schemes.as_deref(), &known))?;
        let structures = kovan_structures::registry::structures();
        let known: Vec<_> = structures.iter().map(|facts| facts.name).collect();
        let named = self.structures.as_deref();
        at_item("structures", check_known("structures", "structure", named, &known))?;
        at_item("threads", counts("threads", &self.threads, 1))?;
        at_item("stalled", counts("stalled", &self.stalled, 0))?;
        self.check_workloads()?;
        if let Some(seconds) = self.timeout_seconds {
            at("timeout_seconds", check_seconds("timeout_seconds", seconds))?;
        }
        for (name, scale) in self.scales.all() {
            if let Some(scale) = scale {
                let outer = ["scales", name];
                scale.check().map_err(|fault| fault.within(&outer, &outer.join(".")))?;
            }
        }
        Ok(())
    }

    fn check_workloads(&self) -> Result<(), Fault> {
        let some = !self.workloads.is_empty();
        require("workloads", some, || "workloads: none is given".into())?;
        let mut names = BTreeSet::new();
        for (place, workload) in self.workloads.iter().enumerate() {
            let (place, name) = (place.to_string(), &workload.name);
            if !names.insert(name) {
                let error = anyhow!("workloads: `{name}` is listed twice");
                return Err(Fault::new(&["workloads", &place, "name"], error));
            }
            let outer = ["workloads", &place];
            check_workload(workload)
                .map_err(|fault| fault.within(&outer, &format!("workload `{name}`")))?;
        }
        Ok(())
    }
}

fn check_workload(workload: &Workload) -> Result<(), Fault> {
    at("name", check_name("name", &workload.name))?;
    let sum =
        u64::from(workload.insert) + u64::from(workload.remove) + u64::from(workload.contains);
    require("insert", sum == 100, || {
        format!("insert + remove + contains must be 100, but is {sum}")
    })?;
    let Workload { key_range, prefill, .. } = workload;
    require("key_range", (2..=100_000_000).contains(key_range), || {
        format!("key_range: must be from 2 to 100000000, but is {key_range}")
    })?;
    require("prefill", prefill <= key_range, || {
        format!("prefill: {prefill} distinct keys do not fit a key_range of {key_range}")
    })
}

impl Scale {
    fn check(&self) -> Result<(), Fault> {
        at("seconds", check_seconds("seconds", self.seconds))?;
        let warm_up = self.warmup_seconds;
        require("warmup_seconds", (0.0..=3600.0).contains(&warm_up), || {
            format!("warmup_seconds: must be from 0 to 3600, but is {warm_up}")
        })?;
        at("repeats", check_repeats("repeats", self.repeats))?;
        if let Some(threads) = &self.threads {
            at_item("threads", counts("threads", threads, 1))?;
        }
        if let Some(stalled) = &self.stalled {
            at_item("stalled", counts("stalled", stalled, 0))?;
        }
        Ok(())
    }
}

fn check_name(key: &str, name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ensure!(
        !name.is_empty() && name.chars().all(fits),
        "{key}: `{name}` must be letters, digits, `-` and `_` only"
    );
    Ok(())
}

/// A line for people, which goes to terminals and into SVG files.
fn check_text(key: &str, text: &str) -> Result<()> {
    // XML has neither control characters nor the last two of each plane.
    let unfit = |c: &char| c.is_control() || u32::from(*c) & 0xFFFE == 0xFFFE;
    if let Some(c) = text.chars().find(unfit) {
        bail!("{key}: must be one line that can be printed, but has U+{:04X}", u32::from(c));
    }
    Ok(())
}

fn check_known(
    key: &str,
    what: &str,
    names: Option<&[String]>,
    known: &[&str],
) -> Result<(), (Option<usize>, Error)> {
    let Some(names) = names else { return Ok(()) };
    if names.is_empty() {
        return Err((None, anyhow!("{key}: the list is empty; leave the key out for all")));
    }
    let mut seen = BTreeSet::new();
    for (place, name) in names.iter().enumerate() {
        let error = if !known.contains(&name.as_str()) {
            anyhow!("{key}: unknown {what} `{name}`; {}", suggest(name, known.iter().copied()))
        } else if !seen.insert(name) {
            anyhow!("{key}: `{name}` is listed twice")
        } else {
            continue;
        };
        return Err((Some(place), error));
    }
    Ok(())
}

/// A list of thread counts: not empty, each within limits and once.
pub(crate) fn check_counts(key: &str, values: &[u32], least: u32) -> Result<()> {
    counts(key, values, least).map_err(|(_, error)| error)
}

/// The same, with the place of the count that is wrong.
fn counts(key: &str, values: &[u32], least: u32) -> Result<(), (Option<usize>, Error)> {
    if values.is_empty() {
        return Err((None, anyhow!("{key}: the list is empty")));
    }
    let mut seen = BTreeSet::new();
    for (place, count) in values.iter().enumerate() {
        let error = if !(least..=MAX_THREADS).contains(count) {
            anyhow!("{key}: must be from {least} to {MAX_THREADS}, but is {count}")
        } else if !seen.insert(count) {
            anyhow!("{key}: {count} is listed twice")
        } else {
            continue;
        };
        return Err((Some(place), error));
    }
    Ok(())
}

/// The length of a window.
pub(crate) fn check_seconds(key: &str, seconds: f64) -> Result<()> {
    ensure!(
        (0.001..=3600.0).contains(&seconds),
        "{key}: must be from 0.001 to 3600, but is {seconds}"
    );
    Ok(())
}

/// A number of repeats.
pub(crate) fn check_repeats(key: &str, repeats: u32) -> Result<()> {
    ensure!((1..=1000).contains(&repeats), "{key}: must be from 1 to 1000, but is {repeats}");
    Ok(())
}
