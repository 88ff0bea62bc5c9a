//! Runs that were cut off, and go on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{
    Folder, command, copy_program, is_refused, keys, lab, measures, rows, spec, text, wait_for,
    whole_series,
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
        "0.5",
        "--out",
        &out,
    ];
    let child =
        command(&run).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    wait_for(&out, 1);
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains(&format!("To go on: kovan-lab resume {out}")), "{said}");
    assert!(rows(&out, "samples.csv").len() < 4);
    measures(&["resume", &out]);
    assert_eq!(keys(&rows(&out, "samples.csv")).len(), 4);
}

/// What is killed at any time, and resumed, is the run that was not.
#[test]
fn a_run_that_is_killed_five_times_has_the_same_rows() {
    let folder = Folder::new("killed");
    let path = folder.write("s.toml", &spec("name = \"x\"", ""));
    let run = |out: &str| {
        let run = ["run", &path, "--scale", "smoke", "--seconds", "0.1", "--out", out];
        run.map(String::from)
    };
    let whole = folder.join("whole");
    measures(&run(&whole).each_ref().map(String::as_str));
    let out = folder.join("out");
    let first = run(&out);
    let mut arguments: Vec<&str> = first.iter().map(String::as_str).collect();
    for kill in 0..5 {
        let mut command = command(&arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("started");
        // From in the middle of the start to after several cells.
        std::thread::sleep(Duration::from_millis(90 + 173 * kill));
        child.kill().expect("killed");
        child.wait().expect("ended");
        // A kill before the manifest leaves nothing to go on with.
        if Path::new(&out).join("manifest.json").exists() {
            arguments = vec!["resume", &out];
        }
    }
    measures(&arguments);
    let (killed, rows_of_whole) = (rows(&out, "samples.csv"), rows(&whole, "samples.csv"));
    assert_eq!(keys(&killed), keys(&rows_of_whole));
    let measured = killed.iter().filter(|row| row.contains(",ok,")).count();
    assert_eq!(whole_series(&rows(&out, "series.csv")), measured);
}

/// A scheme that passes the bound it declares has failed, whatever else went well.
#[test]
fn a_broken_bound_fails_the_run_and_is_named() {
    let folder = Folder::new("bound");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let run = ["run", path.as_str(), "--scale", "smoke", "--scheme", "hazard", "--out", &out];
    measures(&[&run[..], &["--structure", "hash", "--stalled", "1"]].concat());
    let samples = Path::new(&out).join("samples.csv");
    let whole = fs::read_to_string(&samples).expect("read");
    let (header, row) = whole.trim_end().split_once('\n').expect("a row");
    let at = header.split(',').position(|name| name == "unreclaimed_bound").expect("a column");
    let mut fields: Vec<&str> = row.split(',').collect();
    assert!(fields[at].parse::<u64>().is_ok(), "a bound is declared: {row}");
    fields[at] = "1";
    fs::write(&samples, format!("{header}\n{}\n", fields.join(","))).expect("written");
    let output = lab(&["resume", &out]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("BROKEN BOUND: hazard-pointer hash-map mixed"), "{said}");
    assert!(said.contains("1 are declared"), "{said}");
}

/// Cells that other programs have spoilt are measured again where that is asked for.
#[test]
fn disturbed_cells_are_measured_again_when_asked() {
    let folder = Folder::new("redo");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let run = ["run", path.as_str(), "--scale", "smoke", "--scheme", "^leak$", "--out", &out];
    measures(&run);
    let samples = Path::new(&out).join("samples.csv");
    let whole = fs::read_to_string(&samples).expect("read");
    let header: Vec<&str> = whole.lines().next().expect("a header").split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).expect("a column");
    let (at, time) = (place("disturbed"), place("elapsed_ns"));
    let mut lines: Vec<Vec<String>> =
        whole.lines().map(|line| line.split(',').map(String::from).collect()).collect();
    lines[1][at] = "0.5".into();
    lines[2][at] = "0.05".into();
    let text_of: Vec<String> = lines.iter().map(|line| line.join(",")).collect();
    fs::write(&samples, text_of.join("\n") + "\n").expect("written");
    measures(&["resume", &out, "--redo", "disturbed"]);
    let after: Vec<String> = rows(&out, "samples.csv");
    let measured = |line: &[String]| line[time].clone();
    let times: Vec<String> =
        after.iter().map(|row| row.split(',').nth(time).expect("a field").to_string()).collect();
    assert!(!times.contains(&measured(&lines[1])), "the disturbed one is measured again");
    assert!(times.contains(&measured(&lines[2])), "the other one is kept");
    assert_eq!(keys(&after).len(), 4);
}

#[test]
fn two_runs_do_not_write_into_one_folder() {
    let folder = Folder::new("two");
    let out = folder.join("out");
    let short = ["run", "stalled-threads", "--scheme", "^epoch$", "--repeats", "1", "--out", &out];
    let run = [&short[..], &["--seconds", "0.5"]].concat();
    let mut first = command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ran");
    wait_for(&out, 0);
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
    let child = run
        .args(["--seconds", "0.5"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    wait_for(&out, 0);
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
    let header = header.lines().next().expect("a header").replace(",build,machine", "");
    let (row, machine) = before[0].rsplit_once(',').expect("a machine");
    let (row, build) = row.rsplit_once(',').expect("a build");
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
    let last = |row: &String, nth| row.rsplit(',').nth(nth).expect("a column").to_string();
    let builds: Vec<_> = after.iter().map(|row| last(row, 1)).collect();
    assert!(after.iter().all(|row| last(row, 0) == machine), "all rows are of this machine");
    assert_eq!(builds[0], build, "the row of the older version is of the first build");
    assert!(builds[1..].iter().all(|other| other != build && other.len() == 16), "{builds:?}");
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
    // Half of the last cell's: on a busy machine two samples in a row may be equal.
    let cell = |line: &str| line.split(',').take(7).map(String::from).collect::<Vec<_>>();
    let last = cell(lines[lines.len() - 1]);
    let of_last = lines.iter().rev().take_while(|line| cell(line) == last).count();
    fs::write(&series, lines[..lines.len() - of_last / 2].concat()).expect("written");
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
