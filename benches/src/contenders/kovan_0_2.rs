//! The crate of the same name as published.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::contender::{Contender, boxed, unbox};

/// The crate of the same name as published.
#[derive(Debug)]
pub struct Published;

// SAFETY: its `load` protects what it loads from a place still reachable.
unsafe impl Contender for Published {
    const NAME: &'static str = "kovan 0.2.0";
    type Node<T: Send + 'static> = PublishedNode<T>;
    type Local = ();
    type Guard<'l> = kovan_published::Guard;

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Self::Local {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {
        kovan_published::pin()
    }
    #[inline(always)]
    fn alloc<T: Send + 'static>(&self, _: &Self::Guard<'_>, value: T) -> *mut PublishedNode<T> {
        let retired = kovan_published::RetiredNode::new();
        boxed(PublishedNode { _retired: retired, value })
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        _: usize,
        source: &AtomicPtr<PublishedNode<T>>,
    ) -> *mut PublishedNode<T> {
        // SAFETY: the only field of this pinned version's `Atomic` that has a size is an
        // `AtomicUsize` with the pointer in it; the sizes are compared below. The reference lives
        // as long as `source`.
        let atomic = unsafe {
            &*std::ptr::from_ref(source).cast::<kovan_published::Atomic<PublishedNode<T>>>()
        };
        const { assert!(size_of::<kovan_published::Atomic<u8>>() == size_of::<AtomicPtr<u8>>()) };
        atomic.load(Ordering::Acquire, guard).as_raw()
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, _: &Self::Guard<'_>, node: *mut PublishedNode<T>) {
        // SAFETY: the caller's clauses; its `RetiredNode` comes first.
        unsafe { kovan_published::retire(node) };
    }
    unsafe fn dealloc<T: Send + 'static>(node: *mut PublishedNode<T>) {
        // SAFETY: the caller's clauses.
        unsafe { unbox(node) };
    }
    fn flush(&self, (): &mut ()) {
        kovan_published::flush();
    }
}

/// A node as the published crate wants it.
#[repr(C)]
pub struct PublishedNode<T> {
    _retired: kovan_published::RetiredNode,
    value: T,
}
// SAFETY: the header is the library's business once the node is retired.
unsafe impl<T: Send> Send for PublishedNode<T> {}
impl<T> std::fmt::Debug for PublishedNode<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublishedNode")
    }
}
impl<T> std::ops::Deref for PublishedNode<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
