//! What a spec can have measured that costs time, and is not measured unless it is asked for.

use serde::{Deserialize, Serialize};

/// A group of metrics that are asked for with `measure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The time in retirements and in freeing.
    Reclamation,
    /// The counters of the processor.
    Hardware,
}

impl Measure {
    /// All groups.
    pub const ALL: [Self; 2] = [Self::Reclamation, Self::Hardware];

    /// The name in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reclamation => "reclamation",
            Self::Hardware => "hardware",
        }
    }
}
