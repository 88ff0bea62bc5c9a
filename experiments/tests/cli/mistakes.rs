//! Wrong arguments, specs and files: one clear line, exit 2, and nothing is written.

use std::fs;

use crate::support::{Folder, is_refused, lab, spec, text};

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
    for notes in ["my notes", "{\"other\": 1}"] {
        let file = folder.write("notes.txt", notes);
        is_refused(
            &["verify", "--summary", &file],
            &["notes.txt", "not a file of recorded checks"],
        );
        let output = lab(&["verify", "--scheme", "^leak$", "--record", &file]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert_eq!(fs::read_to_string(&file).expect("there"), notes);
    }
}
