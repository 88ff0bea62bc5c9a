//! `kovan`: its collectors through handles, with some of their parameters, and the default one.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::contender::{Contender, Plain, boxed, unbox};

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
            fn flush(&self, local: &mut Self::Local) {
                local.flush();
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
    FreeAll, "frees=all", Region, boxed_node, it => it.free(kovan::Free::AtOnce)
);
kovan!(
    /// Frees one node per retirement.
    Free1, "frees=1", Region, boxed_node, it => it.free(kovan::Free::Amortised(1))
);
kovan!(
    /// Frees two nodes per retirement.
    Free2, "frees=2", Region, boxed_node, it => it.free(kovan::Free::Amortised(2))
);
kovan!(
    /// Frees four nodes per retirement.
    Free4, "frees=4", Region, boxed_node, it => it.free(kovan::Free::Amortised(4))
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
    fn flush(&self, (): &mut ()) {
        kovan::flush();
    }
}
