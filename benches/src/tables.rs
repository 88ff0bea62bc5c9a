//! The tables of the documents, from the measurements of a record.

use crate::build::{ALLOCATORS, PROFILES};
use crate::comparison::{
    ALL_BYTES, BASELINES, BYTES, KOVAN, PEERS, PEERS_WITH_HANDLES, ROBUST, allocates, points,
};
use crate::contender::Group;
use crate::goals;
use crate::manifest::Manifest;
use crate::records::{Build, Point, Records, Side};
use crate::statistics::Summary;

/// A record: what was measured, and where.
#[derive(Debug)]
pub struct Record {
    /// The name of its files.
    pub name: String,
    /// Where and how it was made.
    pub manifest: Manifest,
    /// The measurements.
    pub records: Records,
}

/// What stands in the place of every table as long as nothing was measured.
pub const NOTHING: &str = "There are no records yet: `benches/measure` makes them.";
/// What stands in the place of a number that was not measured.
const ABSENT: &str = "–";

/// Writes the table of that name. Returns nothing if there is no such table.
#[must_use]
pub fn table(name: &str, record: Option<&Record>) -> Option<String> {
    let write: fn(&Record) -> String = match name {
        "record" => record_line,
        "summary" => |record| {
            format!("{}\n{}", peers(record, Group::ThreadLocal, &summary()), record_line(record))
        },
        "thread-local" => |record| peers(record, Group::ThreadLocal, &main_points()),
        "handle" => |record| peers(record, Group::Handle, &main_points()),
        "node-sizes" => {
            |record| peers(record, Group::ThreadLocal, &points_of(&[ALL_BYTES[0], ALL_BYTES[2]]))
        }
        "baselines" => baselines,
        "robust" => robust,
        "profiles" => profiles,
        "goals" => |record| goals::table(&record.records),
        _ => return None,
    };
    Some(record.map_or_else(|| format!("{NOTHING}\n"), write))
}

impl Record {
    /// Returns the median time of a contender with the slower of the two profiles, in nanoseconds.
    fn time(&self, point: &Point, allocator: &str, side: &Side) -> Option<f64> {
        let time = |profile| self.records.time(point, &Build::new(allocator, profile), side);
        Some(f64::max(time(PROFILES[0])?, time(PROFILES[1])?))
    }
}

/// Returns the ratio of times with the profile where it is larger, which is the worse one for `ours`.
#[must_use]
pub fn worse(
    records: &Records,
    point: &Point,
    allocator: &str,
    ours: &Side,
    theirs: &Side,
) -> Option<Summary> {
    let ratio = |profile| {
        let build = Build::new(allocator, profile);
        records.ratio(point, (&build, ours), (&build, theirs))
    };
    Some(larger(ratio(PROFILES[0])?, ratio(PROFILES[1])?))
}

/// Returns the summary with the larger median.
#[must_use]
pub fn larger(a: Summary, b: Summary) -> Summary {
    if a.median >= b.median { a } else { b }
}

/// Returns the points with nodes of these sizes. Cells that allocate nothing are with the size of the main
/// tables.
fn points_of(bytes: &[usize]) -> Vec<Point> {
    let mut points = points();
    points.retain(|point| {
        let size = if allocates(&point.cell) { point.bytes } else { BYTES };
        bytes.contains(&size)
    });
    points
}

/// Returns the points of the main tables.
#[must_use]
pub fn main_points() -> Vec<Point> {
    points_of(&[BYTES])
}

/// Returns the points of the table in the README.
fn summary() -> Vec<Point> {
    let mut points = main_points();
    points.retain(|point| match point.cell.as_str() {
        "pin+unpin" | "pin+load" | "swap+retire" => true,
        "one cell 95/5" | "one cell 50/50" => point.threads != 4,
        "Treiber stack" | "Michael-Scott queue" => [2, 8].contains(&point.threads),
        "hash map 50/25/25" => point.threads != 4,
        _ => false,
    });
    points
}

