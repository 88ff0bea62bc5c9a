//! Damaged specs and records: every mistake is one clear line, and nothing panics.
//!
//! Valid files are mutated at random for `KOVAN_FUZZ_SECONDS` (default: 1) per test, from the seed
//! `KOVAN_FUZZ_SEED` (default: 1).

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use kovan_harness::random::XorShift;
use kovan_lab_base::data::{Latency, Measured, Metrics, RoleCount, SeriesPoint};

use crate::claims;
use crate::plan::{Overrides, Plan};
use crate::report::{self, plot};
use crate::results::manifest::Manifest;
use crate::results::{Records, Sample, read_roles, read_samples};
use crate::spec::{self, ScaleName, Source};

/// What often breaks readers of text.
const SCRAPS: [&str; 27] = [
    "7",
    "1025",
    "4294967296",
    "",
    "-1",
    "0",
    "1e400",
    "NaN",
    "-0.0",
    "99999999999999999999999",
    "\"",
    "'",
    "\n",
    ",",
    "=",
    "[",
    "]]",
    "{",
    "}",
    "null",
    "true",
    "\u{0}",
    "\u{feff}",
    "é",
    "\u{1F980}",
    "# ",
    "[scales.smoke]",
];

/// Reads a number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Some damage.
fn damage(bytes: &mut Vec<u8>, random: &mut XorShift) {
    for _ in 0..=random.below(3) {
        let at = random.index(bytes.len() + 1);
        let to = (at + random.index(12)).min(bytes.len());
        match random.below(6) {
            0 => drop(bytes.drain(at..to)),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..to, SCRAPS[random.index(SCRAPS.len())].bytes())),
            3 => {
                let copy = bytes[at..to].to_vec();
                let at = random.index(bytes.len() + 1);
                drop(bytes.splice(at..at, copy));
            }
            4 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            // Replaces a number by another thing.
            _ => {
                let is_digit = |byte: &u8| byte.is_ascii_digit();
                let from = bytes[at..].iter().position(is_digit).map_or(at, |digit| at + digit);
                let digits = bytes[from..].iter().take_while(|byte| is_digit(byte)).count();
                let scrap = SCRAPS[random.index(SCRAPS.len())];
                drop(bytes.splice(from..from + digits, scrap.bytes()));
            }
        }
    }
}

