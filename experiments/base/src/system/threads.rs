//! Threads that the system may refuse to start: all threads of this program are started here.
//!
//! A limit on processes (`ulimit -u`, `pids.max` of a control group) also limits threads. A child that
//! does not get its threads says so and ends with [`COULD_NOT_RUN`]. Its parent then blames neither the
//! scheme nor the structure.

use std::fmt;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};

use crate::support::output::complain;

/// The exit code of a child that the system did not give what it needs: `EX_TEMPFAIL` of sysexits.h.
pub const COULD_NOT_RUN: i32 = 75;

/// What helps where the system starts too few threads or processes.
pub const RAISE: &str = "raise `ulimit -u` or the control group's pids.max";

/// The system started fewer threads than were needed.
#[derive(Debug)]
pub struct TooFew {
    /// Threads that were to run at the same time, the first one of the process not counted.
    pub needs: usize,
    /// Threads of these that were running when the next one was refused.
    pub started: usize,
    /// What the system said.
    pub cause: io::Error,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needs, started, cause } = self;
        let noun = if *needs == 1 { "thread" } else { "threads" };
        write!(f, "needs {needs} {noun}, the system lets it start {started} ({cause})")
    }
}

impl std::error::Error for TooFew {}

/// Threads of checks that run now, for the message of one that cannot start.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Starts a thread of a check that needs so many at the same time. Where the system refuses it, this
/// process ends with [`COULD_NOT_RUN`]: the other threads may wait for this one at a gate for ever.
pub fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    needs: u64,
    thread: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let running = Running::new();
    // Boxed, so that what starts a thread is compiled once, and not for each scheme.
    let counted: Box<dyn FnOnce() -> T + Send> = Box::new(move || {
        let _running = running;
        thread()
    });
    thread::Builder::new().spawn_scoped(scope, counted).unwrap_or_else(|cause| {
        let needs = usize::try_from(needs).unwrap_or(usize::MAX);
        let refused = TooFew { needs, started: RUNNING.load(Relaxed), cause };
        give_up(&format!("{refused}: {RAISE}, or run with fewer --jobs"))
    })
}

/// Counts a thread for as long as it lives.
struct Running;

impl Running {
    fn new() -> Self {
        RUNNING.fetch_add(1, Relaxed);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Relaxed);
    }
}

/// In a child: says on stderr why the system does not let it run, and ends the process.
pub fn give_up(reason: &str) -> ! {
    complain(reason);
    // SAFETY: no preconditions. No destructor runs, so none meets threads that are still at work.
    unsafe { libc::_exit(COULD_NOT_RUN) }
}

/// In a child: ends the process when the parent does, which holds the other end of stdin.
pub fn exit_with_parent() {
    let watch = || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    };
    if let Err(cause) = thread::Builder::new().spawn(watch) {
        let refused = TooFew { needs: 1, started: 0, cause };
        give_up(&format!("{refused}: {RAISE}"));
    }
}

/// Returns whether the system refuses a thread or a process because there are too many, or no memory for it.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM))
}

/// A place where threads wait for each other, until one of them cannot come.
#[derive(Debug, Default)]
pub struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    arrived: u32,
    end: Option<End>,
}

/// How a meeting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All go on.
    Released,
    /// Somebody could not come: whoever waits leaves at once.
    Abandoned,
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one thread, which abandons the meeting if the thread ends before it arrives.
    pub fn place(&self) -> Place<'_> {
        Place { meeting: self, arrived: false }
    }

    /// Waits until so many have arrived; whether they have, and the meeting is not abandoned.
    pub fn wait_for_arrivals(&self, count: u32) -> bool {
        let mut state = self.lock();
        while state.arrived < count && state.end.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.end != Some(End::Abandoned)
    }

    /// Ends the meeting, unless it has ended already.
    pub fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.changed.notify_all();
    }
}

/// The place of a thread at a [`Meeting`].
#[derive(Debug)]
pub struct Place<'a> {
    meeting: &'a Meeting,
    arrived: bool,
}

impl Place<'_> {
    /// Arrives. Who has arrived already does nothing.
    pub fn arrive(&mut self) {
        if !std::mem::replace(&mut self.arrived, true) {
            self.meeting.lock().arrived += 1;
            self.meeting.changed.notify_all();
        }
    }

    /// Arrives, and waits for the end of the meeting.
    pub fn arrive_and_wait(&mut self) -> End {
        self.arrive();
        let Meeting { changed, .. } = self.meeting;
        let mut state = self.meeting.lock();
        loop {
            match state.end {
                Some(end) => return end,
                None => state = changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            self.meeting.end(End::Abandoned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_come_sends_the_others_home() {
        let meeting = Meeting::default();
        thread::scope(|scope| {
            let waits = scope.spawn(|| meeting.place().arrive_and_wait());
            assert!(meeting.wait_for_arrivals(1));
            drop(meeting.place());
            assert_eq!(waits.join().expect("no panic"), End::Abandoned);
        });
        assert!(!meeting.wait_for_arrivals(2), "nobody waits for the one that is missing");
        meeting.end(End::Released);
        assert_eq!(meeting.place().arrive_and_wait(), End::Abandoned, "an end is final");
    }

    #[test]
    fn a_released_meeting_goes_on() {
        let meeting = Meeting::default();
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| meeting.place().arrive_and_wait())).collect();
            assert!(meeting.wait_for_arrivals(4));
            meeting.end(End::Released);
            for thread in threads {
                assert_eq!(thread.join().expect("no panic"), End::Released);
            }
        });
    }

    #[test]
    fn a_refused_thread_is_told_with_both_numbers() {
        let cause = io::Error::from_raw_os_error(libc::EAGAIN);
        assert!(is_refusal(&cause));
        let text = TooFew { needs: 32, started: 17, cause }.to_string();
        assert!(text.starts_with("needs 32 threads, the system lets it start 17 ("), "{text}");
    }
}
