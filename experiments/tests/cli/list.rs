//! `kovan-lab list`, and the help.

use crate::support::succeeds;

#[test]
fn lists_are_arrays_of_objects_with_names() {
    for what in ["schemes", "structures", "experiments", "matrix"] {
        let json: serde_json::Value =
            serde_json::from_str(&succeeds(&["list", what, "--format", "json"])).expect("json");
        let objects = json.as_array().expect("an array");
        assert!(
            !objects.is_empty() && objects.iter().all(|object| object["name"].is_string()),
            "{what}"
        );
        if what == "matrix" {
            assert!(
                objects.iter().any(|o| o["allowed"] == false
                    && o["reason"].as_str().is_some_and(|r| !r.is_empty()))
            );
        }
        assert!(succeeds(&["list", what]).lines().count() > 2);
    }
    assert!(succeeds(&["list"]).contains("stalled-threads"));
}

#[test]
fn the_help_says_the_exit_codes() {
    for command in [&["--help"][..], &["run", "--help"], &["verify", "--help"]] {
        let help = succeeds(command);
        assert!(help.contains("Exit codes: 0") && help.contains("130 interrupted"), "{help}");
    }
}
