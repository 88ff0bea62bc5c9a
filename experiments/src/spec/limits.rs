//! Limits of single values.

use std::collections::BTreeSet;

use anyhow::{Error, Result, anyhow, bail, ensure};
use kovan_lab_base::data::Further;
use kovan_lab_base::support::suggest::suggest;
use kovan_lab_base::system::{allocator, placement};

use super::literal::{MAX_THREADS, ThreadCount};

/// The most bytes that a value carries: 64 MiB.
const MAX_VALUE_BYTES: f64 = 67_108_864.0;

/// The limits of an axis.
pub(super) fn check_value(name: &str, text: &str) -> Result<(), String> {
    let number = text.parse::<f64>().unwrap_or_default();
    let within = |least: f64, most: f64| {
        if (least..=most).contains(&number) {
            return Ok(());
        }
        Err(format!("must be from {least} to {most}, but is {text}"))
    };
    match name {
        "seconds" => within(0.001, 3600.0),
        "key_range" => within(2.0, 1e8),
        "value_bytes" => within(0.0, MAX_VALUE_BYTES),
        "period_ms" => within(1.0, 3_600_000.0),
        "rate" => within(0.0, 1e9),
        "placement" => placement::check(text),
        "allocator" if allocator::names().any(|name| name == text) => Ok(()),
        "allocator" => {
            Err(format!("unknown allocator `{text}`; {}", suggest(text, allocator::names())))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_name(key: &str, name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ensure!(
        !name.is_empty() && name.chars().all(fits),
        "{key}: `{name}` must be letters, digits, `-` and `_` only"
    );
    Ok(())
}

/// A line for people, which goes to terminals and into SVG files.
pub(super) fn check_text(key: &str, text: &str) -> Result<()> {
    // XML has neither control characters nor the last two of each plane.
    let unfit = |c: &char| c.is_control() || u32::from(*c) & 0xFFFE == 0xFFFE;
    if let Some(c) = text.chars().find(unfit) {
        bail!("{key}: must be one line that can be printed, but has U+{:04X}", u32::from(c));
    }
    Ok(())
}

pub(super) fn check_known(
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
pub(super) fn counts(key: &str, values: &[u32], least: u32) -> Result<(), (Option<usize>, Error)> {
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

/// What asks for further repeats, beyond so many.
pub(crate) fn check_further(further: &Further, repeats: u32) -> Result<()> {
    let Some(most) = further.most_repeats else { return Ok(()) };
    check_repeats("most_repeats", most)?;
    ensure!(
        further.is_asked(),
        "most_repeats: limits what `until_narrow` or `budget` ask for; give one of them"
    );
    ensure!(
        most >= repeats,
        "most_repeats: must be at least `repeats`, which is {repeats}, but is {most}"
    );
    Ok(())
}

/// Counts of workers: those that do not depend on the machine are within limits and listed once.
pub(super) fn thread_counts(threads: &[ThreadCount]) -> Result<(), (Option<usize>, Error)> {
    let fixed: Vec<u32> = threads
        .iter()
        .filter_map(|count| match count {
            ThreadCount::Fixed(count) => Some(*count),
            ThreadCount::PerProcessor(_) => None,
        })
        .collect();
    if fixed.is_empty() && !threads.is_empty() { Ok(()) } else { counts("threads", &fixed, 1) }
}

/// Counts of workers: not empty, each within limits and once.
pub(crate) fn check_threads(threads: &[ThreadCount]) -> Result<()> {
    thread_counts(threads).map_err(|(_, error)| error)
}
