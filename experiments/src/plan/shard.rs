//! Cuts a plan into shards.
//!
//! A repeat is a block whose cells are compared with each other, so it stays whole as long as there are no more shards
//! than repeats. Where there are more, a block is cut between its points: the lines of a figure at one value of its
//! axis stay on one machine. What is compared across points is then on several machines, and nothing is paired there.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::{Plan, Planned};
use crate::data::{AXES, TrialId};

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
        "--shard: the plan has {repeats} repeats of {count} points each, so at most {} shards, not {of}",
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
