//! The crate of the same name as published, through `pin`, `Atomic` and `retire`. It has no handles.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::Ordering;

use kovan_published::{Atomic, Guard, RetiredNode, Shared};

use crate::contender::{Contender, Group, Pointer};

/// A node as the published crate wants it, with its header first.
#[repr(C)]
pub struct PublishedNode<T> {
    _retired: RetiredNode,
    value: T,
}

// SAFETY: the header is written by the library alone, and only once the node is retired.
unsafe impl<T: Send> Send for PublishedNode<T> {}
// SAFETY: shared references give access to the value only.
unsafe impl<T: Sync> Sync for PublishedNode<T> {}

impl<T> fmt::Debug for PublishedNode<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublishedNode")
    }
}

impl<T> Deref for PublishedNode<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A pointer to a node with a header.
pub struct NodePointer<T>(*mut PublishedNode<T>);

impl<T> Clone for NodePointer<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for NodePointer<T> {}
impl<T> PartialEq for NodePointer<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Pointer<T> for NodePointer<T> {
    #[inline(always)]
    fn null() -> Self {
        Self(Pointer::null())
    }
    #[inline(always)]
    fn is_null(self) -> bool {
        self.0.is_null()
    }
    #[inline(always)]
    fn is_marked(self) -> bool {
        self.0.is_marked()
    }
    #[inline(always)]
    fn marked(self) -> Self {
        Self(self.0.marked())
    }
    #[inline(always)]
    fn unmarked(self) -> Self {
        Self(self.0.unmarked())
    }
    #[inline(always)]
    unsafe fn deref<'a>(self) -> &'a T {
        // SAFETY: the caller's clause.
        unsafe { &(*self.0).value }
    }
}

/// Wraps a pointer for an operation of the library's `Atomic`.
#[inline(always)]
fn shared<'g, T>(pointer: NodePointer<T>) -> Shared<'g, PublishedNode<T>> {
    // SAFETY: the wrapper only goes into an atomic operation, which does not dereference it. A
    // structure unmarks what it reads back before it dereferences that.
    unsafe { Shared::from_raw(pointer.0) }
}

/// The crate of the same name as published.
#[derive(Debug)]
pub struct Published;

// SAFETY: its `load` protects what it loads from a place still reachable.
unsafe impl Contender for Published {
    const NAME: &'static str = "kovan 0.2.0";
    const GROUP: Group = Group::ThreadLocal;
    type Pointer<T: Send + Sync + 'static> = NodePointer<T>;
    type Atomic<T: Send + Sync + 'static> = Atomic<PublishedNode<T>>;
    type Local = ();
    type Guard<'l> = Guard;

    fn new() -> Self {
        Self
    }
    fn register(&self) {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Guard {
        kovan_published::pin()
    }
    #[inline(always)]
    fn alloc<T: Send + Sync + 'static>(value: T) -> NodePointer<T> {
        let node = PublishedNode { _retired: RetiredNode::new(), value };
        NodePointer(Box::into_raw(Box::new(node)))
    }
    unsafe fn dealloc<T: Send + Sync + 'static>(node: NodePointer<T>) {
        // SAFETY: the caller's clauses: the box of `alloc`, used by nobody else.
        drop(unsafe { Box::from_raw(node.0) });
    }
    #[inline(always)]
    unsafe fn retire<T: Send + Sync + 'static>(_: &Guard, node: NodePointer<T>) {
        // SAFETY: the caller's clauses; `alloc` boxed the node, and its `RetiredNode` comes first.
        unsafe { kovan_published::retire(node.0) };
    }
    fn flush(&self, (): &mut ()) {
        kovan_published::flush();
    }

    #[inline(always)]
    fn atomic<T: Send + Sync + 'static>(pointer: NodePointer<T>) -> Self::Atomic<T> {
        Atomic::new(pointer.0)
    }
    #[inline(always)]
    fn load<T: Send + Sync + 'static>(
        guard: &mut Guard,
        _: usize,
        source: &Self::Atomic<T>,
    ) -> NodePointer<T> {
        NodePointer(source.load(Ordering::Acquire, guard).as_raw())
    }
    #[inline(always)]
    fn peek<T: Send + Sync + 'static>(guard: &Guard, source: &Self::Atomic<T>) -> NodePointer<T> {
        // SAFETY: the caller compares or stores the pointer, which needs no protection.
        NodePointer(unsafe { source.load_unprotected(Ordering::Acquire, guard) }.as_raw())
    }
    #[inline(always)]
    fn store<T: Send + Sync + 'static>(target: &Self::Atomic<T>, pointer: NodePointer<T>) {
        target.store(shared(pointer), Ordering::Relaxed);
    }
    #[inline(always)]
    fn swap<T: Send + Sync + 'static>(
        guard: &Guard,
        target: &Self::Atomic<T>,
        new: NodePointer<T>,
    ) -> NodePointer<T> {
        NodePointer(target.swap(shared(new), Ordering::AcqRel, guard).as_raw())
    }
    #[inline(always)]
    fn compare_exchange<T: Send + Sync + 'static>(
        guard: &Guard,
        target: &Self::Atomic<T>,
        current: NodePointer<T>,
        new: NodePointer<T>,
    ) -> Result<(), NodePointer<T>> {
        let (current, new) = (shared(current), shared(new));
        match target.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire, guard) {
            Ok(_) => Ok(()),
            Err(now) => Err(NodePointer(now.as_raw())),
        }
    }
    unsafe fn load_exclusive<T: Send + Sync + 'static>(source: &Self::Atomic<T>) -> NodePointer<T> {
        let guard = kovan_published::pin();
        // SAFETY: nobody else uses the source, so nothing in it can be retired meanwhile.
        NodePointer(unsafe { source.load_unprotected(Ordering::Relaxed, &guard) }.as_raw())
    }
}
