//! Tests whether a record meets the goals that the library has.

use crate::build::ALLOCATORS;
use crate::comparison::{KOVAN, PEERS, ROBUST};
use crate::contender::{Contender, Group};
use crate::contenders::{Epoch, Published};
use crate::records::{Build, Point, Records, Side};
use crate::statistics::Summary;
use crate::tables::{larger, main_points, markdown, named, plain_over_fat, profile_points, worse};

/// At how many of its points a goal must be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    All,
    Most,
}

/// A goal, with what was measured of it.
#[derive(Debug)]
struct Goal {
    what: String,
    at: At,
    /// The largest ratio of times that meets the goal.
    limit: f64,
    /// The ratio at each point and with each allocator.
    found: Vec<(String, Option<Summary>)>,
}

/// The cells of which a goal asks for a throughput, and how much of the best peer's.
const THROUGHPUTS: [(&str, At, f64); 8] = [
    ("one cell 95/5", At::All, 1.2),
    ("one cell 50/50", At::All, 1.2),
    ("Treiber stack", At::All, 1.0),
    ("Michael-Scott queue", At::All, 1.0),
    ("hash map 50/25/25", At::All, 1.0),
    ("Treiber stack", At::Most, 1.15),
    ("Michael-Scott queue", At::Most, 1.15),
    ("hash map 50/25/25", At::Most, 1.15),
];

/// Returns the points of a cell in the main tables.
fn points_of(cell: &str) -> Vec<Point> {
    let mut points = main_points();
    points.retain(|point| point.cell == cell);
    points
}

/// Returns a ratio at each of some points, with each allocator.
fn each(
    points: &[Point],
    ratio: impl Fn(&Point, &str) -> Option<Summary>,
) -> Vec<(String, Option<Summary>)> {
    let pairs = points.iter().flat_map(|point| ALLOCATORS.map(|allocator| (point, allocator)));
    pairs
        .map(|(point, allocator)| {
            (format!("{}, {allocator}", named(point)), ratio(point, allocator))
        })
        .collect()
}

/// Returns the ratio to the time of the fastest peer, with the worse profile for ours.
fn to_the_best(records: &Records, point: &Point, allocator: &str) -> Option<Summary> {
    let ours = Side::new(Group::ThreadLocal, KOVAN);
    let peers = PEERS.map(|peer| Side::new(Group::ThreadLocal, peer));
    let ratio = |profile| {
        let build = Build::new(allocator, profile);
        let best = records.best(point, &build, &peers)?;
        records.ratio(point, (&build, &ours), (&build, &best))
    };
    let [plain, fat] = crate::build::PROFILES.map(ratio);
    Some(larger(plain?, fat?))
}

fn goals(records: &Records) -> Vec<Goal> {
    let kovan = Side::new(Group::ThreadLocal, KOVAN);
    let robust = Side::new(Group::ThreadLocal, ROBUST);
    let peer = |name| Side::new(Group::ThreadLocal, name);
    let mut goals = Vec::new();
    for point in profile_points() {
        let found = each(std::slice::from_ref(&point), |point, allocator| {
            plain_over_fat(records, point, allocator, &kovan)
        });
        let what = format!("{}: cargo's default profile over fat LTO", point.cell);
        goals.push(Goal { what, at: At::All, limit: 1.1, found });
    }
    let epoch = <Epoch as Contender>::NAME;
    let published = <Published as Contender>::NAME;
    for (ours, name, cell, theirs, limit) in [
        (&kovan, "kovan", "pin+unpin", epoch, 0.4),
        (&kovan, "kovan", "pin+unpin", published, 0.8),
        (&robust, "the robust collector", "pin+load", published, 1.15),
        (&robust, "the robust collector", "one of 100 loads", published, 1.15),
    ] {
        let found = each(&points_of(cell), |point, allocator| {
            worse(records, point, allocator, ours, &peer(theirs))
        });
        let what = format!("{cell}: {name} over {theirs}");
        goals.push(Goal { what, at: At::All, limit, found });
    }
    let best = |cell: &str| {
        each(&points_of(cell), |point, allocator| to_the_best(records, point, allocator))
    };
    let found = best("swap+retire");
    let what = "swap+retire: kovan over the best peer".to_owned();
    goals.push(Goal { what, at: At::All, limit: 0.75, found });
    for (cell, at, throughput) in THROUGHPUTS {
        let what = format!("{cell}: {throughput} times the throughput of the best peer");
        goals.push(Goal { what, at, limit: 1.0 / throughput, found: best(cell) });
    }
    let cells = ["pin+unpin", "pin+load", "one of 100 loads", "swap+retire"];
    let all: Vec<_> = cells
        .into_iter()
        .chain(THROUGHPUTS.iter().filter(|(_, at, _)| *at == At::All).map(|(cell, ..)| *cell))
        .flat_map(points_of)
        .collect();
    let found = each(&all, |point, allocator| worse(records, point, allocator, &robust, &kovan));
    let what = "every cell above: the robust collector has 0.9 times the default one's throughput";
    goals.push(Goal { what: what.to_owned(), at: At::All, limit: 1.0 / 0.9, found });
    goals
}

