//! What a child writes, read without a thread: the system may not let this process start one.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::Duration;

use anyhow::{Context, Result};

/// So many of the last bytes of stderr are kept: a child that complains in a loop does not fill the memory.
const KEPT: usize = 1 << 16;

/// The two pipes of a child, and what came out of them.
#[derive(Debug)]
pub(super) struct Pipes {
    stdout: Pipe<ChildStdout>,
    stderr: Pipe<ChildStderr>,
}

#[derive(Debug)]
struct Pipe<T> {
    /// Nothing once the other end is closed.
    from: Option<T>,
    bytes: Vec<u8>,
}

impl Pipes {
    /// The pipes of a child, which are taken from it.
    pub(super) fn of(child: &mut Child) -> Self {
        Self {
            stdout: Pipe { from: child.stdout.take(), bytes: Vec::new() },
            stderr: Pipe { from: child.stderr.take(), bytes: Vec::new() },
        }
    }

    /// Reads what comes within this time; whether both pipes are closed.
    pub(super) fn read(&mut self, within: Duration) -> Result<bool> {
        let mut watched = [self.stdout.watched(), self.stderr.watched()];
        if watched.iter().all(|pipe| pipe.fd < 0) {
            return Ok(true);
        }
        let time = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: `watched` is an array of two, and the call writes into it alone.
        let ready = unsafe { libc::poll(watched.as_mut_ptr(), 2, time) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            // A signal came first; the caller looks why.
            let interrupted = error.kind() == io::ErrorKind::Interrupted;
            return if interrupted { Ok(false) } else { Err(error).context("cannot read a pipe") };
        }
        if watched[0].revents != 0 {
            self.stdout.read_some();
        }
        if watched[1].revents != 0 {
            self.stderr.read_some();
            self.stderr.forget();
        }
        Ok(self.stdout.from.is_none() && self.stderr.from.is_none())
    }

    /// Reads what an ended child has left in the pipes.
    pub(super) fn read_rest(&mut self) {
        // An error leaves what is there so far.
        while matches!(self.read(Duration::ZERO), Ok(false)) && self.is_ready() {}
    }

    /// Returns whether something is there to read, or an end.
    fn is_ready(&self) -> bool {
        let mut watched = [self.stdout.watched(), self.stderr.watched()];
        // SAFETY: `watched` is an array of two, and the call writes into it alone.
        unsafe { libc::poll(watched.as_mut_ptr(), 2, 0) > 0 }
    }

    /// What was written to stdout and to stderr.
    pub(super) fn into_texts(self) -> (String, String) {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(self.stdout.bytes), text(self.stderr.bytes))
    }
}

impl<T: Read + AsRawFd> Pipe<T> {
    /// Returns the descriptor for `poll`, which ignores negative numbers.
    fn watched(&self) -> libc::pollfd {
        let fd: RawFd = self.from.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
    }

    /// Reads what is there, when `poll` has said that this does not wait.
    fn read_some(&mut self) {
        let mut buffer = [0; 1 << 16];
        let Some(from) = &mut self.from else { return };
        match from.read(&mut buffer) {
            Ok(0) => self.from = None,
            Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.from = None,
        }
    }

    fn forget(&mut self) {
        let more = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..more);
    }
}
