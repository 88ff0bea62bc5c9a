//! Which cells a claim is about.

use std::collections::{BTreeMap, BTreeSet};

use kovan_lab_base::data::{AXES, BUCKETS, Settings, TrialId, parameter_name};

use crate::spec::{Claim, ClaimKind, Selector, ThreadCount, Values};

/// Cells whose values are one number for each block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) form: Form,
    /// The cells, with 0 as their repeat.
    pub(super) cells: Vec<TrialId>,
}

/// What is made of the values of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The value of the only cell.
    Value,
    /// The first over the second; of four, over the third over the fourth.
    Ratio,
    /// The largest over the smallest.
    Spread,
}

/// The axes that say which adversary there is.
const OF_ADVERSARY: [&str; 3] = ["adversary", "stalled", "period_ms"];

/// Chooses among cells on a machine with so many processors.
pub(super) struct Chooser<'a> {
    /// All cells, with 0 as their repeat.
    pub(super) cells: &'a BTreeSet<TrialId>,
    pub(super) processors: u32,
}

impl Chooser<'_> {
    /// The cases of a claim; none where no cell matches.
    pub(super) fn cases(&self, claim: &Claim) -> Vec<Case> {
        let case = |form, cells| Case { form, cells };
        match claim.kind {
            ClaimKind::Growth | ClaimKind::Value | ClaimKind::Bound => {
                let each = self.matching(claim, &claim.of);
                each.map(|id| case(Form::Value, vec![id.clone()])).collect()
            }
            ClaimKind::Ratio | ClaimKind::Jump => {
                let over = claim.over.clone().unwrap_or_default();
                let pairs = self.matching(claim, &claim.of).flat_map(|id| {
                    self.partners(claim, id, &over).map(|other| vec![id.clone(), other.clone()])
                });
                let Some(against) = &claim.against else {
                    return pairs.map(|cells| case(Form::Ratio, cells)).collect();
                };
                let elsewhere = |cells: Vec<TrialId>| -> Vec<Case> {
                    let one = self.partners(claim, &cells[0], against);
                    let four = one.flat_map(|third| {
                        let cells = &cells;
                        self.partners(claim, third, &over)
                            .filter(|id| self.is_partner(&cells[1], id, against))
                            .map(move |fourth| {
                                [&cells[..], &[third.clone(), fourth.clone()]].concat()
                            })
                    });
                    four.map(|cells| case(Form::Ratio, cells)).collect()
                };
                pairs.flat_map(elsewhere).collect()
            }
            ClaimKind::Order => {
                let order = claim.order.as_deref().unwrap_or_default();
                let steps = order.windows(2).flat_map(|step| {
                    self.matching(claim, &step[0]).flat_map(|less| {
                        // The greater one is the numerator.
                        self.partners(claim, less, &step[1])
                            .map(|more| case(Form::Ratio, vec![more.clone(), less.clone()]))
                    })
                });
                steps.collect()
            }
            ClaimKind::Flat => {
                let axis = claim.across.as_deref().unwrap_or_default();
                let mut groups: BTreeMap<TrialId, Vec<TrialId>> = BTreeMap::new();
                for id in self.matching(claim, &claim.of) {
                    let mut rest = without(id, axis);
                    if axis == "workload" && self.ranges_follow_workloads() {
                        rest.key_range = 0;
                    }
                    groups.entry(rest).or_default().push(id.clone());
                }
                let groups = groups.into_values().filter(|cells| cells.len() > 1);
                groups.map(|cells| case(Form::Spread, cells)).collect()
            }
        }
    }

    /// The cells that have what is common to all, and what the selector says.
    fn matching<'s>(
        &'s self,
        claim: &'s Claim,
        selector: &'s Selector,
    ) -> impl Iterator<Item = &'s TrialId> {
        self.cells.iter().filter(move |id| {
            // What a selector says of an axis replaces what is common.
            let common = claim.at.iter().filter(|(axis, _)| !selector.contains_key(*axis));
            common.chain(selector).all(|(axis, values)| self.has(id, axis, values))
        })
    }

    /// The cells that differ from one in what the selector says only.
    fn partners<'s>(
        &'s self,
        claim: &'s Claim,
        of: &'s TrialId,
        selector: &'s Selector,
    ) -> impl Iterator<Item = &'s TrialId> {
        let matching = self.matching(claim, selector);
        matching.filter(move |id| *id != of && self.is_partner(of, id, selector))
    }

    fn is_partner(&self, of: &TrialId, other: &TrialId, selector: &Selector) -> bool {
        let names = |axis: &str| selector.contains_key(axis);
        let is_alone = of.stalled == 0 || other.stalled == 0;
        let has_none = is_alone && OF_ADVERSARY.iter().any(|axis| names(axis));
        let brings_range = names("workload") && self.ranges_follow_workloads();
        let is_same = |axis: &str| {
            names(axis)
                || (brings_range && axis == "key_range")
                || (has_none && OF_ADVERSARY.contains(&axis))
                || of.get(axis) == other.get(axis)
        };
        let axes = AXES.iter().map(|info| info.name).filter(|axis| *axis != "parameters");
        axes.into_iter().all(is_same)
            && selector.iter().all(|(axis, values)| self.has(other, axis, values))
            && same_parameters(of, other, selector)
    }

    /// Returns whether each workload has a key range of its own, so that the range is no axis beside it.
    fn ranges_follow_workloads(&self) -> bool {
        let mut ranges: BTreeMap<&str, u64> = BTreeMap::new();
        self.cells
            .iter()
            .all(|id| *ranges.entry(&id.workload).or_insert(id.key_range) == id.key_range)
    }

    /// Returns whether a cell has one of the values.
    fn has(&self, id: &TrialId, axis: &str, values: &Values) -> bool {
        if let Some((owner, _)) = axis.split_once('.') {
            // A parameter says nothing of cells of others.
            if owner != id.scheme && owner != id.structure {
                return true;
            }
        }
        let Some(own) = id.get(axis) else { return false };
        values.all().iter().any(|value| {
            let text = value.to_string();
            if axis == "threads" {
                let count: Result<ThreadCount, _> = text.parse();
                return count.is_ok_and(|count| count.resolve(self.processors) == id.threads);
            }
            if axis.contains('.') {
                return own.text == text;
            }
            let mut other = id.clone();
            other.set(axis, &text).is_ok() && other.get(axis).as_ref() == Some(&own)
        })
    }
}