/// Lays out a table in Markdown.
#[must_use]
pub fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<_> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(&head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// Names a point in the first column.
#[must_use]
pub fn named(point: &Point) -> String {
    let Point { cell, bytes, threads } = point;
    if *bytes == BYTES || !allocates(cell) {
        format!("{cell}, {threads}")
    } else {
        format!("{cell}, {bytes} bytes, {threads}")
    }
}

fn ratio(summary: Option<Summary>) -> String {
    summary.map_or_else(|| ABSENT.to_owned(), |summary| format!("{summary:.2}"))
}

fn nanoseconds(time: Option<f64>) -> String {
    time.map_or_else(|| ABSENT.to_owned(), |time| format!("{time:.2}"))
}

/// Writes the time of ours, and its ratios to the times of the peers.
fn peers(record: &Record, group: Group, points: &[Point]) -> String {
    let all: &[&str] = match group {
        Group::ThreadLocal => &PEERS,
        Group::Handle => &PEERS_WITH_HANDLES,
    };
    against(record, group, points, all)
}

fn against(record: &Record, group: Group, points: &[Point], all: &[&str]) -> String {
    let columns: Vec<_> = all.iter().map(|name| format!("/ {name}")).collect();
    let mut head = vec!["cell, threads", "allocator", "kovan, ns"];
    head.extend(columns.iter().map(String::as_str));
    let ours = Side::new(group, KOVAN);
    let mut rows = Vec::new();
    for point in points {
        for allocator in ALLOCATORS {
            let time = nanoseconds(record.time(point, allocator, &ours));
            let mut row = vec![named(point), allocator.to_owned(), time];
            row.extend(all.iter().map(|name| {
                let theirs = Side::new(group, name);
                ratio(worse(&record.records, point, allocator, &ours, &theirs))
            }));
            rows.push(row);
        }
    }
    markdown(&head, &rows)
}

/// Writes the table of what reclaims nothing, and of reference counts behind locks.
fn baselines(record: &Record) -> String {
    let mut points = main_points();
    let cells = ["pin+load", "swap+retire", "one cell 95/5", "one cell 50/50"];
    points.retain(|point| cells.contains(&point.cell.as_str()));
    against(record, Group::ThreadLocal, &points, &BASELINES)
}

/// Writes the ratios of the robust collector to the default one, in both groups.
fn robust(record: &Record) -> String {
    let head = ["cell, threads", "allocator", "thread-local", "handle"];
    let mut rows = Vec::new();
    for point in main_points() {
        for allocator in ALLOCATORS {
            let [local, handle] = Group::ALL.map(|group| {
                let [ours, theirs] = [ROBUST, KOVAN].map(|name| Side::new(group, name));
                ratio(worse(&record.records, &point, allocator, &ours, &theirs))
            });
            rows.push(vec![named(&point), allocator.to_owned(), local, handle]);
        }
    }
    markdown(&head, &rows)
}

/// The cells in which profiles are compared.
pub const PROFILE_CELLS: [&str; 3] = ["pin+unpin", "pin+load", "swap+retire"];

/// Returns the points at which profiles are compared.
#[must_use]
pub fn profile_points() -> Vec<Point> {
    let mut points = main_points();
    points.retain(|point| PROFILE_CELLS.contains(&point.cell.as_str()));
    points
}

/// Returns the time with cargo's defaults over the time with fat LTO.
#[must_use]
pub fn plain_over_fat(
    records: &Records,
    point: &Point,
    allocator: &str,
    side: &Side,
) -> Option<Summary> {
    let [plain, fat] = PROFILES.map(|profile| Build::new(allocator, profile));
    records.ratio(point, (&plain, side), (&fat, side))
}

/// Writes the ratio of each library with one profile to itself with the other.
fn profiles(record: &Record) -> String {
    let names: Vec<_> = [KOVAN, ROBUST].into_iter().chain(PEERS).collect();
    let mut head = vec!["cell, threads", "allocator"];
    head.extend(&names);
    let mut rows = Vec::new();
    for point in profile_points() {
        for allocator in ALLOCATORS {
            let mut row = vec![named(&point), allocator.to_owned()];
            row.extend(names.iter().map(|name| {
                let side = Side::new(Group::ThreadLocal, name);
                ratio(plain_over_fat(&record.records, &point, allocator, &side))
            }));
            rows.push(row);
        }
    }
    markdown(&head, &rows)
}

/// Writes where and how the record was made.
fn record_line(record: &Record) -> String {
    let Manifest {
        date,
        commit,
        modified,
        processor,
        processors,
        kernel,
        rustc,
        c_library,
        libraries,
        window_ms,
    } = &record.manifest;
    let sources = if *modified { " with changes" } else { "" };
    format!(
        "Record `{}` of {}: {processor}, {processors} processors, {kernel}, {rustc}, {c_library}. \
         {} rounds of {window_ms} ms. Sources: commit {}{sources}. Other libraries: {libraries}.\n",
        record.name,
        date.get(..10).unwrap_or(date),
        record.records.rounds(),
        commit.get(..12).unwrap_or(commit),
    )
}

#[cfg(test)]
mod tests {
    use super::{NOTHING, main_points, named, points_of, summary, table};
    use crate::comparison::points;
    use crate::testing::record;

    #[test]
    fn a_table_without_records_says_so() {
        assert_eq!(table("thread-local", None).unwrap(), format!("{NOTHING}\n"));
        assert_eq!(table("another", None), None);
    }

    #[test]
    fn a_table_shows_the_worse_profile() {
        // Ours takes 10 ns with one profile and 20 with the other, every peer 20 ns.
        let text = table("thread-local", Some(&record())).unwrap();
        let expected = "| pin+load, 1 | system | 20.00 | 1.00 (1.00–1.00) |";
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("| – |"), "{text}");
    }

    #[test]
    fn profiles_are_compared_with_each_other() {
        let text = table("profiles", Some(&record())).unwrap();
        assert!(text.contains("| pin+unpin, 1 | mimalloc | 2.00 (2.00–2.00) |"), "{text}");
    }

    #[test]
    fn an_unfinished_record_has_gaps() {
        let mut record = record();
        record.records = crate::records::Records::default();
        let text = table("summary", Some(&record)).unwrap();
        assert!(text.contains("| pin+load, 1 | system | – | – | – | – | – | – |"), "{text}");
    }

    #[test]
    fn points_have_the_sizes_asked_for_and_say_so() {
        assert!(summary().len() > 10);
        let main = main_points();
        assert!(main.iter().all(|point| !named(point).contains("bytes")));
        let others = points_of(&[8, 256]);
        assert!(others.iter().all(|point| named(point).contains("bytes")), "{others:?}");
        assert_eq!(main.len() + others.len(), points().len());
    }
}
