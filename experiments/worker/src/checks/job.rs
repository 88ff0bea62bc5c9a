//! One check of one pair in a process of its own: a crash or a hang is its result.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use kovan_lab_base::support::output::{tail, with_stderr};
use kovan_lab_base::system::threads::exit_with_parent;
use kovan_schemes::canary;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, COUNTED, Failure, ROUND};
use super::check::Check;
use super::dispatch::run_pair;
use super::{bounds, of_scheme, optimistic};
use crate::FindPair;
use kovan_lab_base::system::process::{End, supervise};

/// What a child is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The name of the scheme.
    pub scheme: String,
    /// Empty for a check of a scheme alone.
    pub structure: String,
    /// What is checked.
    pub check: Check,
    /// How long the check looks for a fault.
    pub seconds: f64,
    /// The seed of the first round.
    pub seed: u64,
}

/// The last line of a child.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing was found.
    Passed {
        /// What was looked at.
        detail: String,
    },
    /// Something was found.
    Failed {
        /// The seed with which the first round finds it.
        seed: u64,
        /// What.
        message: String,
    },
}

/// How a child ended, and how far it came.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What it found; a crash or a hang is a failure.
    pub verdict: Verdict,
    /// From its start to its end.
    pub took: Duration,
    /// What it told on its way.
    pub reached: Reached,
}

/// What became of a job.
#[derive(Clone, Debug)]
pub enum Judged {
    /// Its child ended, or was killed after its time.
    Ended(Ended),
    /// The system did not let it run; why, and what would be right. Nothing is known of the pair.
    NotRun(String),
    /// The user asked to stop.
    Interrupted,
}

/// What a child told on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Rounds that began.
    pub rounds: u64,
    /// The seed of the last one.
    pub last: Option<u64>,
    /// Numbers of the whole check, by their names.
    pub counts: BTreeMap<String, u64>,
}

impl Reached {
    fn from(lines: &str) -> Self {
        let mut reached = Self::default();
        for line in lines.lines() {
            if let Some(seed) = line.strip_prefix(ROUND).and_then(|seed| seed.parse().ok()) {
                reached.rounds += 1;
                reached.last = Some(seed);
            } else if let Some((name, count)) =
                line.strip_prefix(COUNTED).and_then(|rest| rest.split_once(' '))
                && let Ok(count) = count.parse()
            {
                reached.counts.insert(name.into(), count);
            }
        }
        reached
    }
}

/// The child.
///
/// # Errors
/// If the definition is not that of a job, names no scheme or pair, or stdout cannot be written to.
pub fn main(definition: &str, find: FindPair) -> Result<()> {
    let job: Job = serde_json::from_str(definition).context("not a job")?;
    exit_with_parent();
    say(&job.run(find)?)
}

/// Writes the last line of a child.
fn say(verdict: &Verdict) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, verdict)?;
    out.write_all(b"\n").and_then(|()| out.flush()).context("cannot write the verdict")
}

impl Job {
    /// How long the child may take.
    pub fn limit(&self) -> Duration {
        let usual = Duration::from_secs_f64(40.0 + 5.0 * self.seconds);
        let length = Duration::from_secs_f64(self.seconds);
        if self.check == Check::Bounds { usual + bounds::patience(length) } else { usual }
    }

    fn run(&self, find: FindPair) -> Result<Verdict> {
        if self.check == Check::Optimistic {
            return self.script();
        }
        let length = Duration::from_secs_f64(self.seconds);
        let budget = Budget { seed: self.seed, length, announce: true };
        let result = if Check::OF_SCHEMES.contains(&self.check) {
            let all = of_scheme::all();
            let found = all.iter().find(|(scheme, _)| *scheme == self.scheme);
            let check = found.and_then(|(_, checks)| checks.get(self.check));
            check.with_context(|| format!("unknown scheme `{}`", self.scheme))?(&budget)
        } else {
            let pair = find(&self.scheme, &self.structure).map_err(|error| anyhow!("{error}"))?;
            run_pair(self.check, &pair, &budget)
        };
        Ok(match result {
            Ok(detail) => Verdict::Passed { detail },
            Err(failure) => Verdict::Failed { seed: failure.seed, message: failure.message },
        })
    }

