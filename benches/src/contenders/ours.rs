//! `kovan`: the functions that its README shows, and its collectors through handles.

use std::sync::atomic::Ordering;

use kovan::{Atomic, DefaultMode, Mode, Shared};

use crate::contender::{Contender, Group};

/// `kovan::Atomic`, whose operations are the same with every guard.
macro_rules! kovan_atomics {
    () => {
        boxes!();
        type Atomic<T: Send + Sync + 'static> = Atomic<T>;
        #[inline(always)]
        fn atomic<T: Send + Sync + 'static>(pointer: *mut T) -> Atomic<T> {
            Atomic::new(pointer)
        }
        #[inline(always)]
        fn load<T: Send + Sync + 'static>(
            guard: &mut Self::Guard<'_>,
            _: usize,
            source: &Atomic<T>,
        ) -> *mut T {
            source.load(Ordering::Acquire, guard).as_raw()
        }
        #[inline(always)]
        fn peek<T: Send + Sync + 'static>(guard: &Self::Guard<'_>, source: &Atomic<T>) -> *mut T {
            // SAFETY: the caller compares or stores the pointer, which needs no protection.
            unsafe { source.load_unprotected(Ordering::Acquire, guard) }.as_raw()
        }
        #[inline(always)]
        fn store<T: Send + Sync + 'static>(target: &Atomic<T>, pointer: *mut T) {
            target.store(shared(pointer), Ordering::Relaxed);
        }
        #[inline(always)]
        fn swap<T: Send + Sync + 'static>(
            guard: &Self::Guard<'_>,
            target: &Atomic<T>,
            new: *mut T,
        ) -> *mut T {
            target.swap(shared(new), Ordering::AcqRel, guard).as_raw()
        }
        #[inline(always)]
        fn compare_exchange<T: Send + Sync + 'static>(
            guard: &Self::Guard<'_>,
            target: &Atomic<T>,
            current: *mut T,
            new: *mut T,
        ) -> Result<(), *mut T> {
            let (current, new) = (shared(current), shared(new));
            match target.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire, guard)
            {
                Ok(_) => Ok(()),
                Err(now) => Err(now.as_raw()),
            }
        }
        unsafe fn load_exclusive<T: Send + Sync + 'static>(source: &Atomic<T>) -> *mut T {
            let guard = kovan::pin();
            // SAFETY: nobody else uses the source, so nothing in it can be retired meanwhile.
            unsafe { source.load_unprotected(Ordering::Relaxed, &guard) }.as_raw()
        }
    };
}

/// Wraps a pointer for an operation of `kovan::Atomic`.
#[inline(always)]
fn shared<'g, T>(pointer: *mut T) -> Shared<'g, T> {
    // SAFETY: the wrapper only goes into an atomic operation, which does not dereference it. A
    // structure unmarks what it reads back before it dereferences that.
    unsafe { Shared::from_raw(pointer) }
}

/// `kovan` through `pin`, `Atomic` and `retire`. The cargo feature `kovan/robust` makes their
/// collector the robust one, and this contender takes that one's name.
#[derive(Debug)]
pub struct Kovan;

// SAFETY: the default collector, in either mode, protects what a guard loads from a place that is
// still reachable.
unsafe impl Contender for Kovan {
    const NAME: &'static str = if DefaultMode::ROBUST { "kovan-robust" } else { "kovan" };
    const GROUP: Group = Group::ThreadLocal;
    type Local = ();
    type Guard<'l> = kovan::Guard;
    kovan_atomics!();

    fn new() -> Self {
        Self
    }
    fn register(&self) {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {
        kovan::pin()
    }
    #[inline(always)]
    unsafe fn retire<T: Send + Sync + 'static>(_: &Self::Guard<'_>, node: *mut T) {
        // SAFETY: the caller's clauses; `alloc` boxed the node.
        unsafe { kovan::retire(node) };
    }
    fn flush(&self, (): &mut ()) {
        kovan::flush();
    }
}

/// A collector of `kovan` through a handle, in one of its modes and with some parameters.
macro_rules! collector {
    ($(#[$doc:meta])* $type:ident, $name:literal, $mode:ident, $builder:ident => $built:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type(kovan::Collector<kovan::$mode>);

        // SAFETY: guards of both modes protect what they load from places still reachable.
        unsafe impl Contender for $type {
            const NAME: &'static str = $name;
            const GROUP: Group = Group::Handle;
            type Local = kovan::Handle<kovan::$mode>;
            type Guard<'l> = kovan::Guard<kovan::$mode>;
            kovan_atomics!();

            fn new() -> Self {
                let $builder = kovan::Collector::builder();
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
            unsafe fn retire<T: Send + Sync + 'static>(guard: &Self::Guard<'_>, node: *mut T) {
                // SAFETY: the caller's clauses; `alloc` boxed the node.
                unsafe { guard.retire(node) };
            }
            fn flush(&self, local: &mut Self::Local) {
                local.flush();
            }
        }
    };
}
collector!(
    /// `kovan` as it comes, through a handle.
    KovanHandle, "kovan", Region, it => it
);
collector!(
    /// The robust collector through a handle.
    KovanRobust, "kovan-robust", Robust, it => it
);
collector!(
    /// Frees a batch at once.
    FreeAll, "frees=all", Region, it => it.free(kovan::Free::AtOnce)
);
collector!(
    /// Frees one node per retirement.
    Free1, "frees=1", Region, it => it.free(kovan::Free::Amortised(1))
);
collector!(
    /// Frees two nodes per retirement.
    Free2, "frees=2", Region, it => it.free(kovan::Free::Amortised(2))
);
collector!(
    /// Frees four nodes per retirement.
    Free4, "frees=4", Region, it => it.free(kovan::Free::Amortised(4))
);
collector!(
    /// Batches of 32.
    Batch32, "batch=32", Region, it => it.batch(32)
);
collector!(
    /// Batches of 16.
    Batch16, "batch=16", Region, it => it.batch(16)
);
