//! Runs checks, some at a time, each in a process of its own, and says how they end.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::Result;

use super::job::{Job, Verdict};
use super::slices::Queue;
use crate::progress::Progress;

/// A job and how it ended.
pub(super) struct Done {
    pub(super) at: usize,
    pub(super) job: Job,
    pub(super) verdict: Verdict,
}

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
        for _ in 0..processes.min(count) {
            let (queue, send) = (&queue, send.clone());
            scope.spawn(move || {
                loop {
                    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
                    let next = lock().next();
                    let Some((at, job)) = next else { return };
                    let ended = job.supervise(interrupted).and_then(|ended| {
                        // Before the next one: who waits for this one to end must see it.
                        ended.iter().try_for_each(|ended| lock().ended(at, &job, ended))?;
                        Ok(ended.map(|ended| ended.verdict))
                    });
                    // Without a receiver there is nothing left to do.
                    if send.send((at, job, ended)).is_err() || interrupted.load(Relaxed) {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut done: Vec<Done> = Vec::new();
        for (at, job, verdict) in receive {
            if let Some(verdict) = verdict? {
                let line = line(&job, &verdict);
                progress.at(|| line.chars().take(60).collect());
                progress.end(done.len() + 1, matches!(verdict, Verdict::Failed { .. }), &line);
                done.push(Done { at, job, verdict });
            }
        }
        progress.clear();
        Ok(done)
    })
}

fn line(job: &Job, verdict: &Verdict) -> String {
    let Job { scheme, structure, check, .. } = job;
    let name = check.name();
    match verdict {
        Verdict::Passed { detail } => format!("{scheme} {structure} {name}: ok, {detail}"),
        Verdict::Failed { message, .. } => {
            format!("{scheme} {structure} {name}: failed: {message}")
        }
    }
}
