//! Plans that are cut into shards, measured apart and merged.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Folder, is_refused, lab, measures, rows, spec, succeeds, text, whole_series};

/// A plan of two repeats of two points, each with two schemes, and a pair that is refused.
fn study(folder: &Folder) -> String {
    let top = "name = \"study\"";
    let text = spec(top, "")
        .replace("\"kovan\", \"epoch\", \"hazard-pointer\", \"leak\"", "\"kovan\", \"leak\"");
    let text = text.replace("\"hash-map\", \"harris-list\"", "\"hash-map\"");
    folder.write(
        "study.toml",
        &text.replace("seconds = 0.1", "seconds = 0.02").replace("repeats = 1", "repeats = 2"),
    )
}

/// Measures a shard into a folder of its own, and returns the folder.
fn shard(folder: &Folder, path: &str, shard: &str, more: &[&str]) -> String {
    let out = folder.join(&format!("shard-{}", shard.replace('/', "-of-")));
    measures(&[&["run", path, "--scale", "smoke", "--shard", shard, "--out", &out], more].concat());
    out
}

/// The columns that say which trial a row is of, and its seed.
fn trials(dir: &str) -> Vec<String> {
    let first = |row: &String| row.split(',').take(10).collect::<Vec<_>>().join(",");
    rows(dir, "samples.csv").iter().map(first).collect()
}

#[test]
fn merged_shards_are_the_trials_of_one_run() {
    let folder = Folder::new("shards");
    let path = study(&folder);
    let whole = folder.join("whole");
    measures(&["run", &path, "--scale", "smoke", "--out", &whole]);
    let planned: BTreeSet<String> = trials(&whole).into_iter().collect();
    assert_eq!(planned.len(), 8);

    // Whole repeats; and repeats that are cut between their points.
    for of in [2, 3, 4] {
        let numbers = 1..=of;
        let dirs: Vec<String> =
            numbers.map(|number| shard(&folder, &path, &format!("{number}/{of}"), &[])).collect();
        let out = folder.join(&format!("merged-{of}"));
        // In any order.
        let reversed: Vec<&str> = dirs.iter().rev().map(String::as_str).collect();
        let said = succeeds(&[&["merge", "--out", &out], &reversed[..]].concat());
        assert!(said.contains(&format!("8 rows of {of} shards")), "{said}");

        let merged = trials(&out);
        assert_eq!(merged.len(), 8, "none twice");
        assert_eq!(merged.iter().cloned().collect::<BTreeSet<_>>(), planned, "none missing");
        assert_eq!(whole_series(&rows(&out, "series.csv")), 8);
        for dir in &dirs {
            let repeats: BTreeSet<String> = trials(dir)
                .iter()
                .map(|row| row.split(',').nth(8).expect("a repeat").to_string())
                .collect();
            assert_eq!(repeats.len(), 1, "a shard has one of two repeats: {repeats:?}");
        }
        let manifest = fs::read_to_string(Path::new(&out).join("manifest.json")).expect("read");
        assert!(manifest.contains("\"complete\": true") && manifest.contains("\"cells\": 8"));
        assert!(manifest.contains(&format!("\"shard\": \"{of}/{of}\"")), "{manifest}");
        let hash = |dir: &str| {
            let text = fs::read_to_string(Path::new(dir).join("manifest.json")).expect("read");
            text.lines().find(|line| line.contains("plan_hash")).map(str::to_string)
        };
        assert_eq!(hash(&out), hash(&whole), "the same plan");
    }

    // What is merged answers as any other folder, and a run of the whole plan goes on in it.
    let out = folder.join("merged-3");
    let said = succeeds(&["report", &out]);
    let page = fs::read_to_string(Path::new(&out).join("report.html")).expect("a page");
    assert!(said.contains("report.html") && page.contains("The 3 shards that were merged"));
    assert!(page.contains("--shard 2/3"), "the commands that measured");
    succeeds(&["plot", &out]);
    measures(&["resume", &out]);
    assert_eq!(trials(&out).len(), 8);
}

#[test]
fn rows_name_the_machine_and_those_of_several_are_said() {
    let folder = Folder::new("machines");
    let path = study(&folder);
    let dirs = ["1/2", "2/2"].map(|number| shard(&folder, &path, number, &[]));
    // As if another machine of the same kind had measured the second shard.
    let id = rows(&dirs[1], "samples.csv")[0].rsplit(',').next().expect("a machine").to_string();
    assert_eq!(id.len(), 16, "{id}");
    for file in ["samples.csv", "manifest.json"] {
        let path = Path::new(&dirs[1]).join(file);
        let text = fs::read_to_string(&path).expect("read");
        assert!(text.contains(&id), "{file}");
        fs::write(&path, text.replace(&id, "00000000deadbeef")).expect("written");
    }
    let out = folder.join("out");
    let said = succeeds(&["merge", &dirs[0], &dirs[1], "--out", &out]);
    assert!(said.contains("2 shards, 2 machines"), "{said}");
    let output = lab(&["plot", &out]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("the rows are of 2 machines"), "{said}");
    let merged = rows(&out, "samples.csv");
    let of = |id: &str| merged.iter().filter(|row| row.ends_with(id)).count();
    assert_eq!((of(&id), of("00000000deadbeef")), (4, 4));
}

