//! The mutants, and which checks must catch each.

use kovan_lab_worker::checks::Check::{
    Bounds, Canary, Conservation, Interruptions, Linearizability, Litmus, Oracle,
};
use kovan_lab_worker::checks::{Check, Pair};

use crate::epoch::{self, Epoch};
use crate::hazard::{self, Hazards};
use crate::intervals::{self, Intervals};
use crate::list::{self, List};
use crate::queue::{self, Queue};
use crate::stack::{self, Stack};

/// The right schemes, one that protects a region and one that protects a pointer.
type Region = Epoch<{ epoch::NONE }>;
type Pointer = Hazards<{ hazard::NONE }>;
/// The right structures.
type AnyStack<R> = Stack<R, { stack::NONE }>;
type AnyList<R> = List<R, { list::NONE }>;

/// A mutant, or a scheme or structure that is right.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) fault: &'static str,
    /// The checks of which one must catch it; none if it is right.
    pub(crate) by: &'static [Check],
    pub(crate) pair: Pair,
}

macro_rules! epoch {
    ($fault:ident) => {
        Pair::of::<Epoch<{ epoch::$fault }>, AnyList<_>>()
    };
}
macro_rules! hazard {
    ($fault:ident) => {
        Pair::of::<Hazards<{ hazard::$fault }>, AnyList<_>>()
    };
}
macro_rules! intervals {
    ($fault:ident) => {{
        type Scheme = Intervals<{ intervals::$fault }>;
        Pair::of::<Scheme, Stack<Scheme, { stack::NONE }>>()
    }};
}
macro_rules! over {
    ($scheme:ident $structure:ident $module:ident $fault:ident) => {
        Pair::of::<$scheme, $structure<$scheme, { $module::$fault }>>()
    };
}

fn mutant(name: &'static str, fault: &'static str, by: &'static [Check], pair: Pair) -> Mutant {
    Mutant { name, fault, by, pair }
}

/// Right ones, which must pass.
fn right() -> Vec<Mutant> {
    vec![
        mutant("small-epoch", "none", &[], epoch!(NONE)),
        mutant("small-hazard", "none", &[], hazard!(NONE)),
        mutant("small-intervals", "none", &[], intervals!(NONE)),
        mutant("small-hazard, small-stack", "none", &[], Pair::of::<Pointer, AnyStack<_>>()),
        mutant("small-hazard, small-queue", "none", &[], over!(Pointer Queue queue NONE)),
    ]
}

/// Wrong schemes, under the right list.
fn wrong_schemes() -> Vec<Mutant> {
    vec![
        mutant("small-epoch", "frees one epoch early", &[Canary], epoch!(ONE_EPOCH_EARLY)),
        mutant("small-epoch", "does not look at one slot", &[Canary], epoch!(SKIPS_A_SLOT)),
        mutant(
            "small-epoch",
            "the end of a nested guard ends the section",
            &[Canary],
            epoch!(NESTED_GUARD_ENDS_SECTION),
        ),
        mutant("small-epoch", "frees at once", &[Canary], epoch!(FREES_AT_ONCE)),
        mutant(
            "small-epoch",
            "leaks what a thread had at its exit",
            &[Oracle],
            epoch!(LEAKS_AT_THREAD_EXIT),
        ),
        mutant("small-epoch", "loses one batch in sixteen", &[Oracle], epoch!(LOSES_A_BATCH)),
        mutant("small-epoch", "frees a node twice", &[Canary], epoch!(FREES_TWICE)),
        mutant(
            "small-epoch",
            "frees at once what a thread had at its exit",
            &[Canary],
            epoch!(FREES_ORPHANS_AT_ONCE),
        ),
        mutant("small-epoch", "claims a bound under a stall", &[Bounds], epoch!(BOUND_TOO_SMALL)),
        mutant("small-epoch", "two threads have one slot", &[Canary], epoch!(SLOT_REUSED_TOO_SOON)),
        mutant(
            "small-epoch",
            "a guard does not announce itself",
            &[Canary],
            epoch!(PINS_AN_OLD_EPOCH),
        ),
        mutant("small-epoch", "no fence behind an announcement", &[Litmus], epoch!(NO_FENCE)),
        mutant(
            "small-hazard",
            "does not read the source again",
            &[Canary],
            hazard!(NO_SECOND_READ),
        ),
        mutant("small-hazard", "does not look at one hazard", &[Canary], hazard!(SKIPS_A_HAZARD)),
        mutant("small-hazard", "scans a snapshot from before", &[Canary], hazard!(OLD_SNAPSHOT)),
        mutant("small-hazard", "declares less than it holds", &[Bounds], hazard!(BOUND_TOO_SMALL)),
        mutant(
            "small-hazard",
            "all shields share a hazard",
            &[Canary],
            hazard!(ONE_SHIELD_FOR_ALL),
        ),
        mutant("small-hazard", "no fence behind a publication", &[Litmus], hazard!(NO_FENCE)),
        mutant(
            "small-intervals",
            "no fence at the begin of a guard",
            &[Litmus],
            intervals!(NO_FENCE_AT_BEGIN),
        ),
        mutant(
            "small-intervals",
            "no fence where a load extends the interval",
            &[Litmus],
            intervals!(NO_FENCE_AT_LOAD),
        ),
    ]
}

