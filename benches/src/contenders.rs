//! The contenders, each used as its documentation shows.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::contender::{Contender, Plain, boxed, unbox};

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

/// Boxes, as the region collector takes them.
macro_rules! boxed_node {
    () => {
        plain_node!();
        #[inline(always)]
        unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Plain<T>) {
            // SAFETY: the caller's clauses.
            unsafe { guard.retire(node) };
        }
    };
}

/// Nodes with their birth, as the robust collector wants them.
macro_rules! owned_node {
    () => {
        type Node<T: Send + 'static> = Plain<T>;
        #[inline(always)]
        fn alloc<T: Send + 'static>(&self, guard: &Self::Guard<'_>, value: T) -> *mut Plain<T> {
            kovan::Owned::new(Plain(value), guard).into_raw()
        }
        #[inline(always)]
        unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Plain<T>) {
            // SAFETY: the caller's clauses; `alloc` made it under a guard of this collector.
            unsafe { guard.retire_owned(node) };
        }
        unsafe fn dealloc<T: Send + 'static>(node: *mut Plain<T>) {
            // SAFETY: the caller's clauses.
            drop(unsafe { kovan::Owned::from_raw(node) });
        }
    };
}

/// A collector of `kovan`, in one of its modes and with some parameters, through a handle.
macro_rules! kovan {
    ($(#[$doc:meta])* $type:ident, $name:literal, $mode:ident, $node:ident, $it:ident => $built:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type(kovan::Collector<kovan::$mode>);

        // SAFETY: guards of both modes protect what they load from places still reachable.
        unsafe impl Contender for $type {
            const NAME: &'static str = $name;
            type Local = kovan::Handle<kovan::$mode>;
            type Guard<'l> = kovan::Guard<kovan::$mode>;
            $node!();

            fn new() -> Self {
                let $it = kovan::Collector::builder();
                Self($built.build())
            }
            fn register(&self) -> Self::Local {
                self.0.register()
            }
            #[inline(always)]
            fn pin<'l>(&'l self, local: &'l mut Self::Local) -> Self::Guard<'l> {
                local.pin()
            }
            #[inline(always)]
            fn protect<T: Send + 'static>(
                guard: &mut Self::Guard<'_>,
                _: usize,
                source: &AtomicPtr<Plain<T>>,
            ) -> *mut Plain<T> {
                guard.protect(source, Ordering::Acquire)
            }
        }
    };
}
kovan!(
    /// `kovan` as it comes, through a handle.
    Kovan, "kovan", Region, boxed_node, it => it
);
kovan!(
    /// The robust collector.
    KovanRobust, "kovan-robust", Robust, owned_node, it => it
);
kovan!(
    /// Frees at once.
    AtOnce, "frees=all", Region, boxed_node, it => it.free(kovan::Free::AtOnce)
);
kovan!(
    /// Frees one node per retirement.
    One, "frees=1", Region, boxed_node, it => it.free(kovan::Free::Amortised(1))
);
kovan!(
    /// Frees two nodes per retirement.
    Two, "frees=2", Region, boxed_node, it => it.free(kovan::Free::Amortised(2))
);
kovan!(
    /// Frees four nodes per retirement.
    Four, "frees=4", Region, boxed_node, it => it.free(kovan::Free::Amortised(4))
);
kovan!(
    /// Batches of 32.
    Batch32, "batch=32", Region, boxed_node, it => it.batch(32)
);
kovan!(
    /// Batches of 128.
    Batch128, "batch=128", Region, boxed_node, it => it.batch(128)
);
kovan!(
    /// Batches of 256.
    Batch256, "batch=256", Region, boxed_node, it => it.batch(256)
);

/// `kovan` through the functions `pin` and `retire` of the default collector.
#[derive(Debug)]
pub struct KovanDefault;

// SAFETY: as the default collector.
unsafe impl Contender for KovanDefault {
    const NAME: &'static str = "kovan-default";
    type Local = ();
    type Guard<'l> = kovan::Guard;
    plain_node!();

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Self::Local {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {
        kovan::pin()
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        _: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        guard.protect(source, Ordering::Acquire)
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, _: &Self::Guard<'_>, node: *mut Plain<T>) {
        // SAFETY: the caller's clauses.
        unsafe { kovan::retire(node) };
    }
}

/// crossbeam-epoch through the functions of its default collector, as most of its users do.
#[derive(Debug)]
pub struct Epoch;

// SAFETY: an epoch guard protects everything reachable.
unsafe impl Contender for Epoch {
    const NAME: &'static str = "crossbeam-epoch";
    type Local = ();
    type Guard<'l> = crossbeam_epoch::Guard;
    plain_node!();

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Self::Local {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {
        crossbeam_epoch::pin()
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        _: &mut Self::Guard<'_>,
        _: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        source.load(Ordering::Acquire)
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Plain<T>) {
        // SAFETY: the caller's clauses; the pointer came from a box.
        unsafe { guard.defer_destroy(crossbeam_epoch::Shared::from(node.cast_const())) };
    }
}

/// seize with its default settings.
#[derive(Debug)]
pub struct Seize(seize::Collector);

// SAFETY: a seize guard protects what `protect` loads.
unsafe impl Contender for Seize {
    const NAME: &'static str = "seize";
    type Local = ();
    type Guard<'l> = seize::LocalGuard<'l>;
    plain_node!();

    fn new() -> Self {
        Self(seize::Collector::new())
    }
    fn register(&self) -> Self::Local {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {
        self.0.enter()
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        _: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        seize::Guard::protect(guard, source, Ordering::Acquire)
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Plain<T>) {
        // SAFETY: the caller's clauses; the pointer came from a box.
        unsafe { seize::Guard::defer_retire(guard, node, seize::reclaim::boxed) };
    }
}

/// haphazard with three hazard pointers kept per thread.
#[derive(Debug)]
pub struct Haphazard;

type Hazards = [haphazard::HazardPointer<'static>; 3];

// SAFETY: `protect` publishes the pointer and reads the source again behind a full fence.
unsafe impl Contender for Haphazard {
    const NAME: &'static str = "haphazard";
    type Local = Hazards;
    type Guard<'l> = &'l mut Hazards;
    plain_node!();

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Hazards {
        std::array::from_fn(|_| haphazard::HazardPointer::new())
    }
    #[inline(always)]
    fn pin<'l>(&'l self, local: &'l mut Hazards) -> Self::Guard<'l> {
        local
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        slot: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        let protected = guard[slot].protect_ptr(source);
        protected.map_or(std::ptr::null_mut(), |(pointer, _)| pointer.as_ptr())
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, _: &Self::Guard<'_>, node: *mut Plain<T>) {
        // SAFETY: the caller's clauses.
        unsafe { haphazard::Domain::global().retire_ptr::<Plain<T>, Box<Plain<T>>>(node) };
    }
}

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

/// Frees nothing.
#[derive(Debug)]
pub struct Leak;

// SAFETY: nothing is ever freed.
unsafe impl Contender for Leak {
    const NAME: &'static str = "leak";
    type Local = ();
    type Guard<'l> = ();
    plain_node!();

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Self::Local {}
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {}
    #[inline(always)]
    fn protect<T: Send + 'static>(
        (): &mut (),
        _: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        source.load(Ordering::Acquire)
    }
    unsafe fn retire<T: Send + 'static>(&self, (): &(), _: *mut Plain<T>) {}
}
