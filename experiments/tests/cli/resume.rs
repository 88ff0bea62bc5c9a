//! Runs that were cut off, and go on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{
    Folder, command, copy_program, is_refused, keys, lab, measures, rows, spec, text, whole_series,
};

#[test]
fn resume_repairs_torn_records_and_has_no_doubles() {
    let folder = Folder::new("torn");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let run = ["run", path.as_str(), "--scale", "smoke", "--out", &out];
    measures(&run);
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

    measures(&[&run[..], &["--resume"]].concat());
    let after = rows(&out, "samples.csv");
    assert_eq!(keys(&after), keys(&before));
    assert_eq!(after[..3], before[..3], "complete rows are kept");
    let measured = after.iter().filter(|row| row.contains(",ok,")).count();
    assert_eq!(whole_series(&rows(&out, "series.csv")), measured);
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
    measures(&[&run[..], &["--resume"]].concat());
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
    measures(&[&run[..], &["--resume"]].concat());
    assert_eq!(keys(&rows(&out, "samples.csv")).len(), 4);
}

/// Cargo puts the new program in the place of the old one.
#[test]
fn a_rebuild_does_not_end_a_run() {
    let folder = Folder::new("rebuild");
    let (out, program) = (folder.join("out"), copy_program(&folder, ""));
    let path = folder.write("s.toml", &spec("name = \"x\"", ""));
    let mut run = Command::new(&program);
    run.args(["run", &path, "--scale", "smoke", "--scheme", "^epoch$", "--out", &out]);
    let child = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let began = Instant::now();
    while !Path::new(&out).join("samples.csv").exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "the run does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::rename(folder.write("new", "no program"), &program).expect("replaced");
    let output = child.wait_with_output().expect("ended");
    let rows = rows(&out, "samples.csv");
    assert_eq!(keys(&rows).len(), 4, "{}", text(&output.stderr));
    assert!(!rows.iter().any(|row| row.contains("start a process")), "{rows:#?}");
}

#[test]
fn another_build_or_machine_does_not_add_to_a_run() {
    let folder = Folder::new("ground");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let run = ["run", path.as_str(), "--scale", "smoke", "--scheme", "^leak$", "--out", &out];
    measures(&run);
    let file = Path::new(&out).join("manifest.json");
    let manifest = fs::read_to_string(&file).expect("a manifest");
    let value: serde_json::Value = serde_json::from_str(&manifest).expect("json");
    let again = [&run[..], &["--resume"]].concat();
    for (key, told) in
        [("build/binary_hash", "another build"), ("machine/cores", "another machine")]
    {
        let mut other = value.clone();
        let place = other.pointer_mut(&format!("/{key}")).expect("there");
        *place = if place.is_string() { "0".into() } else { 4096.into() };
        fs::write(&file, other.to_string()).expect("written");
        is_refused(&again, &[told, &out, "--out"]);
    }
    let mut other = value;
    other["build"]["binary_hash"] = "0".into();
    other["build"]["commit"] = "0123456789abcdef".into();
    fs::write(&file, other.to_string()).expect("written");
    is_refused(&again, &["commit: 0123456789ab there,", "--allow-build"]);
    fs::write(&file, manifest).expect("written");
    measures(&again);
}

