//! `docs/CLAIMS.md`, and `ARTIFACT.md` beside each record: what the committed records say of the papers' claims.
//!
//! `KOVAN_BLESS=1 cargo test -p kovan-lab --lib claims_page` writes them anew from the folders in `docs/runs`. The page
//! `docs/report.html` is written by the command of [`REPORTED`], and notebooks keep their outputs by
//! `ci/notebooks --write`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{holds, repository};
use crate::claims::{Outcome, Records, Verdict};
use crate::report::claims::{artifact, counts, markdown};
use crate::results::manifest::Manifest;
use crate::results::{Sample, read_roles, read_samples};
use crate::spec::parse;

const HEAD: &str = "\
# What papers claim, and what came out here

Each section is one experiment that was run at the scale `laptop`, and whose records are in `docs/runs`.
`kovan-lab check docs/runs/NAME` prints the same verdicts, and `report docs/runs/NAME --out page.html` draws the
records. [METHODOLOGY.md](METHODOLOGY.md) has the rules of the verdicts: a claim is *reproduced* or *refuted* only where
the whole interval is on one side of what is allowed, and *not testable* where the machine cannot show it. A refuted
claim says what was measured on this machine with these structures; it does not say that the paper is wrong, and below
the table stands what is known of the reason.

What is not resolved takes more blocks: `kovan-lab run NAME --budget 15m` goes on for a quarter of an hour. So
`kovan-readme` has 83 blocks of each cell where its scale asks for 24, and two claims more are decided.

`KOVAN_BLESS=1 cargo test -p kovan-lab --lib claims_page` writes this page from the records, and the same test fails
where it says something else.
";

/// What is known of why a claim did not come out: the experiment, the claim, and the reason.
const REFUTED: [(&str, &str, &str); 8] = [
    (
        "brcu24-long",
        "C1",
        "Garbage grows with the reads, from 149 to 227 nodes on the average under `ebr-list` and from 88 to 264 under \
         `epoch`, but under `ebr-list` not by the factor of two that this check asks for. A thread of `ebr-list` looks at \
         its list after 128 retirements, whatever readers do, and that is most of what waits in the shortest list.",
    ),
    (
        "crystalline24-map",
        "C5",
        "Hazard pointers hold least and epochs most, as claimed, but eras hold less than Crystalline-L. A batch stays while \
         a thread that is off the processor covers one of its 120 nodes, where a scan of eras keeps those nodes alone. \
         Whether that is all of it is not known.",
    ),
    (
        "crystalline24-queue",
        "C1",
        "On one thread it holds for all three schemes. With two workers on two processors, the system and the sampler take \
         a processor for moments, and a worker that is not running inside an operation holds back what the other one \
         retires. The original has many more processors than threads.",
    ),
    (
        "debra15",
        "C3",
        "DEBRA keeps what it is said to keep (C2), but so do hazard pointers here: 0.92 of the throughput without \
         reclamation, where the original's numbers make it half (0.9 / 1.75). The loads of a search in these trees miss the \
         near caches, and the fence of this processor hides behind that, as for the claim C3 of `ibr18`. Whether that is \
         all of it is not known.",
    ),
    (
        "he17",
        "C2",
        "A load under hazard eras pays for a fence only if the era has changed since the load before. With two threads \
         the other one allocates about once while a thread walks over its 50 nodes; in the original 31 others do, and an \
         update there always removes and inserts. Hazard pointers pay for a fence at each node.",
    ),
    (
        "hyaline21-write",
        "C4",
        "On one thread it holds; with two, as for the claim C1 of `crystalline24-queue`.",
    ),
    (
        "ibr18",
        "C3",
        "A node costs `hp-naive` 10 ns on this machine, however long the list is, since it waits for a fence. It costs \
         `ebr-list` 6.1 ns in this list of 5,000 nodes, whose loads miss the near caches, and 3.1 ns in one of 256, where \
         `hp-naive` has 0.31 of its throughput, as claimed (`scot26-list`, 512 keys, one thread). On an AMD EPYC that \
         measured before, the fence hid behind the misses: 0.92 on one thread.",
    ),
    (
        "immut25",
        "C1",
        "The other three cells are not resolved. Why the list that restarts is faster under `hp-naive` on one thread is \
         not known.",
    ),
];

/// The experiments of `docs/report.html`, which is written by `kovan-lab report docs/runs/{..} --out docs/report.html`
/// with these names within the braces, in this order.
const REPORTED: [&str; 6] = [
    "stalled-threads",
    "hyaline21-stall",
    "memory-anchors",
    "idle-threads",
    "kovan-readme",
    "naive",
];

/// The folders of records, in the order of their names.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository("docs/runs")).expect("docs/runs");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    folders
}