/// Parameters that both may have are the same, but for those that the selector names. Where the schemes differ,
/// those of schemes are of no matter.
fn same_parameters(of: &TrialId, other: &TrialId, selector: &Selector) -> bool {
    let named: BTreeSet<&str> = selector
        .keys()
        .filter(|axis| axis.contains('.'))
        .map(|axis| parameter_name(axis))
        .collect();
    let shared = |id: &TrialId| -> BTreeMap<String, u64> {
        let is_shared = |name: &str| {
            if name == BUCKETS {
                of.structure == other.structure
            } else {
                of.scheme == other.scheme
            }
        };
        let all = id.parameters.0.iter();
        let all = all.filter(|(name, _)| is_shared(name) && !named.contains(name.as_str()));
        all.map(|(name, value)| (name.clone(), *value)).collect()
    };
    shared(of) == shared(other)
}

/// The cell with the usual value on an axis.
fn without(id: &TrialId, axis: &str) -> TrialId {
    let mut id = id.clone();
    if axis.contains('.') {
        id.parameters.0.remove(parameter_name(axis));
        return id;
    }
    let axes = if OF_ADVERSARY.contains(&axis) && axis != "period_ms" {
        &OF_ADVERSARY[..]
    } else {
        &[axis][..]
    };
    let usual = TrialId::default();
    for axis in axes {
        if *axis == "parameters" {
            id.parameters = Settings::default();
        } else if let Some(value) = usual.get(axis) {
            let _ = id.set(axis, &value.text);
        }
    }
    id
}

/// Names of the cases: what differs between them, and within each.
pub(super) fn names(cases: &[Case]) -> Vec<String> {
    let all: Vec<&TrialId> = cases.iter().flat_map(|case| &case.cells).collect();
    let axes = || AXES.iter().map(|info| info.name);
    let swept = swept_parameters(&all);
    let text = |id: &TrialId, axis: &str| {
        if axis == "parameters" {
            let own = id.parameters.0.iter().filter(|(name, _)| swept.contains(name.as_str()));
            return Settings(own.map(|(name, value)| (name.clone(), *value)).collect()).to_string();
        }
        id.get(axis).map(|value| value.text).unwrap_or_default()
    };
    let differs = |ids: &mut dyn Iterator<Item = &TrialId>, axis: &str| {
        ids.map(|id| text(id, axis)).collect::<BTreeSet<_>>().len() > 1
    };
    let shown: Vec<&str> = axes().filter(|axis| differs(&mut all.iter().copied(), axis)).collect();
    let name = |case: &Case| {
        let (within, between): (Vec<&str>, Vec<&str>) =
            shown.iter().partition(|axis| differs(&mut case.cells.iter(), axis));
        // One cell is known by its scheme.
        let within =
            if within.is_empty() && !shown.contains(&"scheme") { vec!["scheme"] } else { within };
        let of = |id: &TrialId| {
            let parts = within.iter().map(|axis| part(axis, &text(id, axis)));
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        };
        let cells: Vec<String> = match case.form {
            Form::Value => case.cells.iter().take(1).map(of).collect(),
            Form::Ratio | Form::Spread => case.cells.iter().map(of).collect(),
        };
        let cells = cells.join(if case.form == Form::Spread { ", " } else { " / " });
        let rest = between.iter().map(|axis| part(axis, &text(&case.cells[0], axis)));
        let parts = [cells].into_iter().chain(rest).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(", ")
    };
    cases.iter().map(name).collect()
}

/// The parameters that have several values under the same scheme and structure. The others say nothing beyond these.
fn swept_parameters<'a>(all: &[&'a TrialId]) -> BTreeSet<&'a str> {
    let mut values: BTreeMap<(&str, &str, &str), BTreeSet<u64>> = BTreeMap::new();
    for id in all {
        for (name, value) in &id.parameters.0 {
            values.entry((&id.scheme, &id.structure, name)).or_default().insert(*value);
        }
    }
    let several = values.into_iter().filter(|(_, values)| values.len() > 1);
    several.map(|((_, _, name), _)| name).collect()
}

/// The value of an axis in a name.
fn part(axis: &str, value: &str) -> String {
    match axis {
        // The number of stalled threads tells these apart.
        "adversary" if ["none", "stalled"].contains(&value) => String::new(),
        "scheme" | "structure" | "workload" | "adversary" | "allocator" | "parameters" => {
            value.into()
        }
        _ => format!("{axis}={value}"),
    }
}
