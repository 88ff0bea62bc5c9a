//! What the feature `nightly` gains: `comparison` built twice by the nightly compiler, without and
//! with it, and the two programs in turn.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use kovan_benches::command::{self, Failure};
use kovan_benches::contender::Contender;
use kovan_benches::contenders::{Kovan, KovanDefault};
use kovan_benches::random::random;
use kovan_benches::statistics::{Summary, median};

/// Builds the comparison with the nightly compiler, without and with the feature `nightly`, and runs
/// the two programs in turn. In each the time of the default collector, which the feature changes,
/// is taken relative to that of a handle, which it does not. Needs `cargo +nightly`.
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

const CELLS: [&str; 3] = ["pin+unpin", "pin+load", "read-heavy 95/5"];
const SUBJECT: &str = <KovanDefault as Contender>::NAME;
const YARDSTICK: &str = <Kovan as Contender>::NAME;

/// The two programs.
const FEATURES: [&[&str]; 2] = [&[], &["--features", "nightly"]];
const NAMES: [&str; 2] = ["without", "with"];

/// Where programs and measurements are kept.
fn directory(which: usize) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("nightly-gain").join(NAMES[which])
}

fn succeed(command: &mut Command, what: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|error| format!("{what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}").into()) }
}

/// Builds the program, and returns its path.
fn build(which: usize) -> Result<PathBuf, Failure> {
    let directory = directory(which);
    let mut cargo = Command::new("cargo");
    // A `cargo run` around this has set its own compiler.
    cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC");
    cargo.args(["+nightly", "build", "--release", "-p", "kovan-benches", "--bin", "comparison"]);
    cargo.args(FEATURES[which]).arg("--target-dir").arg(&directory);
    succeed(&mut cargo, "cargo +nightly build")?;
    Ok(directory.join("release").join("comparison"))
}

/// Time of the subject over that of the yardstick: the median of the rounds in the file.
fn relative(path: &Path) -> Result<f64, csv::Error> {
    let [mut subject, mut yardstick] = [Vec::new(), Vec::new()];
    for record in csv::Reader::from_path(path)?.deserialize() {
        let (_, _, _, name, rate): (String, u16, u16, String, f64) = record?;
        match name.as_str() {
            SUBJECT => subject.push(rate),
            YARDSTICK => yardstick.push(rate),
            _ => {}
        }
    }
    let ratios = yardstick.iter().zip(&subject).map(|(yardstick, subject)| yardstick / subject);
    Ok(median(&mut ratios.collect::<Vec<_>>()))
}

/// Runs a program in one cell.
fn measure(which: usize, program: &Path, cell: &str, window_ms: u64) -> Result<f64, Failure> {
    let csv = directory(which).join("measured.csv");
    let mut command = Command::new(program);
    command.args(["--cell", cell, "--subject", SUBJECT, "--contenders", YARDSTICK]);
    command.args(["--threads", "1", "--rounds", "3", "--window-ms", &window_ms.to_string()]);
    command.arg("--csv").arg(&csv).stdout(Stdio::null());
    succeed(&mut command, "comparison")?;
    Ok(relative(&csv).map_err(|error| format!("{}: {error}", csv.display()))?)
}

/// What the rounds of one cell gave, without and with the feature.
fn rounds(
    arguments: &Arguments,
    programs: &[PathBuf; 2],
    cell: &str,
) -> Result<[Vec<f64>; 2], Failure> {
    let (mut times, mut state) = ([Vec::new(), Vec::new()], 0x9E37_79B9_7F4A_7C15);
    for _ in 0..arguments.rounds {
        let first = (random(&mut state) & 1) as usize;
        for which in [first, 1 - first] {
            times[which].push(measure(which, &programs[which], cell, arguments.window_ms)?);
        }
    }
    Ok(times)
}

fn table(arguments: &Arguments) -> Result<(), Failure> {
    let programs = [build(0)?, build(1)?];
    println!(
        "{}; {} rounds of three times {} ms. Time of {SUBJECT} over that of {YARDSTICK} in the same \
         process: medians of the rounds, with 95 % intervals. Below 1 in the last column: the \
         feature gains.\n",
        command::machine(),
        arguments.rounds,
        arguments.window_ms
    );
    println!("| cell, threads | without | with | with / without |\n|---|---|---|---|");
    for cell in CELLS {
        let [without, with] = rounds(arguments, &programs, cell)?;
        let ratio = Summary::of_ratios(&with, &without);
        let [without, with] = [without, with].map(Summary::of);
        println!("| {cell}, 1 | {without} | {with} | {ratio} |");
    }
    Ok(())
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| table(&arguments))
}
