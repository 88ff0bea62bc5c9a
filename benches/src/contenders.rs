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

mod ours;
mod peers;
mod published;

pub use ours::{
    AtOnce, Batch32, Batch128, Batch256, Four, Kovan, KovanDefault, KovanRobust, One, Two,
};
pub use peers::{Epoch, Haphazard, Leak, Seize};
pub use published::{Published, PublishedNode};
