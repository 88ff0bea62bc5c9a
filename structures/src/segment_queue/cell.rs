//! Cells of a segment.

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::mem::{MaybeUninit, needs_drop, replace};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Looks that a dequeue takes at a cell before it spoils it.
const PATIENCE: usize = 32;

/// States of a cell. It goes from empty to full to taken, or from empty to taken (spoiled).
pub(super) const EMPTY: u8 = 0;
pub(super) const FULL: u8 = 1;
const TAKEN: u8 = 2;

pub(super) struct Cell<T> {
    pub(super) state: AtomicU8,
    /// Initialised while full. Written by the one enqueue that was given the cell, before it is
    /// full; read by the one dequeue that was, after.
    pub(super) value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Cell<T> {
    /// # Safety
    /// `at` may be written to.
    pub(super) unsafe fn build(at: *mut Self, value: Option<T>) {
        let state = AtomicU8::new(if value.is_some() { FULL } else { EMPTY });
        // SAFETY: the caller's clause. A value that is not there needs no initialisation.
        unsafe {
            (&raw mut (*at).state).write(state);
            if let Some(value) = value {
                (&raw mut (*at).value).cast::<T>().write(value);
            }
        }
    }

    pub(super) fn state(&self) -> u8 {
        self.state.load(Acquire)
    }

    /// Puts `value` in, or gives it back if the cell was spoiled.
    ///
    /// # Safety
    /// The cell was given to the calling enqueue.
    pub(super) unsafe fn put(&self, value: T) -> Result<(), T> {
        // SAFETY: the caller's clause: no other enqueue is here, and a dequeue reads the value only
        // if it is full.
        unsafe { (*self.value.get()).write(value) };
        #[cfg(test)]
        crate::pause::at("cell written");
        // Release: publishes the value. Relaxed: the dequeue left nothing to read.
        if self.state.compare_exchange(EMPTY, FULL, Release, Relaxed).is_ok() {
            return Ok(());
        }
        // SAFETY: written above, and spoiled: the dequeue did not and will not read it.
        Err(unsafe { (*self.value.get()).assume_init_read() })
    }

    /// Takes the value, or spoils the cell.
    ///
    /// # Safety
    /// The cell was given to the calling dequeue.
    pub(super) unsafe fn take(&self) -> Option<T> {
        for _ in 0..PATIENCE {
            // Relaxed: a hint; the swap decides.
            if self.state.load(Relaxed) != EMPTY {
                break;
            }
            spin_loop();
        }
        // Acquire: the value, if there is one.
        let full = self.state.swap(TAKEN, Acquire) == FULL;
        // SAFETY: full, so written; no other dequeue is here, by the caller's clause.
        full.then(|| unsafe { (*self.value.get()).assume_init_read() })
    }

    /// Takes the value, if there is one.
    pub(super) fn take_exclusive(&mut self) -> Option<T> {
        let full = replace(self.state.get_mut(), TAKEN) == FULL;
        // SAFETY: full, so written, and taken now.
        full.then(|| unsafe { self.value.get_mut().assume_init_read() })
    }
}

/// The drop of a queue needs it. In a segment that is retired all cells were taken.
impl<T> Drop for Cell<T> {
    fn drop(&mut self) {
        // A constant: without it, each segment that is freed would be read through.
        if needs_drop::<T>() {
            drop(self.take_exclusive());
        }
    }
}