/// Wrong stacks, over a right scheme.
fn wrong_stacks() -> Vec<Mutant> {
    vec![
        mutant(
            "small-stack",
            "retires a node twice",
            &[Canary],
            over!(Region Stack stack RETIRES_TWICE),
        ),
        mutant(
            "small-stack",
            "retires before it unlinks",
            &[Canary],
            over!(Pointer Stack stack RETIRES_BEFORE_UNLINKING),
        ),
        mutant(
            "small-stack",
            "pops the wrong value",
            &[Oracle],
            over!(Region Stack stack POPS_THE_WRONG_VALUE),
        ),
        mutant(
            "small-stack",
            "loses a node on contention",
            &[Linearizability, Conservation],
            over!(Region Stack stack LOSES_A_NODE_ON_CONTENTION),
        ),
        mutant(
            "small-stack",
            "pops without a CAS",
            &[Linearizability, Canary, Conservation],
            over!(Region Stack stack POP_WITHOUT_CAS),
        ),
        mutant(
            "small-stack",
            "reads the top without a shield",
            &[Canary],
            over!(Pointer Stack stack UNPROTECTED_READ),
        ),
        mutant(
            "small-stack",
            "forgets to retire",
            &[Oracle],
            over!(Region Stack stack FORGETS_TO_RETIRE),
        ),
    ]
}

/// Wrong queues, over a right scheme.
fn wrong_queues() -> Vec<Mutant> {
    vec![
        mutant(
            "small-queue",
            "does not look at the head again",
            &[Canary],
            over!(Pointer Queue queue NO_LOOK_AT_THE_HEAD),
        ),
        mutant(
            "small-queue",
            "retires the new dummy",
            &[Canary],
            over!(Region Queue queue RETIRES_THE_NEW_DUMMY),
        ),
        mutant(
            "small-queue",
            "enqueues without a CAS",
            &[Linearizability, Canary, Conservation],
            over!(Region Queue queue ENQUEUE_WITHOUT_CAS),
        ),
        mutant(
            "small-queue",
            "empty as long as the tail lags",
            &[Linearizability],
            over!(Region Queue queue EMPTY_BY_THE_TAIL),
        ),
    ]
}

/// Wrong lists, over a right scheme.
fn wrong_lists() -> Vec<Mutant> {
    vec![
        mutant(
            "small-list",
            "inserts a key that came meanwhile",
            &[Linearizability, Conservation],
            over!(Region List list INSERT_WITHOUT_SECOND_SEARCH),
        ),
        mutant(
            "small-list",
            "removes without a mark",
            &[Linearizability, Canary, Conservation],
            over!(Region List list REMOVE_WITHOUT_MARK),
        ),
        mutant(
            "small-list",
            "a look-up follows the links of marked nodes",
            &[Canary],
            over!(Pointer List list FOLLOWS_MARKED_NODES),
        ),
        mutant(
            "small-list",
            "both of two removals win",
            &[Linearizability, Conservation],
            over!(Region List list BOTH_REMOVERS_WIN),
        ),
        mutant(
            "small-list",
            "gives up a look-up at a marked node",
            &[Linearizability],
            over!(Region List list GIVES_UP_AT_A_MARK),
        ),
        mutant(
            "small-list",
            "retires when it marks, not when it unlinks",
            &[Canary],
            over!(Pointer List list RETIRED_BY_WHO_MARKS),
        ),
        mutant(
            "small-list",
            "an iteration begins anew where its key was removed",
            &[Interruptions],
            over!(Pointer List list ITERATES_ANEW),
        ),
        mutant(
            "small-list",
            "an iteration ends where its key was removed",
            &[Interruptions],
            over!(Pointer List list ITERATES_TO_A_GAP),
        ),
        mutant(
            "small-list",
            "a scan passes a key behind a removed one",
            &[Interruptions],
            over!(Pointer List list SCANS_PAST_A_GAP),
        ),
        mutant(
            "small-list",
            "a scan shows removed keys, whose nodes are still linked",
            &[Oracle],
            over!(Region List list SCANS_MARKED_NODES),
        ),
        mutant(
            "small-list",
            "a scan goes back where its key was removed",
            &[Interruptions],
            over!(Pointer List list SCANS_BACK),
        ),
        mutant(
            "small-list",
            "a scan shows one key more than it is to",
            &[Oracle],
            over!(Pointer List list SCANS_TOO_FAR),
        ),
        mutant(
            "small-list",
            "an entry does not keep its shield",
            &[Interruptions],
            over!(Pointer List list ENTRY_WITHOUT_SHIELD),
        ),
    ]
}

/// All of them.
pub(crate) fn mutants() -> Vec<Mutant> {
    let mut all = right();
    all.extend(wrong_schemes());
    all.extend(wrong_stacks());
    all.extend(wrong_queues());
    all.extend(wrong_lists());
    all
}
