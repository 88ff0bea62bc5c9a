//! `kovan` against its peers: one table of ratios, from interleaved rounds in one process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use clap::Parser;
use kovan_benches::cells::{Cell, Loads, Pin, PinLoad, Queue, ReadHeavy, Retire, Stack};
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
            entries!($cell: Kovan, AtOnce, One, Two, Four, Batch32, Batch128, Batch256)
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

/// Where every measurement is written, if anywhere.
struct Samples(Option<(String, csv::Writer<File>)>);

impl Samples {
    fn create(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self(None)) };
        let name = path.display().to_string();
        let writer = csv::Writer::from_path(path).map_err(|error| format!("{name}: {error}"))?;
        let mut samples = Self(Some((name, writer)));
        samples.write(&["cell", "threads", "round", "contender", "ops_per_second"])?;
        Ok(samples)
    }

    fn write(&mut self, record: &[&str]) -> Result<(), String> {
        let Some((name, writer)) = &mut self.0 else { return Ok(()) };
        writer.write_record(record).map_err(|error| format!("{name}: {error}"))
    }
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
    let mut measured = Measured { rates: vec![Vec::new(); row.entries.len()], hops: Vec::new() };
    let mut state = 0x9E37_79B9_7F4A_7C15;
    for round in 0..arguments.rounds {
        measured.hops.push(ping_pong());
        for index in shuffled(row.entries.len(), &mut state) {
            let Entry { name, run } = &row.entries[index];
            let rate = run(setting);
            measured.rates[index].push(rate);
            let (threads, round) = (threads.to_string(), round.to_string());
            samples.write(&[row.name, &threads, &round, name, &format!("{rate:.0}")])?;
        }
    }
    Ok(measured)
}

fn run(arguments: &Arguments, rows: &[Row]) -> Result<(), String> {
    let mut samples = Samples::create(arguments.csv.as_deref())?;
    let names = names(rows, &arguments.subject);
    let columns: String = names.iter().map(|name| format!(" / {name} |")).collect();
    println!("| cell, threads | {}, ns |{columns} cache line and back, ns |", arguments.subject);
    println!("|---|---|{}---|", "---|".repeat(names.len()));
    for row in rows {
        for &threads in arguments.threads.iter().filter(|threads| !row.single || **threads == 1) {
            let Measured { rates, hops } = measure(arguments, row, threads, &mut samples)?;
            let line = line(&arguments.subject, &names, row, &rates, threads);
            let low = hops.iter().copied().fold(f64::MAX, f64::min);
            let high = hops.iter().copied().fold(0.0, f64::max);
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
