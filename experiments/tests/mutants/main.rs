//! Deliberately wrong schemes and structures, each of which the gate must catch.
//!
//! Each mutant is a small scheme or structure with one fault; the same without a fault must pass.
//! The gate runs on it in a child process, as it does on real pairs, check after check until one
//! fails. The first check that catches each mutant is a table in `docs/GATE.md`, which this test
//! holds against the truth; `KOVAN_BLESS=1` writes it anew.

mod epoch;
mod hazard;
mod list;
mod queue;
mod stack;

use std::path::Path;
use std::time::Duration;

use epoch::Epoch;
use hazard::Hazards;
use kovan_lab::verify::Check::{Bounds, Canary, Conservation, Linearizability, Oracle};
use kovan_lab::verify::{self, Budget, Check, Pair, Verdict};
use list::List;
use queue::Queue;
use stack::Stack;

/// The right schemes, one that protects a region and one that protects a pointer.
type Region = Epoch<{ epoch::NONE }>;
type Pointer = Hazards<{ hazard::NONE }>;
/// The right structures.
type AnyStack<R> = Stack<R, { stack::NONE }>;
type AnyList<R> = List<R, { list::NONE }>;

/// A mutant, or a scheme or structure that is right.
struct Mutant {
    name: &'static str,
    fault: &'static str,
    /// The checks of which one must catch it; none if it is right.
    by: &'static [Check],
    pair: Pair,
}

/// How long a check looks for a fault. Nearly all are found in the first tenth of a second.
const SECONDS: u64 = 12;
/// How long the right ones are looked at, per check.
const CONTROL_SECONDS: f64 = 0.5;

macro_rules! epoch {
    ($fault:ident) => {
        Pair::of::<Epoch<{ epoch::$fault }>, AnyList<_>>()
    };
}
macro_rules! hazard {
    ($fault:ident) => {
        Pair::of::<Hazards<{ hazard::$fault }>, AnyList<_>>()
    };
}
macro_rules! over {
    ($scheme:ident $structure:ident $module:ident $fault:ident) => {
        Pair::of::<$scheme, $structure<$scheme, { $module::$fault }>>()
    };
}

fn mutant(name: &'static str, fault: &'static str, by: &'static [Check], pair: Pair) -> Mutant {
    Mutant { name, fault, by, pair }
}

/// Right ones, which must pass.
fn right() -> Vec<Mutant> {
    vec![
        mutant("small-epoch", "none", &[], epoch!(NONE)),
        mutant("small-hazard", "none", &[], hazard!(NONE)),
        mutant("small-hazard, small-stack", "none", &[], Pair::of::<Pointer, AnyStack<_>>()),
        mutant("small-hazard, small-queue", "none", &[], over!(Pointer Queue queue NONE)),
    ]
}

/// Wrong schemes, under the right list.
fn wrong_schemes() -> Vec<Mutant> {
    vec![
        mutant("small-epoch", "frees one epoch early", &[Canary], epoch!(ONE_EPOCH_EARLY)),
        mutant("small-epoch", "does not look at one slot", &[Canary], epoch!(SKIPS_A_SLOT)),
        mutant(
            "small-epoch",
            "the end of a nested guard ends the section",
            &[Canary],
            epoch!(NESTED_GUARD_ENDS_SECTION),
        ),
        mutant("small-epoch", "frees at once", &[Canary], epoch!(FREES_AT_ONCE)),
        mutant(
            "small-epoch",
            "leaks what a thread had at its exit",
            &[Oracle],
            epoch!(LEAKS_AT_THREAD_EXIT),
        ),
        mutant("small-epoch", "loses one batch in sixteen", &[Oracle], epoch!(LOSES_A_BATCH)),
        mutant("small-epoch", "frees a node twice", &[Canary], epoch!(FREES_TWICE)),
        mutant(
            "small-epoch",
            "frees at once what a thread had at its exit",
            &[Canary],
            epoch!(FREES_ORPHANS_AT_ONCE),
        ),
        mutant("small-epoch", "claims a bound under a stall", &[Bounds], epoch!(BOUND_TOO_SMALL)),
        mutant("small-epoch", "two threads have one slot", &[Canary], epoch!(SLOT_REUSED_TOO_SOON)),
        mutant(
            "small-epoch",
            "a guard does not announce itself",
            &[Canary],
            epoch!(PINS_AN_OLD_EPOCH),
        ),
        mutant(
            "small-hazard",
            "does not read the source again",
            &[Canary],
            hazard!(NO_SECOND_READ),
        ),
        mutant("small-hazard", "does not look at one hazard", &[Canary], hazard!(SKIPS_A_HAZARD)),
        mutant("small-hazard", "scans a snapshot from before", &[Canary], hazard!(OLD_SNAPSHOT)),
        mutant("small-hazard", "declares less than it holds", &[Bounds], hazard!(BOUND_TOO_SMALL)),
        mutant(
            "small-hazard",
            "all shields share a hazard",
            &[Canary],
            hazard!(ONE_SHIELD_FOR_ALL),
        ),
    ]
}

