//! The checks of the correctness gate, each of which runs in a process of its own, without timing.
//!
//! | module | what it holds |
//! |---|---|
//! | `check` | the checks by their names |
//! | `dispatch` | which function runs a check |
//! | `job` | one check of one pair in a process of its own |
//! | `budget` | seeds, rounds and the time that a check has |
//! | `model`, `oracle` | programs on one thread, against the standard collections |
//! | `conservation` | keys and nodes add up after concurrent runs |
//! | `pressure` | the check `canary`: late reads under the heaviest reuse |
//! | `history`, `linear` | concurrent histories, and whether they are linearizable |
//! | `walk` | whether an iteration or a scan saw what it must, and nothing else |
//! | `interruptions` | operations that stop inside, as coroutines of one thread |
//! | `bounds` | declared bounds, against adversaries |
//! | `of_scheme` | the checks of a scheme alone, by its name |
//! | `litmus` | announcements against scans, for each scheme |
//! | `destructors` | declared bounds, where destructors stop or retire, for each scheme |
//! | `optimistic` | the traversal out of an unlinked node, for each scheme |
//!
//! `docs/GATE.md` says what each check can and cannot find.

mod bounds;
mod budget;
mod check;
mod conservation;
mod destructors;
mod dispatch;
mod history;
#[cfg(feature = "canary")]
mod interruptions;
mod job;
mod linear;
mod litmus;
mod model;
mod of_scheme;
mod optimistic;
mod oracle;
mod pressure;
mod walk;

pub use budget::{Budget, Failure};
pub use check::Check;
pub use dispatch::{Pair, run_check, run_pair};
pub use job::{Ended, Job, Judged, Reached, Verdict, in_a_child, main, report};
