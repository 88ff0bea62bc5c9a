//! What is wrong in a spec, and on which line.

use anyhow::{Error, Result, anyhow};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong in a spec, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// The keys and places in lists that lead to it.
    path: Vec<String>,
    error: Error,
}

impl Fault {
    pub(super) fn new(path: &[&str], error: Error) -> Self {
        Self { path: path.iter().map(ToString::to_string).collect(), error }
    }

    /// The same, inside of what these keys lead to, which is called `name`.
    pub(super) fn within(self, outer: &[&str], name: &str) -> Self {
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
pub(super) fn at(key: &str, checked: Result<()>) -> Result<(), Fault> {
    checked.map_err(|error| Fault::new(&[key], error))
}

/// A condition on the value of a key, and what is wrong where it does not hold.
pub(super) fn require(key: &str, holds: bool, wrong: impl FnOnce() -> String) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::new(&[key], anyhow!(wrong()))) }
}

/// A check of the values of a list; the place is that of the one that is wrong.
pub(super) fn at_item(key: &str, checked: Result<(), (Option<usize>, Error)>) -> Result<(), Fault> {
    checked.map_err(|(place, error)| match place {
        Some(place) => Fault::new(&[key, &place.to_string()], error),
        None => Fault::new(&[key], error),
    })
}
