//! `kovan-lab report`.

use std::fs;

use crate::support::{
    Folder, is_refused, lab, measures, measures_hash_maps, rows, spec, succeeds, text,
};

#[test]
fn a_run_ends_with_a_report_and_it_is_made_again() {
    let folder = Folder::new("report");
    let claims = "[[claims]]\nid = \"C1\"\nsays = \"Bounds <are> kept.\"\nwhere = \"theorem 1\"\npaper = \"N & K\"\n\
        kind = \"bound\"\nof = { scheme = \"hazard-pointer\" }\n";
    let file = folder.write("s.toml", &(spec("name = \"x\"", "") + claims));
    let out = folder.join("out");
    let run = ["run", &file, "--scale", "smoke", "--structure", "hash-map", "--out", &out];
    let report = folder.0.join("out/report.html");
    let told = format!("report   {}\n", report.display());
    let printed = measures(&run);
    assert!(printed.contains(&told), "{printed}");
    let page = fs::read_to_string(&report).expect("written");
    for part in [
        "<h1>Does it run?</h1>",
        "<h2>Answer</h2>",
        "The one claim of the experiment: C1 is reproduced.",
        "C1: Bounds &lt;are&gt; kept. <span class=\"badge good\">reproduced</span>",
        "In the paper: N &amp; K (theorem 1).",
        "data-chart=\"0\"",
        "<h2>Machine</h2>",
        "--structure hash-map --out ",
        "name = &quot;x&quot;",
    ] {
        assert!(page.contains(part), "`{part}` is not in {page}");
    }
    // Each scheme at each number of stalled threads is a row of the table.
    let table = page.split("what was measured</span>").nth(1).expect("the table");
    let body = table.split("</tbody>").next().expect("its rows");
    assert_eq!(body.matches("<tr><td").count(), rows(&out, "samples.csv").len(), "{body}");

    fs::remove_file(&report).expect("removed");
    assert_eq!(succeeds(&["report", &out]), told);
    assert_eq!(fs::read_to_string(&report).expect("written"), page, "the same again");
    assert!(!folder.0.join("out/report.tmp").exists(), "nothing is left over");
}

#[test]
fn several_folders_have_one_report_where_it_is_said() {
    let folder = Folder::new("reports");
    let (one, other) = (folder.join("one"), folder.join("other"));
    measures_hash_maps("^leak$", "1", &one);
    measures_hash_maps("^kovan$", "1", &other);
    let out = folder.join("both.html");
    assert_eq!(succeeds(&["report", &one, &other, "--out", &out]), format!("report   {out}\n"));
    let page = fs::read_to_string(&out).expect("written");
    assert!(page.contains("<h1>2 experiments</h1>") && page.matches("<article").count() == 2);
    is_refused(&["report", &one, &other], &["--out", "2 folders"]);
}

#[test]
fn mistakes_of_report_are_one_line_and_write_nothing() {
    let folder = Folder::new("report-mistakes");
    let out = folder.join("out");
    measures_hash_maps("^leak$", "1", &out);
    let samples = folder.join("out/samples.csv");
    let before = fs::read(&samples).expect("records");
    is_refused(&["report"], &["DIR"]);
    is_refused(&["report", "/nonexistent"], &["not a results folder"]);
    is_refused(&["report", &out, "--out", &samples], &["--out", "does not end in .html"]);
    is_refused(
        &["report", &out, "--out", "/nonexistent/x.html"],
        &["cannot write /nonexistent/x.html"],
    );
    assert_eq!(fs::read(&samples).expect("records"), before);
    fs::write(&samples, "no,table\n1,2\n").expect("written");
    is_refused(&["report", &out], &["samples.csv", "no column"]);

    // A folder in which nothing was measured has a report that says so.
    let header = String::from_utf8_lossy(&before).lines().next().unwrap_or_default().to_string();
    fs::write(&samples, format!("{header}\n")).expect("written");
    let output = lab(&["report", &out]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = fs::read_to_string(folder.0.join("out/report.html")).expect("written");
    assert!(page.contains("There is no answer yet") && page.contains("There is nothing to draw."));
}
