//! What the programs have in common: the allocator, arguments, and how they end.

use std::process::ExitCode;

use clap::Parser;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The global allocator of all programs.
pub const ALLOCATOR_NAME: &str = if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" };

/// Why a program ends.
#[derive(Debug)]
pub enum Failure {
    /// It was asked for something that it does not have.
    Usage(String),
    /// Something did not work.
    Other(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

/// Parses the arguments and runs `body`. A failure is one line; its code is 2 for bad arguments.
pub fn run<A: Parser>(body: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            return fail::<A>(line, 2);
        }
    };
    match body(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(line)) => fail::<A>(&line, 2),
        Err(Failure::Other(line)) => fail::<A>(&line, 1),
    }
}

fn fail<A: Parser>(line: &str, code: u8) -> ExitCode {
    eprintln!("{}: {line}", A::command().get_name());
    ExitCode::from(code)
}

/// Checks names that were asked for; `all` are the names there are.
///
/// # Errors
/// A wanted name that nobody has.
pub fn check_names(option: &str, wanted: &[String], all: &[&str]) -> Result<(), Failure> {
    match wanted.iter().find(|name| !all.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::Usage(format!(
            "{option} {name}: nobody of this name; there are {}",
            all.join(", ")
        ))),
    }
}

/// The processor, how many, and the allocator.
#[must_use]
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = cpu.trim_start_matches([' ', '\t', ':']);
    format!("{cpu}, {cores} processors; allocator: {ALLOCATOR_NAME}")
}
