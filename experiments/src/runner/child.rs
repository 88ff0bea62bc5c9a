//! The child process of one trial, and what it wrote.

use std::process::ExitStatus;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Result;
use kovan_lab_base::data::{Measured, Trial, WorkerMessage};
use kovan_lab_base::support::output::tail;
use kovan_lab_base::system::allocator;
use kovan_lab_base::system::process::{End, supervise_in};

/// How the child of a trial ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It wrote a result, and perhaps something to stderr.
    Measured(Box<Measured>, Option<String>),
    /// It refused the pair.
    Refused(String),
    /// It failed.
    Failed(String),
    /// It was killed after its time; perhaps what it wrote to stderr.
    TimedOut(Option<String>),
    /// It was killed because the user asked to stop.
    Interrupted,
}

/// Runs a trial in a process of its own.
pub(crate) fn run(trial: &Trial, interrupted: &AtomicBool) -> Result<Outcome> {
    let arguments = ["trial".into(), serde_json::to_string(trial)?];
    let limit = Duration::from_secs_f64(trial.timeout_seconds);
    let environment = match allocator::environment(&trial.id.allocator) {
        Ok(environment) => environment,
        Err(reason) => return Ok(Outcome::Failed(format!("could not run: {reason}"))),
    };
    Ok(match supervise_in(&environment, &arguments, limit, interrupted)? {
        End::Ended { status, lines, errors } => understand(status, &lines, &errors),
        End::TimedOut { errors, .. } => Outcome::TimedOut(tail(&errors)),
        End::NotRun(reason) => Outcome::Failed(format!("could not run: {reason}")),
        End::Interrupted => Outcome::Interrupted,
    })
}

fn understand(status: ExitStatus, lines: &str, errors: &str) -> Outcome {
    let said = tail(errors);
    if !status.success() {
        let text = said.as_deref().unwrap_or("no message");
        return Outcome::Failed(format!("the process ended with {status}: {text}"));
    }
    let mut measured = Measured::default();
    let mut is_whole = false;
    for line in lines.lines() {
        match serde_json::from_str(line) {
            Ok(WorkerMessage::Point(point)) => measured.series.push(point),
            Ok(WorkerMessage::Role(role)) => measured.roles.push(role),
            Ok(WorkerMessage::Latency(latency)) => measured.latencies.push(latency),
            Ok(WorkerMessage::Result { error, allocator, metrics }) => {
                (measured.error, measured.metrics) = (error, *metrics);
                measured.allocator = allocator;
                is_whole = true;
            }
            Ok(WorkerMessage::Refused { reason }) => return Outcome::Refused(reason),
            Err(error) => {
                return Outcome::Failed(format!(
                    "the process wrote a line that is no result: {error}"
                ));
            }
        }
    }
    if is_whole {
        Outcome::Measured(Box::new(measured), said)
    } else {
        Outcome::Failed("the process wrote no result".into())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_failure_has_the_end_of_stderr() {
        let errors: String = (0..20_000).map(|nth| format!("line {nth}\n")).collect();
        let ended = understand(ExitStatus::from_raw(3 << 8), "", &errors);
        let Outcome::Failed(text) = ended else { panic!("no failure") };
        assert!(text.contains("exit status: 3: … ") && text.ends_with("line 19999"), "{text}");
    }
}
