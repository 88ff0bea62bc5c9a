//! seize: a guard per operation, which finds the thread by itself, and a guard that the thread keeps
//! and refreshes, as its documentation advises where possible.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};

use seize::{Collector, Guard, LocalGuard};

use crate::contender::{Contender, Group};

macro_rules! seize_atomics {
    () => {
        std_atomics!();
        #[inline(always)]
        fn load<T: Send + Sync + 'static>(
            guard: &mut Self::Guard<'_>,
            _: usize,
            source: &Self::Atomic<T>,
        ) -> *mut T {
            guard.protect(source, Ordering::Acquire)
        }
        #[inline(always)]
        unsafe fn retire<T: Send + Sync + 'static>(guard: &Self::Guard<'_>, node: *mut T) {
            // SAFETY: the caller's clauses; `alloc` boxed the node.
            unsafe { guard.defer_retire(node, seize::reclaim::boxed) };
        }
    };
}

/// seize through `Collector::enter` of one collector for the whole process.
#[derive(Debug)]
pub struct Seize(&'static Collector);

// SAFETY: a guard of seize protects what `protect` loads.
unsafe impl Contender for Seize {
    const NAME: &'static str = "seize";
    const GROUP: Group = Group::ThreadLocal;
    type Local = ();
    type Guard<'l> = LocalGuard<'l>;
    seize_atomics!();

    fn new() -> Self {
        static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);
        // The reference is taken once, so that no operation asks whether the collector is there.
        Self(&COLLECTOR)
    }
    fn register(&self) {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> LocalGuard<'l> {
        self.0.enter()
    }
    fn flush(&self, (): &mut ()) {
        self.0.enter().flush();
    }
}

/// seize with a guard per thread that every operation refreshes.
#[derive(Debug)]
pub struct SeizeHandle(Arc<Collector>);

/// A thread's guard of a [`SeizeHandle`].
pub struct SeizeLocal {
    /// The guard comes before its collector, because fields are dropped in this order.
    guard: LocalGuard<'static>,
    _collector: Arc<Collector>,
}

impl fmt::Debug for SeizeLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeizeLocal")
    }
}

// SAFETY: a guard of seize protects what `protect` loads until it is refreshed, which `pin` does.
unsafe impl Contender for SeizeHandle {
    const NAME: &'static str = "seize";
    const GROUP: Group = Group::Handle;
    type Local = SeizeLocal;
    type Guard<'l> = &'l mut LocalGuard<'static>;
    seize_atomics!();

    fn new() -> Self {
        Self(Arc::new(Collector::new()))
    }
    fn register(&self) -> SeizeLocal {
        let collector = Arc::clone(&self.0);
        // SAFETY: the guard keeps an `Arc` of its collector beside it and is dropped first; nobody
        // takes it out of its `SeizeLocal`.
        let lasting: &'static Collector = unsafe { &*Arc::as_ptr(&collector) };
        SeizeLocal { guard: lasting.enter(), _collector: collector }
    }
    #[inline(always)]
    fn pin<'l>(&'l self, local: &'l mut SeizeLocal) -> Self::Guard<'l> {
        local.guard.refresh();
        &mut local.guard
    }
    fn flush(&self, local: &mut SeizeLocal) {
        local.guard.flush();
        local.guard.refresh();
    }
}
