//! Claims of papers: what a spec's file says of them.

use std::collections::BTreeMap;

use kovan_lab_base::support::suggest::our_name;
use serde::{Deserialize, Serialize};

use super::literal::{Literal, MAX_THREADS};

/// A claim of a paper about the cells of a spec.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    /// What it is called: `C1`.
    pub(crate) id: String,
    /// The claim in words.
    pub(crate) says: String,
    /// Where the paper says it: a figure, a table, a file of raw data.
    #[serde(rename = "where")]
    pub(crate) place: String,
    /// The value that the paper has.
    pub(crate) paper: String,
    /// What is claimed.
    pub(crate) kind: ClaimKind,
    /// A column of `samples.csv`; absent where the kind has a usual one.
    pub(crate) metric: Option<String>,
    /// Takes the metric of the workers of this role.
    pub(crate) role: Option<String>,
    /// Divides each value by an axis or another metric of its own row.
    pub(crate) per: Option<String>,
    /// What all cells of the claim have in common.
    #[serde(default)]
    pub(crate) at: Selector,
    /// The cells that are measured; of a ratio, the numerator.
    #[serde(default)]
    pub(crate) of: Selector,
    /// What is different in the denominator of a ratio.
    pub(crate) over: Option<Selector>,
    /// What is different in another ratio by which this one is divided.
    pub(crate) against: Option<Selector>,
    /// The cells of an order, from the least to the greatest.
    pub(crate) order: Option<Vec<Selector>>,
    /// The axis along which something is flat.
    pub(crate) across: Option<String>,
    /// How unreclaimed nodes grow with time.
    pub(crate) class: Option<Class>,
    /// The least that is allowed.
    pub(crate) least: Option<f64>,
    /// The most that is allowed.
    pub(crate) most: Option<f64>,
    /// What is allowed beyond that, on either side.
    #[serde(default)]
    pub(crate) tolerance: f64,
    /// Judges the geometric mean over all cells that match instead of each.
    #[serde(default)]
    pub(crate) together: bool,
    /// What a machine must have for the claim to be testable.
    #[serde(default)]
    pub(crate) needs: Needs,
}

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClaimKind {
    /// A metric of some cells over that of others is within limits.
    Ratio,
    /// Cells are in this order by a metric.
    Order,
    /// Unreclaimed nodes grow with time in this way.
    Growth,
    /// A metric is at least so many times as large at one point as at another.
    Jump,
    /// A metric is nearly the same along an axis.
    Flat,
    /// A metric is within limits.
    Value,
    /// No row passes the bound that its scheme declares, or a number.
    Bound,
}

impl ClaimKind {
    /// The name in specs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Order => "order",
            Self::Growth => "growth",
            Self::Jump => "jump",
            Self::Flat => "flat",
            Self::Value => "value",
            Self::Bound => "bound",
        }
    }
}

/// How unreclaimed nodes grow with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// They do not.
    Flat,
    /// They grow with what is retired.
    Linear,
}

/// Chooses cells by the values of axes.
pub(crate) type Selector = BTreeMap<String, Values>;

/// Values of an axis.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "must be a value of the axis, or a list of values")]
pub(crate) enum Values {
    /// This one.
    One(Literal),
    /// Any of these.
    Many(Vec<Literal>),
}

impl Values {
    /// All of them.
    pub(crate) fn all(&self) -> &[Literal] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    fn all_mut(&mut self) -> &mut [Literal] {
        match self {
            Self::One(value) => std::slice::from_mut(value),
            Self::Many(values) => values,
        }
    }
}

/// What a machine must have for a claim to be testable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Needs {
    /// Processors that can be kept busy.
    pub(crate) cores: Option<u32>,
    /// Rows of this allocator.
    pub(crate) allocator: Option<String>,
    /// No hypervisor below the system.
    #[serde(default)]
    pub(crate) bare_metal: bool,
}

impl Claim {
    /// The metric: the one that is named, or the usual one of the kind.
    pub(crate) fn metric(&self) -> Option<&str> {
        match (self.metric.as_deref(), self.kind) {
            (Some("throughput"), _) => Some("ops_per_second"),
            (None, ClaimKind::Growth) => Some("growth"),
            (None, ClaimKind::Bound) => Some("unreclaimed_peak"),
            (metric, _) => metric,
        }
    }

    /// All selectors, with the keys that lead to them.
    pub(super) fn selectors(&self) -> Vec<(Vec<String>, &Selector)> {
        let named = [
            ("at", Some(&self.at)),
            ("of", Some(&self.of)),
            ("over", self.over.as_ref()),
            ("against", self.against.as_ref()),
        ];
        let named = named.into_iter().filter_map(|(key, of)| Some((vec![key.to_string()], of?)));
        let order = self.order.iter().flatten().enumerate();
        named.chain(order.map(|(at, of)| (vec!["order".into(), at.to_string()], of))).collect()
    }

    /// Replaces the names that papers have for schemes by ours.
    pub(super) fn understand_names(&mut self) {
        let Self { at, of, over, against, order, .. } = self;
        let all = [at, of].into_iter().chain(over).chain(against);
        for selector in all.chain(order.iter_mut().flatten()) {
            for value in selector.get_mut("scheme").into_iter().flat_map(Values::all_mut) {
                if let Some(ours) = our_name(&value.to_string()) {
                    *value = Literal::Text(ours.into());
                }
            }
        }
    }
}

/// Needs beyond this number of processors are a mistake.
pub(super) const MAX_CORES: u32 = 16 * MAX_THREADS;
