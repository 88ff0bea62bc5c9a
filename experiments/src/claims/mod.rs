//! Claims of papers against records: reproduced, refuted, not resolved, or not testable here.
//!
//! A claim is about cells of a spec. Its blocks are the repeats in which all of its cells were measured; ratios are
//! taken within a block, never between medians. What decides is the interval of the sign test for the median of
//! the blocks, against what the claim allows: a claim is reproduced only if all of the interval is allowed, and
//! refuted only if nothing of it is.

mod cells;
mod rows;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use kovan_lab_base::data::TrialId;
use kovan_lab_base::system::machine::Machine;

use self::cells::{Case, Chooser};
use self::rows::{Blocks, Rows};
use self::verdict::{Ruling, judge, judge_bound, together};
use crate::plan::{Overrides, Plan};
use crate::results::manifest::Manifest;
use crate::results::{RoleRow, Sample};
use crate::spec::{Claim, ClaimKind, ScaleName, Source};

pub(crate) use self::verdict::{Allowed, Ends, Finding, Verdict, blocks_are};

/// What records say of one claim.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The claim.
    pub(crate) claim: Claim,
    /// What it allows; of a bound that schemes declare, no limits.
    pub(crate) allowed: Allowed,
    /// The verdict on all of its cells.
    pub(crate) verdict: Verdict,
    /// Why, where the parts do not say it.
    pub(crate) why: String,
    /// The verdicts on the parts.
    pub(crate) cases: Vec<Judged>,
    /// About how many seconds its cells took, with all repeats.
    pub(crate) seconds: f64,
}

/// The verdict on the cells that a claim compares with each other.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// The values of the axes that tell it from others.
    pub(crate) name: String,
    /// What was measured, where something was.
    pub(crate) finding: Option<Finding>,
    /// Blocks that count.
    pub(crate) blocks: usize,
    /// Blocks that are left out, since other programs disturbed a row.
    pub(crate) disturbed: usize,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// Why, where the numbers do not say it.
    pub(crate) why: String,
}

/// What claims are held against.
pub(crate) struct Records<'a> {
    /// Rows of `samples.csv`.
    pub(crate) samples: &'a [Sample],
    /// Rows of `roles.csv`.
    pub(crate) roles: &'a [RoleRow],
    /// Cells that were planned, measured or not, with any repeat.
    pub(crate) planned: Vec<TrialId>,
    /// The machine that measured.
    pub(crate) machine: &'a Machine,
    /// Its hardware threads, which relative thread counts are of.
    pub(crate) processors: u32,
}

impl<'a> Records<'a> {
    /// The records of a folder. What was planned is in its manifest, but for those of older versions.
    pub(crate) fn of(
        source: &Source,
        manifest: &'a Manifest,
        samples: &'a [Sample],
        roles: &'a [RoleRow],
    ) -> Self {
        let overrides = manifest.overrides.as_ref();
        Self {
            samples,
            roles,
            planned: manifest.planned(source),
            machine: &manifest.machine,
            processors: overrides
                .map_or_else(|| manifest.machine.hardware_threads(), |with| with.processors),
        }
    }

    /// Holds the claims of a spec against them.
    pub(crate) fn judge(&self, claims: &[Claim]) -> Vec<Outcome> {
        let rows = Rows::of(self.samples, self.roles);
        let planned = self.planned.iter().map(TrialId::cell);
        let cells: BTreeSet<TrialId> = planned.chain(rows.cells()).collect();
        let chooser = Chooser { cells: &cells, processors: self.processors };
        claims.iter().map(|claim| self.judge_claim(claim, &chooser, &rows)).collect()
    }

    fn judge_claim(&self, claim: &Claim, chooser: &Chooser<'_>, rows: &Rows<'_>) -> Outcome {
        let allowed = Allowed::of(claim);
        let outcome = |verdict, why, cases, seconds| {
            let claim = claim.clone();
            Outcome { claim, allowed, verdict, why, cases, seconds }
        };
        let not_testable = |why| outcome(Verdict::NotTestable, why, Vec::new(), 0.0);
        if let Some(told) = self.lacks(claim) {
            return not_testable(told);
        }
        let cases = chooser.cases(claim);
        if cases.is_empty() {
            let told =
                "no cell of this run matches; another scale or fewer filters would have some";
            return not_testable(told.into());
        }
        let used: BTreeSet<&TrialId> = cases.iter().flat_map(|case| &case.cells).collect();
        let seconds = used.iter().map(|id| rows.seconds(id)).sum();
        let parts: Vec<(String, Part)> = if claim.together {
            vec![judge_mean(claim, allowed, &cases, rows)]
        } else {
            let each = cases.iter().map(|case| judge_case(claim, allowed, case, rows));
            cells::names(&cases).into_iter().zip(each).collect()
        };
        let (verdict, why) = together(parts.iter().map(|(_, (_, _, ruling))| ruling));
        let judged = parts.into_iter().map(|(name, (blocks, disturbed, ruling))| {
            let Ruling { finding, verdict, why, .. } = ruling;
            Judged { name, finding, blocks, disturbed, verdict, why }
        });
        outcome(verdict, why, judged.collect(), seconds)
    }

