//! `kovan` against its peers: one table of ratios, from interleaved rounds in one process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use clap::Parser;
use kovan_benches::cells::{
    Cell, HashMap, List, Loads, Pin, PinLoad, Queue, ReadHeavy, Retire, Stack,
};
use kovan_benches::command::{self, Failure};
use kovan_benches::contenders::{
    Batch32, Batch128, Batch256, Epoch, Free1, Free2, Free4, FreeAll, Haphazard, Kovan,
    KovanDefault, KovanRobust, Leak, Published, Seize,
};
use kovan_benches::rounds::{Entry, entry, interleave, naive_entry, ping_pong, sdd_entry};
use kovan_benches::samples::Samples;
use kovan_benches::say;
use kovan_benches::statistics::{Summary, median};
use kovan_benches::threads::Setting;

/// Compares kovan with its peers. Every round measures every contender once, in an order that
/// changes from round to round. A ratio above 1 means that kovan is faster.
#[derive(Parser)]
#[command(name = "comparison")]
struct Arguments {
    /// Only cells whose name contains this.
    #[arg(long, default_value = "")]
    cell: String,
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,
    /// Rounds, at least 3.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(3..))]
    rounds: u16,
    /// Milliseconds that a contender works per round.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    window_ms: u64,
    /// Which of our contenders is compared with the others: kovan, kovan-default or kovan-robust.
    #[arg(long, default_value = "kovan",
          value_parser = ["kovan", "kovan-default", "kovan-robust"])]
    subject: String,
    /// Only these contenders and the subject; all if not said.
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<String>,
    /// Compares parameters of kovan with each other instead.
    #[arg(long)]
    sweep: bool,
    /// Lists the cells, and who is in them.
    #[arg(long)]
    list: bool,
    /// Writes every measurement to this file.
    #[arg(long)]
    csv: Option<PathBuf>,
}

struct Row {
    name: &'static str,
    /// Whether one thread tells it all: nothing is shared.
    single: bool,
    entries: Vec<Entry>,
}

/// Contenders in a cell.
macro_rules! entries {
    ($cell:ident: $($contender:ident),*) => {
        vec![$(entry::<$contender, $cell<$contender>>()),*]
    };
}

macro_rules! row {
    ($cell:ident, $single:literal, $sweep:expr) => {{
        let name = <$cell<Kovan> as Cell<Kovan>>::NAME;
        let entries = if $sweep {
            entries!($cell: Kovan, FreeAll, Free1, Free2, Free4, Batch32, Batch128, Batch256)
        } else {
            let mut entries = entries!(
                $cell: Kovan, KovanDefault, KovanRobust, Epoch, Seize, Haphazard, Published, Leak
            );
            entries.extend(sdd_entry(name));
            entries.extend(naive_entry::<Mutex<Arc<u64>>>(name));
            entries.extend(naive_entry::<RwLock<Arc<u64>>>(name));
            entries.extend(naive_entry::<ArcSwap<u64>>(name));
            entries
        };
        Row { name, single: $single, entries }
    }};
}

fn rows(sweep: bool) -> Vec<Row> {
    vec![
        row!(Pin, true, sweep),
        row!(PinLoad, true, sweep),
        row!(Loads, true, sweep),
        row!(Retire, true, sweep),
        row!(ReadHeavy, false, sweep),
        row!(Stack, false, sweep),
        row!(Queue, false, sweep),
        row!(List, false, sweep),
        row!(HashMap, false, sweep),
    ]
}

/// One line of the table: the subject's time, and its speed relative to everybody else's, with an
/// interval that holds the median of the ratios with at least 95 %.
fn line(subject: &str, names: &[&str], row: &Row, samples: &[Vec<f64>], threads: u16) -> String {
    let us = row.entries.iter().position(|entry| entry.name == subject).unwrap_or(0);
    let time = f64::from(threads) * 1e9 / median(&mut samples[us].clone());
    let mut line = format!("| {}, {threads} | {time:.2} |", row.name);
    for name in names {
        let Some(it) = row.entries.iter().position(|entry| entry.name == *name) else {
            line += " – |";
            continue;
        };
        line += &format!(" {:.2} |", Summary::of_ratios(&samples[us], &samples[it]));
    }
    line
}

