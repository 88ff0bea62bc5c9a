//! The command line.

mod advise;
mod alternate;
mod check;
mod chosen;
mod compare;
mod consent;
mod doctor;
mod folder;
mod list;
mod merge;
mod new;
mod plot;
mod rank;
mod report;
mod run;
mod session;
mod slurm;

use std::sync::OnceLock;

use anyhow::{Result, bail};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use kovan_lab_base::support::output;
use kovan_lab_worker::{checks, trial};

use crate::system::builds::commit;
use crate::verify::{args, command};

const EXIT_CODES: &str = "Exit codes: 0 done; 1 a cell or a check failed; \
    2 a mistake in the command, in a file or of the system; 130 interrupted";

/// Experiments on memory reclamation: throughput and memory bounds, recorded and plotted.
#[derive(Debug, Parser)]
#[command(name = "kovan-lab", version = version(), after_help = EXIT_CODES)]
struct Cli {
    /// Says each step: the command line of every process, how it ended, and how long it took
    #[arg(long, short = 'v', global = true)]
    verbose: bool,
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
        /// Keeps what matches: a column or a key of the JSON, and a regular expression, as 'kind=map',
        /// 'paper=hyaline', 'robust.stalled=true', 'axes=threads'; of several filters all
        #[arg(long, value_name = "KEY=REGEX", value_parser = list::filter)]
        filter: Vec<list::Filter>,
    },
    /// Checks every allowed pair of a scheme and a structure for correctness; measures nothing
    #[command(after_help = EXIT_CODES)]
    Verify(args::VerifyArgs),
    /// Runs experiments, writes records and plots, prints the table
    #[command(after_help = EXIT_CODES)]
    Run(run::RunArgs),
    /// Goes on with a run that was interrupted, or measures again what failed
    #[command(after_help = EXIT_CODES)]
    Resume(run::ResumeArgs),
    /// Joins the folders of all shards of a plan into one; measures nothing
    #[command(after_help = EXIT_CODES)]
    Merge(merge::MergeArgs),
    /// Writes the scripts with which Slurm measures experiments on a cluster; measures nothing
    #[command(after_help = EXIT_CODES)]
    Slurm(slurm::SlurmArgs),
    /// Draws the plots of a results folder again, and prints its table; measures nothing
    #[command(after_help = EXIT_CODES)]
    Plot(plot::PlotArgs),
    /// Holds the records of a results folder against what papers claim, as its spec says it; measures nothing
    #[command(after_help = check::EXIT_CODES)]
    Check(check::CheckArgs),
    /// Compares the same cells of two results folders; measures nothing
    Compare(compare::CompareArgs),
    /// Says which schemes suit each workload of results folders: those that no other beats; measures nothing
    Advise(advise::AdviseArgs),
    /// Ranks the schemes of a results folder, with the places that the measurements leave; measures nothing
    Rank(rank::RankArgs),
    /// Writes one page about results folders that needs no network; measures nothing
    #[command(after_help = EXIT_CODES)]
    Report(report::ReportArgs),
    /// Says what on this machine spoils numbers, and what to do
    Doctor(doctor::DoctorArgs),
    /// Adds a scheme or a structure to a checkout of this workspace: a file that works, for you to replace
    New(new::NewArgs),
    /// Prints completions for a shell, for example: kovan-lab completions bash
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page, for example: kovan-lab man | man -l -
    Man,
    /// Measures one cell (used by `run`)
    #[command(hide = true)]
    Trial {
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

/// The version with the commit of the sources.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| format!("{} ({})", env!("CARGO_PKG_VERSION"), commit()))
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
    if cli.verbose {
        output::be_verbose();
    }
    match cli.command {
        Command::List { what, format, filter } => list::list(what, format, &filter).map(|()| 0),
        Command::Verify(args) => command::verify(&args),
        Command::VerifyJob { definition } => {
            checks::main(&definition, kovan_pairs::find).map(|()| 0)
        }
        Command::Run(args) => run::run(&args),
        Command::Resume(args) => run::resume(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Slurm(args) => slurm::run(&args).map(|()| 0),
        Command::Plot(args) => plot::plot(&args).map(|()| 0),
        Command::Check(args) => check::check(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Advise(args) => advise::run(&args).map(|()| 0),
        Command::Rank(args) => rank::run(&args).map(|()| 0),
        Command::Report(args) => report::run(&args).map(|()| 0),
        Command::Doctor(args) => doctor::doctor(&args).map(|()| 0),
        Command::New(args) => new::run(&args).map(|()| 0),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kovan-lab", &mut text);
            output::print(&String::from_utf8_lossy(&text)).map(|()| 0)
        }
        Command::Man => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            output::print(&String::from_utf8_lossy(&text)).map(|()| 0)
        }
        Command::Trial { definition } => trial::main(&definition, kovan_pairs::find).map(|()| 0),
    }
}

/// Says what is wrong with a command line, if anything is.
#[cfg(test)]
pub(crate) fn parses(arguments: &[String]) -> Result<(), String> {
    let words = ["kovan-lab"].into_iter().chain(arguments.iter().map(String::as_str));
    Cli::try_parse_from(words).map(drop).map_err(|error| error.to_string())
}

/// The message of clap without its usage text, as one line.
fn first_paragraph(text: &str) -> String {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let text = output::one_line(&lines.collect::<Vec<_>>().join(" "));
    text.trim_start_matches("error: ").to_string()
}
