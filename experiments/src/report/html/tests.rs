//! Pages of records that no run wrote: with any names, of any size, with and without an order.

use std::path::Path;

use super::*;
use crate::plan::{Overrides, Plan};
use crate::report::plot::figures;
use crate::results::parse_samples;
use crate::spec::{ScaleName, find};

const COLUMNS: &str = "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,status,\
    error,ops_per_second,unreclaimed_peak,unreclaimed_mean,unreclaimed_bound,disturbed\n";

/// Returns a row of a scheme on a list.
fn row(scheme: &str, threads: u32, repeat: u32, end: &str) -> String {
    format!("x,{scheme},harris-list,w,none,{threads},0,mimalloc,{repeat},1,{end}\n")
}

fn rows(rows: &[String]) -> Vec<Sample> {
    parse_samples(&format!("{COLUMNS}{}", rows.concat()))
}

/// Returns the page of a run of `throughput` that has these samples and this question.
fn page_of(samples: &[Sample], question: &str) -> String {
    let source = find("throughput").expect("embedded");
    let overrides = Overrides { processors: 2, ..Overrides::default() };
    let plan = Plan::new(&source, ScaleName::Smoke, &overrides).expect("a plan");
    let mut manifest = Manifest::new(&source, &plan, &overrides).expect("a manifest");
    (manifest.question, manifest.experiment) = (question.into(), question.into());
    manifest.overrides = None;
    manifest.cells = samples.len() as u64;
    let dir = Path::new("/nonexistent");
    let figures = figures(dir, &source.spec, samples, &manifest).expect("figures");
    let (source, manifest, figures) = (&source, &manifest, &figures);
    page(&[Reported { dir, source, manifest, samples, outcomes: &[], figures }]).expect("a page")
}

/// Returns the sentences of the answer.
fn answer(page: &str) -> String {
    let from = page.find("<h2>Answer</h2>").expect("an answer");
    page[from..from + page[from..].find("</section>").expect("its end")].to_string()
}

/// Returns samples of schemes that have a percentage of a level which differs between repeats, with one percent of
/// noise.
fn measured(schemes: &[(&str, u32)], repeats: u32) -> Vec<Sample> {
    let mut all = Vec::new();
    for repeat in 1..=repeats {
        for (at, (scheme, percent)) in (0..).zip(schemes) {
            let rate =
                10_000 * (1 + repeat % 3 * 5) * percent * (99 + (repeat * (at + 2)) % 3) / 100;
            all.push(row(scheme, 1, repeat, &format!("ok,,{rate},,,,")));
        }
    }
    rows(&all)
}

#[test]
fn an_order_is_said_only_where_it_is_resolved() {
    let told = answer(&page_of(&measured(&[("ibr", 100), ("epoch", 150), ("debra", 100)], 9), "?"));
    let parts = [
        "By throughput (more is better; at one point) epoch is ahead of each of the 2 other schemes",
        "ibr has 0.673 (0.66",
    ];
    assert!(parts.iter().all(|part| told.contains(part)), "{told}");

    let told = answer(&page_of(&measured(&[("ibr", 100), ("epoch", 60), ("debra", 100)], 9), "?"));
    let part = "it is not resolved which scheme is first: none is shown to be ahead of ";
    assert!(told.contains(part) && told.contains("epoch is shown to be behind"), "{told}");
    assert!(!told.contains("is ahead of"), "{told}");

    let told = answer(&page_of(&measured(&[("ibr", 100), ("debra", 100)], 9), "?"));
    assert!(told.contains("do not tell any two of the 2 schemes apart"), "{told}");

    // Three times as much, and yet nothing: five blocks have no interval.
    let told = answer(&page_of(&measured(&[("ibr", 100), ("epoch", 300)], 5), "?"));
    assert!(told.contains("No order of the schemes by throughput is resolved"), "{told}");
    assert!(!told.contains("ahead") && !told.contains("ibr") && !told.contains("epoch"), "{told}");

    // The one that seems best was measured twice.
    let mut samples = measured(&[("ibr", 100), ("epoch", 60), ("debra", 300)], 9);
    samples.retain(|row| row.id.scheme != "debra" || row.id.repeat < 3);
    let told = answer(&page_of(&samples, "?"));
    let parts = [
        "none is shown to be ahead of ibr; epoch is shown to be behind",
        "debra has too few repeats in common",
    ];
    assert!(parts.iter().all(|part| told.contains(part)), "{told}");
}

#[test]
fn what_failed_and_what_is_broken_is_in_the_answer_and_the_matrix() {
    let all = rows(&[
        row("ibr", 1, 1, "ok,,5,11,5,10,0.5"),
        row("ibr", 1, 2, "ok,,5,9,5,10,"),
        row("wfe", 1, 1, "timeout,killed,,,,,"),
        row("wfe", 1, 2, "error,lost a node,,,,,"),
    ]);
    let page = page_of(&all, "?");
    let told = answer(&page);
    for part in [
        "The declared bound is BROKEN in 1 of 2 cells that have one, by ibr.",
        "one cell failed; one cell was killed after their time; 1 of 2 cells was disturbed",
    ] {
        assert!(told.contains(part), "`{part}` is not in {told}");
    }
    for part in [
        "<span class=\"broken\">bound broken in 1</span> <span class=\"good\">2 ok</span> \
         <span class=\"doubt\">1 disturbed</span>",
        "<span class=\"broken\">1 failed</span> <span class=\"broken\">1 timeout</span>",
        "<td class=\"broken\">NO</td>",
        "<li class=\"broken\">BROKEN BOUND: ibr harris-list w",
    ] {
        assert!(page.contains(part), "`{part}` is not in {page}");
    }
}

