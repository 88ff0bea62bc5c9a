//! `kovan` beside its peers, each group of contenders by itself: tables of ratios, from interleaved
//! rounds in one process, or lines of a record.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kovan_benches::build;
use kovan_benches::command::{self, Failure};
use kovan_benches::comparison::{ALL_BYTES, BASELINES, BYTES, KOVAN, ROBUST, Row, Scope};
use kovan_benches::contender::Group;
use kovan_benches::manifest::Manifest;
use kovan_benches::records::{Appender, Build, Line, Point, Records, Side};
use kovan_benches::rounds::{Entry, interleave_from, ping_pong};
use kovan_benches::say;
use kovan_benches::threads::Setting;

/// Measures kovan and its peers. Every round measures every contender once, in an order that changes
/// from round to round. Prints, for each group of contenders, the time of kovan and its ratio to the
/// times of the others: below 1, kovan is faster. With --append it adds every measurement to a file
/// and prints nothing.
#[derive(Parser)]
#[command(name = "comparison")]
struct Arguments {
    /// Only the cell of this name, or else the cells whose name contains this.
    #[arg(long, default_value = "")]
    cell: String,
    /// Numbers of threads. Cells in which nothing is shared have one thread.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,
    /// Bytes of payload in a node: 8, 40 or 256 in the cells of one pointer that allocate. Cells that
    /// allocate nothing are measured with 40 too.
    #[arg(long, value_delimiter = ',', default_values_t = [BYTES])]
    bytes: Vec<usize>,
    /// Rounds.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Milliseconds that a contender works per round.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    window_ms: u64,
    /// Only these groups of contenders.
    #[arg(long, value_delimiter = ',', default_value = "thread-local,handle",
          value_parser = ["thread-local", "handle"])]
    groups: Vec<String>,
    /// Only these contenders; all if not said. A table needs ours among them.
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<String>,
    /// Also measures reference counts behind locks, and a contender that leaks: that one keeps memory
    /// as long as the program runs, about a gigabyte for each second of its work.
    #[arg(long)]
    baselines: bool,
    /// Compares parameters of kovan with each other instead, through handles.
    #[arg(long)]
    sweep: bool,
    /// Lists what would be measured: cell, bytes, threads and contenders, between bars.
    #[arg(long)]
    list: bool,
    /// Adds every measurement to this file.
    #[arg(long)]
    append: Option<PathBuf>,
    /// The number of the first round in that file.
    #[arg(long, default_value_t = 0)]
    first_round: u32,
    /// Writes a description of the machine and of this program to this file, or compares the file
    /// with both if it is there, and measures nothing.
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// Prints the profile, the allocator and the default collector of this program, and measures
    /// nothing.
    #[arg(long)]
    describe: bool,
}

impl Arguments {
    fn groups(&self) -> impl Iterator<Item = Group> {
        Group::ALL.into_iter().filter(|group| self.groups.iter().any(|it| it == group.name()))
    }

    /// Returns whether a contender was asked for.
    fn wants(&self, entry: &Entry) -> bool {
        let by_default = self.baselines || !BASELINES.contains(&entry.name);
        let by_name = self.contenders.iter().any(|name| name == entry.name);
        self.groups().any(|group| group == entry.group)
            && if self.contenders.is_empty() { by_default } else { by_name }
    }

    /// The numbers of threads that a row is measured with.
    fn threads<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = u16> + 'a {
        self.threads.iter().copied().filter(|threads| row.allows(*threads))
    }
}

/// The rows and contenders that were asked for.
fn chosen(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let scope = if arguments.sweep { Scope::Parameters } else { Scope::Peers };
    let mut rows = scope.rows();
    let is_there = |bytes: &usize| rows.iter().any(|row| row.bytes == *bytes);
    if let Some(bytes) = arguments.bytes.iter().find(|bytes| !is_there(bytes)) {
        let sizes = ALL_BYTES.map(|bytes| bytes.to_string()).join(", ");
        let line = format!("--bytes {bytes}: no nodes of this size; there are {sizes}");
        return Err(Failure::Usage(line));
    }
    let exact = rows.iter().any(|row| row.cell == arguments.cell);
    rows.retain(|row| {
        if exact { row.cell == arguments.cell } else { row.cell.contains(&arguments.cell) }
    });
    if rows.is_empty() {
        let line = format!("--cell {}: no cell has this in its name; see --list", arguments.cell);
        return Err(Failure::Usage(line));
    }
    let names: Vec<_> = rows.iter().flat_map(|row| &row.entries).map(|entry| entry.name).collect();
    command::check_names("--contenders", &arguments.contenders, &names)?;
    rows.retain(|row| arguments.bytes.iter().any(|bytes| row.has_bytes(*bytes)));
    for row in &mut rows {
        row.entries.retain(|entry| arguments.wants(entry));
    }
    rows.retain(|row| !row.entries.is_empty() && arguments.threads(row).next().is_some());
    if rows.is_empty() {
        let line = "nothing is left to measure of these cells, sizes, threads and contenders";
        return Err(Failure::Usage(line.to_owned()));
    }
    Ok(rows)
}