    /// What the claim needs and the machine or the records do not have.
    fn lacks(&self, claim: &Claim) -> Option<String> {
        let needs = &claim.needs;
        let has = self.machine.capacity();
        let wanted = needs.cores.filter(|wanted| has.is_none_or(|has| has < f64::from(*wanted)));
        if let Some(wanted) = wanted {
            let has = has.map_or_else(|| "an unknown number".into(), |has| has.to_string());
            return Some(format!("needs {wanted} processors; the machine has {has}"));
        }
        if needs.bare_metal && self.machine.is_virtual() {
            return Some("needs a machine without a hypervisor below its system".into());
        }
        let allocator = needs.allocator.as_ref()?;
        let measured = |row: &Sample| row.is_ok() && row.id.allocator == *allocator;
        let there = self.samples.iter().any(measured);
        (!there).then(|| format!("needs the allocator {allocator}, with which no row was measured"))
    }
}

/// What is said of one part: blocks that count, blocks that are left out, and the ruling.
type Part = (usize, usize, Ruling);

fn judge_case(claim: &Claim, allowed: Allowed, case: &Case, rows: &Rows<'_>) -> Part {
    let not_testable = |why| (0, 0, Ruling::without(Verdict::NotTestable, why));
    if let Some(told) = rows.lack(claim, case) {
        return not_testable(told);
    }
    if claim.kind == ClaimKind::Bound {
        let limits = rows.bounds(claim, &case.cells[0]);
        if limits.is_empty() {
            return not_testable("no bound is declared for this cell".into());
        }
        return (limits.len(), 0, judge_bound(&limits));
    }
    let Blocks { values, disturbed, spread, undefined } = rows.blocks(claim, case);
    let values: Vec<f64> = values.into_values().collect();
    let mut ruling = judge(&values, allowed, is_steady(claim));
    if undefined > 0 && ruling.verdict == Verdict::NotResolved {
        let told = format!("; in {undefined} other blocks there is nothing to compare");
        ruling.why.push_str(&told);
    }
    ruling.tell_spread(spread);
    (values.len(), disturbed, ruling)
}

/// Judges the geometric mean over cases, block by block.
fn judge_mean(claim: &Claim, allowed: Allowed, cases: &[Case], rows: &Rows<'_>) -> (String, Part) {
    let (lacking, testable): (Vec<&Case>, Vec<&Case>) =
        cases.iter().partition(|case| rows.lack(claim, case).is_some());
    let name = format!("geometric mean of {}", testable.len());
    if let (Some(first), true) = (lacking.first(), testable.is_empty()) {
        let told = rows.lack(claim, first).unwrap_or_default();
        return (name, (0, 0, Ruling::without(Verdict::NotTestable, told)));
    }
    let all: Vec<Blocks> = testable.iter().map(|case| rows.blocks(claim, case)).collect();
    let disturbed = all.iter().map(|blocks| blocks.disturbed).max().unwrap_or(0);
    let values = rows::means(&all);
    let mut ruling = judge(&values, allowed, is_steady(claim));
    ruling.tell_spread(all.iter().map(|blocks| blocks.spread).max().unwrap_or(0));
    (name, (values.len(), disturbed, ruling))
}

/// Returns whether a claim is about a count of nodes, which varies little from block to block.
fn is_steady(claim: &Claim) -> bool {
    let is_count = |metric: &str| metric.starts_with("unreclaimed_");
    claim.kind == ClaimKind::Value && claim.metric().is_some_and(is_count)
}

/// Refuses claims that no cell matches at any scale, or unsound pairs only; the error names the line.
pub(crate) fn refuse_unmatched(source: &Source) -> Result<()> {
    /// A spec must not be valid on one machine and wrong on another: with so many processors, thread counts that
    /// differ on a large machine differ too.
    const PROCESSORS: u32 = 240;
    if source.spec.claims.is_empty() {
        return Ok(());
    }
    let scales = [ScaleName::Smoke, ScaleName::Laptop, ScaleName::Paper];
    let scales = scales.into_iter().filter(|name| source.spec.scale(*name).is_ok());
    let overrides = Overrides { processors: PROCESSORS, ..Overrides::default() };
    let plans: Vec<Plan> =
        scales.map(|name| Plan::new(source, name, &overrides)).collect::<Result<_>>()?;
    let cells_of = |plan: &Plan, all: bool| -> BTreeSet<TrialId> {
        let planned = plan.trials.iter().filter(|planned| all || planned.refused.is_none());
        planned.map(|planned| planned.trial.id.cell()).collect()
    };
    let matches = |claim: &Claim, cells: &BTreeSet<TrialId>| {
        !Chooser { cells, processors: PROCESSORS }.cases(claim).is_empty()
    };
    let run: Vec<BTreeSet<TrialId>> = plans.iter().map(|plan| cells_of(plan, false)).collect();
    for (place, claim) in source.spec.claims.iter().enumerate() {
        if run.iter().any(|cells| matches(claim, cells)) {
            continue;
        }
        let told = if plans.iter().any(|plan| matches(claim, &cells_of(plan, true))) {
            "every cell that matches is of a pair that is refused; `list matrix` says why"
        } else {
            "no cells of this spec, at any scale, match it together: each value of `at`, `of` and the others is \
             there, but not in one comparison"
        };
        return Err(source.wrong_claim(place, anyhow!(told)));
    }
    Ok(())
}
