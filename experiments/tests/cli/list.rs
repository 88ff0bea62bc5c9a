//! `kovan-lab list`, and the help.

use crate::support::{command, is_refused, succeeds, text};

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

/// The names in a list.
fn names(arguments: &[&str]) -> Vec<String> {
    let json = succeeds(&[&["list", "--format", "json"], arguments].concat());
    let json: serde_json::Value = serde_json::from_str(&json).expect("json");
    let name = |object: &serde_json::Value| object["name"].as_str().expect("a name").to_string();
    json.as_array().expect("an array").iter().map(name).collect()
}

#[test]
fn filters_keep_what_matches_all_of_them() {
    let maps = names(&["structures", "--filter", "kind=map"]);
    assert!(maps.contains(&"hash-map".into()) && !maps.iter().any(|name| name.contains("queue")));
    let robust =
        names(&["schemes", "--filter", "robust.stalled=true", "--filter", "paper=HYALINE"]);
    assert!(robust.contains(&"hyaline-1s".into()), "{robust:?}");
    assert!(!robust.contains(&"hyaline-1".into()) && !robust.contains(&"ibr".into()), "{robust:?}");
    let table = succeeds(&["list", "schemes", "--filter", "under a stall=^bounded"]);
    assert!(table.contains("ibr") && !table.contains("unbounded"), "{table}");
    assert!(names(&["experiments", "--filter", "axes=threads"]).contains(&"throughput".into()));
    let every = names(&["--filter", "kind=map"]);
    assert_eq!(every, maps, "lists that have no kind are left out");
    assert!(names(&["schemes", "--filter", "name=no-such"]).is_empty());
}

#[test]
fn a_wrong_filter_is_one_line() {
    for (filter, told) in [
        ("kind", "write for example kind=map"),
        ("kinds=map", "did you mean `kind`"),
        ("kind=(", "not a regular expression"),
    ] {
        is_refused(&["list", "structures", "--filter", filter], &[told]);
    }
}

#[test]
fn colours_are_there_only_where_they_are_wanted() {
    let list = |variables: &[(&str, &str)]| {
        let mut command = command(&["list", "matrix"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        let output = command.envs(variables.iter().copied()).output().expect("started");
        text(&output.stdout)
    };
    let plain = list(&[]);
    assert!(!plain.contains('\u{1b}'), "a pipe is no terminal");
    let coloured = list(&[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.contains("\u{1b}[33mrefused\u{1b}[0m"), "{coloured}");
    assert_eq!(list(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), plain);
}
