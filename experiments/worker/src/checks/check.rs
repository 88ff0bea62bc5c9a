//! The checks by their names.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Random programs on one thread against the standard collections.
    Oracle,
    /// Keys and nodes add up after concurrent runs, churn and stalls.
    Conservation,
    /// Late reads and double frees, under the heaviest reuse; needs the feature `canary`.
    Canary,
    /// Short concurrent histories are linearizable.
    Linearizability,
    /// Operations that stop at points inside while others run in their place; needs the feature `canary`.
    Interruptions,
    /// Declared bounds hold under adversaries.
    Bounds,
    /// The traversal out of an unlinked node; once per scheme.
    Optimistic,
    /// A reader's announcement against a writer's scan, over and over; once per scheme.
    Litmus,
    /// Declared bounds hold where destructors stop or retire; once per scheme.
    Destructors,
}

impl Check {
    /// All that are of a pair.
    pub const OF_PAIRS: [Self; 6] = [
        Self::Oracle,
        Self::Interruptions,
        Self::Conservation,
        Self::Canary,
        Self::Linearizability,
        Self::Bounds,
    ];

    /// All that are of a scheme alone.
    pub const OF_SCHEMES: [Self; 3] = [Self::Optimistic, Self::Litmus, Self::Destructors];

    /// Returns whether builds without the feature `canary` leave it out.
    pub fn needs_canary(self) -> bool {
        matches!(self, Self::Canary | Self::Interruptions)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Conservation => "conservation",
            Self::Canary => "canary",
            Self::Linearizability => "linearizability",
            Self::Interruptions => "interruptions",
            Self::Bounds => "bounds",
            Self::Optimistic => "optimistic",
            Self::Litmus => "litmus",
            Self::Destructors => "destructors",
        }
    }

    /// The share of a pair's time; the rest is for what cannot be shortened.
    pub fn share(self) -> f64 {
        match self {
            Self::Oracle | Self::Conservation => 0.1,
            Self::Interruptions | Self::Canary | Self::Bounds | Self::Destructors => 0.2,
            Self::Linearizability => 0.2,
            Self::Optimistic => 0.0,
            Self::Litmus => 1.0,
        }
    }
}
