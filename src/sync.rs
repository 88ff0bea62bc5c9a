//! The atomics of the protocol: of the standard library, of loom when models are checked, or of
//! shuttle, counted, when larger schedules are.

#[cfg(kovan_shuttle)]
pub(crate) mod counted;

#[cfg(not(any(kovan_loom, kovan_shuttle)))]
use core::sync::atomic as chosen;
#[cfg(kovan_shuttle)]
use counted as chosen;
#[cfg(kovan_loom)]
use loom::sync::atomic as chosen;

pub(crate) use chosen::{
    AtomicBool, AtomicI32, AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence,
};

/// Shows the models who uses a piece of memory that no cell of theirs holds. Elsewhere it is
/// nothing.
#[derive(Default)]
pub(crate) struct RaceCheck {
    #[cfg(kovan_loom)]
    cell: loom::cell::UnsafeCell<()>,
}

impl RaceCheck {
    /// Says that the caller reads it, or writes atomics in it.
    #[inline(always)]
    pub(crate) fn shared(&self) {
        #[cfg(kovan_loom)]
        self.cell.with(|_| ());
    }

    /// Says that the caller owns it alone.
    #[inline(always)]
    pub(crate) fn alone(&self) {
        #[cfg(kovan_loom)]
        self.cell.with_mut(|_| ());
    }
}
