//! `kovan-lab compare`.

use crate::support::{
    Folder, copy_program, is_refused, lab, measures_hash_maps, rows, succeeds, text,
};

/// One cell in short windows.
const CELL: &str = r#"
name = "cell"
question = "Which build is faster?"
x = "threads"
schemes = ["epoch"]
structures = ["hash-map"]
threads = [1]
[[workloads]]
name = "w"
insert = 1
remove = 1
key_range = 64
prefill = 0.5
[scales.smoke]
seconds = 0.1
warmup_seconds = 0.01
repeats = 3
"#;

#[test]
fn two_builds_measure_in_alternation() {
    let folder = Folder::new("alternation");
    let (spec, out) = (folder.write("cell.toml", CELL), folder.join("out"));
    let (this, other) = (env!("CARGO_BIN_EXE_kovan-lab"), copy_program(&folder, "another build"));
    let asked = [
        "compare", this, &other, "--spec", &spec, "--scale", "smoke", "--blocks", "6", "--out",
        &out,
    ];
    let output = lab(&asked);
    let (table, notes) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{notes}");
    assert!(table.contains("block by block") && !table.contains("too few"), "{table}");
    assert!(notes.contains("block 6 of 6"), "{notes}");
    let [a, b] = ["a", "b"].map(|name| folder.join(&format!("out/{name}")));
    assert_eq!([&a, &b].map(|dir| rows(dir, "samples.csv").len()), [6, 6]);
    let hash = |dir: &str| {
        let manifest = std::fs::read_to_string(format!("{dir}/manifest.json")).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
        manifest["build"]["binary_hash"].clone()
    };
    assert!(hash(&a) != hash(&b) && hash(&a).is_string(), "each program measured for itself");
    let again = succeeds(&["compare", &a, &b, "--paired"]);
    assert!(again.contains("block by block"), "{again}");
    is_refused(&asked, &["out/a", "already holds results"]);

    // As if it had been interrupted before the third block of the second program.
    let before = [&a, &b].map(|dir| rows(dir, "samples.csv"));
    let path = format!("{b}/samples.csv");
    let whole = std::fs::read_to_string(&path).expect("records");
    let kept: Vec<&str> = whole.lines().take(1 + 2).collect();
    std::fs::write(&path, kept.join("\n") + "\n").expect("written");
    let output = lab(&[&asked[..], &["--resume"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let after = [&a, &b].map(|dir| rows(dir, "samples.csv"));
    assert_eq!((after[0].len(), after[1].len()), (6, 6));
    assert_eq!(after[0], before[0], "nothing is measured twice");
    assert_eq!((&after[1][..2], after[1][2] == before[1][2]), (&before[1][..2], false));
    let others = [&asked[..], &["--resume", "--scheme", "^epoch$"]].concat();
    is_refused(&others, &["out/a was measured with other --scheme or --structure", "--out"]);
}

#[test]
fn what_is_neither_two_folders_nor_two_programs_is_refused() {
    let folder = Folder::new("no-alternation");
    let (spec, no_program) = (folder.write("cell.toml", CELL), folder.write("text", "no program"));
    let (this, none, dir) = (env!("CARGO_BIN_EXE_kovan-lab"), folder.join("none"), folder.join(""));
    is_refused(&["compare", this, this], &[this, "--spec"]);
    is_refused(
        &["compare", &dir, this, "--spec", &spec],
        &["--spec is for two programs", "folder"],
    );
    is_refused(&["compare", this, &none, "--spec", &spec], &[&none]);
    is_refused(&["compare", this, &no_program, "--spec", &spec], &[&no_program, "neither"]);
    is_refused(&["compare", this, this, "--spec", "thruoghput"], &["thruoghput"]);
    is_refused(&["compare", &dir, &dir, "--blocks", "3"], &["--spec"]);
    // A program that is none of ours.
    let none = "/bin/false";
    let out = folder.join("out");
    let output = lab(&["compare", none, none, "--spec", &spec, "--scale", "smoke", "--out", &out]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("/bin/false did not measure block 1"), "{error}");
}

#[test]
fn a_run_is_the_same_as_itself_in_every_format() {
    let folder = Folder::new("compare");
    let out = folder.join("out");
    measures_hash_maps("^epoch$", "1", &out);
    let table = succeeds(&["compare", &out, &out]);
    assert!(table.contains("epoch: geometric mean of 2 cells 1.000"), "{table}");
    let json = succeeds(&["compare", &out, &out, "--format", "json"]);
    let cells: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let cells = cells.as_array().expect("an array");
    assert_eq!(cells.len(), 2, "{json}");
    assert!(
        cells.iter().all(|cell| cell["ratio"] == 1.0 && cell["verdict"] == "too-few"),
        "{json}"
    );
    for (format, begin) in [
        ("csv", "scheme,structure,workload,threads,stalled,others,A,B,B / A,"),
        ("markdown", "| scheme | structure |"),
        ("latex", "\\begin{tabular}"),
    ] {
        let text = succeeds(&["compare", &out, &out, "--format", format]);
        assert!(text.starts_with(begin) && text.contains("1.000"), "{text}");
    }
    is_refused(
        &["compare", &out, &out, "--metric", "ops_per_secnd"],
        &["--metric", "`ops_per_secnd`", "did you mean `ops_per_second`"],
    );
    is_refused(
        &["compare", &out, &out, "--metric", "hw_cycles"],
        &["no cell in common", "hw_cycles"],
    );
    is_refused(&["compare", &out, &folder.join("none")], &["none"]);
}
