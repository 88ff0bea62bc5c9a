//! Values that users type on the command line, checked as those of a spec are.

use std::str::FromStr;
use std::time::Duration;

use kovan_lab_base::support::numbers;
use regex_lite::Regex;

use crate::spec::{ThreadCount, check_counts, check_repeats, check_seconds, check_threads};

/// A list of counts of an adversary's threads.
#[derive(Clone, Debug)]
pub(crate) struct Counts(pub(crate) Vec<u32>);

pub(crate) fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default();
        format!("not a regular expression: {}", last.trim_start_matches("error: "))
    })
}

/// A list of counts of workers, some of which may depend on the machine.
#[derive(Clone, Debug)]
pub(crate) struct Threads(pub(crate) Vec<ThreadCount>);

pub(crate) fn threads(text: &str) -> Result<Threads, String> {
    let all: Vec<ThreadCount> =
        text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?;
    check_threads(&all).map_err(|error| error.to_string())?;
    Ok(Threads(all))
}

pub(crate) fn stalled(text: &str) -> Result<Counts, String> {
    counts(text, "stalled", 0)
}

fn counts(text: &str, key: &str, least: u32) -> Result<Counts, String> {
    let counts = text
        .split(',')
        .map(|part| {
            let part = part.trim();
            part.parse()
                .map_err(|_| format!("`{part}` is not a thread count; write for example 0,1,4"))
        })
        .collect::<Result<Vec<u32>, _>>()?;
    check_counts(key, &counts, least).map_err(|error| error.to_string())?;
    Ok(Counts(counts))
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 =
        text.parse().map_err(|_| "not a number of seconds; write for example 0.5".to_string())?;
    check_seconds("seconds", value).map_err(|error| error.to_string())?;
    Ok(value)
}

/// A time as `90`, `90s`, `20m` or `8h`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    numbers::time(text).map(Duration::from_secs_f64)
}

pub(crate) fn repeats(text: &str) -> Result<u32, String> {
    let value = whole(text, "number of repeats", 3)?;
    check_repeats("repeats", value).map_err(|error| error.to_string())?;
    Ok(value)
}

pub(crate) fn seed(text: &str) -> Result<u64, String> {
    whole(text, "seed", 1)
}

/// A number of processes.
pub(crate) fn jobs(text: &str) -> Result<usize, String> {
    let value = whole(text, "number of processes", 2)?;
    // As with threads: more than this is a mistake.
    check_counts("jobs", &[value], 1).map_err(|error| error.to_string())?;
    usize::try_from(value).map_err(|error| error.to_string())
}

/// A whole number that is not negative.
fn whole<T: FromStr>(text: &str, what: &str, example: u32) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a {what}; write a whole number, for example {example}"))
}

/// A number of shards.
pub(crate) fn nodes(text: &str) -> Result<u32, String> {
    let value = whole(text, "number of nodes", 4)?;
    if value == 0 { Err("a plan is measured by one node at least".into()) } else { Ok(value) }
}

/// A number of processors.
pub(crate) fn cpus(text: &str) -> Result<u32, String> {
    let value = whole(text, "number of processors", 8)?;
    check_counts("processors", &[value], 1).map_err(|error| error.to_string())?;
    Ok(value)
}

/// The name of a partition of a cluster.
pub(crate) fn partition(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(text.into());
    }
    Err("not the name of a partition: letters, digits and `-_.,`".into())
}
