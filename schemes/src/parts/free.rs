//! When the nodes that a scheme found to be safe are freed: a type parameter of schemes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Debug;

use crate::parameters::{Parameter, Parameters};
use crate::parts::limbo::{Erased, Freeing};

/// A free policy; one value per thread.
pub trait Free: Debug + 'static {
    /// True if freeing is spread over later retirements.
    const AMORTISED: bool;

    /// A thread's policy, in a domain with these parameters.
    fn new(parameters: &Parameters) -> Self;

    /// Frees the nodes, now or later, and leaves the list empty.
    ///
    /// # Safety
    /// Each node is given once, and no thread holds a protection of it.
    unsafe fn free(&self, nodes: &mut Vec<Erased>);

    /// Called at each retirement.
    fn step(&self) {}

    /// Frees all that waits.
    fn finish(&self) {}

    /// Takes what waits.
    fn take(&self) -> Vec<Erased> {
        Vec::new()
    }
}

/// Frees at once.
#[derive(Debug)]
pub struct Immediate;

impl Free for Immediate {
    const AMORTISED: bool = false;

    fn new(_: &Parameters) -> Self {
        Self
    }

    unsafe fn free(&self, nodes: &mut Vec<Erased>) {
        for node in nodes.drain(..) {
            // SAFETY: this function's clause is that of `Erased::free`.
            unsafe { node.free() };
        }
    }
}

/// Nodes that [`Amortised`] frees per retirement.
pub(crate) const PER_RETIREMENT: Parameter = Parameter {
    name: "frees_per_retirement",
    unit: "nodes",
    default: 2,
    min: 1,
    max: 1_000_000,
    description: "A retirement frees this many of the nodes that wait. With 2, what a stall piled up \
                  melts while as much again is retired; with 1 it never shrinks.",
    source: "Kim, Brown & Singh, Are your epochs too epic?, PPoPP 2024 (amortized freeing)",
};

/// Frees a few nodes at each retirement (Kim, Brown & Singh, "Are your epochs too epic? Batch free
/// can be harmful", PPoPP 2024): allocators handle a steady trickle better than bursts.
#[derive(Debug)]
pub struct Amortised {
    per_retirement: u64,
    waiting: RefCell<VecDeque<Erased>>,
}

impl Amortised {
    #[inline]
    fn next(&self) -> Option<Erased> {
        self.waiting.borrow_mut().pop_front()
    }

    fn free_all(&self) {
        while let Some(node) = self.next() {
            // SAFETY: given to `free` once, and taken once; unprotected by the clause there.
            unsafe { node.free() };
        }
    }
}

impl Free for Amortised {
    const AMORTISED: bool = true;

    fn new(parameters: &Parameters) -> Self {
        let per_retirement = parameters.value(&PER_RETIREMENT);
        Self { per_retirement, waiting: RefCell::default() }
    }

    unsafe fn free(&self, nodes: &mut Vec<Erased>) {
        self.waiting.borrow_mut().extend(nodes.drain(..));
    }

    #[inline]
    fn step(&self) {
        let Some(_freeing) = Freeing::enter() else { return };
        for _ in 0..self.per_retirement {
            let Some(node) = self.next() else { return };
            // SAFETY: given to `free` once, and taken once; unprotected by the clause there.
            unsafe { node.free() };
        }
    }

    fn finish(&self) {
        // A chain of destructors that flush must not exhaust the stack.
        if let Some(_freeing) = Freeing::enter() {
            self.free_all();
        }
    }

    fn take(&self) -> Vec<Erased> {
        self.waiting.take().into()
    }
}

impl Drop for Amortised {
    fn drop(&mut self) {
        self.free_all();
    }
}
