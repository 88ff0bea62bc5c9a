//! What the command line changes of a spec.

use kovan_lab_base::data::{Further, Shard};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use crate::spec::ThreadCount;

/// A regular expression that can be written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Pattern(pub(crate) Regex);

impl TryFrom<String> for Pattern {
    type Error = regex_lite::Error;
    fn try_from(text: String) -> Result<Self, regex_lite::Error> {
        Regex::new(&text).map(Self)
    }
}
impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.as_str().into()
    }
}

/// What the command line changes of a spec.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Overrides {
    /// Filters choose from all there are, not from what the spec names.
    pub(crate) all: bool,
    /// Keeps the schemes that match.
    pub(crate) scheme: Option<Pattern>,
    /// Keeps the structures that match.
    pub(crate) structure: Option<Pattern>,
    /// Replaces the worker thread counts.
    pub(crate) threads: Option<Vec<ThreadCount>>,
    /// Replaces the counts of the adversary's threads.
    pub(crate) stalled: Option<Vec<u32>>,
    /// Replaces the length of the window.
    pub(crate) seconds: Option<f64>,
    /// Replaces the number of repeats.
    pub(crate) repeats: Option<u32>,
    /// Replaces what asks for further repeats. Absent in records of older versions.
    #[serde(default)]
    pub(crate) further: Further,
    /// Replaces the seed.
    pub(crate) seed: Option<u64>,
    /// Hardware threads, which relative thread counts are of.
    pub(crate) processors: u32,
    /// Keeps one part of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<Shard>,
}