#[test]
fn names_and_questions_stay_texts() {
    let evil = "</script><script>alert(1)</script><!-- \u{2028} <img src=x> \"'&";
    let mut samples = measured(&[("ibr", 100), ("epoch", 150)], 2);
    for row in &mut samples {
        row.id.workload = format!("{evil}{}", row.id.scheme);
        row.id.scheme.push_str(evil);
        row.error = evil.into();
    }
    let page = page_of(&samples, evil);
    for part in ["alert(1)</script>", "<img", "<!-- "] {
        assert!(!page.contains(part), "{part} is in the page");
    }
    assert_eq!(page.matches("<script").count(), 2, "the data and the program");
    assert_eq!(page.matches("</script>").count(), 2);
    let from = page.find("id=\"charts\">").expect("data") + "id=\"charts\">".len();
    let json = &page[from..from + page[from..].find("</script>").expect("an end")];
    let charts: Value = serde_json::from_str(json).expect("JSON");
    assert!(charts.to_string().contains("alert(1)"), "the names are in the data");
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let page = page_of(&measured(&[("ibr", 100), ("epoch", 150)], 7), "see https://example.org/");
    for begin in [
        "src=",
        "href=",
        "url(",
        "@import",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "WebSocket",
        "sendBeacon",
    ] {
        for (at, _) in page.match_indices(begin) {
            let rest = page[at + begin.len()..].trim_start_matches(['"', '\'']);
            let is_inside =
                begin == "href=" && (rest.starts_with('#') || rest.starts_with("data:,"));
            assert!(is_inside, "{}", &page[at..(at + 80).min(page.len())]);
        }
    }
    assert!(page.contains("content=\"default-src 'none';"), "a browser is told so too");
    let links = page.matches("https://").count() + page.matches("http://").count();
    // The question, thrice: title, heading and name; and the name space of SVG, which is a name.
    assert_eq!(links, 4, "texts only");
}

#[test]
fn three_thousand_rows_are_below_eight_megabytes() {
    let schemes =
        ["ibr", "epoch", "debra", "wfe", "kovan", "qsbr", "leak", "sdd", "seize", "hazard-eras"];
    let mut all = Vec::new();
    for threads in 1..=60 {
        for repeat in 1..=5 {
            for (at, scheme) in (1..).zip(schemes) {
                let rate = 1_000_003 * at + 7919 * threads + 31 * repeat;
                all.push(row(
                    scheme,
                    threads,
                    repeat,
                    &format!("ok,,{rate},{rate},{rate},{rate},0.2"),
                ));
            }
        }
    }
    let samples = rows(&all);
    assert_eq!(samples.len(), 3000);
    let once = page_of(&samples, "?").len();
    assert!(once < 8_000_000, "{once} bytes");
    // All of them different cells, without repeats.
    let mut samples = samples;
    for (at, row) in samples.iter_mut().enumerate() {
        (row.id.threads, row.id.repeat) = (u32::try_from(at).expect("few") / 10 + 1, 1);
    }
    let once = page_of(&samples, "?").len();
    assert!(once < 8_000_000, "{once} bytes");
}

#[test]
fn several_folders_are_one_page() {
    let source = find("throughput").expect("embedded");
    let overrides = Overrides { processors: 2, ..Overrides::default() };
    let plan = Plan::new(&source, ScaleName::Smoke, &overrides).expect("a plan");
    let manifest = Manifest::new(&source, &plan, &overrides).expect("a manifest");
    let samples = measured(&[("ibr", 100), ("epoch", 150)], 2);
    let dir = Path::new("/nonexistent");
    let figures = figures(dir, &source.spec, &samples, &manifest).expect("figures");
    let (source, manifest, samples, figures) = (&source, &manifest, &samples[..], &figures);
    let folder = || Reported { dir, source, manifest, samples, outcomes: &[], figures };
    let html = page(&[folder(), folder()]).expect("a page");
    assert_eq!(html.matches("<h1>").count(), 1);
    assert_eq!(html.matches("<article").count(), 2);
    let ids: Vec<&str> =
        html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let different: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), different.len(), "{ids:?}");
    for (_, rest) in html.match_indices("href=\"#").map(|(at, of)| (at, &html[at + of.len()..])) {
        let to = rest.split('"').next().unwrap_or_default();
        assert!(different.contains(to), "nothing has the name {to}");
    }
    // What was planned and has no row is told.
    assert!(
        html.contains("the run is incomplete") && html.contains(" not measured</span>"),
        "{html}"
    );
}
