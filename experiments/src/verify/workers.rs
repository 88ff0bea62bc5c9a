//! Runs checks, some at a time, each in a process of its own, and says how they end.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use anyhow::{Result, bail};
use kovan_lab_base::support::output::complain;
use kovan_lab_base::system::threads::{RAISE, TooFew};
use kovan_lab_worker::checks::{Job, Judged, Verdict};

use super::outcome::Done;
use super::slices::Queue;
use crate::runner::progress::Progress;

/// A job that was taken from the queue; nothing is found where the user asked to stop.
type Taken = (usize, Job, Result<Option<Result<Verdict, String>>>);

/// Runs all jobs, about so many, some at a time.
pub(super) fn run_all(
    queue: impl Queue,
    count: usize,
    processes: usize,
    interrupted: &AtomicBool,
) -> Result<Vec<Done>> {
    let progress = Progress::new(count, "checks");
    let queue = Mutex::new(queue);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        let needs = processes.min(count);
        for started in 0..needs {
            let (queue, send) = (&queue, send.clone());
            let serve = move || serve(queue, &send, interrupted);
            if let Err(cause) = thread::Builder::new().spawn_scoped(scope, serve) {
                let refused = TooFew { needs, started, cause };
                if started == 0 {
                    bail!("it {refused}: {RAISE}");
                }
                complain(&format!("it {refused}, so fewer checks run at a time"));
                break;
            }
        }
        drop(send);
        let mut done: Vec<Done> = Vec::new();
        for (at, job, found) in receive {
            if let Some(found) = found? {
                let found = found.map_err(|reason| with_advice(reason, processes));
                let line = line(&job, &found);
                progress.at(|| line.chars().take(60).collect());
                let failed = !matches!(found, Ok(Verdict::Passed { .. }));
                progress.end(done.len() + 1, failed, &line);
                done.push(Done { at, job, found });
            }
        }
        progress.clear();
        Ok(done)
    })
}

/// Checks that run at the same time share the limit.
fn with_advice(reason: String, processes: usize) -> String {
    let advised = processes == 1 || reason.contains("--jobs");
    if advised { reason } else { format!("{reason}, or run with fewer --jobs") }
}

/// Runs one job after the other, until none is left or nobody listens.
fn serve<Q: Queue>(queue: &Mutex<Q>, send: &mpsc::Sender<Taken>, interrupted: &AtomicBool) {
    loop {
        let next = lock(queue).next();
        let Some((at, job)) = next else { return };
        let found = run(queue, at, &job, interrupted);
        // Without a receiver there is nothing left to do.
        if send.send((at, job, found)).is_err() || interrupted.load(Relaxed) {
            return;
        }
    }
}

fn lock<Q>(queue: &Mutex<Q>) -> MutexGuard<'_, Q> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run<Q: Queue>(
    queue: &Mutex<Q>,
    at: usize,
    job: &Job,
    interrupted: &AtomicBool,
) -> Result<Option<Result<Verdict, String>>> {
    Ok(match job.supervise(interrupted)? {
        Judged::Ended(ended) => {
            // Before the next one: who waits for this one to end must see it.
            lock(queue).ended(at, job, &ended)?;
            Some(Ok(ended.verdict))
        }
        Judged::NotRun(reason) => {
            lock(queue).not_run(at);
            Some(Err(reason))
        }
        Judged::Interrupted => None,
    })
}

fn line(job: &Job, found: &Result<Verdict, String>) -> String {
    let Job { scheme, structure, check, .. } = job;
    let said = match found {
        Ok(Verdict::Passed { detail }) => format!("ok, {detail}"),
        Ok(Verdict::Failed { message, .. }) => format!("failed: {message}"),
        Err(reason) => format!("could not run: {reason}"),
    };
    format!("{scheme} {structure} {}: {said}", check.name())
}
