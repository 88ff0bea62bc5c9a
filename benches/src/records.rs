//! Every measurement, one per line, in a file that grows: written by `comparison --append`, read by
//! `tables`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::build;
use crate::contender::Group;
use crate::statistics::{Summary, median};

/// A line of the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The name of the cell.
    pub cell: String,
    /// The name of the group.
    pub group: String,
    /// The name of the contender.
    pub contender: String,
    /// Worker threads.
    pub threads: u16,
    /// Bytes of payload in a node.
    pub node_bytes: usize,
    /// The global allocator.
    pub allocator: String,
    /// The cargo profile.
    pub profile: String,
    /// The round. Rounds of the same number, of all programs, are near each other in time.
    pub round: u32,
    /// Operations per second of all threads together.
    pub ops_per_second: u64,
    /// Nanoseconds that a cache line took from one thread to another and back before the round.
    pub hop_ns: u64,
}

/// The first line of a file.
const HEADER: &str =
    "cell,group,contender,threads,node_bytes,allocator,profile,round,ops_per_second,hop_ns";

/// A file that lines are added to. Each line is one write, so a killed program leaves whole lines
/// and at most one part of a line, at the end.
#[derive(Debug)]
pub struct Appender {
    name: String,
    file: File,
}

impl Appender {
    /// Opens a file, or makes it with the header. A part of a line at its end, which a killed
    /// program left, is reported and removed.
    ///
    /// # Errors
    /// The path, and why nothing can be added to it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let failed = |error: std::io::Error| format!("{name}: {error}");
        let mut file =
            OpenOptions::new().create(true).append(true).read(true).open(path).map_err(failed)?;
        let there = fs::read(path).map_err(failed)?;
        let whole = there.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole < there.len() {
            eprintln!("{name}: removed the part of a line at the end");
            file.set_len(whole as u64).map_err(failed)?;
        }
        if whole == 0 {
            file.write_all(format!("{HEADER}\n").as_bytes()).map_err(failed)?;
        } else if there.split(|byte| *byte == b'\n').next() != Some(HEADER.as_bytes()) {
            return Err(format!("{name}: the first line is not {HEADER}"));
        }
        Ok(Self { name, file })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The path, and why the line was not added.
    pub fn add(&mut self, line: &Line) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", self.name);
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.serialize(line).map_err(|error| failed(&error))?;
        let bytes = writer.into_inner().map_err(|error| failed(&error))?;
        self.file.write_all(&bytes).map_err(|error| failed(&error))
    }
}

/// A cell at a number of threads with nodes of a size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The name of the cell.
    pub cell: String,
    /// Bytes of payload in a node.
    pub bytes: usize,
    /// Worker threads.
    pub threads: u16,
}

/// A program that measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build {
    /// The global allocator.
    pub allocator: String,
    /// The cargo profile.
    pub profile: String,
}

impl Build {
    /// Names a program.
    #[must_use]
    pub fn new(allocator: &str, profile: &str) -> Self {
        Self { allocator: allocator.into(), profile: profile.into() }
    }

    /// Returns this program.
    #[must_use]
    pub fn this() -> Self {
        Self::new(build::ALLOCATOR, build::PROFILE)
    }
}

/// A contender of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side {
    /// The group.
    pub group: Group,
    /// The name of the contender.
    pub contender: String,
}

impl Side {
    /// Names a contender of a group.
    #[must_use]
    pub fn new(group: Group, contender: &str) -> Self {
        Self { group, contender: contender.into() }
    }
}

/// Operations per second by round.
type Rates = BTreeMap<u32, f64>;

/// Measurements, by what was measured.
#[derive(Debug, Default)]
pub struct Records {
    rates: BTreeMap<(Point, Build, Side), Rates>,
    hops: BTreeMap<(Point, Build), BTreeMap<u32, f64>>,
}

