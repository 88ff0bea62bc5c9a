//! What a cell needs from a reclamation library.

use std::ops::Deref;
use std::sync::atomic::AtomicPtr;

/// A reclamation library, used through its own public interface.
///
/// # Safety
/// What `protect` returns stays allocated until its guard ends, or until the same slot of the guard
/// protects something else, provided that the source is still reachable.
pub unsafe trait Contender: Send + Sync + Sized + 'static {
    /// The name in tables.
    const NAME: &'static str;
    /// A node with what the library wants beside the value.
    type Node<T: Send + 'static>: Deref<Target = T> + Send + 'static;
    /// A thread's registration.
    type Local;
    /// A critical section.
    type Guard<'l>;

    /// A fresh domain, or the global one if the library has no other.
    fn new() -> Self;
    /// Registers the calling thread.
    fn register(&self) -> Self::Local;
    /// Begins a critical section.
    fn pin<'l>(&'l self, local: &'l mut Self::Local) -> Self::Guard<'l>;
    /// Allocates a node.
    fn alloc<T: Send + 'static>(&self, guard: &Self::Guard<'_>, value: T) -> *mut Self::Node<T>;
    /// Loads with acquire and protects; `slot` is below 3.
    fn protect<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        slot: usize,
        source: &AtomicPtr<Self::Node<T>>,
    ) -> *mut Self::Node<T>;
    /// Retires a node.
    ///
    /// # Safety
    /// It came from `alloc`, is unlinked, and is retired once.
    unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Self::Node<T>);
    /// Frees a node that was never retired.
    ///
    /// # Safety
    /// It came from `alloc`, and nobody else uses it.
    unsafe fn dealloc<T: Send + 'static>(node: *mut Self::Node<T>);
}

/// A node without a header.
#[derive(Debug)]
pub struct Plain<T>(pub T);
impl<T> Deref for Plain<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Boxes a node.
pub fn boxed<N>(node: N) -> *mut N {
    Box::into_raw(Box::new(node))
}

/// # Safety
/// `node` came from `boxed::<N>` and is not used again.
pub unsafe fn unbox<N>(node: *mut N) {
    // SAFETY: the caller's clause.
    drop(unsafe { Box::from_raw(node) });
}
