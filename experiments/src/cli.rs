//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use regex::Regex;

use crate::spec::{ScaleName, check_counts, check_repeats, check_seconds};
use crate::verify::{args, command, job};
use crate::{cell, list, output, plot, run};

const EXIT_CODES: &str = "Exit codes: 0 done; 1 a cell or a check failed; \
    2 a mistake in the command, in a file or of the system; 130 interrupted";

/// Experiments on memory reclamation: throughput and memory bounds, recorded and plotted.
#[derive(Debug, Parser)]
#[command(name = "kovan-lab", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What there is: schemes, structures, experiments, and which pairs are allowed
    List {
        /// What to list; all but the matrix when absent
        what: Option<list::What>,
        /// Table for people, JSON for programs
        #[arg(long, value_enum, default_value_t = list::Format::Table)]
        format: list::Format,
    },
    /// Checks every allowed pair of a scheme and a structure for correctness; measures nothing
    #[command(after_help = EXIT_CODES)]
    Verify(args::VerifyArgs),
    /// Runs experiments, writes records and plots, prints the table
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Draws the plots of a results folder again, and prints its table; measures nothing
    Plot {
        /// A folder that `run` wrote
        dir: PathBuf,
    },
    /// Measures one cell (used by `run`)
    #[command(hide = true)]
    Cell {
        /// The cell as JSON
        definition: String,
    },
    /// Runs one check of one pair (used by `verify`)
    #[command(hide = true)]
    VerifyJob {
        /// The job as JSON
        definition: String,
    },
}

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Names of experiments (see `list experiments`) or paths of TOML files
    #[arg(required = true, value_name = "SPEC")]
    pub(crate) specs: Vec<String>,
    /// How long and how often to measure
    #[arg(long, value_enum, default_value_t = ScaleName::Laptop)]
    pub(crate) scale: ScaleName,
    /// Results folder [default: results/SPEC-SCALE]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Only schemes that match this regular expression; '^kovan$' is one, 'kovan' matches several
    #[arg(long, value_name = "RE", value_parser = regex)]
    pub(crate) scheme: Option<Regex>,
    /// Only structures that match this regular expression
    #[arg(long, value_name = "RE", value_parser = regex)]
    pub(crate) structure: Option<Regex>,
    /// --scheme and --structure choose from all there are, not only from what the spec names
    #[arg(long)]
    pub(crate) all: bool,
    /// Worker threads, for example 1,2,4
    #[arg(long, value_name = "L", value_parser = threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<Counts>,
    /// Extra threads stopped inside a guard, for example 0,1,4
    #[arg(long, value_name = "L", value_parser = stalled, allow_negative_numbers = true)]
    pub(crate) stalled: Option<Counts>,
    /// Length of the measured window of each cell
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) seconds: Option<f64>,
    /// How often each cell is measured
    #[arg(long, value_name = "N", value_parser = repeats, allow_negative_numbers = true)]
    pub(crate) repeats: Option<u32>,
    /// Seed of the order, the keys and the operations [default: 1]
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Print what would run, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Continue in an existing folder: complete cells are skipped
    #[arg(long)]
    pub(crate) resume: bool,
    /// With --resume: goes on where another build of this program measured; the column `build` of each
    /// row says which
    #[arg(long, requires = "resume")]
    pub(crate) allow_build: bool,
    /// Begins also what takes more than 4 hours, without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A list of thread counts.
#[derive(Clone, Debug)]
pub(crate) struct Counts(pub(crate) Vec<u32>);

pub(crate) fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default();
        format!("not a regular expression: {}", last.trim_start_matches("error: "))
    })
}

fn threads(text: &str) -> Result<Counts, String> {
    counts(text, "threads", 1)
}

fn stalled(text: &str) -> Result<Counts, String> {
    counts(text, "stalled", 0)
}

fn counts(text: &str, key: &str, least: u32) -> Result<Counts, String> {
    let counts = text
        .split(',')
        .map(|part| {
            let part = part.trim();
            part.parse()
                .map_err(|_| format!("`{part}` is not a thread count; write for example 1,2,4"))
        })
        .collect::<Result<Vec<u32>, _>>()?;
    check_counts(key, &counts, least).map_err(|error| error.to_string())?;
    Ok(Counts(counts))
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 =
        text.parse().map_err(|_| "not a number of seconds; write for example 0.5".to_string())?;
    check_seconds("seconds", value).map_err(|error| error.to_string())?;
    Ok(value)
}

/// A time as `90`, `90s`, `20m` or `8h`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let factor = match unit {
        "h" => 3600.0,
        "m" => 60.0,
        _ => 1.0,
    };
    let seconds = number.parse::<f64>().ok().map(|number| number * factor);
    // A year.
    match seconds.filter(|seconds| (0.001..=31_536_000.0).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err("not a time; write for example 90s, 20m or 8h".into()),
    }
}

fn repeats(text: &str) -> Result<u32, String> {
    let value = whole(text, "number of repeats", 3)?;
    check_repeats("repeats", value).map_err(|error| error.to_string())?;
    Ok(value)
}

pub(crate) fn seed(text: &str) -> Result<u64, String> {
    whole(text, "seed", 1)
}

/// A number of processes.
pub(crate) fn jobs(text: &str) -> Result<usize, String> {
    let value = whole(text, "number of processes", 2)?;
    // As with threads: more than this is a mistake.
    check_counts("jobs", &[value], 1).map_err(|error| error.to_string())?;
    usize::try_from(value).map_err(|error| error.to_string())
}

/// A whole number that is not negative.
fn whole<T: FromStr>(text: &str, what: &str, example: u32) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a {what}; write a whole number, for example {example}"))
}

/// Runs the command; the value is the exit code.
pub(crate) fn main() -> Result<u8> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                output::print(&error.render().to_string())?;
                return Ok(0);
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                bail!("no command; try `kovan-lab run stalled-threads`, or `kovan-lab --help`")
            }
            _ => bail!("{}; see --help", first_paragraph(&error.render().to_string())),
        },
    };
    match cli.command {
        Command::List { what, format } => list::list(what, format).map(|()| 0),
        Command::Verify(args) => command::verify(&args),
        Command::VerifyJob { definition } => job::main(&definition).map(|()| 0),
        Command::Run(args) => run::run(&args),
        Command::Plot { dir } => plot::plot(&dir).map(|()| 0),
        Command::Cell { definition } => cell::main(&definition).map(|()| 0),
    }
}

/// The message of clap without its usage text, as one line.
fn first_paragraph(text: &str) -> String {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let text = output::one_line(&lines.collect::<Vec<_>>().join(" "));
    text.trim_start_matches("error: ").to_string()
}

impl std::fmt::Display for ScaleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().map_or("", |value| match value.get_name() {
            "smoke" => "smoke",
            "laptop" => "laptop",
            _ => "paper",
        }))
    }
}
