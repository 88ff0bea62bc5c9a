//! How long single calls of `kovan` and its peers take.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kovan_benches::command::{self, Common, Failure};
use kovan_benches::contenders::{
    Epoch, FreeAll, Haphazard, Kovan, KovanRobust, Published, Sdd, Seize,
};
use kovan_benches::latency::{COLUMNS, Clock, Contestant, Over, contestant};
use kovan_benches::rounds::interleave;
use kovan_benches::samples::Samples;
use kovan_benches::say;
use kovan_benches::statistics::Summary;
use kovan_benches::threads::Setting;

/// Times each call by itself while threads replace and load, in equal parts, the values of 64
/// pointers. Every round measures every contender once, in an order that changes from round to
/// round.
#[derive(Parser)]
#[command(name = "latency")]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Threads.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Milliseconds that a contender works per round.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    window_ms: u64,
}

fn contestants() -> Vec<Contestant> {
    vec![
        contestant::<Clock>(),
        contestant::<Over<Kovan>>(),
        contestant::<Over<KovanRobust>>(),
        contestant::<Over<FreeAll>>(),
        contestant::<Over<Epoch>>(),
        contestant::<Over<Seize>>(),
        contestant::<Over<Haphazard>>(),
        contestant::<Over<Sdd>>(),
        contestant::<Over<Published>>(),
    ]
}

/// The quantiles of a contender, by round, then by call.
type Rounds = Vec<Vec<[f64; 5]>>;

fn measure(
    arguments: &Arguments,
    contestants: &[Contestant],
    samples: &mut Samples,
) -> Result<Vec<Rounds>, String> {
    let window = Duration::from_millis(arguments.window_ms);
    let setting = Setting { threads: arguments.threads.into(), window };
    interleave(arguments.common.rounds, contestants.len(), |round, index| {
        let Contestant { name, calls, run } = &contestants[index];
        let quantiles = run(setting);
        for (call, times) in calls.iter().zip(&quantiles) {
            let mut record = vec![name.clone(), (*call).to_owned(), round.to_string()];
            record.extend(times.map(|time| format!("{time:.0}")));
            samples.write(&record)?;
        }
        Ok(quantiles)
    })
}

/// Prints one call of every contender that has it.
fn print(call: &str, contestants: &[Contestant], measured: &[Rounds]) {
    for (contestant, rounds) in contestants.iter().zip(measured) {
        let Some(index) = contestant.calls.iter().position(|it| *it == call) else { continue };
        let cells: String = (0..COLUMNS.len())
            .map(|column| {
                let times = rounds.iter().map(|calls| calls[index][column]).collect();
                format!(" {:.0} |", Summary::of(times))
            })
            .collect();
        say!("| {call} | {} |{cells}", contestant.name);
    }
}

fn table(arguments: &Arguments) -> Result<(), Failure> {
    let contestants = arguments.common.choose(contestants(), |it| &it.name)?;
    let columns = [["contender", "call", "round"].as_slice(), &COLUMNS].concat();
    let mut samples = Samples::create(arguments.common.csv.as_deref(), &columns)?;
    say!(
        "{}; {} threads, {} rounds of {} ms. Nanoseconds of single calls, the clock's own cost \
         (the call \"nothing\") included: medians of the rounds' quantiles, with 95 % intervals. Not \
         in this table: reference counts, which have no such calls, and leak.\n",
        command::machine(),
        arguments.threads,
        arguments.common.rounds,
        arguments.window_ms
    );
    say!("| call | contender | {} |", COLUMNS.join(" | "));
    say!("|---|---|{}", "---|".repeat(COLUMNS.len()));
    let measured = measure(arguments, &contestants, &mut samples)?;
    for call in ["nothing", "pin", "retire", "unpin", "whole operation"] {
        print(call, &contestants, &measured);
    }
    Ok(())
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| table(&arguments))
}
