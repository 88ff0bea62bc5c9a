//! What is measured. Every cell is written once, over [`Contender`], with the validation that the
//! weakest contender needs.

use crate::contender::Contender;

mod bucket;
mod maps;
mod pointer;
mod queue;
mod stack;

pub use maps::{HashMap, List, Map};
pub use pointer::{Loads, Mixed, Pin, PinLoad, Replace, Shared, mixed_name, mixed_replaces};
pub use queue::Queue;
pub use stack::Stack;

/// Elements that a stack or queue starts with.
const FILL: u64 = 1000;
/// Words in the payload of the main tables: 40 bytes.
pub const WORDS: usize = 5;

/// What a node holds besides its links: words that all hold the same number, so that a reader can
/// look at all of them and return one.
#[derive(Clone, Copy, Debug)]
pub struct Payload<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Payload<WORDS> {
    /// Bytes of a payload.
    pub const BYTES: usize = 8 * WORDS;

    /// Makes a payload of one number.
    #[inline(always)]
    #[must_use]
    pub fn of(value: u64) -> Self {
        Self([value; WORDS])
    }

    /// Reads all words and returns their number.
    #[inline(always)]
    #[must_use]
    pub fn read(&self) -> u64 {
        self.0.iter().fold(0, |all, word| all | word)
    }
}

/// A workload over one shared state.
pub trait Cell<C: Contender>: Sync + Sized {
    /// The name in tables and records.
    const NAME: &'static str;
    /// Bytes of payload in a node.
    const BYTES: usize = Payload::<WORDS>::BYTES;
    /// Operations per call of `step`.
    const OPERATIONS: u64 = 1;
    /// Makes the state, filled.
    fn new(contender: &C) -> Self;
    /// Makes one step; `random` is fresh.
    fn step(&self, contender: &C, local: &mut C::Local, random: u64);
}
