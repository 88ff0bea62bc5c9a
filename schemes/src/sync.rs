//! The atomics of the schemes: of the standard library, or of loom when models are checked.

#[cfg(not(kovan_loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence,
};

#[cfg(kovan_loom)]
pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence,
};

/// The pointer in an atomic that nobody else has.
#[inline]
pub(crate) fn get<T>(pointer: &mut AtomicPtr<T>) -> *mut T {
    #[cfg(not(kovan_loom))]
    return *pointer.get_mut();
    #[cfg(kovan_loom)]
    return pointer.with_mut(|pointer| *pointer);
}

/// Shows models who uses memory that holds no cell of theirs; nothing elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Use {
    #[cfg(kovan_loom)]
    cell: loom::cell::UnsafeCell<()>,
}

impl Use {
    /// The caller reads it.
    #[inline(always)]
    pub(crate) fn shared(&self) {
        #[cfg(kovan_loom)]
        self.cell.with(|_| ());
    }

    /// The caller has it alone.
    #[inline(always)]
    pub(crate) fn alone(&self) {
        #[cfg(kovan_loom)]
        self.cell.with_mut(|_| ());
    }
}
