//! Values that carry a payload: in tables, in figures, and where a run goes on.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::support::{Folder, measures, rows, spec, text};

/// The rows of a table by column, as texts.
fn table(out: &str, name: &str) -> Vec<HashMap<String, String>> {
    let whole = fs::read(Path::new(out).join(name)).expect("records");
    let header: Vec<String> =
        text(&whole).lines().take(1).collect::<String>().split(',').map(Into::into).collect();
    let fields =
        |row: &String| header.iter().cloned().zip(row.split(',').map(Into::into)).collect();
    rows(out, name).iter().map(fields).collect()
}

#[test]
fn payloads_are_an_axis_of_tables_figures_and_resumed_runs() {
    let folder = Folder::new("values");
    let text = spec("name = \"x\"", "lines = [\"scheme\"]\nfigures = [\"unreclaimed_bytes_end\"]");
    let text = text
        .replace("x_axis = \"stalled\"", "x_axis = \"value_bytes\"")
        .replace("\"hash-map\", \"harris-list\"", "\"hash-map\"")
        .replace("stalled = [0, 1]", "stalled = [1]")
        .replace("\"epoch\", \"hazard-pointer\", ", "")
        .replace("[[workloads]]", "[axes]\nvalue_bytes = [0, 1000]\n[[workloads]]");
    let (out, path) = (folder.join("out"), folder.write("s.toml", &text));
    let run = ["run", path.as_str(), "--scale", "smoke", "--out", &out];
    measures(&run);
    // Two cells are to be measured again, with and without a payload.
    let samples = Path::new(&out).join("samples.csv");
    let whole = fs::read_to_string(&samples).expect("read");
    let kept: Vec<&str> = whole.lines().filter(|row| !row.contains(",kovan,hash-map,")).collect();
    assert_eq!(kept.len(), 3, "{whole}");
    fs::write(&samples, kept.join("\n") + "\n").expect("written");
    measures(&[&run[..], &["--resume"]].concat());

    let number =
        |row: &HashMap<String, String>, name: &str| row[name].parse::<u64>().expect("a number");
    let cells = table(&out, "samples.csv");
    assert_eq!(cells.len(), 4);
    for cell in &cells {
        let (nodes, bytes) =
            (number(cell, "unreclaimed_end"), number(cell, "unreclaimed_bytes_end"));
        let (carried, scheme) = (number(cell, "value_bytes"), &cell["scheme"]);
        // A key, a value and a link; the block has its key and its length besides.
        let each = 24 + if carried == 0 { 0 } else { carried + 16 };
        // The sampler reads the counters of a thread that goes on between its retirements and its bytes.
        let off = bytes.abs_diff(nodes * each);
        assert!(off <= 4 * each && nodes > 100, "{scheme} {carried}: {nodes} nodes, {bytes} bytes");
        assert!(number(cell, "unreclaimed_bytes_peak") >= number(cell, "unreclaimed_bytes_mean"));
        let series = table(&out, "series.csv");
        let last = series
            .iter()
            .rfind(|row| row["scheme"] == *scheme && number(row, "value_bytes") == carried);
        assert_eq!(number(last.expect("a series"), "unreclaimed_bytes"), bytes);
    }
    let figure = fs::read_to_string(Path::new(&out).join("plots/unreclaimed_bytes_end.svg"));
    assert!(figure.expect("a figure").contains("payload of a value (bytes)"));
}
