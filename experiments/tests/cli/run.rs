//! `kovan-lab run` and `plot`: what they write and print.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{
    Folder, command, is_refused, keys, lab, measures, rows, spec, succeeds, text, wait_for,
};

#[test]
fn a_dry_run_writes_nothing() {
    let folder = Folder::new("dry");
    let out = folder.join("out");
    let plan =
        succeeds(&["run", "stalled-threads", "--scale", "smoke", "--out", &out, "--dry-run"]);
    assert!(plan.contains("20 cells"), "{plan}");
    assert!(!Path::new(&out).exists());
    let less = ["run", "stalled-threads", "--scale", "smoke", "--stalled", "0,7", "--dry-run"];
    let plan = succeeds(&less);
    assert!(plan.contains("10 cells"), "{plan}");
    let sevens = plan.lines().filter(|line| line.split_whitespace().nth(4) == Some("7")).count();
    assert_eq!(sevens, 5, "{plan}");
    let others = ["--all", "--scheme", "^(wfe|ibr)$", "--stalled", "1", "--dry-run"];
    let plan = succeeds(&[&["run", "stalled-threads", "--scale", "smoke"], &others[..]].concat());
    assert!(plan.contains("2 cells") && plan.contains("wfe     hash-map"), "{plan}");
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
        "0.1",
        "--repeats",
        "1",
        "--out",
        &out,
    ];
    let table = measures(&run);
    assert!(table.contains("kovan-robust"), "{table}");
    let samples = rows(&out, "samples.csv");
    assert_eq!(keys(&samples).len(), 12);
    for row in &samples {
        let fields: Vec<&str> = row.split(',').collect();
        assert_eq!((fields[10], fields[11]), ("ok", ""), "{row}");
        assert!(fields[12].parse::<u64>().expect("ops") > 0);
        assert!(fields[22].parse::<u64>().expect("processor time") > 0);
        assert_eq!(fields.last().map(|build| build.len()), Some(16), "the build: {row}");
        // Robust schemes declare a bound and keep it.
        if let Ok(bound) = fields[20].parse::<u64>() {
            assert!(fields[17].parse::<u64>().expect("peak") <= bound, "{row}");
        }
    }
    assert!(rows(&out, "series.csv").len() > 12 * 5);
    for name in ["unreclaimed_peak", "unreclaimed_mean", "unreclaimed_over_time", "throughput"] {
        let svg =
            fs::read_to_string(Path::new(&out).join(format!("plots/{name}.svg"))).expect("a plot");
        assert!(svg.contains("<text") && svg.trim_end().ends_with("</svg>"), "{name}");
        // What it is of, to the reader of the figure alone.
        for part in
            ["hash-map, 50i-50d, 2 workers", "stalled-threads at scale laptop, windows of 0.1 s"]
        {
            assert!(svg.contains(part), "{name}: no `{part}`");
        }
    }
    let manifest: serde_json::Value = serde_json::from_str(
        &fs::read_to_string(Path::new(&out).join("manifest.json")).expect("manifest"),
    )
    .expect("json");
    assert_eq!((&manifest["complete"], &manifest["cells"]), (&true.into(), &12.into()));

    assert_eq!((&manifest["seconds"], &manifest["repeats"]), (&0.1.into(), &1.into()));

    // The same folder again: refused, unless resumed; another plan: refused.
    is_refused(&run, &["already holds results"]);
    is_refused(&[&run[..], &["--seed", "9", "--resume"]].concat(), &["another plan"]);
    succeeds(&[&run[..], &["--resume"]].concat());
    assert_eq!(rows(&out, "samples.csv"), samples, "nothing was measured again");

    is_drawn_again(&folder, &out, &table);
}

/// Records are drawn again without measuring.
fn is_drawn_again(folder: &Folder, out: &str, table: &str) {
    fs::remove_dir_all(Path::new(out).join("plots")).expect("removed");
    let again = succeeds(&["plot", out]);
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("hash-map")).count();
    assert_eq!((rows(&again), rows(table)), (12, 12), "the table too: {again}");
    assert!(Path::new(out).join("plots/throughput.svg").exists());

    // As the README shows it.
    succeeds(&["plot", out, "--format", "svg,pdf,png", "--width", "column,slide"]);
    let begins = |name: &str, with: &[u8]| {
        let bytes = fs::read(Path::new(out).join("plots").join(name)).expect("a figure");
        assert!(bytes.starts_with(with), "{name}");
    };
    begins("throughput.pdf", b"%PDF");
    begins("throughput.png", b"\x89PNG");
    begins("throughput-slide.png", b"\x89PNG");
    let column = fs::read_to_string(Path::new(out).join("plots/throughput.svg")).expect("a figure");
    assert!(
        column.contains("width=\"3.3in\"") || column.contains("width=\"237.6pt\""),
        "{}",
        &column[..200]
    );

    // No line of the table breaks in a narrow terminal.
    for columns in ["110", "60"] {
        let output = command(&["plot", out]).env("COLUMNS", columns).output().expect("started");
        let text = text(&output.stdout);
        let table = text.lines().skip_while(|line| !line.contains("Mops/s")).take(14);
        let widest = table.map(|line| line.chars().count()).max().expect("a table");
        assert!((30..=columns.parse().expect("a number")).contains(&widest), "{widest}: {text}");
    }

    // Where nothing can be drawn, the table is there all the same.
    fs::remove_dir_all(Path::new(out).join("plots")).expect("removed");
    folder.write("out/plots", "not a folder");
    let output = lab(&["plot", out]);
    assert_eq!((output.status.code(), rows(&text(&output.stdout))), (Some(2), 12));
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
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("failed: leak hash-map mixed threads=2"), "{said}");
    assert!(said.lines().last().is_some_and(|line| line.contains("--resume")), "{said}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(
        rows(&out, "samples.csv").iter().all(|row| row.contains(",timeout,killed after 0.3 s,"))
    );
}

