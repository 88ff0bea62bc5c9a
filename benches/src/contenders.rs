//! The contenders, each used as its documentation shows.

/// Nodes that the program boxes, and pointers that it gets as they are.
macro_rules! boxes {
    () => {
        type Pointer<T: Send + Sync + 'static> = *mut T;
        #[inline(always)]
        fn alloc<T: Send + Sync + 'static>(value: T) -> *mut T {
            Box::into_raw(Box::new(value))
        }
        unsafe fn dealloc<T: Send + Sync + 'static>(node: *mut T) {
            // SAFETY: the caller's clauses: the box of `alloc`, used by nobody else.
            drop(unsafe { Box::from_raw(node) });
        }
    };
}

/// The standard atomic pointer, for libraries whose interface takes it.
macro_rules! std_atomics {
    () => {
        boxes!();
        type Atomic<T: Send + Sync + 'static> = std::sync::atomic::AtomicPtr<T>;
        #[inline(always)]
        fn atomic<T: Send + Sync + 'static>(pointer: *mut T) -> Self::Atomic<T> {
            Self::Atomic::new(pointer)
        }
        #[inline(always)]
        fn peek<T: Send + Sync + 'static>(_: &Self::Guard<'_>, source: &Self::Atomic<T>) -> *mut T {
            source.load(Ordering::Acquire)
        }
        #[inline(always)]
        fn store<T: Send + Sync + 'static>(target: &Self::Atomic<T>, pointer: *mut T) {
            target.store(pointer, Ordering::Relaxed);
        }
        #[inline(always)]
        fn swap<T: Send + Sync + 'static>(
            _: &Self::Guard<'_>,
            target: &Self::Atomic<T>,
            new: *mut T,
        ) -> *mut T {
            target.swap(new, Ordering::AcqRel)
        }
        #[inline(always)]
        fn compare_exchange<T: Send + Sync + 'static>(
            _: &Self::Guard<'_>,
            target: &Self::Atomic<T>,
            current: *mut T,
            new: *mut T,
        ) -> Result<(), *mut T> {
            target.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire).map(drop)
        }
        unsafe fn load_exclusive<T: Send + Sync + 'static>(source: &Self::Atomic<T>) -> *mut T {
            source.load(Ordering::Relaxed)
        }
    };
}

mod crossbeam_epoch;
mod haphazard;
mod kovan_0_2;
mod leak;
pub mod locks;
mod ours;
mod sdd;
mod seize;

pub use crossbeam_epoch::{Epoch, EpochHandle};
pub use haphazard::{Haphazard, HaphazardHandle};
pub use kovan_0_2::{Published, PublishedNode};
pub use leak::Leak;
pub use ours::{Batch16, Batch32, Free1, Free2, Free4, FreeAll, Kovan, KovanHandle, KovanRobust};
pub use sdd::Sdd;
pub use seize::{Seize, SeizeHandle, SeizeLocal};
