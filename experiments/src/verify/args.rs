//! The arguments of `verify`, and which checks of which pairs they ask for.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use kovan_lab_worker::checks::{Check, Job};
use kovan_schemes::{Facts, Strength as Protection, canary};
use kovan_structures::registry::{Pair as MatrixPair, matrix};
use regex_lite::Regex;

use super::summary::FULL;

/// Refused pairs that are told one by one.
const TOLD: usize = 5;

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only schemes that match this regular expression
    #[arg(long, value_name = "RE", value_parser = crate::arguments::regex)]
    scheme: Option<Regex>,
    /// Only structures that match this regular expression
    #[arg(long, value_name = "RE", value_parser = crate::arguments::regex)]
    structure: Option<Regex>,
    /// Only this check; may be repeated
    #[arg(long, value_name = "NAME", value_enum)]
    check: Vec<Check>,
    /// Time of all checks of a pair together; replaces that of the strength
    #[arg(long, value_name = "S", value_parser = crate::arguments::seconds, allow_negative_numbers = true)]
    seconds_per_pair: Option<f64>,
    /// Time of a pair by name: quick 0.3 s, ci 1 s, full 30 minutes
    #[arg(long, value_enum, default_value_t = Strength::Quick)]
    strength: Strength,
    /// The seed of the first round of each check
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = crate::arguments::seed, allow_negative_numbers = true)]
    seed: u64,
    /// Processes at a time [default: one per processor]
    #[arg(long, value_name = "N", value_parser = crate::arguments::jobs, allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// Adds to this file what each check did, and goes on where it ends: with the next seeds, until
    /// every pair has its time in all runs together
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Begins no check after this time, for example 90s, 20m or 8h; goes with --record
    #[arg(long, value_name = "TIME", value_parser = crate::arguments::time, requires = "record", allow_hyphen_values = true)]
    pub(super) stop_after: Option<Duration>,
    /// Runs nothing, and prints what a file of --record holds
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "scheme", "structure", "check", "seconds_per_pair", "strength", "seed", "jobs", "stop_after"])]
    pub(super) summary: Option<PathBuf>,
    /// Writes the summary into this document, between its markers
    #[arg(long, value_name = "DOCUMENT", requires = "summary")]
    pub(super) markdown: Option<PathBuf>,
}

/// How long a pair is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Strength {
    Quick,
    Ci,
    Full,
}

impl Strength {
    fn seconds(self) -> f64 {
        match self {
            Self::Quick => 0.3,
            Self::Ci => 1.0,
            Self::Full => FULL,
        }
    }
}