/// Measures the contenders of a group, or of both, at a point, and passes each measurement on.
fn measure(
    arguments: &Arguments,
    row: &Row,
    threads: u16,
    group: Option<Group>,
    mut found: impl FnMut(&Line) -> Result<(), String>,
) -> Result<(), String> {
    let entries: Vec<_> =
        row.entries.iter().filter(|entry| group.is_none_or(|group| group == entry.group)).collect();
    let window = Duration::from_millis(arguments.window_ms);
    let setting = Setting { threads: threads.into(), window };
    let (mut hop, mut hop_of) = (0.0, None);
    interleave_from(arguments.first_round, arguments.rounds, entries.len(), |round, index| {
        if hop_of != Some(round) {
            (hop, hop_of) = (ping_pong(), Some(round));
        }
        let entry = entries[index];
        let rate = (entry.run)(setting);
        found(&Line {
            cell: row.cell.into(),
            group: entry.group.name().into(),
            contender: entry.name.into(),
            threads,
            node_bytes: row.bytes,
            allocator: build::ALLOCATOR.into(),
            profile: build::PROFILE.into(),
            round: arguments.first_round.saturating_add(round.into()),
            ops_per_second: rate.round() as u64,
            hop_ns: hop.round() as u64,
        })
    })?;
    Ok(())
}

/// Ours in a group, if it was asked for: the others are compared with it.
fn subject(rows: &[Row], group: Group) -> Option<&'static str> {
    let entries = || rows.iter().flat_map(|row| &row.entries).filter(|it| it.group == group);
    // The feature `kovan/robust` changes the name of the thread-local one.
    [KOVAN, ROBUST].into_iter().find(|name| entries().any(|entry| entry.name == *name))
}

/// The names of a group but for the subject's, in the order in which they first appear.
fn others<'n>(rows: &[Row], group: Group, subject: &str) -> Vec<&'n str> {
    let mut names = Vec::new();
    for entry in rows.iter().flat_map(|row| &row.entries).filter(|it| it.group == group) {
        if entry.name != subject && !names.contains(&entry.name) {
            names.push(entry.name);
        }
    }
    names
}

/// Prints the table of a group.
fn table(arguments: &Arguments, rows: &[Row], group: Group, subject: &str) -> Result<(), String> {
    let names = others(rows, group, subject);
    let columns: String = names.iter().map(|name| format!(" / {name} |")).collect();
    say!("\n{group}:\n");
    say!("| cell, bytes, threads | {subject}, ns |{columns} cache line and back, ns |");
    say!("|---|---|{}---|", "---|".repeat(names.len()));
    let (build, ours) = (Build::this(), Side::new(group, subject));
    for row in rows.iter().filter(|row| row.entries.iter().any(|it| it.name == subject)) {
        for threads in arguments.threads(row) {
            let mut records = Records::default();
            measure(arguments, row, threads, Some(group), |line| records.add(line))?;
            let point = row.point(threads);
            say!("{}", line(&records, &point, &build, &ours, &names));
        }
    }
    Ok(())
}

/// A line of a table: the time of ours, and its ratios to the others'.
fn line(records: &Records, point: &Point, build: &Build, ours: &Side, names: &[&str]) -> String {
    let time = records.time(point, build, ours).unwrap_or(f64::NAN);
    let mut line = format!("| {}, {}, {} | {time:.2} |", point.cell, point.bytes, point.threads);
    for name in names {
        let theirs = Side::new(ours.group, name);
        line += &match records.ratio(point, (build, ours), (build, &theirs)) {
            Some(ratio) => format!(" {ratio:.2} |"),
            None => " – |".to_owned(),
        };
    }
    let (low, high) = records.hops(point, build).unwrap_or((f64::NAN, f64::NAN));
    format!("{line} {low:.0}–{high:.0} |")
}

fn tables(arguments: &Arguments, rows: &[Row]) -> Result<(), Failure> {
    let has = |group| rows.iter().any(|row| row.entries.iter().any(|it| it.group == group));
    let mut subjects = Vec::new();
    for group in arguments.groups().filter(|group| has(*group)) {
        let Some(subject) = subject(rows, group) else {
            let line = format!("--contenders: the table of the group {group} needs {KOVAN} too");
            return Err(Failure::Usage(line));
        };
        subjects.push((group, subject));
    }
    say!(
        "{}; {} rounds of {} ms. Time per operation of one thread, and its ratio to the time of each \
         other contender, with 95 % intervals: below 1, ours is faster. –: not in this cell.",
        command::machine(),
        arguments.rounds,
        arguments.window_ms
    );
    for (group, subject) in subjects {
        table(arguments, rows, group, subject)?;
    }
    Ok(())
}

fn list(arguments: &Arguments, rows: &[Row]) {
    for row in rows {
        let names: Vec<_> = row.entries.iter().map(Entry::label).collect();
        for threads in arguments.threads(row) {
            say!("{}|{}|{threads}|{}", row.cell, row.bytes, names.join("; "));
        }
    }
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| {
        if arguments.describe {
            let [profile, allocator] = [build::PROFILE, build::ALLOCATOR];
            say!("profile={profile} allocator={allocator} collector={}", build::COLLECTOR);
            return Ok(());
        }
        if let Some(path) = &arguments.manifest {
            return Ok(Manifest::here(arguments.window_ms).write_or_compare(path)?);
        }
        let rows = chosen(&arguments)?;
        if arguments.list {
            list(&arguments, &rows);
            return Ok(());
        }
        let Some(path) = &arguments.append else { return tables(&arguments, &rows) };
        let mut appender = Appender::open(path)?;
        for row in &rows {
            for threads in arguments.threads(row) {
                measure(&arguments, row, threads, None, |line| appender.add(line))?;
            }
        }
        Ok(())
    })
}
