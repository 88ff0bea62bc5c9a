//! One child process: started, waited for, killed when its time is over, always reaped.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::machine::this_program;
use super::pipes::Pipes;
use super::threads::{COULD_NOT_RUN, RAISE, TooFew, is_refusal};
use crate::support::output::{detail, tail};
use crate::support::shell::quoted;

/// How often the interrupt flag is looked at while a child runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The most time between two looks that counts. What is more, this process was stopped.
const LOOK_COUNTS: Duration = Duration::from_secs(1);

/// How a process ended.
#[derive(Debug)]
pub enum End {
    /// It ended by itself, or by a signal that this program did not send.
    Ended {
        /// How.
        status: ExitStatus,
        /// What it wrote to stdout.
        lines: String,
        /// What it wrote to stderr.
        errors: String,
    },
    /// It was killed after its time.
    TimedOut {
        /// What it wrote to stdout until then.
        lines: String,
        /// What it wrote to stderr until then.
        errors: String,
    },
    /// The system did not start it, or did not give it its threads; why, and what would be right.
    NotRun(String),
    /// It was killed because the user asked to stop.
    Interrupted,
}

impl End {
    /// How it ended, in a few words.
    fn told(&self) -> String {
        match self {
            Self::Ended { status, .. } => format!("ended with {status}"),
            Self::TimedOut { .. } => "was killed after its time".into(),
            Self::NotRun(_) => "did not get its threads".into(),
            Self::Interrupted => "was interrupted".into(),
        }
    }
}

/// Runs this program with other arguments.
///
/// # Errors
/// If this program is not found, or a process cannot be started or waited for. That the system gives no process is
/// [`End::NotRun`].
pub fn supervise(arguments: &[String], limit: Duration, interrupted: &AtomicBool) -> Result<End> {
    supervise_in(&[], arguments, limit, interrupted)
}

