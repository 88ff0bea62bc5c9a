//! What a cell needs from a reclamation library.

use std::ops::Deref;
use std::sync::atomic::AtomicPtr;

/// A reclamation library, used through its own public interface.
///
/// # Safety
/// 1. What `protect` returns stays allocated until its guard ends, or until the same slot of the
///    guard protects something else, provided that the source is still reachable.
/// 2. So does what `protect_unmarked` returns, unless it is marked.
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
    /// As `protect`, of a source whose pointers may be [`marked`]. What a marked pointer leads to is
    /// not protected. Contenders that protect an address must not be told a marked one: it is not
    /// the address that is retired.
    #[inline(always)]
    fn protect_unmarked<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        slot: usize,
        source: &AtomicPtr<Self::Node<T>>,
    ) -> *mut Self::Node<T> {
        Self::protect(guard, slot, source)
    }
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
    /// Frees what can be freed now, as far as the library has a function for it.
    fn flush(&self, local: &mut Self::Local);
}

const MARK: usize = 1;

/// The pointer with its lowest bit set.
#[inline(always)]
#[must_use]
pub fn marked<N>(pointer: *mut N) -> *mut N {
    pointer.map_addr(|address| address | MARK)
}
/// The pointer with its lowest bit cleared.
#[inline(always)]
#[must_use]
pub fn unmarked<N>(pointer: *mut N) -> *mut N {
    pointer.map_addr(|address| address & !MARK)
}
/// Whether the lowest bit is set.
#[inline(always)]
#[must_use]
pub fn is_marked<N>(pointer: *mut N) -> bool {
    pointer.addr() & MARK != 0
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
