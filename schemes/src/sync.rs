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