#[test]
fn another_build_goes_on_where_it_is_allowed() {
    let folder = Folder::new("builds");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let run = ["run", path.as_str(), "--scale", "smoke", "--scheme", "^leak$", "--out", &out];
    measures(&run);
    let before = rows(&out, "samples.csv");
    // As an older version wrote it, and interrupted after the first row.
    let header = fs::read_to_string(Path::new(&out).join("samples.csv")).expect("read");
    let header = header.lines().next().expect("a header").replace(",build", "");
    let build = before[0].rsplit(',').next().expect("a build");
    let row = before[0].trim_end_matches(build).trim_end_matches(',');
    folder.write("out/samples.csv", &format!("{header}\n{row}\n"));

    // Another program, which does the same.
    let program = copy_program(&folder, "x");
    let other =
        |more: &[&str]| Command::new(&program).args(run).args(more).output().expect("started");
    let output = other(&["--resume"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("only the program file differs") && said.contains("--allow-build"),
        "{said}"
    );
    assert_eq!(other(&["--allow-build"]).status.code(), Some(2), "it is of --resume");

    let output = other(&["--resume", "--allow-build"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("2 builds"), "{said}");
    let after = rows(&out, "samples.csv");
    assert_eq!(keys(&after), keys(&before));
    let builds: Vec<_> = after.iter().map(|row| row.rsplit(',').next().expect("a build")).collect();
    assert_eq!(builds[0], build, "the row of the older version is of the first build");
    assert!(builds[1..].iter().all(|other| *other != build && other.len() == 16), "{builds:?}");
    let manifest = fs::read_to_string(Path::new(&out).join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("json");
    assert_eq!(manifest["other_builds"][0]["binary_hash"], builds[1]);
    // Both are known now.
    assert!(other(&["--resume"]).status.success());
    measures(&[&run[..], &["--resume"]].concat());
}

/// The clock goes on, as when a container is frozen, or a terminal stops a job.
#[test]
fn the_time_in_which_a_run_is_stopped_does_not_count() {
    let folder = Folder::new("stopped");
    let path = folder.write("s.toml", &spec("name = \"x\"", "timeout_seconds = 2"));
    let out = folder.join("out");
    let run = ["run", &path, "--scale", "smoke", "--scheme", "^epoch$", "--structure", "hash"];
    let run = [&run[..], &["--stalled", "0", "--seconds", "0.3", "--out", &out]].concat();
    let child = command(&run).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let child = child.expect("started");
    let (parent, began) = (child.id().to_string(), Instant::now());
    let cell = loop {
        assert!(began.elapsed() < Duration::from_secs(60), "the only cell does not begin");
        let found = Command::new("pgrep").args(["-P", &parent]).output().expect("pgrep");
        if let Some(id) = text(&found.stdout).lines().next() {
            break id.to_string();
        }
    };
    // The cell may have been killed, which the rows will show.
    let signal = |name: &str, id: &str| {
        Command::new("kill").args([name, id]).stderr(Stdio::null()).status().expect("kill");
    };
    signal("-STOP", &cell);
    signal("-STOP", &parent);
    std::thread::sleep(Duration::from_millis(2600));
    signal("-CONT", &parent);
    std::thread::sleep(Duration::from_millis(200));
    signal("-CONT", &cell);
    let output = child.wait_with_output().expect("ended");
    let rows = rows(&out, "samples.csv");
    assert!(rows.len() == 1 && !rows[0].contains(",timeout,"), "{rows:?}");
    assert!(!text(&output.stderr).contains("killed after"), "{}", text(&output.stderr));
}

/// A run of four cells with time series, which is not interrupted.
fn measured(folder: &Folder) -> (String, Vec<String>) {
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let run = ["run", path.as_str(), "--scale", "smoke", "--scheme", "^leak$", "--out", &out];
    measures(&run);
    (out.clone(), [&run[..], &["--resume"]].concat().iter().map(ToString::to_string).collect())
}

#[test]
fn a_lost_series_is_said() {
    let folder = Folder::new("series");
    let (out, resume) = measured(&folder);
    let resume: Vec<&str> = resume.iter().map(String::as_str).collect();
    let (samples, series) =
        (Path::new(&out).join("samples.csv"), Path::new(&out).join("series.csv"));
    let rows_before = fs::read_to_string(&samples).expect("read");
    let whole = fs::read_to_string(&series).expect("read");
    assert!(!text(&lab(&["plot", &out]).stderr).contains("time series"), "nothing is lost");

    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    fs::write(&series, lines[..lines.len() - 2].concat()).expect("written");
    for command in [&["plot", out.as_str()][..], &resume] {
        let output = lab(command);
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains("of 4 measured cells, 0 have no time series and 1 a cut one"),
            "{said}"
        );
    }
    fs::remove_file(&series).expect("removed");
    for command in [&["plot", out.as_str()][..], &resume] {
        let output = lab(command);
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("of 4 measured cells, 4 have no time series"), "{said}");
    }
    assert_eq!(fs::read_to_string(&samples).expect("read"), rows_before, "nothing else is lost");
}

#[test]
fn a_last_row_without_a_line_end_is_read_if_it_is_whole() {
    let folder = Folder::new("last-row");
    let (out, _) = measured(&folder);
    let samples = Path::new(&out).join("samples.csv");
    let whole = fs::read_to_string(&samples).expect("read");
    let rows_of = |cut: usize| {
        fs::write(&samples, &whole[..whole.len() - cut]).expect("written");
        let output = lab(&["plot", &out]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let table = text(&output.stdout);
        let rows = table.lines().filter(|line| line.contains(" leak ")).count();
        let told =
            text(&output.stderr).lines().filter(|l| l.contains("the last row is cut")).count();
        (rows, told)
    };
    assert_eq!(rows_of(0), (4, 0));
    assert_eq!(rows_of(1), (4, 0), "only the line end is missing");
    // In the last field, at its begin, and in a field before.
    for cut in [2, 17, 30] {
        assert_eq!(rows_of(cut), (3, 1), "{cut}");
    }
}
