//! Values of blocks against what is allowed.

use kovan_harness::stats::growth::{FLAT, LINEAR};
use kovan_harness::stats::location::median;
use kovan_harness::stats::sign::{at_most, median_interval};
use kovan_harness::stats::{CONFIDENCE, Interval};
use kovan_lab_base::support::numbers::readable;
use serde::Serialize;

use crate::spec::{Claim, ClaimKind, Class};

/// What records say of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Verdict {
    /// All that may be true is allowed.
    #[serde(rename = "reproduced")]
    Reproduced,
    /// What may be true is in part allowed; or too little is known.
    #[serde(rename = "not resolved")]
    NotResolved,
    /// Nothing that may be true is allowed.
    #[serde(rename = "refuted")]
    Refuted,
    /// The machine or the records lack what the claim is about.
    #[serde(rename = "not testable here")]
    NotTestable,
}

impl Verdict {
    /// The verdict in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::NotResolved => "not resolved",
            Self::Refuted => "refuted",
            Self::NotTestable => "not testable here",
        }
    }
}

/// The fewest blocks of an interval: of fewer, even the least and the greatest value do not hold the median with
/// 95 %.
pub(super) const FEWEST: usize = 6;
/// The fewest blocks of whose spread something is concluded.
pub(super) const FEWEST_OF_SPREAD: usize = 3;
/// The chance that an interval of 95 % is above the truth.
const BY_CHANCE: f64 = 0.025;
/// Where a ratio has nothing to divide by, it is larger than any other.
pub(super) const BOUNDLESS: f64 = f64::MAX;

/// Limits of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allowed {
    /// The least; none: however small.
    pub(crate) least: Option<f64>,
    /// The most; none: however large.
    pub(crate) most: Option<f64>,
    /// Says whether the limits themselves are allowed.
    pub(crate) is_closed: bool,
}

impl Allowed {
    /// What a claim allows; of a bound that schemes declare, nothing is known here.
    pub(super) fn of(claim: &Claim) -> Self {
        let Claim { tolerance, .. } = *claim;
        let less = |limit: Option<f64>| limit.map(|limit| limit - tolerance);
        let more = |limit: Option<f64>| limit.map(|limit| limit + tolerance);
        match (claim.kind, claim.class) {
            // An order is of different things: what may be equal is in no order.
            (ClaimKind::Order, _) => Self { least: less(Some(1.0)), most: None, is_closed: false },
            (ClaimKind::Growth, Some(Class::Linear)) => {
                Self { least: less(Some(LINEAR)), most: None, is_closed: false }
            }
            (ClaimKind::Growth, _) => {
                Self { least: None, most: more(Some(FLAT)), is_closed: false }
            }
            _ => Self { least: less(claim.least), most: more(claim.most), is_closed: true },
        }
    }

    /// Returns whether all of a range is allowed.
    pub(super) fn holds(&self, low: f64, high: f64) -> bool {
        let Self { least, most, is_closed } = *self;
        least.is_none_or(|least| if is_closed { low >= least } else { low > least })
            && most.is_none_or(|most| if is_closed { high <= most } else { high < most })
    }

    /// Returns whether nothing of a range is allowed. A limit of a class or an order is not yet outside.
    fn excludes(&self, low: f64, high: f64) -> bool {
        self.least.is_some_and(|least| high < least) || self.most.is_some_and(|most| low > most)
    }

    /// The limits in words.
    pub(crate) fn text(&self) -> String {
        let (from, to) = if self.is_closed { ("at least", "at most") } else { ("above", "below") };
        match (self.least.map(readable), self.most.map(readable)) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("{from} {least}"),
            (None, Some(most)) => format!("{to} {most}"),
            (None, None) => "the declared bound".into(),
        }
    }
}

/// How the ends of what was measured came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ends {
    /// An interval for the median of the blocks, by the sign test.
    Interval,
    /// The least and the greatest value, and as much again on either side.
    Spread,
    /// The least and the greatest value.
    Range,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// The median of the blocks; of a bound, the largest value.
    pub(crate) estimate: f64,
    /// The lower end.
    pub(crate) low: f64,
    /// The upper end.
    pub(crate) high: f64,
    /// What the ends are.
    pub(crate) ends: Ends,
}

/// A verdict on the cells that a claim compares with each other.
#[derive(Clone, Debug)]
pub(super) struct Ruling {
    pub(super) finding: Option<Finding>,
    pub(super) verdict: Verdict,
    /// Why, where the numbers do not say it.
    pub(super) why: String,
    /// The chance that blocks lie so where the truth is on the limit, if they refute; else 1.
    pub(super) chance: f64,
}

/// Begins a sentence on so many blocks: `1 block is` or `3 blocks are`.
pub(crate) fn blocks_are(count: usize) -> String {
    format!("{count} {}", if count == 1 { "block is" } else { "blocks are" })
}

impl Ruling {
    /// A verdict by numbers alone.
    fn by(finding: Finding, verdict: Verdict) -> Self {
        Self { finding: Some(finding), verdict, why: String::new(), chance: 1.0 }
    }

