//! Says whether there are enough repeats: which intervals are narrow, and how much time is left.

use std::collections::BTreeMap;
use std::time::Duration;

use kovan_harness::stats::Interval;
use kovan_harness::stats::sign::median_interval;
use kovan_lab_base::data::{Further, MetricInfo, Share, Stop, TrialId, Wide};

use crate::results::Sample;

/// The values of each cell, in the order in which they were measured.
pub(super) struct Values {
    metric: Option<&'static MetricInfo>,
    of: BTreeMap<TrialId, Vec<f64>>,
}

impl Values {
    /// No values yet of a metric.
    pub(super) fn new(metric: &str) -> Self {
        Self { metric: MetricInfo::of(metric), of: BTreeMap::new() }
    }

    /// Adds what a row says, if it was measured.
    pub(super) fn add(&mut self, row: &Sample) {
        let value = self.metric.filter(|_| row.is_ok()).and_then(|of| of.get(&row.metrics));
        if let Some(value) = value {
            self.of.entry(row.id.cell()).or_default().push(value);
        }
    }

    /// The cells whose interval is wider than `target` to each side of its middle, the widest first. A cell
    /// of which nothing was measured is not among them.
    pub(super) fn wide(&self, target: Share) -> Vec<Wide> {
        let mut wide: Vec<Wide> = self.of.iter().filter_map(|of| wide_of(of, target)).collect();
        let width = |of: &Wide| of.half_width.unwrap_or(f64::INFINITY);
        wide.sort_by(|one, two| width(two).total_cmp(&width(one)));
        wide
    }
}

fn wide_of((id, values): (&TrialId, &Vec<f64>), Share(target): Share) -> Option<Wide> {
    let interval = median_interval(values, kovan_harness::stats::CONFIDENCE);
    // What is always the same is as narrow as can be, also where it is 0.
    let is_point = |of: &Interval| of.low >= of.high;
    // The rule is about both sides together.
    if interval.is_some_and(|of| is_point(&of) || of.is_narrow(2.0 * target)) {
        return None;
    }
    let half_width = interval.and_then(|of| of.relative_width()).map(|width| width / 2.0);
    let name = id.name();
    let cell = name.strip_suffix("repeat=0").unwrap_or(&name).trim_end().to_string();
    Some(Wide { cell, half_width })
}

/// Says whether another block begins, after `done` of them in so much time; where a block takes so long.
pub(super) fn stop(
    further: &Further,
    wide: &[Wide],
    done: u32,
    spent: Duration,
    block: Duration,
) -> Option<Stop> {
    let is_spent = |budget: kovan_lab_base::data::Time| (spent + block).as_secs_f64() > budget.0;
    if further.until_narrow.is_some() && wide.is_empty() {
        Some(Stop::Narrow)
    } else if done >= further.most() {
        Some(Stop::MostRepeats)
    } else {
        further.budget.is_some_and(is_spent).then_some(Stop::Budget)
    }
}
