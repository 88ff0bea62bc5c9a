//! `kovan-lab advise`.

use crate::support::{Folder, is_refused, measures, succeeds};

#[test]
fn what_holds_least_under_a_stall_is_told() {
    let folder = Folder::new("advise");
    let out = folder.join("out");
    measures(&[
        "run",
        "stalled-threads",
        "--scale",
        "smoke",
        "--scheme",
        "^(hazard-pointer|leak)$",
        "--stalled",
        "0,2",
        "--seconds",
        "0.05",
        "--out",
        &out,
    ]);
    let told = succeeds(&["advise", &out]);
    assert!(told.contains("least memory under a stall: hazard-pointer"), "{told}");
    assert!(told.contains("not measured: latencies"), "{told}");
    assert!(told.contains(&format!("evidence: {out}/samples.csv")), "{told}");

    let json = succeeds(&["advise", &out, "--format", "json"]);
    let all: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((all.as_array().map(Vec::len), &all[0]["stalled"]), (Some(1), &2.into()), "{json}");
    let of = |scheme: &str| {
        let choices = all[0]["choices"].as_array().expect("choices");
        choices.iter().find(|choice| choice["scheme"] == scheme).expect("measured").clone()
    };
    assert_eq!(of("hazard-pointer")["is_bounded"], true, "{json}");
    assert_eq!(of("leak")["is_bounded"], false, "{json}");
    let markdown = succeeds(&["advise", &out, "--format", "markdown"]);
    assert!(markdown.starts_with("| choice | scheme |"), "{markdown}");
    let csv = succeeds(&["advise", &out, "--format", "csv"]);
    assert!(csv.starts_with("choice,scheme,Mops/s,") && !csv.contains('"'), "plain numbers: {csv}");
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",hash-map,50i-50d,2,")), "{csv}");
    is_refused(&["advise", &folder.join("none")], &["none"]);
}