#[test]
fn a_run_of_hours_is_asked_about() {
    let folder = Folder::new("hours");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    // Two cells of 50 minutes, three times.
    let run = ["run", &path, "--scale", "smoke", "--scheme", "^epoch$", "--structure", "hash"];
    let run = [&run[..], &["--seconds", "3000", "--out", &out]].concat();
    is_refused(&[&run[..], &["--repeats", "3"]].concat(), &["about 5.0 h", "--yes", "--dry-run"]);
    assert!(!Path::new(&out).exists(), "nothing is written");
    succeeds(&[&run[..], &["--repeats", "3", "--dry-run"]].concat());

    let long = [&run[..], &["--repeats", "3", "--yes"]].concat();
    let mut child = command(&long).stderr(Stdio::null()).spawn().expect("started");
    wait_for(&out, 0);
    child.kill().expect("killed");
    child.wait().expect("ended");
    // What is left of it is asked about in the same way.
    is_refused(&[&run[..], &["--repeats", "3", "--resume"]].concat(), &["about 5.0 h", "--yes"]);
}

#[test]
fn a_cell_that_may_fill_the_memory_is_asked_about() {
    let folder = Folder::new("memory");
    let path = folder.write("s.toml", &spec("name = \"x\"", ""));
    let run = ["run", &path, "--scale", "smoke", "--scheme", "^leak$", "--structure", "hash"];
    let out = folder.join("out");
    let long = [&run[..], &["--seconds", "3600", "--out", &out]].concat();
    is_refused(&long, &["more than half of the", "MiB of memory", "--yes"]);
    assert!(!Path::new(&out).exists(), "nothing is written");
}

#[test]
fn verbose_says_each_process_and_groups_of_metrics_fill_their_columns() {
    let folder = Folder::new("verbose");
    let text = spec("name = \"verbose\"\nmeasure = [\"reclamation\", \"hardware\"]", "");
    let (file, out) = (folder.write("v.toml", &text), folder.join("out"));
    let run = ["run", &file, "--scale", "smoke", "--out", &out, "--scheme", "kovan|leak"];
    measures(&[&run[..], &["--structure", "hash-map", "--stalled", "0"]].concat());
    let samples = fs::read_to_string(Path::new(&out).join("samples.csv")).expect("records");
    let mut reader = csv_rows(&samples);
    let header = reader.remove(0);
    let column = |row: &[String], name: &str| {
        let at = header.iter().position(|column| column == name).expect(name);
        row[at].clone()
    };
    assert_eq!(reader.len(), 2);
    for row in &reader {
        let scheme = column(row, "scheme");
        let number = |name: &str| column(row, name).parse::<f64>().expect(name);
        assert!((0.0..1.0).contains(&number("retire_ns_share")), "{row:?}");
        assert!(number("retire_timed") > 0.0 && number("timing_ns_share") > 0.0, "{row:?}");
        let frees = scheme != "leak";
        assert_eq!(number("free_timed") > 0.0, frees, "the allocator tells of frees: {row:?}");
        assert_eq!(number("free_ns_share") > 0.0, frees, "{row:?}");
    }

    let again = folder.join("again");
    let run = ["run", &file, "--scale", "smoke", "--out", &again, "--verbose"];
    let few = ["--scheme", "leak", "--structure", "hash-map", "--stalled", "0"];
    let said = lab(&[&run[..], &few].concat()).stderr;
    let said = String::from_utf8_lossy(&said);
    assert_eq!(said.matches("starts ").count(), 1, "{said}");
    assert!(
        said.contains(" trial '{") && said.contains("ended with exit status: 0 after 0."),
        "{said}"
    );
}

/// The fields of each line; no field of these records has a comma in it.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(String::from).collect()).collect()
}
