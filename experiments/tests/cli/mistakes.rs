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
    is_refused(&run(&["--stalled", "1025"]), &["--stalled", "from 0 to"]);
    is_refused(&run(&["--stalled", "-1"]), &["--stalled", "`-1` is not a thread count"]);
    is_refused(&run(&["--seconds", "-1"]), &["--seconds"]);
    is_refused(&run(&["--seconds", "nan"]), &["--seconds"]);
    is_refused(&run(&["--repeats", "0"]), &["--repeats"]);
    for seed in ["-3", "", "1.5", "99999999999999999999"] {
        is_refused(&run(&["--seed", seed]), &["--seed", "not a seed; write a whole number"]);
    }
    is_refused(&run(&["--scale", "huge"]), &["huge", "smoke"]);
    is_refused(&run(&["--scheme", "("]), &["not a regular expression"]);
    is_refused(&run(&["--scheme", "rcu"]), &["matches no scheme", "hazard-pointer", "--all"]);
    is_refused(&run(&["--structure", "graph", "--dry-run"]), &["matches no structure", "hash-map"]);
    is_refused(&run(&["--all"]), &["--scheme and --structure"]);
    is_refused(&run(&["--quiet", "--verbose"]), &["--quiet and --verbose"]);
    is_refused(&run(&["--all", "--scheme", "rcu"]), &["matches no scheme", "wfe"]);
    is_refused(&run(&["--out", "/dev/null/x"]), &["cannot create /dev/null/x"]);
    is_refused(&["run", "throughput", "throughput"], &["named twice"]);
    is_refused(&["plot", "/nonexistent"], &["not a results folder"]);
    is_refused(&["trial", "{"], &["not a trial"]);
}