#[test]
fn what_does_not_belong_together_is_not_merged() {
    let folder = Folder::new("mistakes-of-shards");
    let path = study(&folder);
    let out = folder.join("out");
    let run = ["run", path.as_str(), "--scale", "smoke", "--out", &out];
    for (value, parts) in [
        ("5/4", ["--shard", "there is no shard 5 of 4; they are 1/4 to 4/4"]),
        ("2", ["--shard", "write I/N, for example 2/4"]),
        (
            "1/5",
            [
                "--shard",
                "2 repeats of 2 points each, so it can be cut into 4 shards at most, not 5",
            ],
        ),
    ] {
        is_refused(&[&run[..], &["--shard", value]].concat(), &parts);
    }
    let narrow = [&run[..], &["--shard", "1/2", "--budget", "1m"]].concat();
    is_refused(&narrow, &["--shard", "further repeats", "the rows of all shards"]);

    let [one, two] = ["1/2", "2/2"].map(|number| shard(&folder, &path, number, &[]));
    let other =
        ["run", path.as_str(), "--scale", "smoke", "--shard", "2/2", "--resume", "--out", &one];
    is_refused(&other, &["holds shard 1/2 of this plan, and shard 2/2 is asked for"]);
    let third = shard(&folder, &path, "2/3", &[]);
    let seed = folder.join("seed");
    measures(&["run", &path, "--scale", "smoke", "--shard", "2/2", "--seed", "7", "--out", &seed]);
    let whole = folder.join("whole");
    measures(&["run", &path, "--scale", "smoke", "--out", &whole]);

    let merge = |dirs: &[&str], parts: &[&str]| {
        is_refused(&[&["merge", "--out", &out], dirs].concat(), parts);
        assert!(!Path::new(&out).exists(), "nothing is written");
    };
    merge(&[&one, &seed], &["different plans: the seed is 1 in the former, and 7 in the latter"]);
    merge(&[&one, &third], &["is shard 1/2, and", "is shard 2/3"]);
    merge(&[&one, &whole], &["whole: it holds no shard"]);
    merge(&[&one, &one], &["shard-1-of-2 is named twice"]);
    let twin = folder.join("twin");
    measures(&["run", &path, "--scale", "smoke", "--shard", "1/2", "--out", &twin]);
    merge(&[&one, &twin], &["shard 1/2 is there twice", "shard-1-of-2 and", "twin"]);
    merge(&[&two], &["shard 1 of 2 is missing", "--partial"]);
    merge(&[&one, &folder.join("nowhere")], &["nowhere is not a results folder"]);

    // A run that was cut off, also in the middle of a row.
    let samples = Path::new(&two).join("samples.csv");
    let text = fs::read_to_string(&samples).expect("read");
    let cut = text.match_indices('\n').nth(2).expect("rows").0;
    fs::write(&samples, &text[..cut + 30]).expect("written");
    let unfinished = lab(&["merge", &one, &two, "--out", &out]);
    let said = String::from_utf8_lossy(&unfinished.stderr).into_owned();
    assert_eq!(unfinished.status.code(), Some(2), "{said}");
    for part in ["shard 2/2 is not finished: 2 of 4 cells have no row", "kovan-lab resume"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!Path::new(&out).exists() && !Path::new(&format!("{out}.merging")).exists());
    succeeds(&["merge", &one, &two, "--out", &out, "--partial"]);
    assert_eq!(trials(&out).len(), 6);
    assert_eq!(whole_series(&rows(&out, "series.csv")), 6, "no series without its row");
    is_refused(&["merge", &one, &two, "--out", &out], &["already holds results"]);
    measures(&["resume", &two]);
    // Only what a merge has written is replaced.
    is_refused(&["merge", &one, &two, "--out", &whole, "--replace"], &["already holds results"]);
    succeeds(&["merge", &one, &two, "--out", &out, "--replace"]);
    assert_eq!(trials(&out).len(), 8);
    assert!(!Path::new(&format!("{out}.replaced")).exists());
    // Rows of a plan that is not this one.
    let text = fs::read_to_string(&samples).expect("read");
    fs::write(&samples, text.replace(",kovan,", ",epoch,")).expect("written");
    let merge = ["merge", one.as_str(), two.as_str(), "--out", &folder.join("foreign")];
    is_refused(&merge, &["the plan of this shard has no trial epoch hash-map"]);
}
