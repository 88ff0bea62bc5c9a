//! Threads that make reclamation hard.

use serde::{Deserialize, Serialize};

/// What the threads of an adversary do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// They stop inside a guard.
    Stalled,
    /// They stop outside of any guard, after an operation.
    Idle,
    /// They keep one guard, and look keys up under it.
    LongReader,
    /// They keep one guard, and insert and remove under it.
    LongWriter,
    /// They stop inside a guard, and begin another one after each period.
    Nap,
    /// Workers sleep, as many as there are threads of the adversary.
    Delayed,
    /// They come, run the workload for a period, exit, and others come.
    Churn,
}

/// Where a thread stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// It is in no guard.
    Outside,
    /// It has pinned, and stops before anything is loaded.
    Pinned,
    /// It is in mid-structure, with all shields set.
    #[default]
    Inside,
    /// It retires a node under a guard, and stops within that.
    InRetire,
    /// It may be anywhere in its operations, also between two guards.
    Anywhere,
}

/// How a thread stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// It waits for a condition variable, and takes no processor time.
    #[default]
    Parked,
    /// It sleeps, a millisecond at a time.
    Sleeping,
    /// It spins, and keeps a processor busy.
    Spinning,
    /// A signal stops it from outside, at whatever instruction it is.
    Stopped,
}

/// An adversary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adversary {
    /// The name in the records.
    pub name: String,
    /// What its threads do.
    pub kind: Kind,
    /// Where they stop.
    #[serde(default)]
    pub at: Point,
    /// How they stop.
    #[serde(default)]
    pub how: Manner,
    /// They begin at this part of the window; absent: before the warm-up.
    pub from: Option<f64>,
    /// They end at this part of the window; absent: after it.
    pub until: Option<f64>,
    /// How many threads there are; absent: as the axis `stalled` says.
    pub count: Option<u32>,
    /// The period of `nap` and `churn`; absent: as the axis `period_ms` says.
    pub period_ms: Option<u64>,
}

impl Adversary {
    /// Threads parked in mid-structure, from before the warm-up until after the window.
    pub fn stalled() -> Self {
        Self {
            name: "stalled".into(),
            kind: Kind::Stalled,
            at: Point::Inside,
            how: Manner::Parked,
            from: None,
            until: None,
            count: None,
            period_ms: None,
        }
    }

    /// Returns whether its threads are workers, and not further threads.
    pub fn is_of_workers(&self) -> bool {
        self.kind == Kind::Delayed
    }

    /// Returns whether its threads stop in the destructor of a value that they retire.
    pub fn stops_in_destructor(&self) -> bool {
        let stops = matches!(self.kind, Kind::Stalled | Kind::Nap | Kind::Delayed);
        stops && self.at == Point::InRetire && self.how != Manner::Stopped
    }

    /// Returns whether its threads retire nodes before they stop, or while they hold a guard.
    pub fn works_first(&self) -> bool {
        let works = matches!(self.kind, Kind::Delayed | Kind::LongWriter);
        works || self.at == Point::InRetire || self.how == Manner::Stopped
    }

    /// Returns whether its threads may stop where they hold a lock that others need, of a scheme or of the
    /// allocator.
    pub fn may_hold_locks(&self) -> bool {
        self.stops_in_destructor() || self.how == Manner::Stopped
    }

    /// Returns whether its threads are inside of a guard at some time for longer than an operation takes.
    pub fn holds_guards(&self) -> bool {
        match self.kind {
            Kind::Idle | Kind::Churn => false,
            Kind::Stalled | Kind::Nap | Kind::Delayed => self.at != Point::Outside,
            Kind::LongReader | Kind::LongWriter => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_retires_nodes_has_worked_before_it_stops() {
        let of = |kind, at, how| Adversary { kind, at, how, ..Adversary::stalled() }.works_first();
        assert!(!of(Kind::Stalled, Point::Inside, Manner::Parked));
        assert!(!of(Kind::LongReader, Point::Inside, Manner::Parked));
        assert!(!of(Kind::Nap, Point::Pinned, Manner::Sleeping));
        assert!(of(Kind::Stalled, Point::InRetire, Manner::Parked));
        assert!(of(Kind::Stalled, Point::Inside, Manner::Stopped));
        assert!(of(Kind::Delayed, Point::Inside, Manner::Parked), "a worker");
        assert!(of(Kind::LongWriter, Point::Inside, Manner::Parked), "a guard of removals");
    }
}
