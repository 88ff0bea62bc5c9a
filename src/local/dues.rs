//! What a call that frees looks at.

use core::cell::Cell;

/// Nodes to be freed besides, for what destructors have retired, and two flags. All zero in most
/// calls, so that one comparison tells.
pub(super) struct Dues(Cell<usize>);

/// A destructor runs that this local has called: nested calls leave their work to the call that runs it.
const FREEING: usize = 1;
/// This thread has so many registrations that destructors may have made them, in each other.
const CROWDED: usize = 2;
/// One node that is owed.
const NODE: usize = 4;

impl Dues {
    pub(super) fn new() -> Self {
        Self(Cell::new(0))
    }

    /// Returns whether nothing is owed and no flag is set.
    #[inline(always)]
    pub(super) fn are_none(&self) -> bool {
        self.0.get() == 0
    }

    #[inline(always)]
    pub(super) fn is_freeing(&self) -> bool {
        self.0.get() & FREEING != 0
    }

    #[inline(always)]
    pub(super) fn begin_freeing(&self) {
        self.0.set(self.0.get() | FREEING);
    }

    #[inline(always)]
    pub(super) fn end_freeing(&self) {
        self.0.set(self.0.get() & !FREEING);
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.0.get() & CROWDED != 0
    }

    /// Begins a registration, when nothing is owed.
    pub(super) fn set_crowded(&self, crowded: bool) {
        self.0.set(if crowded { CROWDED } else { 0 });
    }

    pub(super) fn owe(&self, nodes: usize) {
        let most = (usize::MAX - self.0.get()) / NODE;
        self.0.set(self.0.get() + nodes.min(most) * NODE);
    }

    /// Takes at most so much of what is owed.
    pub(super) fn take(&self, most: usize) -> usize {
        let taken = (self.0.get() / NODE).min(most);
        self.0.set(self.0.get() - taken * NODE);
        taken
    }

    pub(super) fn are_owed(&self) -> bool {
        self.0.get() >= NODE
    }
}