impl Records {
    /// Reads a file. A part of a line at its end, which a killed program left, is reported and left
    /// out.
    ///
    /// # Errors
    /// The path, and the line that is not a measurement or repeats one.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            eprintln!("{name}: ignored the part of a line at the end");
        }
        let mut records = Self::default();
        let mut reader = csv::Reader::from_reader(&text.as_bytes()[..whole]);
        for line in reader.deserialize() {
            let line: Line = line.map_err(|error| format!("{name}: {error}"))?;
            records.add(&line).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(records)
    }

    /// Adds a measurement.
    ///
    /// # Errors
    /// A group that is not there, or a measurement that was added before.
    pub fn add(&mut self, line: &Line) -> Result<(), String> {
        let group =
            Group::of(&line.group).ok_or_else(|| format!("{}: no such group", line.group))?;
        let (cell, threads) = (line.cell.clone(), line.threads);
        let point = Point { cell, bytes: line.node_bytes, threads };
        let build = Build::new(&line.allocator, &line.profile);
        let side = Side::new(group, &line.contender);
        self.hops
            .entry((point.clone(), build.clone()))
            .or_default()
            .insert(line.round, line.hop_ns as f64);
        let rates = self.rates.entry((point, build, side)).or_default();
        match rates.insert(line.round, line.ops_per_second as f64) {
            None => Ok(()),
            Some(_) => Err(format!("round {} is there twice: {line:?}", line.round)),
        }
    }

    /// Returns whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// Returns the number of rounds of the measurement that has the most.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rates.values().map(BTreeMap::len).max().unwrap_or(0)
    }

    fn rates(&self, point: &Point, build: &Build, side: &Side) -> Option<&Rates> {
        self.rates.get(&(point.clone(), build.clone(), side.clone()))
    }

    /// Returns the median of the time that an operation takes its thread, in nanoseconds.
    #[must_use]
    pub fn time(&self, point: &Point, build: &Build, side: &Side) -> Option<f64> {
        let rates: Vec<_> = self.rates(point, build, side)?.values().copied().collect();
        Some(f64::from(point.threads) * 1e9 / median(&rates))
    }

    /// Returns the time of `ours` over that of `theirs`, round by round: below 1, `ours` is faster.
    #[must_use]
    pub fn ratio(
        &self,
        point: &Point,
        (our_build, ours): (&Build, &Side),
        (their_build, theirs): (&Build, &Side),
    ) -> Option<Summary> {
        let ours = self.rates(point, our_build, ours)?;
        let theirs = self.rates(point, their_build, theirs)?;
        // A time is the inverse of a rate.
        let ratios: Vec<_> =
            ours.iter().filter_map(|(round, rate)| Some(theirs.get(round)? / rate)).collect();
        (!ratios.is_empty()).then(|| Summary::of(ratios))
    }

    /// Returns the fastest of some contenders, by the median, or nothing if one of them was not measured.
    #[must_use]
    pub fn best(&self, point: &Point, build: &Build, sides: &[Side]) -> Option<Side> {
        let times: Option<Vec<_>> =
            sides.iter().map(|side| Some((self.time(point, build, side)?, side))).collect();
        let best = times?.into_iter().min_by(|(a, _), (b, _)| a.total_cmp(b))?;
        Some(best.1.clone())
    }

    /// Returns the lowest and highest time of a cache line from one thread to another and back.
    #[must_use]
    pub fn hops(&self, point: &Point, build: &Build) -> Option<(f64, f64)> {
        let hops = self.hops.get(&(point.clone(), build.clone()))?;
        let low = hops.values().copied().reduce(f64::min)?;
        Some((low, hops.values().copied().reduce(f64::max)?))
    }
}

/// Returns the path of the measurements, `<name>.csv`, that a manifest, `<name>.json`, belongs to.
#[must_use]
pub fn csv_of(manifest: &Path) -> PathBuf {
    manifest.with_extension("csv")
}

#[cfg(test)]
mod tests {
    use super::{Appender, Build, HEADER, Line, Point, Records, Side};
    use crate::contender::Group;

