//! `kovan` against its peers: one table of ratios, from interleaved rounds in one process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use clap::Parser;
use kovan_benches::cells::{Loads, Pin, PinLoad, Queue, ReadHeavy, Retire, Stack};
use kovan_benches::contenders::{
    AtOnce, Batch32, Batch128, Batch256, Epoch, Four, Haphazard, Kovan, KovanDefault, KovanRobust,
    Leak, One, Published, Seize, Two,
};
use kovan_benches::rounds::{Entry, Setting, entry, naive_entry, ping_pong, random, sdd_entry};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
const ALLOCATOR_NAME: &str = if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" };

/// Compares kovan with its peers. Every round measures every contender once, in an order that
/// changes from round to round. A ratio above 1 means that kovan is faster.
#[derive(Parser)]
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

macro_rules! row {
    ($cell:ident, $name:literal, $single:literal, $sweep:expr) => {{
        let mut entries = vec![
            entry::<Kovan, $cell<Kovan>>(),
            entry::<KovanDefault, $cell<KovanDefault>>(),
            entry::<KovanRobust, $cell<KovanRobust>>(),
            entry::<Epoch, $cell<Epoch>>(),
            entry::<Seize, $cell<Seize>>(),
            entry::<Haphazard, $cell<Haphazard>>(),
            entry::<Published, $cell<Published>>(),
        ];
        entries.extend(sdd_entry($name));
        entries.push(entry::<Leak, $cell<Leak>>());
        entries.extend(naive_entry::<Mutex<Arc<u64>>>($name));
        entries.extend(naive_entry::<RwLock<Arc<u64>>>($name));
        entries.extend(naive_entry::<ArcSwap<u64>>($name));
        let sweep = vec![
            entry::<Kovan, $cell<Kovan>>(),
            entry::<AtOnce, $cell<AtOnce>>(),
            entry::<One, $cell<One>>(),
            entry::<Two, $cell<Two>>(),
            entry::<Four, $cell<Four>>(),
            entry::<Batch32, $cell<Batch32>>(),
            entry::<Batch128, $cell<Batch128>>(),
            entry::<Batch256, $cell<Batch256>>(),
        ];
        let entries = if $sweep { sweep } else { entries };
        Row { name: $name, single: $single, entries }
    }};
}

fn rows(sweep: bool) -> Vec<Row> {
    vec![
        row!(Pin, "pin+unpin", true, sweep),
        row!(PinLoad, "pin+load", true, sweep),
        row!(Loads, "one of 100 loads", true, sweep),
        row!(Retire, "swap+retire", true, sweep),
        row!(ReadHeavy, "read-heavy 95/5", false, sweep),
        row!(Stack, "Treiber stack", false, sweep),
        row!(Queue, "Michael-Scott queue", false, sweep),
    ]
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

/// Ranks, from both ends, of an interval that holds the median of the distribution with at least
/// 95 % (all of the values, if they are too few for that).
fn interval_rank(n: usize) -> usize {
    let mut below = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let (mut term, mut rank) = (below, 0);
    while 2.0 * below <= 0.05 && 2 * rank + 2 < n {
        rank += 1;
        term *= (n - rank + 1) as f64 / rank as f64;
        below += term;
    }
    rank.saturating_sub(1)
}

/// The indices below `n` in a fresh order, so that nobody always follows the same other one.
fn shuffled(n: usize, state: &mut u64) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, (random(state) % (i as u64 + 1)) as usize);
    }
    order
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
        let mut ratios: Vec<_> =
            samples[us].iter().zip(&samples[it]).map(|(us, it)| us / it).collect();
        let ratio = median(&mut ratios);
        let rank = interval_rank(ratios.len());
        let (low, high) = (ratios[rank], ratios[ratios.len() - 1 - rank]);
        line += &format!(" {ratio:.2} ({low:.2}–{high:.2}) |");
    }
    line
}

