//! What each scheme declares about itself.

use serde::Serialize;

use crate::parameters::Parameter;

/// What a protection covers; each strength includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// A shield protects the one pointer it last protected.
    Pointer,
    /// A guard protects every pointer loaded through it from a place still reachable.
    Guard,
    /// A guard protects everything reachable at any time in its life, unlinked nodes too.
    Region,
}

/// The progress guarantee of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It ends in a bounded number of its own steps.
    WaitFree,
    /// It may begin anew, each time because a call of another thread has made progress.
    LockFree,
    /// It may wait for a thread that has stopped.
    Blocking,
}

/// Says whether unreclaimed memory stays bounded under an adversary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Robustness {
    /// A thread that stopped inside a guard.
    pub stalled: bool,
    /// A thread that keeps one guard and keeps loading.
    pub long_reader: bool,
}

/// What a bound depends on: its conditions, as numbers. A bound holds in every run that passes none of
/// them, whatever else its threads do and wherever they stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BoundInput {
    /// Handles that run operations, or do nothing: the most that are registered at a time, without those
    /// of `stalled`. A thread may have several.
    pub handles: u64,
    /// Further handles, whose threads stop inside a guard and stay there.
    pub stalled: u64,
    /// Shields that one handle uses at a time.
    pub shields: u64,
    /// Nodes that are live, which is neither retired nor dropped: the most there are at a time.
    pub live: u64,
    /// Nodes allocated between the begin of a guard and the last load under it: the most of all guards. A
    /// guard that goes on loading for long, or whose thread loses the processor between two loads, sees
    /// many.
    pub allocated_in_guard: u64,
    /// Nodes that destructors retire while one call of the scheme runs them: the most of all calls.
    pub retired_in_destructors: u64,
}

impl BoundInput {
    /// Handles in all.
    #[must_use]
    pub fn all_handles(&self) -> u64 {
        self.handles + self.stalled
    }

    /// The most nodes that are live at some time between the begin of a guard and the last load under it.
    #[must_use]
    pub fn live_in_guard(&self) -> u64 {
        self.live + self.allocated_in_guard
    }
}

/// The static description of a scheme.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Facts {
    /// The name that users type.
    pub name: &'static str,
    /// The crate and version that implement it.
    pub version: &'static str,
    /// Where the algorithm was published.
    pub paper: &'static str,
    /// The strength of protection.
    pub strength: Strength,
    /// Progress of a protected load, and of the shield that it takes.
    pub load: Progress,
    /// Progress of a retirement, with what it does to reclaim; the destructors that it runs are not its
    /// own steps. Whether a stopped thread can keep all threads from reclaiming is
    /// [`Robustness::stalled`].
    pub retire: Progress,
    /// Robustness against each adversary.
    pub robust: Robustness,
    /// The numbers that can be set for each domain; see [`Parameters`](crate::Parameters).
    pub parameters: &'static [Parameter],
    /// Numbers that cannot be set, `name=value` separated by spaces.
    pub constants: &'static str,
    /// The bound on unreclaimed nodes in words; `unbounded` where there is none,
    /// `none` where one is not promised but garbage need not pile up.
    pub bound: &'static str,
    /// Says whether everything retired is freed once the domain is dropped.
    pub frees_on_drop: bool,
    /// If nobody stalls, the scheme frees nodes while the domain is used, and not only at its end.
    pub frees_meanwhile: bool,
    /// A handle may free what another one has retired while both are in use, so that retired less freed
    /// says nothing of one handle by itself. Where this is false, only what an ended handle leaves
    /// behind is freed by others. Hyaline's authors call it balanced reclamation (PLDI 2021, section 1).
    pub frees_others: bool,
}

impl Facts {
    /// Returns the defaults of all parameters, `name=value` separated by spaces.
    #[must_use]
    pub fn defaults(&self) -> String {
        let pair = |declared: &Parameter| format!("{}={}", declared.name, declared.default);
        self.parameters.iter().map(pair).collect::<Vec<_>>().join(" ")
    }
}