    fn line(contender: &str, round: u32, ops_per_second: u64) -> Line {
        Line {
            cell: "pin+load".into(),
            group: "thread-local".into(),
            contender: contender.into(),
            threads: 2,
            node_bytes: 8,
            allocator: "system".into(),
            profile: "plain".into(),
            round,
            ops_per_second,
            hop_ns: u64::from(round) * 100,
        }
    }

    fn point() -> Point {
        Point { cell: "pin+load".into(), bytes: 8, threads: 2 }
    }

    /// A file that is removed in the end.
    struct Temporary(std::path::PathBuf);
    impl Temporary {
        fn new(name: &str) -> Self {
            let name = format!("kovan-benches-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }
    }
    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn what_is_added_is_read_again() {
        let file = Temporary::new("read");
        let mut appender = Appender::open(&file.0).unwrap();
        appender.add(&line("kovan", 1, 1000)).unwrap();
        drop(appender);
        Appender::open(&file.0).unwrap().add(&line("kovan", 2, 3000)).unwrap();
        let records = Records::read(&file.0).unwrap();
        let (build, side) = (Build::new("system", "plain"), Side::new(Group::ThreadLocal, "kovan"));
        // Two threads, two thousand operations per second in the median.
        assert_eq!(records.time(&point(), &build, &side), Some(1e6));
        assert_eq!(records.rounds(), 2);
        assert_eq!(records.hops(&point(), &build), Some((100.0, 200.0)));
    }

    #[test]
    fn a_part_of_a_line_is_left_out_and_then_removed() {
        let file = Temporary::new("part");
        Appender::open(&file.0).unwrap().add(&line("kovan", 1, 1000)).unwrap();
        let whole = std::fs::read_to_string(&file.0).unwrap();
        std::fs::write(&file.0, format!("{whole}pin+load,thread-local,kov")).unwrap();
        assert_eq!(Records::read(&file.0).unwrap().rounds(), 1);
        Appender::open(&file.0).unwrap();
        assert_eq!(std::fs::read_to_string(&file.0).unwrap(), whole);
    }

    #[test]
    fn a_part_of_the_header_is_replaced() {
        let file = Temporary::new("header");
        std::fs::write(&file.0, "cell,gro").unwrap();
        assert!(Records::read(&file.0).unwrap().is_empty());
        Appender::open(&file.0).unwrap();
        assert_eq!(std::fs::read_to_string(&file.0).unwrap(), format!("{HEADER}\n"));
    }

    #[test]
    fn another_file_is_left_alone() {
        let file = Temporary::new("other");
        std::fs::write(&file.0, "a,b\n1,2\n").unwrap();
        assert!(Appender::open(&file.0).unwrap_err().contains("the first line is not"));
        assert!(Records::read(&file.0).is_err());
    }

    #[test]
    fn a_round_that_is_there_twice_is_an_error() {
        let mut records = Records::default();
        records.add(&line("kovan", 1, 1)).unwrap();
        assert!(records.add(&line("kovan", 1, 1)).unwrap_err().contains("twice"));
    }

    #[test]
    fn ratios_are_of_times_and_of_the_same_rounds() {
        let mut records = Records::default();
        for (contender, round, rate) in
            [("kovan", 1, 2000), ("other", 1, 1000), ("kovan", 2, 4000), ("other", 3, 4000)]
        {
            records.add(&line(contender, round, rate)).unwrap();
        }
        let build = Build::new("system", "plain");
        let [ours, theirs] = ["kovan", "other"].map(|name| Side::new(Group::ThreadLocal, name));
        let ratio = records.ratio(&point(), (&build, &ours), (&build, &theirs)).unwrap();
        assert_eq!((ratio.low, ratio.median, ratio.high), (0.5, 0.5, 0.5));
        let best = records.best(&point(), &build, &[ours.clone(), theirs.clone()]);
        assert_eq!(best, Some(ours.clone()));
        let absent = Side::new(Group::Handle, "other");
        assert_eq!(records.best(&point(), &build, &[ours, absent]), None);
    }
}