    fn script(&self) -> Result<Verdict> {
        let scripts = optimistic::scripts();
        let script = scripts.iter().find(|(facts, _)| facts.name == self.scheme);
        let (_, script) = script.with_context(|| format!("unknown scheme `{}`", self.scheme))?;
        Ok(if script() {
            Verdict::Passed { detail: "the young node was still there".into() }
        } else {
            Verdict::Failed {
                seed: self.seed,
                message: "the young node held something else".into(),
            }
        })
    }

    /// Runs the job in a child.
    ///
    /// # Errors
    /// As of [`kovan_lab_base::system::process::supervise`].
    pub fn supervise(&self, interrupted: &AtomicBool) -> Result<Judged> {
        let arguments = ["verify-job".into(), serde_json::to_string(self)?];
        judge(&arguments, self.seed, self.limit(), interrupted)
    }
}

/// Runs this program as a child that ends with a [`Verdict`], and says how it ended.
fn judge(
    arguments: &[String],
    seed: u64,
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<Judged> {
    let began = Instant::now();
    let end = supervise(arguments, limit, interrupted)?;
    let took = began.elapsed();
    let (lines, verdict, message) = match end {
        End::Interrupted => return Ok(Judged::Interrupted),
        End::NotRun(reason) => return Ok(Judged::NotRun(reason)),
        End::TimedOut { lines, errors } => {
            let hung = format!("hung: killed after {:.0} s", limit.as_secs_f64());
            (lines, None, with_stderr(Some(&hung), tail(&errors).as_deref()))
        }
        End::Ended { status, lines, errors } => {
            let last = lines.lines().last().and_then(|line| serde_json::from_str(line).ok());
            let verdict = last.filter(|_| status.success());
            (lines, verdict, crash(&errors, &status.to_string()))
        }
    };
    let reached = Reached::from(&lines);
    let seed = reached.last.unwrap_or(seed);
    let verdict = verdict.unwrap_or(Verdict::Failed { seed, message });
    Ok(Judged::Ended(Ended { verdict, took, reached }))
}

/// Runs this program with the arguments as a child, which must end with [`report`]; what it said, or
/// how it crashed or hung.
///
/// # Errors
/// If no process can be started, or the system does not give it the threads that it needs.
pub fn in_a_child(arguments: &[String], seed: u64, limit: Duration) -> Result<Verdict> {
    match judge(arguments, seed, limit, &AtomicBool::new(false))? {
        Judged::Ended(ended) => Ok(ended.verdict),
        Judged::NotRun(reason) => bail!("could not run: {reason}"),
        Judged::Interrupted => Ok(Verdict::Failed { seed, message: "interrupted".into() }),
    }
}

/// In a child: writes the verdict for the parent.
///
/// # Errors
/// If stdout cannot be written to.
pub fn report(result: Result<String, Failure>) -> Result<()> {
    say(&match result {
        Ok(detail) => Verdict::Passed { detail },
        Err(Failure { seed, message }) => Verdict::Failed { seed, message },
    })
}

/// What a child said before it ended badly.
fn crash(errors: &str, status: &str) -> String {
    if let Some(line) = errors.lines().find(|line| line.starts_with("canary: ")) {
        return line.to_string();
    }
    let after = errors.lines().skip_while(|line| !line.contains("panicked at"));
    let ends = |line: &str| line.starts_with("stack backtrace") || line.starts_with("note: ");
    let panic: Vec<_> = after.take_while(|line| !ends(line)).map(str::trim).collect();
    let text = if panic.is_empty() { tail(errors) } else { tail(&panic.join(" ")) };
    let text = text.unwrap_or_else(|| "no message".into());
    let canary = if canary::COMPILED { "" } else { " (a build with the canary may say more)" };
    format!("the process ended with {status}{canary}: {text}")
}
