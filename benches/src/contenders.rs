//! The contenders, each used as its documentation shows.

/// Nodes without a header, boxed.
macro_rules! plain_node {
    () => {
        type Node<T: Send + 'static> = Plain<T>;
        fn alloc<T: Send + 'static>(&self, _: &Self::Guard<'_>, value: T) -> *mut Plain<T> {
            boxed(Plain(value))
        }
        unsafe fn dealloc<T: Send + 'static>(node: *mut Plain<T>) {
            // SAFETY: the caller's clauses.
            unsafe { unbox(node) };
        }
    };
}

mod kovan_0_2;
mod ours;
mod peers;

pub use kovan_0_2::{Published, PublishedNode};
pub use ours::{
    Batch32, Batch128, Batch256, Free1, Free2, Free4, FreeAll, Kovan, KovanDefault, KovanRobust,
};
pub use peers::{Epoch, Haphazard, Leak, Seize};
