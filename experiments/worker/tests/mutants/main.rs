//! Deliberately wrong schemes and structures, each of which the gate must catch.
//!
//! Each mutant is a small scheme or structure with one fault; the same without a fault must pass.
//! The gate runs on it in a child process, as it does on real pairs, check after check until one
//! fails. The first check that catches each mutant is a table in `docs/GATE.md`, which this test
//! holds against the truth; `KOVAN_BLESS=1` writes it anew.

mod all;
mod epoch;
mod hazard;
mod intervals;
mod list;
mod queue;
mod stack;

use std::path::Path;
use std::time::Duration;

use all::{Mutant, mutants};
use kovan_lab_worker::checks::{self, Budget, Check, Verdict};
use kovan_schemes::Domain;
use kovan_schemes::schemes::HpNaive;

/// How long a check looks for a fault. Nearly all are found in the first tenth of a second.
const SECONDS: u64 = 12;
/// How long the right ones are looked at, per check.
const CONTROL_SECONDS: f64 = 0.5;

/// All that a mutant may be held against.
fn checks() -> impl Iterator<Item = Check> {
    Check::OF_PAIRS.into_iter().chain([Check::Litmus, Check::Destructors])
}

/// Runs one check of one mutant in a child.
fn run(at: usize, check: Check, seconds: f64) -> Result<String, String> {
    let arguments = ["child".into(), at.to_string(), check.name().into(), seconds.to_string()];
    let limit = Duration::from_secs_f64(20.0 + 5.0 * seconds);
    match checks::in_a_child(&arguments, 1, limit).expect("a process can be started") {
        Verdict::Passed { detail } => Ok(detail),
        Verdict::Failed { message, .. } => Err(message),
    }
}

fn child(arguments: &[String]) {
    let at: usize = arguments[0].parse().expect("an index");
    let check = checks().find(|check| check.name() == arguments[1]).expect("a check");
    let length = Duration::from_secs_f64(arguments[2].parse().expect("seconds"));
    let budget = Budget { seed: 1, length, announce: false };
    let result = checks::run_check(check, &mutants()[at].pair, &budget);
    checks::report(result).expect("the parent listens");
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

const BEGIN: &str = "<!-- mutants: written by `KOVAN_BLESS=1 cargo test -p kovan-lab-worker --features canary --test mutants` -->\n";
const END: &str = "<!-- end of mutants -->\n";

fn table_is_true() -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/GATE.md");
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

/// The memory of a freed node is kept back, or a late write would not be seen: the allocator of this program does that.
fn the_quarantine_is_there() {
    let domain = Domain::<HpNaive>::new();
    let handle = domain.register();
    let freed = || {
        let guard = handle.pin();
        let node = guard.alloc(0_u64);
        let address = std::ptr::from_ref(node.value()).addr();
        // SAFETY: never published, retired once.
        unsafe { guard.retire(node.into_shared()) };
        drop(guard);
        handle.flush();
        address
    };
    let first = freed();
    assert!((0..1000).all(|_| freed() != first), "freed nodes are used again at once");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "child") {
        return child(&arguments[1..]);
    }
    // As of any test program: only the mutants whose fault contains this.
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    the_quarantine_is_there();
    let mut wrong = 0;
    for (at, Mutant { name, fault, by, .. }) in mutants().iter().enumerate() {
        if filter.is_some_and(|filter| !fault.contains(filter.as_str())) {
            continue;
        }
        let began = std::time::Instant::now();
        let said = if by.is_empty() {
            let failed = |check| run(at, check, CONTROL_SECONDS).err();
            let found: Vec<_> = checks().filter_map(failed).collect();
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
