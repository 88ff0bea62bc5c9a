//! Writing to the terminal without panics, and whole files without torn states.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context, Result, bail};

use super::colour;

/// Joins all lines of a text into one.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters of a child's stderr that a row or a message holds.
const TAIL: usize = 600;

/// The end of what a child wrote to stderr, as one line without control characters; nothing if it wrote
/// nothing.
pub fn tail(text: &str) -> Option<String> {
    let mut line = String::new();
    for c in one_line(text).chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    let more = line.chars().count().saturating_sub(TAIL);
    if more > 0 {
        line = format!("… {}", line.chars().skip(more).collect::<String>());
    }
    (!line.is_empty()).then_some(line)
}

/// What is wrong, and what the process wrote to stderr; both may be nothing.
pub fn with_stderr(error: Option<&str>, said: Option<&str>) -> String {
    let said = said.map(|said| format!("on stderr: {said}"));
    error.map(str::to_string).into_iter().chain(said).collect::<Vec<_>>().join("; ")
}

/// One line on stderr that names the program. A closed stderr is nobody's problem.
pub fn complain(text: &str) {
    say(&format!("kovan-lab: {}", one_line(text)));
}

/// Says whether notes are left out.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Leaves notes out from now on. What is wrong is still said.
pub fn be_quiet() {
    IS_QUIET.store(true, Relaxed);
}

/// Returns whether notes are left out.
pub fn is_quiet() -> bool {
    IS_QUIET.load(Relaxed)
}

/// One line on stderr, about something that is as it should be.
pub fn note(text: &str) {
    if !is_quiet() {
        say(text);
    }
}

fn say(text: &str) {
    let text = colour::for_stderr(text);
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says whether details are said.
static IS_VERBOSE: AtomicBool = AtomicBool::new(false);

/// Says details from now on.
pub fn be_verbose() {
    IS_VERBOSE.store(true, Relaxed);
}

/// Returns whether details are said.
pub fn is_verbose() -> bool {
    IS_VERBOSE.load(Relaxed)
}

/// One line on stderr about a step, where the user asks for details.
pub fn detail(text: impl FnOnce() -> String) {
    if is_verbose() {
        say(&one_line(&text()));
    }
}

/// Prints what people read to stdout: on a terminal, verdicts and headers have colours.
///
/// # Errors
/// If stdout cannot be written to.
pub fn print_report(text: &str) -> Result<()> {
    print(&colour::for_stdout(text))
}

/// Prints to stdout. A reader that left (`| head`) is not an error.
///
/// # Errors
/// If stdout cannot be written to.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to stdout"),
    }
}

/// How many columns a line on stdout has: what `COLUMNS` says, else those of the terminal. Nothing where
/// stdout is a file or a pipe, which takes lines of any length.
pub fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    said.filter(|columns| *columns > 0).or_else(terminal_columns)
}

fn terminal_columns() -> Option<usize> {
    let mut size = MaybeUninit::<libc::winsize>::uninit();
    // SAFETY: `size` is a place for a `winsize`, and the call writes nothing else.
    let failed = unsafe { libc::ioctl(1, libc::TIOCGWINSZ, size.as_mut_ptr()) } != 0;
    if failed {
        return None;
    }
    // SAFETY: the call has succeeded, so it has filled in all of it.
    let columns = unsafe { size.assume_init() }.ws_col;
    (columns > 0).then_some(columns.into())
}

/// Replaces a file by a temporary file and a rename: a reader sees the old text or the new.
///
/// # Errors
/// If the folder or the file cannot be written to.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_with(path, |file| Ok(file.write_all(bytes)?))
}

/// Replaces a file by a temporary one that `write` fills: a reader sees the old text or the new. If it fails, the old
/// file stays.
///
/// # Errors
/// If the folder or the file cannot be written to, or `write` fails.
pub fn replace_with(path: &Path, write: impl FnOnce(&mut fs::File) -> Result<()>) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let fill = || -> Result<()> {
        let mut file = fs::File::create(&temporary)?;
        write(&mut file)?;
        file.sync_all()?;
        Ok(fs::rename(&temporary, path)?)
    };
    let written = fill();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Takes a folder or a file for this process, for as long as the value lives; also after a kill
/// the next run has it. A file system without locks gives none.
///
/// # Errors
/// If another process has it, or it cannot be opened.
pub fn claim(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        bail!("{}: another kovan-lab writes here; wait for its end", path.display());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_is_one_line_that_can_be_printed() {
        assert_eq!(tail(" \n"), None);
        assert_eq!(tail("a\r\n\tb\u{1b}[31m\u{0}\n").as_deref(), Some("a b\\u{1b}[31m\\u{0}"));
        let long = tail(&format!("{}the end", "é\n".repeat(100_000))).expect("a line");
        assert!(long.starts_with("… ") && long.ends_with("é the end"), "{long}");
        assert_eq!(long.chars().count(), TAIL + 2);
    }
}