impl VerifyArgs {
    /// The time that a pair is to have.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds_per_pair.unwrap_or(self.strength.seconds())
    }

    /// How many processes at a time.
    pub(super) fn processes(&self) -> usize {
        self.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(2, NonZero::get))
    }

    /// The checks to run, in the order of the table.
    pub(super) fn jobs(&self) -> Result<Vec<Job>> {
        let schemes = kovan_schemes::registry::all();
        let structures = kovan_structures::registry::structures();
        check_filter("scheme", self.scheme.as_ref(), schemes.iter().map(|facts| facts.name))?;
        let names = structures.iter().map(|facts| facts.name);
        check_filter("structure", self.structure.as_ref(), names)?;
        let mut jobs = self.of_pairs();
        // These are of no structure, so they run when none is asked for.
        if self.structure.is_none() {
            jobs.extend(self.of_schemes());
            jobs.extend(self.scripts());
        }
        ensure!(!jobs.is_empty(), "nothing to verify: {}", self.why_nothing());
        Ok(jobs)
    }

    /// The pairs that the filters match, but whose types refuse each other. They are not checked.
    fn refused(&self) -> Vec<MatrixPair> {
        let wanted = |pair: &MatrixPair| {
            !pair.allowed
                && matches(&self.scheme, pair.scheme)
                && matches(&self.structure, pair.structure)
        };
        let of_pairs = Check::OF_PAIRS.iter().any(|check| self.selects(*check));
        matrix().into_iter().filter(|pair| of_pairs && wanted(pair)).collect()
    }

    /// Lines about pairs that were asked for by name, and are not checked.
    pub(super) fn refusals(&self) -> Vec<String> {
        let refused = self.refused();
        if self.scheme.is_none() && self.structure.is_none() || refused.is_empty() {
            return Vec::new();
        }
        let told = if self.structure.is_none() || self.scheme.is_none() { 0 } else { TOLD };
        let mut lines: Vec<String> = refused.iter().take(told).map(refusal).collect();
        if refused.len() > told {
            let (count, more) = (refused.len() - told, if told > 0 { " more" } else { "" });
            lines.push(format!(
                "{count}{more} pairs that match are refused by their types, so they are not checked; \
                 `kovan-lab list matrix` says why"
            ));
        }
        lines
    }

    fn selects(&self, check: Check) -> bool {
        self.check.is_empty() || self.check.contains(&check)
    }

    fn job(&self, scheme: &str, structure: &str, check: Check) -> Job {
        Job {
            scheme: scheme.into(),
            structure: structure.into(),
            check,
            seconds: self.seconds() * check.share(),
            seed: self.seed,
        }
    }

    fn of_pairs(&self) -> Vec<Job> {
        let possible = |check: &Check| !check.needs_canary() || canary::COMPILED;
        let mut jobs = Vec::new();
        for pair in matrix().into_iter().filter(|pair| pair.allowed) {
            if matches(&self.scheme, pair.scheme) && matches(&self.structure, pair.structure) {
                let checks = Check::OF_PAIRS.into_iter().filter(possible);
                let checks = checks.filter(|check| self.selects(*check));
                jobs.extend(checks.map(|check| self.job(pair.scheme, pair.structure, check)));
            }
        }
        jobs
    }

    fn of_schemes(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for facts in kovan_schemes::registry::all() {
            let asked = |check: &Check| *check != Check::Optimistic && self.selects(*check);
            let asked = Check::OF_SCHEMES.into_iter().filter(asked);
            if matches(&self.scheme, facts.name) {
                jobs.extend(asked.map(|check| self.job(facts.name, "", check)));
            }
        }
        jobs
    }

    fn scripts(&self) -> Vec<Job> {
        // Unsound scripts read freed memory: only where the canary sees it.
        let possible = |facts: &Facts| facts.strength == Protection::Region || canary::COMPILED;
        kovan_schemes::registry::all()
            .iter()
            .filter(|facts| self.selects(Check::Optimistic) && possible(facts))
            .filter(|facts| matches(&self.scheme, facts.name))
            .map(|facts| Job { seconds: 1.0, ..self.job(facts.name, "", Check::Optimistic) })
            .collect()
    }

    /// Why filters that match something leave no check.
    fn why_nothing(&self) -> String {
        let all =
            |of: &[Check]| !self.check.is_empty() && self.check.iter().all(|c| of.contains(c));
        if all(&Check::OF_SCHEMES) && self.structure.is_some() {
            "`litmus`, `destructors` and `optimistic` are of schemes alone; leave --structure out"
                .into()
        } else if all(&[Check::Canary, Check::Optimistic]) && !canary::COMPILED {
            "this needs a build with --features canary".into()
        } else {
            match &self.refused()[..] {
                [pair] => refusal(pair),
                _ => "every pair that matches is refused by its types; `kovan-lab list matrix` says why"
                    .into(),
            }
        }
    }
}

fn refusal(pair: &MatrixPair) -> String {
    let MatrixPair { scheme, structure, reason, .. } = pair;
    format!("{scheme} x {structure} is refused by its types, so it is not checked: {reason}")
}

fn matches(filter: &Option<Regex>, name: &str) -> bool {
    filter.as_ref().is_none_or(|filter| filter.is_match(name))
}

fn check_filter<'a>(
    what: &str,
    filter: Option<&Regex>,
    mut names: impl Iterator<Item = &'a str> + Clone,
) -> Result<()> {
    let Some(filter) = filter else { return Ok(()) };
    let known = names.clone();
    ensure!(
        names.any(|name| filter.is_match(name)),
        "--{what} `{filter}` matches no {what}; known: {}",
        known.collect::<Vec<_>>().join(", ")
    );
    Ok(())
}
