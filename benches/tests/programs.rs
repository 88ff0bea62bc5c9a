//! What the programs do with arguments that are not right, and what they add to a record.

use std::path::Path;
use std::process::{Command, Output};

use kovan_benches::build;
use kovan_benches::comparison::{KOVAN, PEERS, PEERS_WITH_HANDLES, ROBUST};
use kovan_benches::contender::Group;
use kovan_benches::records::{Build, Point, Records, Side};

const COMPARISON: &str = env!("CARGO_BIN_EXE_comparison");
const TABLES: &str = env!("CARGO_BIN_EXE_tables");

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

/// The program refuses the arguments in one line that contains `why`, with the code for that.
fn refuses(program: &str, arguments: &[&str], why: &str) {
    let output = run(program, arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
    assert!(text.contains(why), "{arguments:?}: {text}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

#[test]
fn bad_arguments_are_refused_in_a_line() {
    refuses(COMPARISON, &["--cell", "nothing"], "--cell nothing: no cell has this in its name");
    refuses(COMPARISON, &["--bytes", "9"], "there are 8, 40, 256");
    refuses(COMPARISON, &["--threads", "0"], "invalid value '0'");
    refuses(COMPARISON, &["--rounds", "0"], "invalid value '0'");
    refuses(COMPARISON, &["--groups", "x"], "[possible values: thread-local, handle]");
    refuses(COMPARISON, &["--contenders", "x"], "crossbeam-epoch, seize, haphazard");
    refuses(COMPARISON, &["--contenders", "sdd"], "needs kovan too");
    refuses(COMPARISON, &["--contenders", "sdd", "--groups", "handle"], "nothing is left");
    refuses(COMPARISON, &["--cell", "pin+load", "--threads", "2"], "nothing is left");
    refuses(COMPARISON, &["--unknown"], "unexpected argument '--unknown'");
    refuses(TABLES, &["--print", "x"], "--print x: no table of this name");
    refuses(TABLES, &["--records", "."], "--print");
}

#[test]
fn the_script_refuses_bad_arguments_in_a_line() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/measure");
    refuses(script, &[], "a name for the record is missing");
    refuses(script, &["../elsewhere"], "a name has letters, digits");
    refuses(script, &["name", "--rounds", "0"], "--rounds 0: not a number");
    refuses(script, &["name", "--rounds"], "--rounds: a value is missing");
    refuses(script, &["name", "--out", "/nowhere"], "--out /nowhere: no such directory");
    refuses(script, &["name", "--programs", "x"], "--programs x: there are plain-system-region");
    refuses(script, &["name", "--unknown"], "--unknown: no such option");
}

#[test]
fn a_program_knows_its_profile() {
    // Tests are built into `debug`, or `release` with that option.
    assert!(["debug", "release"].contains(&build::PROFILE), "{}", build::PROFILE);
    assert!(build::RUSTC.starts_with("rustc 1."), "{}", build::RUSTC);
    for library in ["crossbeam-epoch 0.9", "kovan 0.2.0", "seize 0.5", "sdd 4", "haphazard 0.1"] {
        assert!(build::LIBRARIES.contains(library), "{library}: {}", build::LIBRARIES);
    }
}

fn add(path: &Path, first_round: &str) {
    let path = path.display().to_string();
    let output = run(
        COMPARISON,
        &[
            ["--cell", "pin+load"],
            ["--rounds", "2"],
            ["--window-ms", "1"],
            ["--append", &path],
            ["--first-round", first_round],
        ]
        .concat(),
    );
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn rounds_are_added_to_a_record() {
    let name = format!("kovan-benches-{}-added.csv", std::process::id());
    let path = std::env::temp_dir().join(name);
    add(&path, "0");
    add(&path, "2");
    let records = Records::read(&path);
    std::fs::remove_file(&path).unwrap();
    let records = records.unwrap();
    assert_eq!(records.rounds(), 4);
    let point = Point { cell: "pin+load".into(), bytes: 8, threads: 1 };
    let ours = if build::COLLECTOR == "robust" { ROBUST } else { KOVAN };
    let local = PEERS.into_iter().chain([ours]).map(|name| (Group::ThreadLocal, name));
    let handles =
        PEERS_WITH_HANDLES.into_iter().chain([KOVAN, ROBUST]).map(|name| (Group::Handle, name));
    for (group, contender) in local.chain(handles) {
        let time = records.time(&point, &Build::this(), &Side::new(group, contender));
        assert!(time.is_some_and(|time| time > 0.0), "{contender}, {group}: {time:?}");
    }
}