/// Runs `reader` on damaged copies of the text until the time is over, and 100 times at least; how often it refused.
fn fuzz(text: &[u8], stream: u64, mut reader: impl FnMut(&[u8]) -> Result<()>) -> (u64, u64) {
    let seed = setting("KOVAN_FUZZ_SEED", 1);
    let length = Duration::from_secs(setting("KOVAN_FUZZ_SECONDS", 1));
    let began = Instant::now();
    let (mut runs, mut refused) = (0, 0);
    // On a busy machine, enough of them for what the tests say of their share.
    while began.elapsed() < length || runs < 100 {
        let mut random = XorShift::stream(seed, runs, stream);
        let mut bytes = text.to_vec();
        damage(&mut bytes, &mut random);
        let told = || format!("run {runs} of seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
        let read = catch_unwind(AssertUnwindSafe(|| reader(&bytes)));
        let result = read.unwrap_or_else(|_| panic!("a panic in {}", told()));
        if let Err(error) = result {
            let line = kovan_lab_base::support::output::one_line(&format!("{error:#}"));
            assert!(line.len() > 10, "no clear line, but {line:?}, in {}", told());
            refused += 1;
        }
        runs += 1;
    }
    (runs, refused)
}

/// Claims of every kind.
const CLAIMS: &str = r#"
[[claims]]
id = "C1"
says = "It holds for each row."
where = "theorem 1"
paper = "N"
kind = "bound"
of = { scheme = "hazard-pointer" }
[[claims]]
id = "C2"
says = "A stall is seen."
where = "figure 1"
paper = "1.5 to 2"
kind = "jump"
metric = "unreclaimed_peak"
per = "threads"
of = { scheme = ["epoch", "kovan"], stalled = [1, 2, 4] }
over = { stalled = 0 }
least = 1.5
[[claims]]
id = "C3"
says = "It goes in this order."
where = "figure 2"
paper = "1 < 2"
kind = "order"
metric = "throughput"
order = [{ scheme = "kovan" }, { scheme = "leak" }]
tolerance = 0.5
[[claims]]
id = "C4"
says = "It varies little."
where = "figure 3"
paper = "1.1"
kind = "flat"
metric = "rss_peak_bytes"
of = { threads = 2 }
across = "stalled"
most = 1.1
needs = { cores = 1 }
[[claims]]
id = "C5"
says = "It grows."
where = "figure 4"
paper = "linear"
kind = "growth"
class = "linear"
"#;

fn source() -> Source {
    let text = include_str!("../../specs/stalled-threads.toml");
    spec::parse("s.toml", &format!("{text}{CLAIMS}")).expect("valid")
}

#[test]
fn damaged_specs_are_refused_in_a_line() {
    let overrides = Overrides::default();
    let (runs, refused) = fuzz(source().text.as_bytes(), 61, |bytes| {
        // What is not text is refused where files are read.
        let source =
            spec::parse("s.toml", &String::from_utf8_lossy(bytes)).inspect_err(|error| {
                let text = format!("{error:#}");
                assert!(text.starts_with("s.toml") && !text.contains('\n'), "{text:?}");
            })?;
        for scale in [ScaleName::Smoke, ScaleName::Laptop, ScaleName::Paper] {
            Plan::new(&source, scale, &overrides)?;
        }
        claims::refuse_unmatched(&source)
    });
    assert!(refused > runs / 10 && refused < runs, "{refused} of {runs} refused");
}

/// A results folder with a few rows, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("kovan-fuzz-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a folder");
        let plan = plan();
        Manifest::new(&source(), &plan, &Overrides::default())
            .and_then(|m| m.write(&dir))
            .expect("a manifest");
        let mut records = Records::create(&dir).expect("records");
        for planned in plan.trials.iter().take(8) {
            let metrics = Metrics {
                ops: Some(1000),
                elapsed_ns: Some(50_000_000),
                ops_per_second: Some(20_000),
                retired: Some(500),
                freed: Some(400),
                unreclaimed_peak: Some(120),
                unreclaimed_mean: Some(80),
                unreclaimed_end: Some(100),
                unreclaimed_bound: Some(1000),
                rss_peak_bytes: Some(1 << 20),
                cpu_ns: Some(90_000_000),
                disturbed: Some(0.1),
                ..Metrics::default()
            };
            let point = |t_ns| SeriesPoint {
                t_ns,
                retired: t_ns + 9,
                freed: t_ns,
                rss_bytes: None,
                unreclaimed_bytes: Some(9),
            };
            let latency = Latency { operation: "put".into(), counts: vec![(100, 5), (2000, 1)] };
            let role = RoleCount { role: "r".into(), threads: 1, ops: 9, ops_per_second: 9 };
            let measured = Measured {
                error: None,
                allocator: "mimalloc 1".into(),
                metrics,
                series: (0..5).map(point).collect(),
                roles: vec![role],
                latencies: vec![latency],
            };
            let sample = Sample::measured(&planned.trial, &measured, None);
            records.append(&planned.trial, &sample, &measured).expect("a row");
        }
        Self(dir)
    }

    /// Damages one file at a time, and reads the folder as the commands do.
    fn fuzz(&self, name: &str, stream: u64, read: impl Fn(&Path) -> Result<()>) {
        let path = self.0.join(name);
        let whole = fs::read(&path).expect("the file");
        read(&self.0).expect("the undamaged file is read");
        let (runs, refused) = fuzz(&whole, stream, |bytes| {
            fs::write(&path, bytes).expect("written");
            read(&self.0)
        });
        assert!(runs > 20 && refused > 0 && refused < runs, "{refused} of {runs} refused");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads all records as the command `plot` does, and draws every figure.
fn draw(dir: &Path, source: &Source, manifest: &Manifest) -> Result<()> {
    let samples = read_samples(dir)?.rows;
    let roles = read_roles(dir)?.rows;
    let outcomes =
        claims::Records::of(source, manifest, &samples, &roles).judge(&source.spec.claims);
    let _ = report::claims::text(&outcomes);
    let _ = report::claims::artifact(dir, manifest, &samples, &outcomes);
    let mut spec = source.spec.clone();
    let names = ["throughput", "over-time", "latency", "roles", "throughput against cpu_ns"];
    spec.figures.get_or_insert(names.map(String::from).to_vec());
    let figures = plot::figures(dir, &spec, &samples, manifest)?;
    plot::draw(dir, &spec, &figures, manifest, &plot::Style::default()).map(drop)
}

fn plan() -> Plan {
    Plan::new(&source(), ScaleName::Smoke, &Overrides::default()).expect("a plan")
}

#[test]
fn damaged_samples_are_refused_in_a_line() {
    Folder::new("samples").fuzz("samples.csv", 62, |dir| {
        let samples = read_samples(dir)?.rows;
        let _ = crate::report::summary(&samples, Some(110));
        draw(dir, &source(), &Manifest::read(dir)?)
    });
}

#[test]
fn damaged_series_are_refused_in_a_line() {
    Folder::new("series").fuzz("series.csv", 63, |dir| draw(dir, &source(), &Manifest::read(dir)?));
}

#[test]
fn damaged_latencies_and_roles_are_refused_in_a_line() {
    for (stream, name) in [(66, "latency.csv"), (67, "roles.csv")] {
        Folder::new(name).fuzz(name, stream, |dir| draw(dir, &source(), &Manifest::read(dir)?));
    }
}

#[test]
fn damaged_records_are_resumed_or_refused() {
    let plan = plan();
    let trials: Vec<_> = plan.trials.iter().map(|planned| &planned.trial).collect();
    let folder = Folder::new("resume");
    folder.fuzz("samples.csv", 64, |dir| {
        let complete = Records::resume(dir, &trials, None, |_| true)?.rows;
        // What was resumed is whole.
        assert_eq!(read_samples(dir)?.rows.len(), complete.len());
        Ok(())
    });
}

#[test]
fn a_damaged_manifest_is_refused_in_a_line() {
    Folder::new("manifest").fuzz("manifest.json", 65, |dir| {
        let manifest = Manifest::read(dir)?;
        let source = spec::parse(&manifest.spec_file, &manifest.spec_text)?;
        draw(dir, &source, &manifest)
    });
}
