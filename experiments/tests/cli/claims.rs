//! Claims from the file to the verdict, as users see them.

use std::fs;

use crate::support::{Folder, is_refused, lab, measures, spec, succeeds, text};

const CLAIMS: &str = "[[claims]]\nid = \"C1\"\nsays = \"Bounds are kept.\"\nwhere = \"theorem 1\"\n\
    paper = \"N K\"\nkind = \"bound\"\nof = { scheme = \"hazard-pointer\" }\n\
    [[claims]]\nid = \"C2\"\nsays = \"Something is | fast.\"\nwhere = \"figure 2\"\npaper = \"2\"\nkind = \"ratio\"\n\
    metric = \"throughput\"\nof = { scheme = \"kovan\" }\nover = { scheme = \"EBR\" }\nleast = 0.001\n\
    [[claims]]\nid = \"C3\"\nsays = \"A large machine is fast.\"\nwhere = \"figure 3\"\npaper = \"9\"\nkind = \"value\"\n\
    metric = \"ops\"\nof = { scheme = \"kovan\" }\nleast = 1\nneeds = { cores = 16000 }\n";

#[test]
fn verdicts_follow_the_table_and_fill_the_artifact() {
    let folder = Folder::new("claims");
    let file = folder.write("s.toml", &(spec("name = \"x\"", "") + CLAIMS));
    let out = folder.join("out");
    let run = ["run", &file, "--scale", "smoke", "--structure", "hash-map", "--out", &out];
    let printed = measures(&run);
    let told = "of 3 claims: 1 reproduced, 0 refuted, 1 not resolved, 1 not testable here";
    assert!(printed.contains(told), "{printed}");
    for part in [
        "C1  Bounds are kept.\n    paper: N K (theorem 1)",
        "an interval needs 6",
        "C3: needs 16000 processors; the machine has ",
    ] {
        assert!(printed.contains(part), "`{part}` is not in {printed}");
    }
    let checked = succeeds(&["check", &out]);
    assert!(printed.contains(&checked), "the same again: {checked}");
    let markdown = succeeds(&["check", &out, "--format", "markdown"]);
    assert!(markdown.contains("| C2 | Something is \\| fast. | 2 | figure 2 |"), "{markdown}");
    let json = succeeds(&["check", &out, "--format", "json", "--artifact"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("json");
    let verdicts: Vec<&str> = (0..3).filter_map(|at| json[at]["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["reproduced", "not resolved", "not testable here"]);
    assert!(json[0]["cells"][0]["high"].is_number(), "{json}");
    let artifact = fs::read_to_string(folder.0.join("out/ARTIFACT.md")).expect("written");
    for part in [
        "| repeat it | `kovan-lab run ",
        "--structure hash-map",
        "| claim | experiment | command | expected | measured | verdict | minutes |",
        "| C1: Bounds are kept. | x | `kovan-lab run ",
        "N K (theorem 1); allowed here: the declared bound",
        "| machine | ",
        "not testable here",
    ] {
        assert!(artifact.contains(part), "`{part}` is not in {artifact}");
    }
}

#[test]
fn a_refuted_claim_is_exit_1_of_check_alone() {
    let folder = Folder::new("refuted");
    let claims = CLAIMS.replace("kind = \"bound\"", "kind = \"bound\"\nmost = 0\nmetric = \"ops\"");
    let file = folder.write("s.toml", &(spec("name = \"x\"", "") + &claims));
    let out = folder.join("out");
    let run = ["run", &file, "--scale", "smoke", "--structure", "hash-map", "--out", &out];
    // A claim of a paper that does not hold here is a result, and no failure of the run.
    assert!(measures(&run).contains("1 refuted"));
    let output = lab(&["check", &out]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("rows pass it"), "{}", text(&output.stdout));
}

#[test]
fn mistakes_of_check_are_one_line() {
    let folder = Folder::new("unclaimed");
    is_refused(&["check", "/nonexistent"], &["not a results folder"]);
    is_refused(&["check", "/nonexistent", "--format", "csv"], &["csv", "markdown"]);
    let file = folder.write("s.toml", &spec("name = \"x\"", ""));
    let out = folder.join("out");
    let only = ["--scheme", "^kovan$", "--structure", "hash-map", "--stalled", "0"];
    measures(&[&["run", &file, "--scale", "smoke", "--out", &out], &only[..]].concat());
    is_refused(&["check", &out], &["the experiment x makes no claims", "docs/FORMAT.md"]);
    // Each value is there, but no cell has both.
    let none = CLAIMS.replace(
        "of = { scheme = \"hazard-pointer\" }",
        "of = { structure = \"harris-list\", scheme = \"hazard-pointer\" }",
    );
    let file = folder.write("s.toml", &(spec("name = \"x\"", "") + &none));
    is_refused(
        &["run", &file, "--scale", "smoke", "--dry-run"],
        &["s.toml:20: claim `C1`: every cell that matches is of a pair that is refused"],
    );
}
