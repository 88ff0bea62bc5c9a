//! Unreclaimed nodes of `kovan` and its peers while nobody stalls.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kovan_benches::cells::{Cell, HashMap, Mixed, Stack, WORDS};
use kovan_benches::command::{self, Common, Failure};
use kovan_benches::contender::Contender;
use kovan_benches::contenders::{
    Epoch, FreeAll, Haphazard, Kovan, KovanRobust, Leak, Published, Sdd, SeizeHandle,
};
use kovan_benches::instrumented::{Instrumented, LINES};
use kovan_benches::peaks::{Peak, entry};
use kovan_benches::rounds::{Entry, interleave};
use kovan_benches::samples::Samples;
use kovan_benches::say;
use kovan_benches::statistics::Summary;
use kovan_benches::threads::Setting;

/// Counts the nodes that are retired and not freed yet, once a millisecond, while threads work and
/// nobody stalls. Every round measures every contender once, in an order that changes from round to
/// round.
#[derive(Parser)]
#[command(name = "peaks")]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_value = "2,8",
          value_parser = clap::value_parser!(u16).range(1..LINES as i64))]
    threads: Vec<u16>,
    /// Milliseconds that a contender works per round.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(10..))]
    window_ms: u64,
}

/// Everybody is compared with this one.
const YARDSTICK: &str = <Epoch as Contender>::NAME;

struct Row {
    name: &'static str,
    entries: Vec<Entry<Peak>>,
}

/// The cell of one pointer.
type OneCell<C> = Mixed<C, WORDS, 95>;

macro_rules! row {
    ($cell:ident: $($contender:ident),*) => {
        Row {
            name: <$cell<Leak> as Cell<Leak>>::NAME,
            entries: vec![$(entry::<$contender, $cell<Instrumented<$contender>>>()),*],
        }
    };
    ($cell:ident) => {
        // Of seize the one with a collector of its own, which is empty when it is dropped: one for
        // the whole process keeps batches for threads to come.
        row!($cell: Kovan, KovanRobust, FreeAll, Epoch, SeizeHandle, Haphazard, Sdd, Published)
    };
}

fn rows(common: &Common) -> Result<Vec<Row>, Failure> {
    let mut rows = vec![row!(Stack), row!(OneCell), row!(HashMap)];
    for row in &mut rows {
        let entries = std::mem::take(&mut row.entries);
        row.entries = common.choose(entries, |entry| entry.name)?;
    }
    Ok(rows)
}

fn measure(
    arguments: &Arguments,
    row: &Row,
    threads: u16,
    samples: &mut Samples,
) -> Result<Vec<Vec<Peak>>, String> {
    let window = Duration::from_millis(arguments.window_ms);
    let setting = Setting { threads: threads.into(), window };
    interleave(arguments.common.rounds, row.entries.len(), |round, index| {
        let Entry { name, run, .. } = &row.entries[index];
        let it = run(setting);
        if it.left != 0 {
            eprintln!("{}, {threads}: {name} did not free {} nodes in the end", row.name, it.left);
        }
        let Peak { peak, mean, samples: looks, left } = it;
        samples.write(&[
            row.name,
            &threads.to_string(),
            &round.to_string(),
            name,
            &format!("{peak:.0}"),
            &format!("{mean:.1}"),
            &looks.to_string(),
            &left.to_string(),
        ])?;
        Ok(it)
    })
}

/// The lines of one cell at one number of threads.
fn print(row: &Row, threads: u16, rounds: &[Vec<Peak>]) {
    let peaks = |index: usize| rounds[index].iter().map(|it| it.peak).collect::<Vec<_>>();
    let yardstick = row.entries.iter().position(|entry| entry.name == YARDSTICK);
    for (index, entry) in row.entries.iter().enumerate() {
        let peak = Summary::of(peaks(index));
        let mean = Summary::of(rounds[index].iter().map(|it| it.mean).collect());
        let ratio = yardstick.map_or_else(
            || "–".to_owned(),
            // A round in which nothing was seen has no ratio: at least one node.
            |yardstick| {
                let [ours, theirs] = [index, yardstick]
                    .map(|index| peaks(index).iter().map(|peak| peak.max(1.0)).collect::<Vec<_>>());
                Summary::of_ratios(&ours, &theirs).to_string()
            },
        );
        say!("| {}, {threads} | {} | {peak:.0} | {mean:.0} | {ratio} |", row.name, entry.label());
    }
}

fn table(arguments: &Arguments) -> Result<(), Failure> {
    let rows = rows(&arguments.common)?;
    let columns = ["cell", "threads", "round", "contender", "peak", "mean", "looks", "left"];
    let mut samples = Samples::create(arguments.common.csv.as_deref(), &columns)?;
    say!(
        "{}; {} rounds of {} ms. Nodes retired and not freed, looked at once a millisecond: medians \
         of the rounds, with 95 % intervals. Not in this table: reference counts, which retire \
         nothing.\n",
        command::machine(),
        arguments.common.rounds,
        arguments.window_ms
    );
    say!(
        "| cell, threads | contender | peak | mean | peak / {YARDSTICK}'s |\n|---|---|---|---|---|"
    );
    for row in &rows {
        for &threads in &arguments.threads {
            print(row, threads, &measure(arguments, row, threads, &mut samples)?);
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| table(&arguments))
}