    /// Says how many blocks are left out, since they are spread over machines or builds.
    pub(super) fn tell_spread(&mut self, blocks: usize) {
        if blocks == 0 {
            return;
        }
        let told = format!("{} spread over machines or builds, and not paired", blocks_are(blocks));
        let why = std::mem::take(&mut self.why);
        self.why = if why.is_empty() { told } else { format!("{why}; {told}") };
    }

    /// A verdict for want of numbers.
    pub(super) fn without(verdict: Verdict, why: String) -> Self {
        Self { finding: None, verdict, why, chance: 1.0 }
    }
}

/// Judges the values of blocks: all of the interval must be on one side. `is_steady` says that the values are of a
/// count of nodes, of which less than an interval may decide.
pub(super) fn judge(values: &[f64], allowed: Allowed, is_steady: bool) -> Ruling {
    let Some(estimate) = median(values) else {
        return Ruling::without(Verdict::NotResolved, too_few(0, is_steady));
    };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let finding = |low, high, ends| Finding { estimate, low, high, ends };
    let (finding, chance) = match median_interval(values, CONFIDENCE) {
        Some(Interval { low, high, .. }) => {
            let inside = values.iter().filter(|value| !allowed.excludes(**value, **value)).count();
            (finding(low, high, Ends::Interval), at_most(inside, values.len()))
        }
        None if is_steady && values.len() >= FEWEST_OF_SPREAD => {
            let width = greatest - least;
            // How likely is not known; it counts as an interval does.
            (finding(least - width, greatest + width, Ends::Spread), BY_CHANCE)
        }
        None => {
            let why = too_few(values.len(), is_steady);
            let finding = finding(least, greatest, Ends::Range);
            return Ruling { why, ..Ruling::by(finding, Verdict::NotResolved) };
        }
    };
    let Finding { low, high, .. } = finding;
    if allowed.holds(low, high) {
        Ruling::by(finding, Verdict::Reproduced)
    } else if allowed.excludes(low, high) {
        Ruling { chance, ..Ruling::by(finding, Verdict::Refuted) }
    } else {
        let why = "part of the interval is allowed, and part is not".into();
        Ruling { why, ..Ruling::by(finding, Verdict::NotResolved) }
    }
}

/// Judges the rows of a bound, each of which has a value and its limit: one that passes it refutes.
pub(super) fn judge_bound(rows: &[(f64, f64)]) -> Ruling {
    let values = || rows.iter().map(|(value, _)| *value);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let low = values().fold(f64::INFINITY, f64::min);
    let finding = Finding { estimate: high, low, high, ends: Ends::Range };
    let passed: Vec<&(f64, f64)> = rows.iter().filter(|(value, limit)| value > limit).collect();
    let Some((value, limit)) = passed.first() else {
        return Ruling::by(finding, Verdict::Reproduced);
    };
    let (value, limit) = (readable(*value), readable(*limit));
    let (count, all) = (passed.len(), rows.len());
    let why = format!("{count} of {all} rows pass it: {value}, and {limit} are allowed");
    Ruling { why, chance: 0.0, ..Ruling::by(finding, Verdict::Refuted) }
}

/// The verdict on a claim from those on its parts, and why where these do not say it. It is reproduced where every part
/// that can be tested is. It is refuted where more parts are than chance alone may bring about (Simes, *An Improved
/// Bonferroni Procedure for Multiple Tests of Significance*, Biometrika 73(3), 1986): of forty parts whose truth is on
/// the limit, one is refuted on average.
pub(super) fn together<'a>(parts: impl Iterator<Item = &'a Ruling>) -> (Verdict, String) {
    let testable: Vec<&Ruling> =
        parts.filter(|ruling| ruling.verdict != Verdict::NotTestable).collect();
    let count = |verdict| testable.iter().filter(|ruling| ruling.verdict == verdict).count();
    let refuted = count(Verdict::Refuted);
    if refuted > 0 {
        let outside = testable.iter().filter(|ruling| ruling.verdict == Verdict::Refuted);
        let mut chances: Vec<f64> = outside.map(|ruling| ruling.chance).collect();
        chances.sort_unstable_by(f64::total_cmp);
        let share = BY_CHANCE / real(testable.len());
        if (1..).zip(&chances).any(|(rank, chance)| *chance <= share * real(rank)) {
            return (Verdict::Refuted, String::new());
        }
        let all = testable.len();
        return (
            Verdict::NotResolved,
            format!(
                "{refuted} of {all} intervals are outside of what is allowed, which chance alone may bring about; \
                 more blocks tell"
            ),
        );
    }
    let verdict = match (count(Verdict::NotResolved), testable.len()) {
        (_, 0) => Verdict::NotTestable,
        (0, _) => Verdict::Reproduced,
        _ => Verdict::NotResolved,
    };
    (verdict, String::new())
}

#[allow(clippy::cast_precision_loss)] // No claim has 2^53 parts.
fn real(count: usize) -> f64 {
    count as f64
}

fn too_few(blocks: usize, is_steady: bool) -> String {
    let spread = if is_steady {
        format!(", the spread of a count of nodes {FEWEST_OF_SPREAD}")
    } else {
        String::new()
    };
    let blocks = if blocks == 1 { "1 block".into() } else { format!("{blocks} blocks") };
    format!("{blocks}; an interval needs {FEWEST}{spread}")
}
