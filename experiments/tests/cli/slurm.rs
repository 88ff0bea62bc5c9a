//! The scripts for a cluster. That a real Slurm runs them is seen by `ci/cluster`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Folder, command, is_refused, keys, lab, rows, spec, text};

#[test]
fn scripts_are_written_once_and_the_commands_are_told() {
    let folder = Folder::new("slurm");
    let out = folder.join("a cluster");
    let arguments = [
        "slurm",
        "ibr18",
        "churn",
        "--nodes",
        "3",
        "--scheme",
        "^(kovan|ibr)$",
        "--exclusive",
        "--partition",
        "long",
        "--cpus-per-task",
        "4",
        "--out",
        &out,
    ];
    let output = command(&arguments).env("PATH", "/nowhere").output().expect("started");
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{error}");
    assert!(error.contains("no `sbatch` on this machine"), "{error}");
    assert!(said.contains("tasks    6,") && said.contains("afterany:${job%%;*} "), "{said}");
    let array = fs::read_to_string(Path::new(&out).join("array.sbatch")).expect("a script");
    for line in [
        "#SBATCH --array=1-6",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --exclusive",
        "#SBATCH --partition=long",
        "specs=(ibr18 churn)",
        "options=(--scale=laptop '--scheme=^(kovan|ibr)$' --hw=4)",
    ] {
        assert!(array.lines().any(|of| of == line), "{line}\n{array}");
    }
    is_refused(&arguments, &["array.sbatch is there already", "another --out"]);

    // A task is what the script runs where Slurm sets its number.
    let last = fs::read_to_string(Path::new(&out).join("merge.sbatch")).expect("a script");
    assert!(last.contains("check \"$out/whole/ibr18\""), "{last}");
    assert!(!last.contains("check \"$out/whole/churn\""), "it makes no claims");
    let dry = array.replace("--yes --quiet", "--dry-run");
    assert_ne!(dry, array);
    let task = |number: &str| {
        let output = Command::new("bash")
            .args(["-c", &dry])
            .env("SLURM_ARRAY_TASK_ID", number)
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(task("2").contains("ibr18: ") && task("2").contains("of shard 2/3"), "{}", task("2"));
    assert!(task("6").contains("churn: ") && task("6").contains("of shard 3/3"), "{}", task("6"));
}

/// Runs a script as Slurm would, which sets the number of the task.
fn bash(script: &str, task: &str) -> (Option<i32>, String) {
    let output = Command::new("bash").arg(script).env("SLURM_ARRAY_TASK_ID", task).output();
    let output = output.expect("bash runs");
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn tasks_measure_shards_and_the_last_job_joins_them() {
    let folder = Folder::new("slurm-tasks");
    let out = folder.join("out");
    // One name begins as the other one does.
    let small = |name: &str| {
        let spec = spec(&format!("name = \"{name}\""), "");
        let spec = spec.replace("seconds = 0.1", "seconds = 0.02");
        folder.write(&format!("{name}.toml"), &spec.replace("repeats = 1", "repeats = 2"))
    };
    let (one, more) = (small("one"), small("one-more"));
    let arguments = ["slurm", &one, &more, "--scale", "smoke", "--scheme", "^(kovan|leak)$"];
    let output = lab(&[&arguments[..], &["--structure", "^hash-map$", "--out", &out]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let [array, merge] = ["array", "merge"].map(|name| format!("{out}/{name}.sbatch"));

    let task = |number: &str| {
        // A cell that failed, as no worker ran in its short window, is measured again.
        let done = (0..9).any(|_| bash(&array, number).0 == Some(0));
        assert!(done, "task {number}: {}", bash(&array, number).1);
    };
    ["1", "3", "4"].into_iter().for_each(task);
    let (code, said) = bash(&merge, "");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not finished: 2;") && said.contains("--array=2 "), "{said}");
    assert!(said.contains("afterany:${job%%;*} "), "{said}");
    let page = |name: &str| Path::new(&out).join("whole").join(name).join("report.html");
    assert!(!page("one").exists() && page("one-more").exists(), "{said}");
    task("2");
    let (code, said) = bash(&merge, "");
    assert_eq!(code, Some(0), "{said}");
    assert!(page("one").exists() && !said.contains("not finished"), "{said}");
    for name in ["one", "one-more"] {
        let whole = format!("{out}/whole/{name}");
        let merged = rows(&whole, "samples.csv");
        assert!(
            keys(&merged).len() == 8
                && merged.iter().all(|row| row.starts_with(&format!("{name},")))
        );
    }
}

#[test]
fn mistakes_are_one_line() {
    let folder = Folder::new("slurm-mistakes");
    let out = folder.join("out");
    for (arguments, parts) in [
        (&["ibr18", "--nodes", "0"][..], ["--nodes", "one node at least"]),
        (&["ibr18", "--nodes", "9999"], ["--nodes: the plan has", "not 9999"]),
        (&["ibr18", "ibr18"], ["experiment `ibr18`", "named twice"]),
        (&["ibr18", "--partition", "a b"], ["--partition", "not the name of a partition"]),
        (&["ibr18", "--cpus-per-task", "0"], ["--cpus-per-task", "0"]),
        (&["ibr18", "--time", "soon"], ["--time", "soon"]),
        (&["ibr81"], ["unknown experiment `ibr81`", "ibr18"]),
    ] {
        is_refused(&[&["slurm", "--out", &out], arguments].concat(), &parts);
        assert!(!Path::new(&out).exists(), "nothing is written");
    }
}
