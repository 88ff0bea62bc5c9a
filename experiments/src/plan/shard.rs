//! Cuts a plan into shards.
//!
//! A repeat is a block whose cells are compared with each other, so it stays whole as long as there are no more shards
//! than repeats. Where there are more, a block is cut between its points: the lines of a figure at one value of its
//! axis stay on one machine. What is compared across points is then on several machines, and nothing is paired there.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use kovan_lab_base::data::{AXES, TrialId};

use super::{Plan, Planned};

/// Returns the shard of each trial, from 1, where the plan is cut into `of` of them. `lines` are the axes whose values
/// are lines of a figure.
///
/// # Errors
/// If there are more shards than points in all repeats together.
pub(super) fn shards(
    trials: &[Planned],
    repeats: u32,
    lines: &[String],
    of: u32,
) -> Result<Vec<u32>> {
    if of <= repeats {
        return Ok(trials.iter().map(|planned| (planned.trial.id.repeat - 1) % of + 1).collect());
    }
    let mut points: BTreeMap<Vec<String>, f64> = BTreeMap::new();
    for planned in trials.iter().filter(|planned| planned.trial.id.repeat == 1) {
        let seconds = points.entry(point_of(&planned.trial.id, lines)).or_default();
        *seconds += Plan::estimate(std::iter::once(planned));
    }
    let (repeats, count) = (repeats as usize, points.len());
    ensure!(
        of as usize <= repeats * count,
        "the plan has {repeats} repeats of {count} points each, so it can be cut into {} shards at most, not {of}",
        repeats * count
    );
    // The shards of a repeat are those with the same remainder, so they are as many as for any other, or one more.
    let dealt: Vec<BTreeMap<&Vec<String>, usize>> =
        (0..repeats).map(|nth| deal(&points, (of as usize - nth).div_ceil(repeats))).collect();
    let shard = |planned: &Planned| {
        let id = &planned.trial.id;
        let nth = id.repeat as usize - 1;
        let part = dealt[nth].get(&point_of(id, lines)).copied().unwrap_or(0);
        u32::try_from(part * repeats + nth + 1).unwrap_or(u32::MAX)
    };
    Ok(trials.iter().map(shard).collect())
}

/// Deals points to so many parts: the longest first, each to the part that has the least to do.
fn deal(points: &BTreeMap<Vec<String>, f64>, parts: usize) -> BTreeMap<&Vec<String>, usize> {
    let mut longest: Vec<_> = points.iter().collect();
    longest.sort_by(|(_, one), (_, two)| two.total_cmp(one));
    let mut load = vec![(0.0_f64, 0_usize); parts];
    let mut dealt = BTreeMap::new();
    for (point, seconds) in longest {
        // A point of refused pairs alone takes no time; that it counts keeps every part from being empty.
        let less = |one: &usize, two: &usize| {
            load[*one].0.total_cmp(&load[*two].0).then(load[*one].1.cmp(&load[*two].1))
        };
        let Some(part) = (0..parts).min_by(less) else { break };
        load[part].0 += seconds;
        load[part].1 += 1;
        dealt.insert(point, part);
    }
    dealt
}

/// Returns the values of all axes but those of lines: what the lines of a figure are compared at.
fn point_of(id: &TrialId, lines: &[String]) -> Vec<String> {
    let is_line = |name: &str| {
        ["scheme", "parameters", "method"].contains(&name) || lines.iter().any(|line| line == name)
    };
    let others = AXES.iter().filter(|info| !is_line(info.name));
    others.filter_map(|info| id.get(info.name)).map(|value| value.text).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::Overrides;
    use crate::spec::{ScaleName, find};

    fn plan() -> Plan {
        plan_of("scot26-list")
    }

    fn plan_of(name: &str) -> Plan {
        let overrides = Overrides { processors: 4, ..Overrides::default() };
        let source = find(name).expect("embedded");
        Plan::new(&source, ScaleName::Laptop, &overrides).expect("a plan")
    }

    #[test]
    fn every_trial_is_in_one_shard_and_none_is_empty() {
        let plan = plan();
        // Three thread counts and two key ranges; the two structures are lines of a figure.
        let most = plan.repeats * 6;
        for of in [1, 3, plan.repeats, plan.repeats + 1, 2 * plan.repeats + 3, most] {
            let shards = plan.shards(of).expect("shards");
            assert_eq!(shards.len(), plan.trials.len());
            let numbers: BTreeSet<u32> = shards.into_iter().collect();
            assert_eq!(numbers, (1..=of).collect(), "of {of}");
        }
        let error = plan.shards(most + 1).expect_err("too many").to_string();
        assert!(
            error.contains(&format!("into {most} shards at most, not {}", most + 1)),
            "{error}"
        );
    }

    #[test]
    fn what_is_compared_stays_on_one_machine() {
        let plan = plan();
        let shards_of = |of: u32, key: &dyn Fn(&TrialId) -> String| {
            let mut all: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            for (planned, shard) in plan.trials.iter().zip(plan.shards(of).expect("shards")) {
                all.entry(key(&planned.trial.id)).or_default().insert(shard);
            }
            all.into_values().map(|shards| shards.len()).max().expect("trials")
        };
        let repeat = |id: &TrialId| id.repeat.to_string();
        let point = |id: &TrialId| format!("{} {} {}", id.repeat, id.threads, id.key_range);
        assert_eq!(shards_of(plan.repeats, &repeat), 1, "a repeat is a block");
        assert_eq!(shards_of(2 * plan.repeats, &repeat), 2);
        for parts in [2, 5, 6] {
            let most = shards_of(parts * plan.repeats, &point);
            assert_eq!(most, 1, "schemes and structures are compared, {parts} shards of a repeat");
        }
    }

    #[test]
    fn shards_of_a_repeat_take_about_as_long() {
        // Windows of three lengths.
        let plan = plan_of("circ24-control");
        let of = 2 * plan.repeats;
        let shards = plan.shards(of).expect("shards");
        let each = (1..=of).map(|shard| {
            let own = plan.trials.iter().zip(&shards).filter(|(_, own)| **own == shard);
            Plan::estimate(own.map(|(planned, _)| planned))
        });
        let each: Vec<f64> = each.collect();
        let (least, most) = each.iter().fold((f64::MAX, 0.0_f64), |(least, most), seconds| {
            (least.min(*seconds), most.max(*seconds))
        });
        assert!(most < 1.5 * least, "{least} to {most} s");
    }
}
