//! What a retirement costs with `kovan` and its peers while many guards are open.

use std::process::ExitCode;

use clap::Parser;
use kovan_benches::command::{self, Common, Failure};
use kovan_benches::contenders::{
    Epoch, Haphazard, Kovan, KovanRobust, Leak, Published, Sdd, Seize,
};
use kovan_benches::rounds::interleave;
use kovan_benches::samples::Samples;
use kovan_benches::say;
use kovan_benches::statistics::Summary;
use kovan_benches::wide::{Subject, Width, growth, subject};

/// Times swap and retirement on one pointer by one thread while others are parked inside guards,
/// under which they have loaded. Every round measures every contender with every number of guards
/// once, in an order that changes from round to round.
#[derive(Parser)]
#[command(name = "wide")]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Numbers of open guards, at least two, ascending.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,64,128,256",
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    guards: Vec<u16>,
    /// Retirements per measurement; under a region scheme all of these nodes wait for the guards.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1000..))]
    retires: u32,
}

impl Arguments {
    fn check(&self) -> Result<(), Failure> {
        if self.guards.len() > 1 && self.guards.is_sorted_by(|a, b| a < b) {
            return Ok(());
        }
        Err(Failure::Usage("--guards: at least two numbers, ascending".to_owned()))
    }
}

/// A line: the costs by number of guards, and how they grow from the fewest to the most.
fn line(name: &str, guards: &[u16], costs: &[Vec<f64>]) -> String {
    let cells: String =
        costs.iter().map(|rounds| format!(" {:.1} |", Summary::of(rounds.clone()))).collect();
    let last = guards.len() - 1;
    let rounds = costs[0].iter().zip(&costs[last]);
    let growths =
        rounds.map(|(few, many)| growth((guards[0].into(), *few), (guards[last].into(), *many)));
    format!("| {name} |{cells} {:.4} |", Summary::of(growths.collect()))
}

fn table(arguments: &Arguments) -> Result<(), Failure> {
    arguments.check()?;
    let Arguments { common, guards, retires } = arguments;
    let subjects = vec![
        subject::<Kovan>(),
        subject::<KovanRobust>(),
        subject::<Epoch>(),
        subject::<Seize>(),
        subject::<Haphazard>(),
        subject::<Sdd>(),
        subject::<Published>(),
        subject::<Leak>(),
    ];
    let subjects = common.choose(subjects, |subject| &subject.name)?;
    let columns = ["contender", "guards", "round", "ns_per_retire"];
    let mut samples = Samples::create(common.csv.as_deref(), &columns)?;
    say!(
        "{}; {} rounds of {retires} retirements. Nanoseconds per swap and retirement by open \
         guards: medians of the rounds, with 95 % intervals. Growth: cost with the most guards over \
         cost with the fewest, over the ratio of the guards; 1 is linear. leak is allocation and \
         swap alone. Not in this table: reference counts.\n",
        command::machine(),
        common.rounds
    );
    let head: String = guards.iter().map(|guards| format!(" {guards} |")).collect();
    say!("| contender |{head} growth |\n|---|{}---|", "---|".repeat(guards.len()));
    let costs = interleave(common.rounds, subjects.len() * guards.len(), |round, index| {
        let Subject { name, run } = &subjects[index / guards.len()];
        let open = guards[index % guards.len()];
        let cost = run(Width { guards: open.into(), retires: u64::from(*retires) });
        let (open, round) = (open.to_string(), round.to_string());
        samples.write(&[name.clone(), open, round, format!("{cost:.2}")])?;
        Ok(cost)
    })?;
    for (subject, costs) in subjects.iter().zip(costs.chunks(guards.len())) {
        say!("{}", line(&subject.name, guards, costs));
    }
    Ok(())
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| table(&arguments))
}