impl Goal {
    fn row(&self) -> Vec<String> {
        let at = match self.at {
            At::All => "all",
            At::Most => "most",
        };
        let mut row = vec![self.what.clone(), format!("{:.2}", self.limit), at.to_owned()];
        let measured: Option<Vec<_>> =
            self.found.iter().map(|(name, ratio)| Some((name, (*ratio)?))).collect();
        let Some(measured) = measured.filter(|measured| !measured.is_empty()) else {
            row.extend(["–", "–", "not measured"].map(str::to_owned));
            return row;
        };
        let met = measured.iter().filter(|(_, ratio)| ratio.median <= self.limit).count();
        let enough = match self.at {
            At::All => met == measured.len(),
            At::Most => 2 * met > measured.len(),
        };
        let worst = measured.iter().max_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
        row.push(worst.map_or_else(String::new, |(name, ratio)| format!("{ratio:.2} at {name}")));
        row.push(format!("{met} of {}", measured.len()));
        row.push(if enough { "met" } else { "**not met**" }.to_owned());
        row
    }
}

/// Writes the table of the goals.
#[must_use]
pub fn table(records: &Records) -> String {
    let head = ["goal", "at most", "points", "the largest ratio", "met at", "verdict"];
    let rows: Vec<_> = goals(records).iter().map(Goal::row).collect();
    markdown(&head, &rows)
}

#[cfg(test)]
mod tests {
    use super::{At, Goal, table};
    use crate::records::Records;
    use crate::statistics::Summary;
    use crate::testing::record;

    fn verdict(at: At, medians: &[f64]) -> String {
        let found = medians
            .iter()
            .map(|median| {
                let summary = Summary { median: *median, low: *median, high: *median };
                (String::new(), Some(summary))
            })
            .collect();
        let goal = Goal { what: String::new(), at, limit: 1.0, found };
        goal.row().pop().unwrap()
    }

    #[test]
    fn a_goal_is_met_at_all_or_at_most_points() {
        assert_eq!(verdict(At::All, &[0.9, 1.0]), "met");
        assert_eq!(verdict(At::All, &[0.9, 1.01]), "**not met**");
        assert_eq!(verdict(At::Most, &[0.9, 1.0, 1.01]), "met");
        assert_eq!(verdict(At::Most, &[0.9, 1.01]), "**not met**");
        assert_eq!(verdict(At::All, &[]), "not measured");
    }

    #[test]
    fn a_goal_with_a_gap_is_not_measured() {
        let text = table(&Records::default());
        assert!(text.lines().skip(2).all(|line| line.ends_with("| not measured |")), "{text}");
    }

    #[test]
    fn verdicts_follow_from_the_measurements() {
        let text = table(&record().records);
        let line = |what: &str| text.lines().find(|line| line.contains(what)).unwrap().to_owned();
        // Ours takes 10 and 20 ns, each peer 20, and the robust collector 15 and 30.
        assert!(line("pin+load: cargo's").contains("| 2.00 (2.00–2.00) at pin+load, 1, "));
        assert!(line("pin+load: cargo's").ends_with("| 0 of 2 | **not met** |"));
        assert!(line("Treiber stack: 1 times").ends_with("| 8 of 8 | met |"));
        assert!(line("Treiber stack: 1.15 times").ends_with("| 0 of 8 | **not met** |"));
        assert!(line("robust collector over").ends_with("| 0 of 2 | **not met** |"));
        assert!(line("every cell above").contains("| 1.11 | all | 1.50 (1.50–1.50) at"));
    }
}
