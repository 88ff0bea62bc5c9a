//! When the nodes that a scheme found to be safe are freed: a type parameter of schemes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Debug;

use crate::parts::limbo::{Erased, Freeing};

/// A free policy; one value per thread.
pub trait Free: Default + Debug + 'static {
    /// Whether freeing is spread over later retirements.
    const AMORTISED: bool;

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
#[derive(Debug, Default)]
pub struct Immediate;

impl Free for Immediate {
    const AMORTISED: bool = false;

    unsafe fn free(&self, nodes: &mut Vec<Erased>) {
        for node in nodes.drain(..) {
            // SAFETY: this function's clause is that of `Erased::free`.
            unsafe { node.free() };
        }
    }
}

/// Nodes that [`Amortised`] frees per retirement. Two, so that what a stall piled up melts while as
/// much again is retired; with one it would never shrink.
const PER_RETIRE: usize = 2;

/// Frees a few nodes at each retirement (Kim, Brown & Singh, "Are your epochs too epic? Batch free
/// can be harmful", PPoPP 2024): allocators handle a steady trickle better than bursts.
#[derive(Debug, Default)]
pub struct Amortised {
    waiting: RefCell<VecDeque<Erased>>,
}

impl Amortised {
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

    unsafe fn free(&self, nodes: &mut Vec<Erased>) {
        self.waiting.borrow_mut().extend(nodes.drain(..));
    }

    #[inline]
    fn step(&self) {
        let Some(_freeing) = Freeing::enter() else { return };
        for _ in 0..PER_RETIRE {
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
