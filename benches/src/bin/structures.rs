//! The lab's generic structures against hand-written ones: the same algorithm over the same library,
//! in interleaved rounds; and what the lab's counters cost, by a program that is built without them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kovan_benches::command::{self, Failure};
use kovan_benches::programs;
use kovan_benches::rounds::interleave;
use kovan_benches::samples::Samples;
use kovan_benches::say;
use kovan_benches::statistics::{Summary, median};
use kovan_benches::structures::{Match, matches};
use kovan_benches::threads::Setting;

/// Compares the generic structures over crossbeam-epoch with ones that are written by hand over it.
/// A ratio above 1 means that the generic one is faster.
#[derive(Parser)]
#[command(name = "structures")]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Builds itself without the lab's counters as well, runs the two programs in turn, and shows
    /// what the counters cost.
    #[arg(long)]
    counters: bool,
}

#[derive(clap::Args)]
struct Common {
    /// Only structures whose name contains this.
    #[arg(long, default_value = "")]
    structure: String,
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_value = "1,2",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,
    /// Rounds, at least 3.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(3..))]
    rounds: u16,
    /// Milliseconds that each works per round.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    window_ms: u64,
    /// Writes every measurement to this file.
    #[arg(long)]
    csv: Option<PathBuf>,
}

const COLUMNS: [&str; 5] = ["structure", "threads", "round", "contender", "ops_per_second"];

fn chosen(common: &Common) -> Result<Vec<Match>, Failure> {
    let mut all = matches();
    let names: Vec<_> = all.iter().map(|it| it.name).collect();
    all.retain(|it| it.name.contains(&common.structure));
    if all.is_empty() {
        return Err(Failure::Usage(format!(
            "--structure {}: none has this in its name; there are {}",
            common.structure,
            names.join(", ")
        )));
    }
    Ok(all)
}

/// Operations per second of the two, by round.
fn measure(
    common: &Common,
    it: &Match,
    threads: u16,
    samples: &mut Samples,
) -> Result<Vec<Vec<f64>>, String> {
    let window = Duration::from_millis(common.window_ms);
    let setting = Setting { threads: threads.into(), window };
    interleave(common.rounds, it.entries.len(), |round, index| {
        let entry = &it.entries[index];
        let rate = (entry.run)(setting);
        let (threads, round) = (threads.to_string(), round.to_string());
        samples.write(&[it.name, &threads, &round, entry.name, &format!("{rate:.0}")])?;
        Ok(rate)
    })
}

fn table(common: &Common) -> Result<(), Failure> {
    let all = chosen(common)?;
    let mut samples = Samples::create(common.csv.as_deref(), &COLUMNS)?;
    say!(
        "{}; {} rounds of {} ms; medians, ratios of throughput with 95 % intervals. Above 1: the \
         generic structure is faster.\n",
        command::machine(),
        common.rounds,
        common.window_ms
    );
    say!("| structure, threads | generic, ns | against | generic / it |");
    say!("|---|---|---|---|");
    for it in &all {
        for &threads in &common.threads {
            let rates = measure(common, it, threads, &mut samples)?;
            let ratio = Summary::of_ratios(&rates[0], &rates[1]);
            let time = f64::from(threads) * 1e9 / median(&rates[0]);
            say!("| {}, {threads} | {time:.1} | {} | {ratio:.2} |", it.name, it.entries[1].name);
        }
    }
    Ok(())
}

/// Throughput of the generic structure over that of the other, in one of the two programs.
fn relative(program: &Path, common: &Common, it: &Match, threads: u16) -> Result<f64, Failure> {
    let (threads, window_ms) = (threads.to_string(), common.window_ms.to_string());
    let arguments = [
        ["--structure", it.name],
        ["--threads", &threads],
        ["--rounds", "3"],
        ["--window-ms", &window_ms],
    ];
    let csv = programs::directory("uncounted").join("measured.csv");
    let names = [it.entries[0].name, it.entries[1].name];
    programs::relative(program, arguments.as_flattened(), ("--csv", &csv), names)
}

/// What the counters cost: both programs in turn, each relative to what has no counters in either.
fn counters(common: &Common) -> Result<(), Failure> {
    let all = chosen(common)?;
    let with = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let features = ["--features", "uncounted"];
    let without =
        programs::build("structures", None, &features, &programs::directory("uncounted"))?;
    let built = [without, with];
    say!(
        "{}; {} rounds of three times {} ms. Throughput of the generic structure over what it is \
         compared with, in the same process: medians of the rounds, with 95 % intervals. Below 1 in \
         the last column: the counters cost.\n",
        command::machine(),
        common.rounds,
        common.window_ms
    );
    say!("| structure, threads | without counters | with | with / without |");
    say!("|---|---|---|---|");
    for it in &all {
        for &threads in &common.threads {
            let ratios = programs::in_turn(common.rounds, |which| {
                relative(&built[which], common, it, threads)
            })?;
            let cost = Summary::of_ratios(&ratios[1], &ratios[0]);
            let [without, with] = ratios.map(Summary::of);
            say!("| {}, {threads} | {without:.3} | {with:.3} | {cost:.3} |", it.name);
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| {
        if arguments.counters { counters(&arguments.common) } else { table(&arguments.common) }
    })
}
