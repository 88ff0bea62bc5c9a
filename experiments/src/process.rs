//! One child process: started, waited for, killed when its time is over, always reaped.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cell::{Line, Measured, Point};
use crate::plan::Cell;

/// How often the interrupt flag is looked at while a child runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a child ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It wrote a result.
    Measured(Box<Measured>, Vec<Point>),
    /// It refused the pair.
    Refused(String),
    /// It failed.
    Failed(String),
    /// It was killed after its time.
    TimedOut,
    /// It was killed because the user asked to stop.
    Interrupted,
}

/// Runs a cell in a process of its own.
pub(crate) fn run(cell: &Cell, interrupted: &AtomicBool) -> Result<Outcome> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut child = Command::new(program)
        .arg("cell")
        .arg(serde_json::to_string(cell)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group: Ctrl-C reaches the parent only, which kills the child and reaps it.
        .process_group(0)
        .spawn()
        .context("cannot start a process for a cell")?;
    let (ended, end) = mpsc::channel();
    let errors = collect(child.stderr.take(), None);
    let lines = collect(child.stdout.take(), Some(ended));

    let deadline = Instant::now() + Duration::from_secs_f64(cell.timeout_seconds);
    let stopped = loop {
        match end.recv_timeout(LOOK_EVERY) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) if interrupted.load(Relaxed) => {
                break Some(Outcome::Interrupted);
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                break Some(Outcome::TimedOut);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    if stopped.is_some() {
        kill(&mut child);
    }
    let status = child.wait().context("cannot wait for a cell")?;
    let (lines, errors) = (lines.join().unwrap_or_default(), errors.join().unwrap_or_default());
    if let Some(outcome) = stopped {
        return Ok(outcome);
    }
    // A signal to all processes (a closing terminal) can reach the child before the flag is seen.
    if status.signal().is_some() && interrupted.load(Relaxed) {
        return Ok(Outcome::Interrupted);
    }
    Ok(understand(status, &lines, &errors))
}

fn kill(child: &mut Child) {
    // An error means that it has ended by itself.
    let _ = child.kill();
}

/// Reads a pipe to its end on a thread, so that a full pipe never stops the child.
fn collect(
    pipe: Option<impl Read + Send + 'static>,
    ended: Option<mpsc::Sender<()>>,
) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        // The other side may have given up already.
        let _ = ended.map(|ended| ended.send(()));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn understand(status: ExitStatus, lines: &str, errors: &str) -> Outcome {
    if !status.success() {
        let text = errors.trim();
        let text = if text.is_empty() { "no message" } else { text };
        return Outcome::Failed(format!("the process ended with {status}: {text}"));
    }
    let mut points = Vec::new();
    let mut result = None;
    for line in lines.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Point(point)) => points.push(point),
            Ok(Line::Result(measured)) => result = Some(measured),
            Ok(Line::Refused { reason }) => return Outcome::Refused(reason),
            Err(error) => {
                return Outcome::Failed(format!(
                    "the process wrote a line that is no result: {error}"
                ));
            }
        }
    }
    match result {
        Some(measured) => Outcome::Measured(Box::new(measured), points),
        None => Outcome::Failed("the process wrote no result".into()),
    }
}
