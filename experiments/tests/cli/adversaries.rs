//! Threads that stop inside a retirement, or that a signal stops.

use std::fs;
use std::path::Path;

use crate::support::{Folder, is_refused, measures, rows};

/// A spec with one adversary of one thread.
fn spec(adversary: &str, schemes: &str) -> String {
    format!(
        "name = \"x\"\nquestion = \"?\"\nx = \"threads\"\nschemes = [{schemes}]\nstructures = [\"hash-map\"]\n\
         threads = [2]\nstalled = [1]\n[[adversaries]]\nname = \"a\"\n{adversary}\n[[workloads]]\nname = \"w\"\n\
         insert = 50\nremove = 50\nkey_range = 1000\nprefill = 0.5\n[scales.smoke]\nseconds = 0.5\n\
         warmup_seconds = 0.05\nrepeats = 1\n"
    )
}

/// The rows of a run, by the names of their columns.
fn cells(dir: &str) -> Vec<impl Fn(&str) -> String> {
    let text = fs::read_to_string(Path::new(dir).join("samples.csv")).expect("rows");
    let header: Vec<String> =
        text.lines().next().expect("a header").split(',').map(String::from).collect();
    let of = |row: String| {
        let header = header.clone();
        move |name: &str| {
            let at = header.iter().position(|column| column == name).expect("a column");
            row.split(',').nth(at).unwrap_or_default().to_string()
        }
    };
    rows(dir, "samples.csv").into_iter().map(of).collect()
}

/// Measures, and holds that garbage of `ebr-list` grows with all that is retired while that of `hp-asym` is flat.
fn grows_and_is_flat(name: &str, adversary: &str) {
    let folder = Folder::new(name);
    let path = folder.write("s.toml", &spec(adversary, "\"ebr-list\", \"hp-asym\""));
    let out = folder.join("out");
    measures(&["run", &path, "--scale", "smoke", "--out", &out]);
    let cells = cells(&out);
    assert_eq!(cells.len(), 2);
    for cell in cells {
        let (scheme, growth) = (cell("scheme"), cell("growth"));
        assert_eq!(cell("status"), "ok", "{name}: {scheme}: {}", cell("error"));
        let growth: f64 = growth.parse().expect("a share");
        let number = |column: &str| cell(column).parse::<u64>().expect("a number");
        let (peak, retired) = (number("unreclaimed_peak"), number("retired"));
        if scheme == "ebr-list" {
            assert!(growth > 0.5, "{name}: {scheme} grows by {growth} of what is retired");
            assert!(peak > retired / 2, "{name}: {scheme}: {peak} of {retired}");
        } else {
            assert!(growth < 0.05, "{name}: {scheme} grows by {growth} of what is retired");
            assert!(peak <= number("unreclaimed_bound"), "{name}: {scheme}: {peak}");
        }
    }
}

#[test]
fn a_thread_stops_inside_a_retirement() {
    grows_and_is_flat("in-retire", "kind = \"stalled\"\nat = \"in-retire\"");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_stops_a_thread_inside_an_operation() {
    grows_and_is_flat("stopped", "kind = \"stalled\"\nhow = \"stopped\"");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_stops_a_thread_inside_a_retirement() {
    let adversary = "kind = \"stalled\"\nhow = \"stopped\"\nat = \"in-retire\"";
    grows_and_is_flat("stopped-in-retire", adversary);
}

/// Stopped for a part of the window: garbage grows within that, and is freed after it.
#[cfg(target_os = "linux")]
#[test]
fn a_thread_that_was_stopped_goes_on() {
    for (name, how) in [("until", "how = \"stopped\""), ("until-in-retire", "at = \"in-retire\"")] {
        let folder = Folder::new(name);
        let adversary = format!("kind = \"stalled\"\n{how}\nfrom = 0.2\nuntil = 0.6");
        let path = folder.write("s.toml", &spec(&adversary, "\"ebr-list\""));
        let out = folder.join("out");
        measures(&["run", &path, "--scale", "smoke", "--out", &out, "--seconds", "1"]);
        let series = rows(&out, "series.csv");
        let point = |row: &String| {
            let fields: Vec<u64> = row
                .split(',')
                .skip(7)
                .take(4)
                .map(|text| text.parse().expect("a number"))
                .collect();
            (fields[0], fields[3])
        };
        let within = |from: u64, until: u64| {
            let points = series.iter().map(point);
            points.filter(move |(t, _)| (from * 10_000_000..until * 10_000_000).contains(t))
        };
        let most = within(50, 60).map(|(_, nodes)| nodes).max().expect("samples");
        let before = within(0, 20).map(|(_, nodes)| nodes).min().expect("samples");
        let after = within(65, 100).map(|(_, nodes)| nodes).min().expect("samples");
        assert!(most > 4 * before && most > 4 * after, "{name}: {before}, {most}, {after}");
    }
}

#[test]
fn who_frees_nothing_in_retirements_cannot_stop_there() {
    let folder = Folder::new("nothing");
    let adversary = "kind = \"stalled\"\nat = \"in-retire\"";
    let path = folder.write("s.toml", &spec(adversary, "\"leak\", \"epoch\""));
    let out = folder.join("out");
    measures(&["run", &path, "--scale", "smoke", "--out", &out]);
    for cell in cells(&out) {
        assert_eq!(cell("status"), "refused");
        assert!(cell("error").contains("is not applicable"), "{}", cell("error"));
    }
}

#[test]
fn stops_that_make_no_sense_are_refused() {
    let folder = Folder::new("stops");
    for (adversary, parts) in [
        ("kind = \"nap\"\nperiod_ms = 1\nhow = \"stopped\"", ["how:", "`stalled` only"]),
        ("kind = \"stalled\"\nhow = \"stopped\"\nat = \"pinned\"", ["at:", "`in-retire`"]),
        ("kind = \"stalled\"\nat = \"anywhere\"", ["at:", "how = \"stopped\""]),
        ("kind = \"idle\"\nat = \"in-retire\"", ["at:", "`delayed`"]),
        ("kind = \"stalled\"\nat = \"in-retire\"\ncount = 2", ["one thread", "not 2"]),
    ] {
        let path = folder.write("s.toml", &spec(adversary, "\"leak\""));
        is_refused(&["run", &path, "--scale", "smoke", "--dry-run"], &parts);
    }
}