/// Wrong structures, over a right scheme.
fn wrong_structures() -> Vec<Mutant> {
    vec![
        mutant(
            "small-stack",
            "retires a node twice",
            &[Canary],
            over!(Region Stack stack RETIRES_TWICE),
        ),
        mutant(
            "small-stack",
            "retires before it unlinks",
            &[Canary],
            over!(Pointer Stack stack RETIRES_BEFORE_UNLINKING),
        ),
        mutant(
            "small-stack",
            "pops the wrong value",
            &[Oracle],
            over!(Region Stack stack POPS_THE_WRONG_VALUE),
        ),
        mutant(
            "small-stack",
            "loses a node on contention",
            &[Linearizability, Conservation],
            over!(Region Stack stack LOSES_A_NODE_ON_CONTENTION),
        ),
        mutant(
            "small-stack",
            "pops without a CAS",
            &[Linearizability, Canary, Conservation],
            over!(Region Stack stack POP_WITHOUT_CAS),
        ),
        mutant(
            "small-stack",
            "reads the top without a shield",
            &[Canary],
            over!(Pointer Stack stack UNPROTECTED_READ),
        ),
        mutant(
            "small-stack",
            "forgets to retire",
            &[Oracle],
            over!(Region Stack stack FORGETS_TO_RETIRE),
        ),
        mutant(
            "small-queue",
            "does not look at the head again",
            &[Canary],
            over!(Pointer Queue queue NO_LOOK_AT_THE_HEAD),
        ),
        mutant(
            "small-queue",
            "retires the new dummy",
            &[Canary],
            over!(Region Queue queue RETIRES_THE_NEW_DUMMY),
        ),
        mutant(
            "small-queue",
            "enqueues without a CAS",
            &[Linearizability, Canary, Conservation],
            over!(Region Queue queue ENQUEUE_WITHOUT_CAS),
        ),
        mutant(
            "small-queue",
            "empty as long as the tail lags",
            &[Linearizability],
            over!(Region Queue queue EMPTY_BY_THE_TAIL),
        ),
        mutant(
            "small-list",
            "inserts a key that came meanwhile",
            &[Linearizability, Conservation],
            over!(Region List list INSERT_WITHOUT_SECOND_SEARCH),
        ),
        mutant(
            "small-list",
            "removes without a mark",
            &[Linearizability, Canary, Conservation],
            over!(Region List list REMOVE_WITHOUT_MARK),
        ),
        mutant(
            "small-list",
            "a look-up follows the links of marked nodes",
            &[Canary],
            over!(Pointer List list FOLLOWS_MARKED_NODES),
        ),
        mutant(
            "small-list",
            "both of two removals win",
            &[Linearizability, Conservation],
            over!(Region List list BOTH_REMOVERS_WIN),
        ),
        mutant(
            "small-list",
            "gives up a look-up at a marked node",
            &[Linearizability],
            over!(Region List list GIVES_UP_AT_A_MARK),
        ),
        mutant(
            "small-list",
            "retires when it marks, not when it unlinks",
            &[Canary],
            over!(Pointer List list RETIRED_BY_WHO_MARKS),
        ),
    ]
}

