//! Structures as one writes them directly over crossbeam-epoch: what the generic ones are compared
//! with. The same algorithms, none of the framework: no counters, no shields, no check of the domain.

use crossbeam_epoch::Guard;

mod list;
mod queue;
mod stack;

pub use list::{HashMap, List};
pub use queue::Queue;
pub use stack::Stack;

/// A structure of `u64` keys, as the generic ones are driven.
pub trait HandWritten: Send + Sync + 'static {
    /// Empty. Only structures of fixed size use the hint.
    fn new(capacity_hint: usize) -> Self;
    /// Map: adds the key if it is not present. Else: pushes.
    fn insert(&self, guard: &Guard, key: u64) -> bool;
    /// Map: removes the key. Else: pops.
    fn remove(&self, guard: &Guard, key: u64) -> Option<u64>;
    /// Map: whether the key is present. Else: whether there is anything.
    fn contains(&self, guard: &Guard, key: u64) -> bool;
}
