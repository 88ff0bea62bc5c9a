//! What the programs have in common: the allocator, arguments, and how they end.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{self, ExitCode};

use clap::Parser;

use crate::build;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Arguments of every program but `comparison`, which has more of its own.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Rounds, at least 3.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(3..))]
    pub rounds: u16,
    /// Only these contenders; all if not said.
    #[arg(long, value_delimiter = ',')]
    pub contenders: Vec<String>,
    /// Writes every measurement to this file.
    #[arg(long)]
    pub csv: Option<PathBuf>,
}

impl Common {
    /// Keeps the contenders that were asked for.
    ///
    /// # Errors
    /// One that was asked for and is not there.
    pub fn choose<T>(&self, all: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Vec<T>, Failure> {
        let names: Vec<_> = all.iter().map(&name).collect();
        check_names("--contenders", &self.contenders, &names)?;
        let wanted = |it: &T| {
            self.contenders.is_empty() || self.contenders.iter().any(|wanted| wanted == name(it))
        };
        Ok(all.into_iter().filter(wanted).collect())
    }
}

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
            // The values that are possible, if they are few, are in the second line.
            let lines = text.lines().take(2).map(str::trim);
            let line: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            return fail::<A>(line.join(" ").trim_start_matches("error: "), 2);
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

/// Writes a line of a table: `println!`, but without a panic where nobody reads it any more. The
/// program ends then; each measurement so far is in its file, if there is one.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::command::say(format_args!($($text)*)) };
}

/// What the macro of the same name does.
pub fn say(line: fmt::Arguments<'_>) {
    let Err(error) = writeln!(io::stdout(), "{line}") else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        process::exit(0);
    }
    eprintln!("standard output: {error}");
    process::exit(1);
}

/// Checks names that were asked for; `all` are the names there are.
///
/// # Errors
/// A wanted name that nobody has.
pub fn check_names(option: &str, wanted: &[String], all: &[&str]) -> Result<(), Failure> {
    match wanted.iter().find(|name| !all.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let mut names: Vec<&str> = Vec::new();
            for name in all {
                if !names.contains(name) {
                    names.push(name);
                }
            }
            let names = names.join(", ");
            Err(Failure::Usage(format!("{option} {name}: nobody of this name; there are {names}")))
        }
    }
}

/// Returns the model of the processor.
#[must_use]
pub fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.unwrap_or("unknown").trim_start_matches([' ', '\t', ':']).to_owned()
}

/// Returns the number of processors that this program may use.
#[must_use]
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

/// Describes the machine and the build in a line.
#[must_use]
pub fn machine() -> String {
    format!(
        "{}, {} processors; profile {}, {} allocator, default collector {}",
        processor(),
        processors(),
        build::PROFILE,
        build::ALLOCATOR,
        build::COLLECTOR
    )
}
