//! What the feature `nightly` gains: `comparison` built twice by the nightly compiler, without and
//! with it, and the two programs in turn.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use kovan_benches::command::{self, Failure};
use kovan_benches::comparison::KOVAN;
use kovan_benches::programs;
use kovan_benches::say;
use kovan_benches::statistics::Summary;

/// Builds the comparison with the nightly compiler, without and with the feature `nightly`, and runs
/// the two programs in turn. In each, the time of the default collector, which the feature changes,
/// is divided by that of a handle, which it does not change. Needs `cargo +nightly`.
#[derive(Parser)]
#[command(name = "nightly-gain")]
struct Arguments {
    /// Rounds, at least 3; each runs both programs once.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(3..))]
    rounds: u16,
    /// Milliseconds that a contender works, three times per round and cell.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    window_ms: u64,
}

const CELLS: [&str; 3] = ["pin+unpin", "pin+load", "one cell 95/5"];
/// Ours in the groups of the thread-local interface and of handles, as `label` names it.
const NAMES: [&str; 2] = ["kovan", "kovan, handle"];

/// The two programs, and what cargo gets for them.
const PROGRAMS: [(&str, &[&str]); 2] = [("without", &[]), ("with", &["--features", "nightly"])];

/// Where one of them, and its measurements, are kept.
fn directory(which: usize) -> PathBuf {
    programs::directory("nightly-gain").join(PROGRAMS[which].0)
}

fn build(which: usize) -> Result<PathBuf, Failure> {
    programs::build("comparison", Some("+nightly"), PROGRAMS[which].1, &directory(which))
}

/// Runs a program in one cell: the time of the subject over that of the yardstick.
fn measure(which: usize, program: &Path, cell: &str, window_ms: u64) -> Result<f64, Failure> {
    let window_ms = window_ms.to_string();
    let arguments = [
        ["--cell", cell],
        ["--contenders", KOVAN],
        ["--threads", "1"],
        ["--rounds", "3"],
        ["--window-ms", &window_ms],
    ];
    let csv = directory(which).join("measured.csv");
    // Time is the inverse of throughput.
    let [subject, yardstick] = NAMES;
    programs::relative(program, arguments.as_flattened(), ("--append", &csv), [yardstick, subject])
}

fn table(arguments: &Arguments) -> Result<(), Failure> {
    let built = [build(0)?, build(1)?];
    say!(
        "{}; {} rounds of three times {} ms. Time through the default collector over the time through \
         a handle in the same process: medians of the rounds, with 95 % intervals. Below 1 in the \
         last column: the feature gains.\n",
        command::machine(),
        arguments.rounds,
        arguments.window_ms
    );
    say!("| cell, threads | without | with | with / without |\n|---|---|---|---|");
    for cell in CELLS {
        let [without, with] = programs::in_turn(arguments.rounds, |which| {
            measure(which, &built[which], cell, arguments.window_ms)
        })?;
        let ratio = Summary::of_ratios(&with, &without);
        let [without, with] = [without, with].map(Summary::of);
        say!("| {cell}, 1 | {without} | {with} | {ratio} |");
    }
    Ok(())
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| table(&arguments))
}