/// The names in the table but for the subject's, in the order in which they first appear.
fn names<'n>(rows: &[Row], subject: &str) -> Vec<&'n str> {
    let mut names = Vec::new();
    for entry in rows.iter().flat_map(|row| &row.entries) {
        if entry.name != subject && !names.contains(&entry.name) {
            names.push(entry.name);
        }
    }
    names
}

/// What the rounds of one line gave: rates by contender and round, and cache-line times by round.
struct Measured {
    rates: Vec<Vec<f64>>,
    hops: Vec<f64>,
}

fn measure(
    arguments: &Arguments,
    row: &Row,
    threads: u16,
    samples: &mut Samples,
) -> Result<Measured, String> {
    let setting =
        Setting { threads: threads.into(), window: Duration::from_millis(arguments.window_ms) };
    let mut hops = Vec::new();
    let rates = interleave(arguments.rounds, row.entries.len(), |round, index| {
        if hops.len() <= round.into() {
            hops.push(ping_pong());
        }
        let Entry { name, run } = &row.entries[index];
        let rate = run(setting);
        let (threads, round) = (threads.to_string(), round.to_string());
        samples.write(&[row.name, &threads, &round, name, &format!("{rate:.0}")])?;
        Ok(rate)
    })?;
    Ok(Measured { rates, hops })
}

fn table(arguments: &Arguments, rows: &[Row]) -> Result<(), String> {
    let columns = ["cell", "threads", "round", "contender", "ops_per_second"];
    let mut samples = Samples::create(arguments.csv.as_deref(), &columns)?;
    let names = names(rows, &arguments.subject);
    let columns: String = names.iter().map(|name| format!(" / {name} |")).collect();
    say!("| cell, threads | {}, ns |{columns} cache line and back, ns |", arguments.subject);
    say!("|---|---|{}---|", "---|".repeat(names.len()));
    for row in rows {
        for &threads in arguments.threads.iter().filter(|threads| !row.single || **threads == 1) {
            let Measured { rates, hops } = measure(arguments, row, threads, &mut samples)?;
            let line = line(&arguments.subject, &names, row, &rates, threads);
            let low = hops.iter().copied().fold(f64::MAX, f64::min);
            let high = hops.iter().copied().fold(0.0, f64::max);
            say!("{line} {low:.0}–{high:.0} |");
        }
    }
    Ok(())
}

fn header(arguments: &Arguments) {
    say!(
        "{}; {} rounds of {} ms. Time per operation of one thread; \
         ratios of throughput, above 1 where the first column is faster, with 95 % intervals. \
         –: sdd and the naive ones have no such cell.\n",
        command::machine(),
        arguments.rounds,
        arguments.window_ms
    );
}

/// The rows and contenders that were asked for.
fn chosen(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let mut rows = rows(arguments.sweep);
    rows.retain(|row| row.name.contains(&arguments.cell));
    if rows.is_empty() {
        let line = format!("--cell {}: no cell has this in its name; see --list", arguments.cell);
        return Err(Failure::Usage(line));
    }
    let mut all = names(&rows, &arguments.subject);
    all.push(&arguments.subject);
    command::check_names("--contenders", &arguments.contenders, &all)?;
    for row in &mut rows {
        row.entries.retain(|entry| {
            arguments.contenders.is_empty()
                || entry.name == arguments.subject
                || arguments.contenders.iter().any(|name| name == entry.name)
        });
    }
    Ok(rows)
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| {
        let rows = chosen(&arguments)?;
        if arguments.list {
            for row in rows {
                let names: Vec<_> = row.entries.iter().map(|entry| entry.name).collect();
                say!("{}: {}", row.name, names.join(", "));
            }
            return Ok(());
        }
        header(&arguments);
        Ok(table(&arguments, &rows)?)
    })
}
