//! What coroutines do and what they are told.

use super::super::model::Op;
use super::super::walk::Scan;

/// Coroutines, each with a handle.
pub(super) const CREW: usize = 5;
/// The structure of bursts, and how many others there are.
pub(super) const BALLAST: usize = 2;

/// What a coroutine does, which may be interrupted.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// Operations under one guard: so many.
    Guard(u64),
    Flush,
    /// Much goes in and out of the ballast.
    Burst,
    /// The handle leaves, and another comes.
    Leave,
}

impl Step {
    /// Kinds of steps, by which it is remembered how many points they have.
    pub(super) const KINDS: usize = 6;

    pub(super) fn kind(self) -> usize {
        match self {
            Self::Flush => 0,
            Self::Guard(1) => 1,
            Self::Guard(2) => 2,
            Self::Guard(_) => 3,
            Self::Burst => 4,
            Self::Leave => 5,
        }
    }
}

/// An operation that is made up when its turn comes.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Do(Op),
    /// It keeps an entry over a flush and a stop.
    Held(u64),
    /// It keeps all shields of an operation over the same.
    Hold(u64),
    Iterate,
    Scan(Scan),
}

/// What a coroutine does in a script that says so.
#[derive(Clone, Copy)]
pub(super) enum Task {
    /// An operation of this structure, under a guard of its own.
    Do(usize, Op),
    Step(Step),
}

/// What each coroutine does; where it is empty, what it likes.
pub(super) type Parts = [Vec<Task>; CREW];

/// What a coroutine is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    GoOn,
    /// It stops before this one of the writes that are to come, from 0. The one before which it has stopped
    /// is among them.
    BeforeWrite(u32),
    /// It stops after so many writes, and then so many points.
    After {
        writes: u32,
        points: u32,
    },
    /// It is at rest, and gives its handle back.
    Leave,
}