#[test]
fn mistakes_in_verify_are_one_line_and_exit_2() {
    let verify = |more: &[&'static str]| [&["verify", "--scheme", "^leak$"], more].concat();
    for jobs in ["-1", "", "1.5", "x"] {
        is_refused(&verify(&["--jobs", jobs]), &["--jobs", "not a number of processes"]);
    }
    for jobs in ["0", "100000"] {
        is_refused(&verify(&["--jobs", jobs]), &["--jobs", "must be from 1 to 1024"]);
    }
    is_refused(&verify(&["--seed", "-1"]), &["--seed", "not a seed"]);
    let record = |time| verify(&["--record", "/nonexistent/r.jsonl", "--stop-after", time]);
    is_refused(&record("-5s"), &["--stop-after", "not a time"]);
    is_refused(&["verify", "--scheme", "rcu"], &["--scheme `rcu` matches no scheme", "epoch"]);
    is_refused(&verify(&["--structure", "graph"]), &["matches no structure", "harris-list"]);
    is_refused(&verify(&["--check", "canary"]), &["--features canary"]);
    let alone = ["--check", "litmus", "--structure", "^ms-queue$"];
    is_refused(&verify(&alone), &["schemes alone", "leave --structure out"]);
    let refused = ["verify", "--scheme", "^hp-naive$", "--structure", "^harris-list$"];
    is_refused(
        &refused,
        &["hp-naive x harris-list is refused by its types", "does not protect what is behind"],
    );
    let refused = ["verify", "--scheme", "^(hp-naive|ibr)$", "--structure", "^harris-list$"];
    is_refused(&refused, &["every pair that matches is refused", "list matrix"]);
    for other in [["--seed", "3"], ["--strength", "ci"], ["--jobs", "2"]] {
        let summary = ["verify", "--summary", "/nonexistent"];
        is_refused(&[&summary[..], &other].concat(), &[other[0], "cannot be used with"]);
    }
}

#[test]
fn a_folder_for_a_file_and_the_reverse_are_named() {
    let folder = Folder::new("kinds");
    let (dir, file) = (folder.join(""), folder.write("file", "text"));
    is_refused(&["run", &dir, "--dry-run"], &[&dir, "it is a folder", "TOML"]);
    is_refused(&["run", "/dev/zero", "--dry-run"], &["more than 1048576 bytes", "TOML"]);
    is_refused(&["run", "stalled-threads", "--out", &file], &[&file, "is no folder"]);
    is_refused(&["plot", &file], &[&file, "not a results folder"]);
    is_refused(&["verify", "--record", &dir], &["is a folder", "for example", "runs.jsonl"]);
    is_refused(&["verify", "--summary", &dir], &["is a folder", "for example", "runs.jsonl"]);
    is_refused(&["verify", "--record", "/dev/full"], &["/dev/full is no file"]);
    is_refused(&["verify", "--record", "/nonexistent/r"], &["cannot open /nonexistent/r"]);
    assert_eq!(fs::read_to_string(&file).expect("there"), "text");
}

#[test]
fn mistakes_in_specs_name_the_file_and_the_key() {
    let folder = Folder::new("specs");
    let good = spec("name = \"x\"", "");
    let bad = [
        ("question", "questoin", "s.toml:2: unknown field `questoin`"),
        ("threads = [2]", "threads = [-2]", "s.toml:5: "),
        ("threads = [2]", "threads = [0]", "s.toml:5: threads: must be from 1"),
        ("threads = [2]", "threads = []", "s.toml:5: threads: the list is empty"),
        (
            "hash-map",
            "hashmap",
            "s.toml:4: structures: unknown structure `hashmap`; did you mean `hash-map`",
        ),
        (
            "insert = 25\nremove = 25\ncontains = 50",
            "",
            "s.toml:9: workload `mixed`: the weights of the operations must add to 1 or more",
        ),
        (
            "contains = 50",
            "cotnains = 50",
            "s.toml:13: unknown key `cotnains`; did you mean `contains`",
        ),
        ("contains = 50", "keys = \"zip\"", "s.toml:9: unknown variant `zip`"),
        (
            "x_axis = \"stalled\"",
            "x_axis = \"staled\"",
            "s.toml:3: x_axis: there is no axis `staled`; did you mean",
        ),
        ("threads = [2]", "threads = [\"2WH\"]", "write for example 1, HW, HW/2 or 1.25HW"),
        (
            "[[workloads]]",
            "[axes]\n\"ibr.treshold\" = [1]\n[[workloads]]",
            "s.toml:10: axes: ibr.treshold: ibr: there is no parameter `treshold`; it has `era_frequency`",
        ),
        (
            "[[workloads]]",
            "[axes]\nallocator = [\"jmalloc\"]\n[[workloads]]",
            "s.toml:10: axes: allocator: unknown allocator `jmalloc`; did you mean `jemalloc`",
        ),
        (
            "[[workloads]]",
            "[axes]\nvalue_bytes = [64, 67108865]\n[[workloads]]",
            "s.toml:10: axes: value_bytes: must be from 0 to 67108864, but is 67108865",
        ),
        (
            "[scales.smoke]",
            "[[adversaries]]\nname = \"n\"\nkind = \"nap\"\n[scales.smoke]",
            "s.toml:18: adversary `n`: kind: it needs `period_ms`",
        ),
        ("prefill = 32", "prefill = 65", "s.toml:15: workload `mixed`: prefill: "),
        ("seconds = 0.1", "seconds = 0", "s.toml:17: scales.smoke: seconds: must be"),
        ("name = \"x\"", "name = \"../x\"", "name"),
        (
            "\"epoch\"",
            "\"epohc\"",
            "s.toml:7: schemes: unknown scheme `epohc`; did you mean `epoch`",
        ),
        ("[2]", "[2", "s.toml:"),
        ("Does it run?", "Does it \\u001b[31m run?", "s.toml:2: question: must be one line"),
        ("seconds = 0.1", "seconds = nan", "s.toml:17: scales.smoke: seconds: must be from 0.001"),
        ("stalled = [0, 1]", "stalled = [1, 1]", "s.toml:6: stalled: 1 is listed twice"),
        // The line of the item, where a list has several.
        ("threads = [2]", "threads = [\n  2,\n  0,\n]", "s.toml:7: threads: must be from 1"),
        ("\"epoch\"", "\"kovan\"", "s.toml:7: schemes: `kovan` is listed twice"),
    ];
    for (right, wrong, part) in bad {
        let path = folder.write("s.toml", &good.replacen(right, wrong, 1));
        is_refused(&["run", &path, "--scale", "smoke", "--dry-run"], &["s.toml", part]);
    }
    let path = folder.write("s.toml", &good);
    is_refused(&["run", &path, "--scale", "paper"], &["has no [scales.paper]", "--scale smoke"]);
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
