//! The binary as users run it.
//!
//! Builds for the gate (feature `canary`) refuse to measure, so these tests are of the others.

#![cfg(not(feature = "canary"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kovan-lab-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("temporary folder");
        Self(path)
    }

    fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("utf-8").to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("written");
        self.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kovan-lab"));
    command.args(arguments).current_dir(std::env::temp_dir());
    command
}

fn lab(arguments: &[&str]) -> Output {
    command(arguments).output().expect("started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = lab(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Exit 2, and one line on stderr that names the program and contains all of `parts`.
fn is_refused(arguments: &[&str], parts: &[&str]) {
    let output = lab(arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
    assert!(error.starts_with("kovan-lab: "), "{arguments:?}: {error}");
    for part in parts {
        assert!(error.contains(part), "{arguments:?}: `{part}` is not in: {error}");
    }
}

/// A spec of few short cells, with its first line replaceable.
fn spec(top: &str, timeout: &str) -> String {
    format!(
        "{top}\nquestion = \"Does it run?\"\nx_axis = \"stalled\"\nstructures = [\"hash-map\", \"harris-list\"]\n\
         threads = [2]\nstalled = [0, 1]\n{timeout}\n[[workloads]]\nname = \"mixed\"\ninsert = 25\nremove = 25\n\
         contains = 50\nkey_range = 64\nprefill = 32\n[scales.smoke]\nseconds = 0.05\nwarmup_seconds = 0.01\nrepeats = 1\n"
    )
}

fn rows(dir: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(dir).join(name)).expect("records");
    assert!(text.ends_with('\n'), "{name} ends with a whole line");
    text.lines().skip(1).map(str::to_string).collect()
}

/// The identifying columns of `samples.csv` rows; panics if a row is there twice.
fn keys(rows: &[String]) -> BTreeSet<String> {
    let keys: BTreeSet<String> =
        rows.iter().map(|row| row.split(',').take(9).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(keys.len(), rows.len(), "a row is there twice: {rows:#?}");
    keys
}

/// How many cells have a time series; panics unless each is there once, in one piece.
fn whole_series(rows: &[String]) -> usize {
    let mut cells: Vec<String> = Vec::new();
    let mut last = 0;
    for row in rows {
        let fields: Vec<&str> = row.split(',').collect();
        let (cell, t_ns) = (fields[..7].join(","), fields[7].parse::<u64>().expect("a time"));
        if cells.last() == Some(&cell) {
            assert!(t_ns > last, "time runs backwards at {row}");
        } else {
            assert!(!cells.contains(&cell), "a series is there twice: {row}");
            cells.push(cell);
        }
        last = t_ns;
    }
    cells.len()
}

#[test]
fn mistakes_are_one_line_and_exit_2() {
    let run = |more: &[&'static str]| [&["run", "stalled-threads"], more].concat();
    is_refused(&[], &["no command"]);
    is_refused(&["lits"], &["lits"]);
    is_refused(&["run"], &["SPEC"]);
    is_refused(&["run", "stalled-thread"], &["did you mean `stalled-threads`"]);
    is_refused(&["run", "missing/x.toml"], &["cannot read spec missing/x.toml"]);
    is_refused(&run(&["--threads", "0"]), &["--threads", "from 1 to"]);
    is_refused(&run(&["--threads", "-1"]), &["--threads", "`-1` is not a thread count"]);
    is_refused(&run(&["--threads", "1,x"]), &["`x` is not a thread count"]);
    is_refused(&run(&["--threads", "2,2"]), &["listed twice"]);
    is_refused(&run(&["--threads", "99999999999"]), &["not a thread count"]);
    is_refused(&run(&["--seconds", "-1"]), &["--seconds"]);
    is_refused(&run(&["--seconds", "nan"]), &["--seconds"]);
    is_refused(&run(&["--repeats", "0"]), &["--repeats"]);
    is_refused(&run(&["--seed", "-3"]), &["--seed"]);
    is_refused(&run(&["--scale", "huge"]), &["huge", "smoke"]);
    is_refused(&run(&["--scheme", "("]), &["not a regular expression"]);
    is_refused(&run(&["--scheme", "rcu"]), &["matches no scheme", "hazard-pointer"]);
    is_refused(&run(&["--structure", "graph", "--dry-run"]), &["matches no structure", "hash-map"]);
    is_refused(&run(&["--out", "/dev/null/x"]), &["cannot create /dev/null/x"]);
    is_refused(&["run", "throughput", "throughput"], &["named twice"]);
    is_refused(&["plot", "/nonexistent"], &["not a results folder"]);
    is_refused(&["cell", "{"], &["not a cell"]);
}

#[test]
fn mistakes_in_specs_name_the_file_and_the_key() {
    let folder = Folder::new("specs");
    let good = spec("name = \"x\"", "");
    let bad = [
        ("question", "questoin", "s.toml:2: unknown field `questoin`"),
        ("threads = [2]", "threads = [-2]", "s.toml:5: "),
        ("threads = [2]", "threads = [0]", "threads: must be from 1"),
        ("threads = [2]", "threads = []", "threads: the list is empty"),
        ("hash-map", "hashmap", "did you mean `hash-map`"),
        ("contains = 50", "contains = 51", "must be 100"),
        ("prefill = 32", "prefill = 65", "prefill"),
        ("seconds = 0.05", "seconds = 0", "seconds"),
        ("name = \"x\"", "name = \"../x\"", "name"),
        ("name = \"x\"", "schemes = [\"epohc\"]\nname = \"x\"", "did you mean `epoch`"),
        ("[2]", "[2", "s.toml:"),
    ];
    for (right, wrong, part) in bad {
        let path = folder.write("s.toml", &good.replacen(right, wrong, 1));
        is_refused(&["run", &path, "--scale", "smoke", "--dry-run"], &["s.toml", part]);
    }
    let path = folder.write("s.toml", &good);
    is_refused(&["run", &path, "--scale", "paper"], &["has no [scales.paper]"]);
    fs::write(folder.0.join("b.toml"), [0xff, 0xfe]).expect("written");
    is_refused(&["run", &folder.join("b.toml")], &["cannot read spec"]);
}

#[test]
fn lists_are_arrays_of_objects_with_names() {
    for what in ["schemes", "structures", "experiments", "matrix"] {
        let json: serde_json::Value =
            serde_json::from_str(&succeeds(&["list", what, "--format", "json"])).expect("json");
        let objects = json.as_array().expect("an array");
        assert!(
            !objects.is_empty() && objects.iter().all(|object| object["name"].is_string()),
            "{what}"
        );
        if what == "matrix" {
            assert!(
                objects.iter().any(|o| o["allowed"] == false
                    && o["reason"].as_str().is_some_and(|r| !r.is_empty()))
            );
        }
        assert!(succeeds(&["list", what]).lines().count() > 2);
    }
    assert!(succeeds(&["list"]).contains("stalled-threads"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = Folder::new("dry");
    let out = folder.join("out");
    let plan =
        succeeds(&["run", "stalled-threads", "--scale", "smoke", "--out", &out, "--dry-run"]);
    assert!(plan.contains("20 cells"), "{plan}");
    assert!(!Path::new(&out).exists());
}

#[test]
fn a_run_records_every_cell_and_draws() {
    let folder = Folder::new("run");
    let out = folder.join("out");
    let run = [
        "run",
        "stalled-threads",
        "--scheme",
        "^epoch$|^kovan",
        "--seconds",
        "0.2",
        "--repeats",
        "1",
        "--out",
        &out,
    ];
    let table = succeeds(&run);
    assert!(table.contains("kovan-robust"), "{table}");
    let samples = rows(&out, "samples.csv");
    assert_eq!(keys(&samples).len(), 12);
    for row in &samples {
        let fields: Vec<&str> = row.split(',').collect();
        assert_eq!((fields.len(), fields[10], fields[11]), (22, "ok", ""), "{row}");
        assert!(fields[12].parse::<u64>().expect("ops") > 0);
        // Robust schemes declare a bound and keep it.
        if let Ok(bound) = fields[20].parse::<u64>() {
            assert!(fields[17].parse::<u64>().expect("peak") <= bound, "{row}");
        }
    }
    assert!(rows(&out, "series.csv").len() > 12 * 5);
    for name in ["unreclaimed_peak", "unreclaimed_over_time", "throughput"] {
        let svg =
            fs::read_to_string(Path::new(&out).join(format!("plots/{name}.svg"))).expect("a plot");
        assert!(svg.contains("<text") && svg.trim_end().ends_with("</svg>"), "{name}");
    }
    let manifest: serde_json::Value = serde_json::from_str(
        &fs::read_to_string(Path::new(&out).join("manifest.json")).expect("manifest"),
    )
    .expect("json");
    assert_eq!((&manifest["complete"], &manifest["cells"]), (&true.into(), &12.into()));

    // The same folder again: refused, unless resumed; another plan: refused.
    is_refused(&run, &["already holds results"]);
    is_refused(&[&run[..], &["--seed", "9", "--resume"]].concat(), &["another plan"]);
    succeeds(&[&run[..], &["--resume"]].concat());
    assert_eq!(rows(&out, "samples.csv"), samples, "nothing was measured again");

    // Records are drawn again without measuring.
    fs::remove_dir_all(Path::new(&out).join("plots")).expect("removed");
    succeeds(&["plot", &out]);
    assert!(Path::new(&out).join("plots/throughput.svg").exists());
}

#[test]
fn resume_repairs_torn_records_and_has_no_doubles() {
    let folder = Folder::new("torn");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let run = ["run", path.as_str(), "--scale", "smoke", "--out", &out];
    succeeds(&run);
    let before = rows(&out, "samples.csv");
    assert!(before.iter().any(|row| row.contains(",refused,")), "refused pairs are rows");
    // As a kill in the middle of a write leaves them.
    let samples = Path::new(&out).join("samples.csv");
    let whole = fs::read_to_string(&samples).expect("read");
    let third = whole.match_indices('\n').nth(3).expect("rows").0;
    fs::write(&samples, &whole[..third + 40]).expect("written");
    let series = Path::new(&out).join("series.csv");
    let cut = fs::read_to_string(&series).expect("read");
    fs::write(&series, cut.trim_end()).expect("written");

    succeeds(&[&run[..], &["--resume"]].concat());
    let after = rows(&out, "samples.csv");
    assert_eq!(keys(&after), keys(&before));
    assert_eq!(after[..3], before[..3], "complete rows are kept");
    let measured = after.iter().filter(|row| row.contains(",ok,")).count();
    assert_eq!(whole_series(&rows(&out, "series.csv")), measured);
}

#[test]
fn a_cell_that_takes_too_long_is_a_timeout() {
    let folder = Folder::new("timeout");
    let (out, path) = (
        folder.join("out"),
        folder.write("s.toml", &spec("name = \"x\"", "timeout_seconds = 0.3")),
    );
    let run = [
        "run",
        &path,
        "--scale",
        "smoke",
        "--out",
        &out,
        "--scheme",
        "^leak$",
        "--structure",
        "hash",
        "--seconds",
        "3",
    ];
    let began = Instant::now();
    let output = lab(&run);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(
        rows(&out, "samples.csv").iter().all(|row| row.contains(",timeout,killed after 0.3 s,"))
    );
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let folder = Folder::new("interrupt");
    let out = folder.join("out");
    let run = [
        "run",
        "stalled-threads",
        "--scale",
        "smoke",
        "--scheme",
        "^epoch$",
        "--seconds",
        "1",
        "--out",
        &out,
    ];
    let child =
        command(&run).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    std::thread::sleep(Duration::from_millis(1800));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--resume"));
    assert!(rows(&out, "samples.csv").len() < 4);
    succeeds(&[&run[..], &["--resume"]].concat());
    assert_eq!(keys(&rows(&out, "samples.csv")).len(), 4);
}

#[test]
fn two_runs_do_not_write_into_one_folder() {
    let folder = Folder::new("two");
    let out = folder.join("out");
    let short = ["run", "stalled-threads", "--scheme", "^epoch$", "--repeats", "1", "--out", &out];
    let run = [&short[..], &["--seconds", "1"]].concat();
    let mut first = command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ran");
    let began = Instant::now();
    while !Path::new(&out).join("samples.csv").exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "the first run does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    is_refused(&[&run[..], &["--resume"]].concat(), &["another kovan-lab writes here", &out]);
    // A killed run holds nothing.
    first.kill().expect("killed");
    first.wait().expect("ended");
    succeeds(&[&run[..], &["--resume"]].concat());
    assert_eq!(keys(&rows(&out, "samples.csv")).len(), 4);
}

#[test]
fn foreign_files_are_named_and_left_alone() {
    let folder = Folder::new("foreign");
    let out = folder.join("out");
    fs::create_dir_all(&out).expect("created");
    let manifest = "{\"schema_version\": 7, \"was\": \"experiment\"}";
    folder.write("out/manifest.json", manifest);
    is_refused(&["plot", &out], &["manifest.json", "version 7"]);
    for manifest in ["", "[", "[]", "null", "{}"] {
        folder.write("out/manifest.json", manifest);
        is_refused(&["plot", &out], &["cannot understand", "manifest.json"]);
    }
    // No line end: as if a kill had cut its only line.
    for text in ["my notes", "{\"other\": 1}"] {
        let file = folder.write("notes.txt", text);
        is_refused(
            &["verify", "--summary", &file],
            &["notes.txt", "not a file of recorded checks"],
        );
        let output = lab(&["verify", "--scheme", "^leak$", "--record", &file]);
        assert_eq!(output.status.code(), Some(2), "{}", self::text(&output.stderr));
        assert_eq!(fs::read_to_string(&file).expect("there"), text);
    }
}

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

    is_refused(&["verify", "--scheme", "rcu"], &["nothing to verify"]);
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
