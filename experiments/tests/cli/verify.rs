//! `kovan-lab verify`, and its record.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Folder, command, is_refused, lab, succeeds, text};

#[test]
fn verify_checks_pairs_and_says_so() {
    let args = ["verify", "--scheme", "^leak$", "--seconds-per-pair", "0.05"];
    let table = succeeds(&[&args[..], &["--structure", "stack|queue"]].concat());
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("leak")).collect();
    assert!(rows.len() >= 2 && rows.iter().all(|row| !row.contains("FAILED")), "{table}");
    assert!(table.contains("% overlapped") && table.contains(" 0 failed"), "{table}");
    let one = succeeds(&[&args[..], &["--check", "optimistic"]].concat());
    assert!(one.contains("sound"), "{one}");
    let litmus = ["verify", "--check", "litmus", "--seconds-per-pair", "0.2", "--scheme"];
    let table = succeeds(&[&litmus[..], &["^leak$|^hp-naive$"]].concat());
    let said = |scheme| table.lines().find(|line| line.starts_with(scheme)).unwrap_or_default();
    assert!(said("leak").contains("vacuous"), "{table}");
    assert!(said("hp-naive").contains("freed meanwhile in"), "{table}");

    is_refused(&["verify", "--check", "spelling"], &["spelling", "linearizability"]);
    is_refused(&["verify", "--seconds-per-pair", "0"], &["--seconds-per-pair"]);
    is_refused(&["verify-job", "{"], &["not a job"]);
}

/// One pair, its ledger, and the time that it is to have.
fn recorded(file: &str, seconds: &'static str) -> Vec<String> {
    let text = ["verify", "--scheme", "^leak$", "--structure", "^ms-queue$", "--jobs", "1"];
    let more = ["--seconds-per-pair", seconds, "--record", file];
    text.iter().chain(&more).map(ToString::to_string).collect()
}

fn checks(file: &str) -> Vec<String> {
    fs::read_to_string(file).expect("the record").lines().map(str::to_string).collect()
}

#[test]
fn verify_adds_up_in_a_record() {
    let folder = Folder::new("record");
    let file = folder.join("runs.jsonl");
    let run = |seconds| {
        let arguments = recorded(&file, seconds);
        let output = lab(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), text(&output.stderr))
    };
    // Four checks: this build has no canary.
    assert!(run("0.2").1.contains("0 checks recorded, 4 to come"));
    let first = checks(&file);
    assert_eq!(first.len(), 4);
    assert!(run("0.2").1.contains("4 checks recorded, 0 to come"));
    assert_eq!(checks(&file), first, "all have their time");
    // Killed in the middle of a line.
    fs::write(&file, first.join("\n") + "\n" + &first[0][..50]).expect("written");
    let (table, notes) = run("0.4");
    assert!(notes.contains("line 5 is half a line of a run that was killed"), "{notes}");
    let all = checks(&file);
    assert_eq!((all.len(), &all[..4]), (8, &first[..]));
    for check in ["oracle", "conservation", "linearizability", "bounds"] {
        let seed = |line: &str, name: &str| -> u64 {
            let (_, rest) = line.split_once(&format!("\"{name}\":")).expect("a seed");
            rest.split([',', '}']).next().and_then(|seed| seed.parse().ok()).expect("a number")
        };
        let of: Vec<_> = all.iter().filter(|line| line.contains(check)).collect();
        assert_eq!(of.len(), 2, "{check}");
        assert_eq!(seed(of[1], "first"), seed(of[0], "last") + 1, "{check}");
    }
    assert!(table.contains("8 checks, without the canary"), "{table}");
    let summary = succeeds(&["verify", "--summary", &file]);
    assert_eq!(summary, table);

    let file = file.as_str();
    is_refused(&["verify", "--summary", &folder.join("none")], &["no such record"]);
    is_refused(&["verify", "--summary", file, "--jobs", "2"], &["--jobs"]);
    is_refused(&["verify", "--summary", file, "--markdown", file], &["needs a line"]);
    is_refused(&["verify", "--markdown", file], &["--summary"]);
    is_refused(&["verify", "--stop-after", "9s"], &["--record"]);
    is_refused(&["verify", "--record", file, "--stop-after", "soon"], &["20m"]);
    // A failure stays: the exit code says so, and so does the summary.
    let failed = first[0].replace("\"passed\"", "\"failed\"").replace("null", "7");
    fs::write(file, failed + "\n").expect("written");
    let output = lab(&["verify", "--summary", file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("FAILED leak x ms-queue")
            && text(&output.stderr).contains("--seed 7")
    );
    fs::write(file, "{}\n").expect("written");
    is_refused(&["verify", "--summary", file], &["line 1: not a recorded check"]);
}

#[test]
fn an_interrupted_or_stopped_record_is_whole() {
    let folder = Folder::new("record-interrupt");
    let file = folder.join("runs.jsonl");
    let arguments = recorded(&file, "600");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let stop = [&arguments[..], &["--stop-after", "1s"]].concat();
    succeeds(&stop);
    let stopped = checks(&file).len();
    assert!((1..20).contains(&stopped), "{stopped}");

    let mut command = command(&arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let began = Instant::now();
    while checks(&file).len() == stopped && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("the same command"), "{}", text(&output.stderr));
    let all = checks(&file);
    assert!(all.len() > stopped && all.iter().all(|line| line.ends_with('}')), "{all:?}");
}

#[test]
fn a_refused_pair_beside_others_is_said() {
    let verify = ["verify", "--seconds-per-pair", "0.05", "--check", "oracle", "--scheme"];
    let notes = |more: &[&str]| {
        let output = lab(&[&verify[..], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let said = notes(&["^(leak|hp-naive)$", "--structure", "^harris-list$"]);
    let told: Vec<&str> = said.lines().filter(|line| line.contains("refused")).collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(
        told[0].starts_with("kovan-lab: hp-naive x harris-list is refused by its types"),
        "{said}"
    );
    let said = notes(&["^hp-naive$"]);
    let told: Vec<&str> = said.lines().filter(|line| line.contains("refused")).collect();
    assert!(told.len() == 1 && told[0].contains("list matrix"), "{said}");
    assert!(!notes(&["^leak$", "--structure", "^harris-list$"]).contains("refused"));
}
