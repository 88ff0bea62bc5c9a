//! Which of two is better, by values from the same blocks.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use kovan_harness::stats::pairs::{self, Verdict};
use kovan_lab_base::data::MetricInfo;

/// Returns the values of both for each block that both have.
pub(super) fn in_common<K: Ord>(
    one: &BTreeMap<K, f64>,
    other: &BTreeMap<K, f64>,
) -> Vec<(f64, f64)> {
    of_both(one, other).map(|(a, b)| (*a, *b)).collect()
}

/// Returns what both have under each key that both have.
pub(super) fn of_both<'a, K: Ord, V>(
    one: &'a BTreeMap<K, V>,
    other: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a V, &'a V)> {
    one.iter().filter_map(|(key, value)| Some((value, other.get(key)?)))
}

/// Says whether the first of two is better (`Greater`), worse, or not told apart; `None` if there are fewer blocks than
/// an interval needs, or a value is not above zero.
pub(super) fn better(metric: &MetricInfo, both: &[(f64, f64)]) -> Option<Ordering> {
    let more = match pairs::verdict(both)? {
        Verdict::Tie => Ordering::Equal,
        Verdict::Faster => Ordering::Greater,
        Verdict::Slower => Ordering::Less,
        Verdict::TooFew => return None,
    };
    Some(by_goodness(metric, more))
}

/// Turns the order of two values into that of how good they are.
pub(super) fn by_goodness(metric: &MetricInfo, more: Ordering) -> Ordering {
    if metric.is_more_better() { more } else { more.reverse() }
}
