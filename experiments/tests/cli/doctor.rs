//! `kovan-lab doctor`.

use serde_json::Value;

use crate::support::succeeds;

#[test]
fn doctor_says_of_each_thing_how_it_is_and_what_to_do() {
    let findings: Vec<Value> =
        serde_json::from_str(&succeeds(&["doctor", "--format", "json"])).expect("JSON");
    let get = |finding: &Value, key: &str| finding[key].as_str().expect("a text").to_string();
    for finding in &findings {
        let is_good = get(finding, "verdict") == "good";
        assert_eq!(get(finding, "advice").is_empty(), is_good, "{finding}");
        assert!(!get(finding, "state").is_empty(), "{finding}");
    }
    for what in ["processors", "quota", "other programs", "clock", "allocator", "build"] {
        assert!(findings.iter().any(|finding| get(finding, "what") == what), "{what}");
    }
    // Tests are built with debug assertions.
    let build = findings.iter().find(|finding| get(finding, "what") == "build").expect("a build");
    assert_eq!(get(build, "verdict"), "spoils", "{build}");

    let table = succeeds(&["doctor"]);
    assert!(table.contains("what") && table.trim_end().ends_with("numbers"), "{table}");
}
