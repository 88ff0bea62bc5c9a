//! One child process: started, waited for, killed when its time is over, always reaped.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cell::{Line, Measured, Point};
use crate::machine::this_program;
use crate::plan::Cell;

/// How often the interrupt flag is looked at while a child runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a process ended.
#[derive(Debug)]
pub(crate) enum End {
    /// By itself, or by a signal that this program did not send.
    Ended {
        /// How.
        status: ExitStatus,
        /// What it wrote to stdout.
        lines: String,
        /// What it wrote to stderr.
        errors: String,
    },
    /// It was killed after its time; what it wrote to stdout until then.
    TimedOut(String),
    /// It was killed because the user asked to stop.
    Interrupted,
}

/// How the child of a cell ended.
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
    let arguments = ["cell".into(), serde_json::to_string(cell)?];
    let limit = Duration::from_secs_f64(cell.timeout_seconds);
    Ok(match supervise(&arguments, limit, interrupted)? {
        End::Ended { status, lines, errors } => understand(status, &lines, &errors),
        End::TimedOut(_) => Outcome::TimedOut,
        End::Interrupted => Outcome::Interrupted,
    })
}

/// Runs this program with other arguments.
pub(crate) fn supervise(
    arguments: &[String],
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<End> {
    let mut child = Command::new(this_program().context("cannot find this program")?)
        .arg0(std::env::args_os().next().unwrap_or_else(|| "kovan-lab".into()))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group: Ctrl-C reaches the parent only, which kills the child and reaps it.
        .process_group(0)
        .spawn()
        .context("cannot start a process")?;
    let (ended, end) = mpsc::channel();
    let errors = collect(child.stderr.take(), None);
    let lines = collect(child.stdout.take(), Some(ended));

    let deadline = Instant::now() + limit;
    let killed = loop {
        match end.recv_timeout(LOOK_EVERY) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout)
                if interrupted.load(Relaxed) || Instant::now() >= deadline =>
            {
                break true;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    if killed {
        kill(&mut child);
    }
    let status = child.wait().context("cannot wait for a process")?;
    let (lines, errors) = (lines.join().unwrap_or_default(), errors.join().unwrap_or_default());
    // A signal to all processes (a closing terminal) can reach the child before the flag is seen.
    if interrupted.load(Relaxed) && (killed || status.signal().is_some()) {
        return Ok(End::Interrupted);
    }
    Ok(if killed { End::TimedOut(lines) } else { End::Ended { status, lines, errors } })
}

/// Becomes true when the user asks to stop. Once per process.
pub(crate) fn interrupt_flag() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Relaxed)).context("cannot handle Ctrl-C")?;
    Ok(interrupted)
}

/// In a child: ends the process when the parent does, which holds the other end of stdin.
pub(crate) fn exit_with_parent() {
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
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
