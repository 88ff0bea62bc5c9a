//! Cells that are also measured as published harnesses do it.

use std::fs;
use std::path::Path;

use crate::support::{Folder, measures, rows, spec};

#[test]
fn both_methods_stand_side_by_side() {
    let folder = Folder::new("strict");
    let text = spec("name = \"x\"\nstrict = true\nfigures = [\"throughput\"]", "");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &text));
    let few = ["--scheme", "^epoch$", "--structure", "hash", "--stalled", "0", "--threads", "1"];
    let run = ["run", &path, "--scale", "smoke", "--out", &out];
    let table = measures(&[&run[..], &few, &["--repeats", "2"]].concat());

    let header = fs::read_to_string(Path::new(&out).join("samples.csv")).expect("rows");
    let header: Vec<&str> = header.lines().next().expect("a header").split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).expect(name);
    let rows = rows(&out, "samples.csv");
    let of = |method: &str| -> Vec<(String, String, String)> {
        let fields = rows.iter().map(|row| row.split(',').collect::<Vec<_>>());
        let own = fields.filter(|fields| fields[at("method")] == method);
        own.map(|of| {
            let text = |name: &str| of[at(name)].to_string();
            (text("unreclaimed_by_operation"), text("ops_per_second"), text("seed"))
        })
        .collect()
    };
    let (sound, strict) = (of("sound"), of("strict"));
    assert_eq!((sound.len(), strict.len()), (2, 2), "{rows:#?}");
    assert!(sound.iter().all(|(seen, ..)| seen.is_empty()), "{sound:?}");
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    assert!(strict.iter().all(|(seen, ..)| is_number(seen)), "{strict:?}");
    let seeds = |of: &[(String, String, String)]| {
        let mut all: Vec<String> = of.iter().map(|(.., seed)| seed.clone()).collect();
        all.sort();
        all
    };
    assert_eq!(seeds(&sound), seeds(&strict), "the same keys and operations");

    // The table has the best of the strict repeats.
    let best = strict.iter().map(|(_, rate, _)| rate.parse::<u32>().expect("a rate")).max();
    let best = format!("{:.2}", f64::from(best.expect("rows")) / 1e6);
    let row = table.lines().find(|line| line.contains(" strict ")).expect("a row");
    assert!(row.split_whitespace().any(|cell| cell == best), "{best}: {table}");
    assert!(table.contains("Mops/s is the best of the repeats"), "{table}");
    let svg = |name: &str| fs::read_to_string(Path::new(&out).join("plots").join(name));
    let throughput = svg("throughput.svg").expect("a figure");
    for part in ["strict method", "sound method", "the best of the repeats"] {
        assert!(throughput.contains(part), "no `{part}` in the figure");
    }
    assert!(svg("unreclaimed_by_operation.svg").is_ok(), "what only the strict method has");
}

/// The list of a hazard pointer's thread fills up to its threshold R and is scanned, so that its operations see
/// (R + 1) / 2 nodes on average: the number of the published records.
#[test]
fn operations_see_what_they_saw_in_the_papers() {
    let folder = Folder::new("anchor");
    let text = spec("name = \"x\"\nstrict = true", "")
        .replace("[[workloads]]", "[parameters]\n\"hp-asym.threshold\" = 30\n[[workloads]]")
        .replace("\"hazard-pointer\"", "\"hp-asym\"");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &text));
    let few = ["--scheme", "^hp-asym$", "--structure", "hash", "--stalled", "0", "--threads", "1"];
    measures(&[&["run", &path, "--scale", "smoke", "--out", &out][..], &few].concat());
    let header = fs::read_to_string(Path::new(&out).join("samples.csv")).expect("rows");
    let mut at = header.lines().next().expect("a header").split(',');
    let at = at.position(|column| column == "unreclaimed_by_operation").expect("a column");
    let seen =
        rows(&out, "samples.csv").iter().find_map(|row| row.split(',').nth(at)?.parse().ok());
    let seen: f64 = seen.expect("a strict row");
    assert!((seen - 15.5).abs() < 0.5, "{seen}");
}

/// Under Hyaline any worker frees what another one has retired, and what each of several holds cannot be told.
#[test]
fn what_a_worker_holds_is_kept_where_it_frees_its_own() {
    let folder = Folder::new("own");
    let text = spec("name = \"x\"\nstrict = true", "")
        .replace("\"hazard-pointer\"", "\"hyaline-1\", \"hp-naive\"");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &text));
    let few = ["--scheme", "^h", "--structure", "hash", "--stalled", "0", "--threads", "1,2"];
    measures(&[&["run", &path, "--scale", "smoke", "--out", &out][..], &few].concat());
    let header = fs::read_to_string(Path::new(&out).join("samples.csv")).expect("rows");
    let header: Vec<&str> = header.lines().next().expect("a header").split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).expect(name);
    let rows = rows(&out, "samples.csv");
    let strict = rows.iter().map(|row| row.split(',').collect::<Vec<_>>());
    let strict: Vec<_> = strict.filter(|row| row[at("method")] == "strict").collect();
    assert!(strict.len() >= 4, "{rows:#?}");
    for row in strict {
        let (scheme, threads) = (row[at("scheme")], row[at("threads")]);
        let is_kept = !row[at("unreclaimed_by_operation")].is_empty();
        assert_eq!(is_kept, scheme == "hp-naive" || threads == "1", "{scheme}, {threads} threads");
    }
}
