//! `kovan-lab compare`.

use crate::support::{Folder, is_refused, measures_hash_maps, succeeds};

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
