//! Repeats beyond those that are planned.

use std::fs;
use std::path::Path;

use crate::support::{Folder, is_refused, keys, measures, rows, spec, succeeds};

fn further(dir: &str) -> serde_json::Value {
    let text = fs::read_to_string(Path::new(dir).join("manifest.json")).expect("manifest");
    serde_json::from_str::<serde_json::Value>(&text).expect("json")["further_repeats"].clone()
}

#[test]
fn a_run_goes_on_until_its_budget_is_spent_and_resume_goes_on_with_it() {
    let folder = Folder::new("budget");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &spec("name = \"x\"", "")));
    let few = ["--scheme", "^(epoch|leak)$", "--structure", "hash", "--stalled", "0"];
    let run = ["run", &path, "--scale", "smoke", "--seconds", "0.06", "--out", &out];
    let run = [&run[..], &few].concat();
    let asked = [&run[..], &["--until-narrow", "0.0001%", "--budget", "5s"]].concat();
    let plan = succeeds(&[&asked[..], &["--dry-run"]].concat());
    assert!(plan.contains("until the interval of the median of ops_per_second"), "{plan}");

    let told = measures(&asked);
    let repeats = |dir: &str| keys(&rows(dir, "samples.csv")).len() / 2;
    let done = repeats(&out);
    assert!(done >= 2, "5 s are enough for two blocks of 0.5 s: {told}");
    assert!(told.contains("the budget has no room for another one"), "{told}");
    assert!(told.contains("is not known to ±0.0001 % in 2 cells: "), "{told}");
    let said = further(&out);
    assert_eq!((&said["planned"], &said["done"]), (&1.into(), &done.into()), "{said}");
    assert_eq!((&said["stopped"], &said["budget"]), (&"budget".into(), &5.0.into()), "{said}");
    assert_eq!(said["wide"].as_array().map(Vec::len), Some(2), "{said}");

    // The last block is cut, as by a kill. It is finished, and no other one begins.
    let samples = Path::new(&out).join("samples.csv");
    let whole = fs::read_to_string(&samples).expect("rows");
    let cut = whole.trim_end().rfind('\n').expect("rows");
    fs::write(&samples, &whole[..=cut]).expect("written");
    measures(&["resume", &out]);
    assert_eq!(repeats(&out), done);
    assert_eq!(further(&out)["stopped"], "budget");

    // More is asked for: the blocks go on, and what is not said again stays as it was.
    let most = done.max(6) + 2;
    let asked = most.to_string();
    let told = measures(&["resume", &out, "--budget", "10m", "--most-repeats", &asked]);
    let said = further(&out);
    assert_eq!((&said["stopped"], &said["done"]), (&"most-repeats".into(), &most.into()), "{told}");
    assert!(said["until_narrow"].as_f64().is_some_and(|of| (of - 1e-6).abs() < 1e-9), "{said}");
    assert_eq!(repeats(&out), most);

    // Six values have an interval, and it is within all there is.
    let told = measures(&["resume", &out, "--until-narrow", "100%"]);
    assert!(told.contains("every interval is narrow enough"), "{told}");
    assert_eq!(repeats(&out), most, "nothing was measured for that");
}

#[test]
fn wrong_wishes_are_refused() {
    let folder = Folder::new("wishes");
    let path = folder.write("s.toml", &spec("name = \"x\"", ""));
    let run = |more: &[&str], parts: &[&str]| {
        is_refused(&[&["run", &path, "--scale", "smoke", "--dry-run"], more].concat(), parts);
    };
    run(&["--until-narrow", "0"], &["--until-narrow", "at most 100 %", "5%"]);
    run(&["--budget", "soon"], &["--budget", "20m"]);
    run(&["--most-repeats", "9"], &["most_repeats", "until_narrow"]);
    run(&["--budget", "1m", "--repeats", "9", "--most-repeats", "3"], &["at least `repeats`"]);
    let text = spec("name = \"x\"", "") + "until_narrow = \"wide\"\n";
    let line = format!("w.toml:{}", text.lines().count());
    let wrong = folder.write("w.toml", &text);
    is_refused(&["run", &wrong, "--scale", "smoke", "--dry-run"], &[&line, "5%"]);
    let right = folder.write("r.toml", &(spec("name = \"x\"", "") + "budget = \"10m\"\n"));
    let plan = succeeds(&["run", &right, "--scale", "smoke", "--dry-run"]);
    assert!(plan.contains("for at most 600 s in all, up to 100"), "{plan}");
}