/// The names in the table but for the subject's, in the order in which they first appear.
fn names(rows: &[Row], subject: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for entry in rows.iter().flat_map(|row| &row.entries) {
        if entry.name != subject && !names.contains(&entry.name) {
            names.push(entry.name);
        }
    }
    names
}

fn run(arguments: &Arguments, rows: &[Row]) -> Result<(), String> {
    let mut csv = match &arguments.csv {
        Some(path) => {
            let fail = |error| format!("{}: {error}", path.display());
            let mut csv = csv::Writer::from_path(path).map_err(fail)?;
            csv.write_record(["cell", "threads", "round", "contender", "ops_per_second"])
                .map_err(|error| format!("{}: {error}", path.display()))?;
            Some(csv)
        }
        None => None,
    };
    let window = Duration::from_millis(arguments.window_ms);
    let names = names(rows, &arguments.subject);
    let columns: String = names.iter().map(|name| format!(" / {name} |")).collect();
    println!("| cell, threads | {}, ns |{columns} cache line and back, ns |", arguments.subject);
    println!("|---|---|{}---|", "---|".repeat(names.len()));
    for row in rows {
        for &threads in arguments.threads.iter().filter(|threads| !row.single || **threads == 1) {
            let mut samples = vec![Vec::new(); row.entries.len()];
            let mut hops = Vec::new();
            let mut state = 0x9E37_79B9_7F4A_7C15;
            for round in 0..usize::from(arguments.rounds) {
                hops.push(ping_pong());
                for index in shuffled(row.entries.len(), &mut state) {
                    let rate =
                        (row.entries[index].run)(Setting { threads: threads.into(), window });
                    samples[index].push(rate);
                    if let Some(csv) = &mut csv {
                        let name = row.entries[index].name;
                        csv.write_record([
                            row.name,
                            &threads.to_string(),
                            &round.to_string(),
                            name,
                            &format!("{rate:.0}"),
                        ])
                        .map_err(|error| format!("cannot write the samples: {error}"))?;
                    }
                }
            }
            let (low, high) = hops
                .iter()
                .fold((f64::MAX, 0_f64), |(low, high), hop| (low.min(*hop), high.max(*hop)));
            let line = line(&arguments.subject, &names, row, &samples, threads);
            println!("{line} {low:.0}–{high:.0} |");
        }
    }
    Ok(())
}

fn header(arguments: &Arguments) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{}, {cores} processors; allocator: {ALLOCATOR_NAME}; {} rounds of {} ms. Time per operation of one thread; \
         ratios of throughput, above 1 where the first column is faster, with 95 % intervals.\n",
        cpu.trim_start_matches([' ', '\t', ':']),
        arguments.rounds,
        arguments.window_ms
    );
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut rows = rows(arguments.sweep);
    rows.retain(|row| row.name.contains(&arguments.cell));
    if rows.is_empty() {
        eprintln!(
            "comparison: --cell {}: no cell has this in its name; see --list",
            arguments.cell
        );
        return ExitCode::from(2);
    }
    for name in &arguments.contenders {
        if !rows.iter().any(|row| row.entries.iter().any(|entry| entry.name == name)) {
            eprintln!("comparison: --contenders {name}: nobody of this name; see --list");
            return ExitCode::from(2);
        }
    }
    for row in &mut rows {
        row.entries.retain(|entry| {
            arguments.contenders.is_empty()
                || entry.name == arguments.subject
                || arguments.contenders.iter().any(|name| name == entry.name)
        });
    }
    if arguments.list {
        for row in rows {
            let names: Vec<_> = row.entries.iter().map(|entry| entry.name).collect();
            println!("{}: {}", row.name, names.join(", "));
        }
        return ExitCode::SUCCESS;
    }
    header(&arguments);
    match run(&arguments, &rows) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("comparison: {message}");
            ExitCode::FAILURE
        }
    }
}
