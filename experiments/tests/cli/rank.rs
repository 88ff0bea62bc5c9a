//! `kovan-lab rank`.

use crate::support::{Folder, is_refused, measures_hash_maps, succeeds};

#[test]
fn schemes_have_places_in_every_format() {
    let folder = Folder::new("rank");
    let out = folder.join("out");
    measures_hash_maps("^(hp-asym|leak)$", "6", &out);
    // Leaks hold back much more than hazard pointers, and in each of the blocks.
    let table = succeeds(&["rank", &out, "--metric", "unreclaimed_mean"]);
    let line = |scheme: &str| {
        let line = table.lines().find(|line| line.contains(&format!(" {scheme} ")));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("hp-asym")[..3], ["1", "hp-asym", "1.000"], "{table}");
    assert_eq!(line("leak")[..2], ["2", "leak"], "{table}");
    assert!(table.contains("less is better; geometric mean over 2 points"), "{table}");

    let json = succeeds(&["rank", &out, &out, "--format", "json"]);
    let tables: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(tables.as_array().expect("an array").len(), 2, "{json}");
    assert_eq!(tables[0]["ranking"]["points"], 2, "{json}");
    for (format, begin) in [
        ("csv", "places,scheme,to the first,"),
        ("markdown", "| places | scheme |"),
        ("latex", "\\begin{tabular}{rlrlr}"),
    ] {
        let text = succeeds(&["rank", &out, "--format", format]);
        assert!(text.starts_with(begin) && text.contains("leak"), "{text}");
    }
    is_refused(&["rank", &out, "--metric", "hw_cycles"], &["no point", "hw_cycles"]);
    is_refused(&["rank", &folder.join("none")], &["none"]);
}