/// The same with more variables in its environment.
///
/// # Errors
/// As [`supervise`].
pub fn supervise_in(
    environment: &[(&'static str, PathBuf)],
    arguments: &[String],
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<End> {
    let spawned = Command::new(this_program().context("cannot find this program")?)
        .arg0(std::env::args_os().next().unwrap_or_else(|| "kovan-lab".into()))
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group: Ctrl-C reaches the parent only, which kills the child and reaps it.
        .process_group(0)
        .spawn();
    detail(|| format!("starts {}", command_line(environment, arguments)));
    let began = Instant::now();
    match spawned {
        Ok(child) => {
            let id = child.id();
            let end = attend(child, limit, interrupted)?;
            detail(|| {
                let seconds = began.elapsed().as_secs_f64();
                format!("process {id} {} after {seconds:.3} s", end.told())
            });
            Ok(end)
        }
        Err(error) if is_refusal(&error) => {
            let reason = "needs a process of its own, the system does not let it start one";
            Ok(End::NotRun(format!("{reason} ({error}): {RAISE}")))
        }
        Err(error) => Err(error).context("cannot start a process"),
    }
}

/// What a shell would be told to start the same process.
fn command_line(environment: &[(&'static str, PathBuf)], arguments: &[String]) -> String {
    let variables = environment
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(&value.to_string_lossy())));
    let program = std::env::args().next().unwrap_or_else(|| "kovan-lab".into());
    let words = arguments.iter().map(|argument| quoted(argument));
    variables.chain([quoted(&program)]).chain(words).collect::<Vec<_>>().join(" ")
}

/// Waits for a child, ends it when its time is over, and says how it ended.
fn attend(mut child: Child, limit: Duration, interrupted: &AtomicBool) -> Result<End> {
    let mut pipes = Pipes::of(&mut child);
    let waited = wait(&mut child, &mut pipes, limit, interrupted);
    if !matches!(waited, Ok(true)) {
        // An error means that it has ended by itself.
        let _ = child.kill();
    }
    let status = child.wait().context("cannot wait for a process")?;
    pipes.read_rest();
    let (lines, errors) = pipes.into_texts();
    let by_itself = waited?;
    Ok(if status.success() {
        // It had done its work when it was killed, if it was.
        End::Ended { status, lines, errors }
    } else if interrupted.load(Relaxed) && (!by_itself || status.signal().is_some()) {
        // A signal to all processes (a closing terminal) can reach the child before the flag is seen.
        End::Interrupted
    } else if !by_itself {
        End::TimedOut { lines, errors }
    } else if status.code() == Some(COULD_NOT_RUN) {
        let told = tail(&errors).unwrap_or_default();
        End::NotRun(told.trim_start_matches("kovan-lab: ").into())
    } else {
        End::Ended { status, lines, errors }
    })
}

/// Reads what the child writes until it ends. Whether it ended by itself: not when its time is over, and
/// not when the user asks to stop.
fn wait(
    child: &mut Child,
    pipes: &mut Pipes,
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<bool> {
    let (mut left, mut looked) = (limit, Instant::now());
    loop {
        let closed = pipes.read(LOOK_EVERY)?;
        if closed && child.try_wait().context("cannot wait for a process")?.is_some() {
            return Ok(true);
        }
        if closed {
            // Nothing is left to wait for but the exit itself.
            thread::sleep(Duration::from_millis(1));
        }
        // The time in which this process was stopped is not the child's.
        left = left.saturating_sub(looked.elapsed().min(LOOK_COUNTS));
        looked = Instant::now();
        if interrupted.load(Relaxed) || left.is_zero() {
            return Ok(false);
        }
    }
}

/// Becomes true when the user asks to stop. Once per process.
///
/// # Errors
/// If the system does not take the handler, or it is there already.
pub fn interrupt_flag() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    match ctrlc::set_handler(move || flag.store(true, Relaxed)) {
        Err(ctrlc::Error::System(cause)) if is_refusal(&cause) => {
            let refused = TooFew { needs: 1, started: 0, cause };
            Err(anyhow!("cannot handle Ctrl-C: it {refused}: {RAISE}"))
        }
        other => other.map(|()| interrupted).context("cannot handle Ctrl-C"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A script with its pipes; its time is over before anybody looks.
    fn late(script: &str, interrupted: bool) -> End {
        let mut command = Command::new("sh");
        let piped = command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = piped.spawn().expect("started");
        let (id, began) = (child.id(), Instant::now());
        let ended = || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            stat.contains(") Z ")
        };
        while !ended() && !script.contains("sleep") {
            assert!(began.elapsed() < Duration::from_secs(60), "the script does not end");
            thread::sleep(Duration::from_millis(5));
        }
        attend(child, Duration::ZERO, &AtomicBool::new(interrupted)).expect("waited for")
    }

    #[test]
    fn what_ended_with_success_wins_over_the_clock() {
        for interrupted in [false, true] {
            match late("echo result; echo note >&2", interrupted) {
                End::Ended { status, lines, errors } if status.success() => {
                    assert_eq!((lines.as_str(), errors.as_str()), ("result\n", "note\n"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_still_runs_is_killed_with_what_it_said() {
        assert!(matches!(late("sleep 100", true), End::Interrupted));
        let End::TimedOut { lines, .. } = late("sleep 100", false) else { panic!("not killed") };
        assert_eq!(lines, "");
    }

    /// How a child that runs this script ends, if it may take its time.
    fn end_of(script: &str) -> End {
        let child = Command::new("sh").args(["-c", script]).stderr(Stdio::piped()).spawn();
        let limit = Duration::from_secs(60);
        let end = attend(child.expect("started"), limit, &AtomicBool::new(false));
        end.expect("waited for")
    }

    #[test]
    fn command_lines_can_be_given_to_a_shell() {
        let variable = ("NAME", PathBuf::from("/a b"));
        let arguments = ["trial".to_string(), r#"{"it's": 1}"#.to_string()];
        let line = command_line(&[variable], &arguments);
        assert!(line.starts_with("NAME='/a b' "), "{line}");
        let rest = line.split_once(" trial ").expect("the arguments").1;
        let said = Command::new("sh").args(["-c", &format!("printf %s {rest}")]).output();
        assert_eq!(String::from_utf8_lossy(&said.expect("sh").stdout), r#"{"it's": 1}"#);
    }

    #[test]
    fn a_child_without_its_threads_is_not_a_failure() {
        let end = end_of("echo kovan-lab: needs 9 threads >&2; exit 75");
        let End::NotRun(reason) = end else { panic!("it counts") };
        assert_eq!(reason, "needs 9 threads");
    }

    #[test]
    fn stderr_is_kept_to_its_end() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; exit 3";
        let End::Ended { status, errors, .. } = end_of(script) else { panic!("how?") };
        assert_eq!(status.code(), Some(3));
        assert!(errors.ends_with("line 19999\n") && errors.len() < 100_000, "{}", errors.len());
    }
}