/// The records of one folder, and what they say of the claims.
struct Record {
    manifest: Manifest,
    samples: Vec<Sample>,
    outcomes: Vec<Outcome>,
}

impl Record {
    fn read(folder: &Path) -> Self {
        let manifest = Manifest::read(folder).expect("a manifest");
        let source = parse(&manifest.spec_file, &manifest.spec_text).expect("a spec");
        let samples = read_samples(folder).expect("rows").rows;
        let roles = read_roles(folder).expect("roles");
        let records = Records::of(&source, &manifest, &samples, &roles.rows);
        let outcomes = records.judge(&source.spec.claims);
        Self { manifest, samples, outcomes }
    }

    /// The section of the page.
    // Writing to a string does not fail, so results are ignored.
    fn section(&self) -> String {
        let Self { manifest, outcomes, .. } = self;
        let mut text = format!("\n## {}\n\n{}\n\n", manifest.experiment, manifest.question);
        let _ = writeln!(text, "{}.\n", manifest.citation.trim_end_matches('.'));
        text.push_str(&markdown(outcomes));
        for (_, claim, why) in REFUTED.iter().filter(|(of, ..)| *of == manifest.experiment) {
            let _ = writeln!(text, "\n{claim} is refuted. {why}");
        }
        let _ = writeln!(text, "\n{}", manifest.provenance());
        text
    }
}

/// All records, in the order of the names of their folders. They are read and judged once, for all tests.
fn records() -> &'static [Record] {
    static ALL: OnceLock<Vec<Record>> = OnceLock::new();
    ALL.get_or_init(|| folders().iter().map(|folder| Record::read(folder)).collect())
}

/// Those that make claims. The others are in other documents.
fn with_claims() -> impl Iterator<Item = &'static Record> {
    records().iter().filter(|record| !record.outcomes.is_empty())
}

fn page() -> String {
    let all: Vec<_> = with_claims().flat_map(|record| record.outcomes.clone()).collect();
    let is_reproduced = |outcome: &Outcome| outcome.verdict == Verdict::Reproduced;
    let some = with_claims().filter(|record| record.outcomes.iter().any(is_reproduced)).count();
    let mut text = String::from(HEAD);
    let _ = writeln!(
        text,
        "\nIn {some} of {} experiments a claim is reproduced; {}.",
        with_claims().count(),
        counts(&all)
    );
    with_claims().for_each(|record| text.push_str(&record.section()));
    text
}

#[test]
fn each_refuted_claim_is_explained_or_said_not_to_be() {
    let refuted = with_claims().flat_map(|record| {
        let refuted = record.outcomes.iter().filter(|of| of.verdict == Verdict::Refuted);
        refuted.map(|of| (record.manifest.experiment.clone(), of.claim.id.clone()))
    });
    let explained = REFUTED.map(|(experiment, claim, _)| (experiment.into(), claim.into()));
    assert_eq!(refuted.collect::<Vec<(String, String)>>(), explained);
}

#[test]
fn the_page_of_claims_is_as_the_records_say() {
    holds("docs/CLAIMS.md", &page());
}

#[test]
fn the_artifact_of_each_record_is_as_its_rows_say() {
    for Record { manifest, samples, outcomes } in with_claims() {
        let path = format!("docs/runs/{}", manifest.experiment);
        let text = artifact(Path::new(&path), manifest, samples, outcomes);
        holds(&format!("{path}/ARTIFACT.md"), &text);
    }
}

#[test]
fn the_report_is_of_the_records_that_are_there() {
    let report = fs::read_to_string(repository("docs/report.html")).expect("docs/report.html");
    for name in REPORTED {
        let record = records().iter().find(|record| record.manifest.experiment == name);
        let Record { manifest, outcomes, .. } = record.expect("a record");
        assert!(
            report.contains(&manifest.started),
            "{name}: another run of it is in docs/report.html"
        );
        assert!(
            outcomes.is_empty() || report.contains(&counts(outcomes)),
            "{name}: docs/report.html says other verdicts"
        );
    }
}

#[test]
fn notebooks_keep_outputs_of_the_records_that_are_there() {
    let notebooks = fs::read_dir(repository("notebooks")).expect("notebooks");
    let paths = notebooks.map(|entry| entry.expect("an entry").path());
    let mut read = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|of| of == "ipynb")) {
        let text = fs::read_to_string(&path).expect("a notebook");
        for Record { manifest, .. } in records() {
            // In the code of a cell, which is a text within JSON.
            if text.contains(&format!(r#"\"{}\""#, manifest.experiment)) {
                read += 1;
                assert!(
                    text.contains(&manifest.started),
                    "{}: it keeps outputs of another run of {}; ci/notebooks --write keeps those of this one",
                    path.display(),
                    manifest.experiment
                );
            }
        }
    }
    assert!(read >= 6, "only {read} records are read by notebooks");
}