fn mutants() -> Vec<Mutant> {
    let mut all = right();
    all.extend(wrong_schemes());
    all.extend(wrong_structures());
    all
}

/// Runs one check of one mutant in a child.
fn run(at: usize, check: Check, seconds: f64) -> Result<String, String> {
    let arguments = ["child".into(), at.to_string(), check.name().into(), seconds.to_string()];
    let limit = Duration::from_secs_f64(20.0 + 5.0 * seconds);
    match verify::in_a_child(&arguments, 1, limit).expect("a process can be started") {
        Verdict::Passed { detail } => Ok(detail),
        Verdict::Failed { message, .. } => Err(message),
    }
}

fn child(arguments: &[String]) {
    let at: usize = arguments[0].parse().expect("an index");
    let check = *Check::OF_PAIRS.iter().find(|c| c.name() == arguments[1]).expect("a check");
    let length = Duration::from_secs_f64(arguments[2].parse().expect("seconds"));
    let budget = Budget { seed: 1, length, announce: false };
    let result = verify::run_check(check, &mutants()[at].pair, &budget);
    verify::report(result).expect("the parent listens");
}

/// The table of the mutants: by which check each may be caught.
fn table() -> String {
    let mut text = String::from("| wrong | fault | caught by |\n|---|---|---|\n");
    for mutant in mutants().iter().filter(|mutant| !mutant.by.is_empty()) {
        let by: Vec<_> = mutant.by.iter().map(|check| format!("`{}`", check.name())).collect();
        text.push_str(&format!("| {} | {} | {} |\n", mutant.name, mutant.fault, by.join(" or ")));
    }
    text
}

const BEGIN: &str = "<!-- mutants: written by `KOVAN_BLESS=1 cargo test -p kovan-lab --features canary --test mutants` -->\n";
const END: &str = "<!-- end of mutants -->\n";

fn table_is_true() -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/GATE.md");
    let text = std::fs::read_to_string(&path).expect("docs/GATE.md");
    let (before, rest) = text.split_once(BEGIN).expect("the begin of the table in docs/GATE.md");
    let (_, after) = rest.split_once(END).expect("the end of the table in docs/GATE.md");
    let new = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("KOVAN_BLESS").is_some() {
        std::fs::write(&path, &new).expect("docs/GATE.md can be written");
        return true;
    }
    new == text
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "child") {
        return child(&arguments[1..]);
    }
    // As of any test program: only the mutants whose fault contains this.
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut wrong = 0;
    for (at, Mutant { name, fault, by, .. }) in mutants().iter().enumerate() {
        if filter.is_some_and(|filter| !fault.contains(filter.as_str())) {
            continue;
        }
        let began = std::time::Instant::now();
        let said = if by.is_empty() {
            let failed = |check: &Check| run(at, *check, CONTROL_SECONDS).err();
            let found: Vec<_> = Check::OF_PAIRS.iter().filter_map(failed).collect();
            if found.is_empty() {
                "ok, passes".into()
            } else {
                format!("WRONG: {}", found.join("; "))
            }
        } else {
            let mut caught = by.iter().filter_map(|check| {
                let message = run(at, *check, SECONDS as f64).err()?;
                Some(format!(
                    "ok, caught by {}: {}",
                    check.name(),
                    message.chars().take(120).collect::<String>()
                ))
            });
            caught.next().unwrap_or_else(|| "WRONG: not caught".into())
        };
        println!("{name}: {fault}: {said} ({:.1} s)", began.elapsed().as_secs_f64());
        wrong += usize::from(said.starts_with("WRONG"));
    }
    if !table_is_true() {
        println!(
            "docs/GATE.md does not list the mutants as they are; KOVAN_BLESS=1 writes it anew"
        );
        wrong += 1;
    }
    assert!(wrong == 0, "{wrong} lines say WRONG, or the table is not true");
}
