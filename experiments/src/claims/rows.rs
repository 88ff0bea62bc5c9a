//! The values of cells, block by block.

use std::collections::BTreeMap;

use kovan_harness::stats::location::geometric_mean;
use kovan_lab_base::data::{MetricInfo, TrialId};

use super::cells::{Case, Form};
use super::verdict::BOUNDLESS;
use crate::results::{RoleRow, Sample, Status};
use crate::spec::Claim;

/// Rows by their cells and repeats.
pub(super) struct Rows<'a> {
    samples: BTreeMap<TrialId, BTreeMap<u32, &'a Sample>>,
    roles: BTreeMap<(TrialId, &'a str), &'a RoleRow>,
}

/// The values of blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    /// The value of each repeat.
    pub(super) values: BTreeMap<u32, f64>,
    /// Blocks that are left out, since other programs disturbed a row.
    pub(super) disturbed: usize,
    /// Blocks that are left out, since the rows are of several machines or builds.
    pub(super) spread: usize,
    /// Blocks in which nothing is over nothing.
    pub(super) undefined: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn of(samples: &'a [Sample], roles: &'a [RoleRow]) -> Self {
        let mut all: BTreeMap<TrialId, BTreeMap<u32, &Sample>> = BTreeMap::new();
        for row in samples {
            all.entry(row.id.cell()).or_default().insert(row.id.repeat, row);
        }
        let roles = roles.iter().map(|row| ((row.id.clone(), row.value.role.as_str()), row));
        Self { samples: all, roles: roles.collect() }
    }

    /// The cells that have rows.
    pub(super) fn cells(&self) -> impl Iterator<Item = TrialId> {
        self.samples.keys().cloned()
    }

    /// About how long the rows of a cell took.
    #[allow(clippy::cast_precision_loss)] // A time.
    pub(super) fn seconds(&self, id: &TrialId) -> f64 {
        let rows = self.samples.get(id).map_or(0, BTreeMap::len);
        rows as f64 * (id.seconds.0.as_secs_f64() + 0.15)
    }

    fn rows(&self, id: &TrialId) -> impl Iterator<Item = &'a Sample> {
        self.samples.get(id).into_iter().flat_map(BTreeMap::values).copied()
    }

    /// Why a case cannot be tested by these rows.
    pub(super) fn lack(&self, claim: &Claim, case: &Case) -> Option<String> {
        case.cells.iter().find_map(|id| {
            let mut measured = self.rows(id).filter(|row| row.is_ok()).peekable();
            if measured.peek().is_none() {
                let failed = self.rows(id).next();
                let told = failed.map_or_else(
                    || "not measured".into(),
                    |row| {
                        let what = match row.status {
                            Status::Refused => "refused",
                            Status::Timeout => "timeout",
                            Status::Error | Status::Ok => "failed",
                        };
                        format!("{what}: {}", row.error)
                    },
                );
                return Some(format!("{} {}: {told}", id.scheme, id.structure));
            }
            let has_value = measured.any(|row| self.value(claim, row).is_some());
            let metric = claim.metric().unwrap_or_default();
            (!has_value).then(|| format!("{} {}: no row has `{metric}`", id.scheme, id.structure))
        })
    }

    /// The value of a row.
    fn value(&self, claim: &Claim, row: &Sample) -> Option<f64> {
        let metric = claim.metric()?;
        if let Some(role) = &claim.role {
            let of_role = &self.roles.get(&(row.id.clone(), role.as_str()))?.value;
            let number = if metric == "ops" { of_role.ops } else { of_role.ops_per_second };
            #[allow(clippy::cast_precision_loss)] // For statistics.
            return Some(number as f64);
        }
        let value = MetricInfo::of(metric)?.get(&row.metrics)?;
        let Some(per) = &claim.per else { return Some(value) };
        let divisor = match MetricInfo::of(per) {
            Some(info) => info.get(&row.metrics)?,
            None => row.id.get(per)?.number?,
        };
        (divisor > 0.0).then_some(value / divisor)
    }

    /// The values of a case in each block in which all of its cells were measured.
    pub(super) fn blocks(&self, claim: &Claim, case: &Case) -> Blocks {
        let mut blocks = Blocks::default();
        let Some(first) = case.cells.first().and_then(|id| self.samples.get(id)) else {
            return blocks;
        };
        for repeat in first.keys() {
            let row = |id: &TrialId| {
                let row = self.samples.get(id)?.get(repeat).copied()?;
                row.is_ok().then_some(row)
            };
            let rows: Option<Vec<&Sample>> = case.cells.iter().map(row).collect();
            let Some(rows) = rows else { continue };
            let values: Option<Vec<f64>> = rows.iter().map(|row| self.value(claim, row)).collect();
            let Some(values) = values else { continue };
            if rows.iter().any(|row| row.block() != rows[0].block()) {
                blocks.spread += 1;
            } else if rows.iter().any(|row| row.is_disturbed()) {
                blocks.disturbed += 1;
            } else if let Some(value) = combine(case.form, &values) {
                blocks.values.insert(*repeat, value);
            } else {
                blocks.undefined += 1;
            }
        }
        blocks
    }

    /// The values and their limits of a cell: of a bound each row counts, whatever disturbed it.
    pub(super) fn bounds(&self, claim: &Claim, id: &TrialId) -> Vec<(f64, f64)> {
        let measured = self.rows(id).filter(|row| row.is_ok());
        let pair = |row: &Sample| {
            let declared = MetricInfo::of("unreclaimed_bound")?.get(&row.metrics);
            let limit = claim.most.or(declared)?;
            Some((self.value(claim, row)?, limit + claim.tolerance))
        };
        measured.filter_map(pair).collect()
    }
}

/// The number that a block has; none where nothing is over nothing.
fn combine(form: Form, values: &[f64]) -> Option<f64> {
    let over = |one: f64, two: f64| {
        if two > 0.0 { Some((one / two).min(BOUNDLESS)) } else { (one > 0.0).then_some(BOUNDLESS) }
    };
    match (form, values) {
        (Form::Value, [value]) => Some(*value),
        (Form::Ratio, [one, two]) => over(*one, *two),
        (Form::Ratio, [one, two, three, four]) => over(over(*one, *two)?, over(*three, *four)?),
        (Form::Spread, values) => {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if greatest > least { over(greatest, least) } else { Some(1.0) }
        }
        _ => None,
    }
}

/// The geometric means of cases, of the blocks that all of them have.
pub(super) fn means(all: &[Blocks]) -> Vec<f64> {
    let Some(first) = all.first() else { return Vec::new() };
    let mean = |repeat: &u32| {
        let values: Option<Vec<f64>> =
            all.iter().map(|blocks| blocks.values.get(repeat).copied()).collect();
        geometric_mean(&values?)
    };
    first.values.keys().filter_map(mean).collect()
}
