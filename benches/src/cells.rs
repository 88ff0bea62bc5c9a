//! What is measured. Every cell is written once, over [`Contender`], with the validation that the
//! weakest contender needs.

use crate::contender::Contender;

mod bucket;
mod maps;
mod pointer;
mod queue;
mod stack;

pub use maps::{HashMap, List, Map};
pub use pointer::{Loads, Pin, PinLoad, ReadHeavy, Retire, Shared};
pub use queue::Queue;
pub use stack::Stack;

/// Elements that a stack or queue starts with.
const FILL: u64 = 1000;

/// A workload over one shared state.
pub trait Cell<C: Contender>: Sync + Sized {
    /// Its name.
    const NAME: &'static str;
    /// Operations per call of `step`.
    const OPERATIONS: u64 = 1;
    /// The state, filled.
    fn new(contender: &C) -> Self;
    /// One step; `random` is fresh.
    fn step(&self, contender: &C, local: &mut C::Local, random: u64);
}
