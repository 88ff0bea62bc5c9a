//! The program, folders for it, and what it wrote.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A folder of its own for a test, removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kovan-lab-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("temporary folder");
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("utf-8").to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("written");
        self.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Copies the program into a folder and appends a text to it. Another process does it: where this one has
/// the file open for writing while another test starts a program, the copy is busy for a moment.
pub(crate) fn copy_program(folder: &Folder, appended: &str) -> String {
    let program = folder.join("kovan-lab");
    let script = "cp \"$1\" \"$2\" && printf %s \"$3\" >> \"$2\"";
    let arguments = ["-c", script, "sh", env!("CARGO_BIN_EXE_kovan-lab"), &program, appended];
    assert!(Command::new("sh").args(arguments).status().expect("sh").success());
    program
}

/// Waits until a run has so many rows; with 0, until it has its folder.
pub(crate) fn wait_for(out: &str, rows: usize) {
    let began = Instant::now();
    let lines =
        || fs::read_to_string(Path::new(out).join("samples.csv")).map(|text| text.lines().count());
    while !lines().is_ok_and(|lines| lines > rows) {
        assert!(began.elapsed() < Duration::from_secs(60), "the run does not begin");
        sleep(Duration::from_millis(10));
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kovan-lab"));
    command.args(arguments).current_dir(std::env::temp_dir());
    command
}

pub(crate) fn lab(arguments: &[&str]) -> Output {
    command(arguments).output().expect("started")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn succeeds(arguments: &[&str]) -> String {
    let output = lab(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// As `succeeds`, for `run`: what failed because on a busy machine no worker ran for the whole of a short
/// window is measured again.
pub(crate) fn measures(run: &[&str]) -> String {
    let mut again = run.to_vec();
    if !again.contains(&"--resume") {
        again.push("--resume");
    }
    let mut output = lab(run);
    for _ in 0..9 {
        if !text(&output.stderr).contains("no operation finished in the window") {
            break;
        }
        output = lab(&again);
    }
    assert!(output.status.success(), "{run:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Measures throughput of hash maps over some schemes, two workloads with one thread, in short windows.
pub(crate) fn measures_hash_maps(schemes: &str, repeats: &str, out: &str) {
    measures(&[
        "run",
        "throughput",
        "--scale",
        "smoke",
        "--scheme",
        schemes,
        "--structure",
        "^hash-map$",
        "--threads",
        "1",
        "--seconds",
        "0.02",
        "--repeats",
        repeats,
        "--out",
        out,
    ]);
}

/// Exit 2, and one line on stderr that names the program and contains all of `parts`.
pub(crate) fn is_refused(arguments: &[&str], parts: &[&str]) {
    let output = lab(arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
    assert!(error.starts_with("kovan-lab: "), "{arguments:?}: {error}");
    for part in parts {
        assert!(error.contains(part), "{arguments:?}: `{part}` is not in: {error}");
    }
}

/// A spec of few short cells, with a line at the top and one for its timeout.
pub(crate) fn spec(top: &str, timeout: &str) -> String {
    format!(
        "{top}\nquestion = \"Does it run?\"\nx_axis = \"stalled\"\nstructures = [\"hash-map\", \"harris-list\"]\n\
         threads = [2]\nstalled = [0, 1]\n\
         schemes = [\"kovan\", \"epoch\", \"hazard-pointer\", \"leak\"]\n{timeout}\n[[workloads]]\nname = \"mixed\"\ninsert = 25\nremove = 25\n\
         contains = 50\nkey_range = 64\nprefill = 32\n[scales.smoke]\nseconds = 0.1\nwarmup_seconds = 0.01\nrepeats = 1\n"
    )
}

pub(crate) fn rows(dir: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(dir).join(name)).expect("records");
    assert!(text.ends_with('\n'), "{name} ends with a whole line");
    text.lines().skip(1).map(str::to_string).collect()
}

/// The identifying columns of `samples.csv` rows; panics if a row is there twice.
pub(crate) fn keys(rows: &[String]) -> BTreeSet<String> {
    let keys: BTreeSet<String> =
        rows.iter().map(|row| row.split(',').take(9).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(keys.len(), rows.len(), "a row is there twice: {rows:#?}");
    keys
}

/// How many cells have a time series; panics unless each is there once, in one piece.
pub(crate) fn whole_series(rows: &[String]) -> usize {
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
