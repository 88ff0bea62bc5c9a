//! crossbeam-epoch: its default collector, as "the majority of use cases" in its documentation, and
//! one of its own through a `LocalHandle`.

use std::sync::atomic::Ordering;

use crossbeam_epoch::{Atomic, Guard, Owned, Shared, unprotected};

use crate::contender::{Contender, Group, Pointer};

impl<T: 'static> Pointer<T> for Shared<'static, T> {
    #[inline(always)]
    fn null() -> Self {
        Shared::null()
    }
    #[inline(always)]
    fn is_null(self) -> bool {
        Shared::is_null(&self)
    }
    #[inline(always)]
    fn is_marked(self) -> bool {
        self.tag() != 0
    }
    #[inline(always)]
    fn marked(self) -> Self {
        self.with_tag(1)
    }
    #[inline(always)]
    fn unmarked(self) -> Self {
        self.with_tag(0)
    }
    #[inline(always)]
    unsafe fn deref<'a>(self) -> &'a T {
        // SAFETY: the caller's clause.
        unsafe { Shared::deref(&self) }
    }
}

/// Forgets which guard a pointer was loaded under: its user keeps the guard.
#[inline(always)]
fn untied<T>(pointer: Shared<'_, T>) -> Shared<'static, T> {
    use crossbeam_epoch::Pointer;
    // SAFETY: the word came from a `Shared` of the same type. The cells dereference the pointer
    // only under its guard, which `Pointer::deref` here asks of them.
    unsafe { Shared::from_usize(pointer.into_usize()) }
}

macro_rules! epoch_atomics {
    () => {
        type Pointer<T: Send + Sync + 'static> = Shared<'static, T>;
        type Atomic<T: Send + Sync + 'static> = Atomic<T>;
        #[inline(always)]
        fn alloc<T: Send + Sync + 'static>(value: T) -> Shared<'static, T> {
            // SAFETY: the guard only gives the pointer a lifetime; nothing is loaded under it.
            Owned::new(value).into_shared(unsafe { unprotected() })
        }
        unsafe fn dealloc<T: Send + Sync + 'static>(node: Shared<'static, T>) {
            // SAFETY: the caller's clauses.
            drop(unsafe { node.into_owned() });
        }
        #[inline(always)]
        unsafe fn retire<T: Send + Sync + 'static>(guard: &Guard, node: Shared<'static, T>) {
            // SAFETY: the caller's clauses.
            unsafe { guard.defer_destroy(node) };
        }
        #[inline(always)]
        fn atomic<T: Send + Sync + 'static>(pointer: Shared<'static, T>) -> Atomic<T> {
            Atomic::from(pointer)
        }
        #[inline(always)]
        fn load<T: Send + Sync + 'static>(
            guard: &mut Guard,
            _: usize,
            source: &Atomic<T>,
        ) -> Shared<'static, T> {
            untied(source.load(Ordering::Acquire, guard))
        }
        #[inline(always)]
        fn peek<T: Send + Sync + 'static>(guard: &Guard, source: &Atomic<T>) -> Shared<'static, T> {
            untied(source.load(Ordering::Acquire, guard))
        }
        #[inline(always)]
        fn store<T: Send + Sync + 'static>(target: &Atomic<T>, pointer: Shared<'static, T>) {
            target.store(pointer, Ordering::Relaxed);
        }
        #[inline(always)]
        fn swap<T: Send + Sync + 'static>(
            guard: &Guard,
            target: &Atomic<T>,
            new: Shared<'static, T>,
        ) -> Shared<'static, T> {
            untied(target.swap(new, Ordering::AcqRel, guard))
        }
        #[inline(always)]
        fn compare_exchange<T: Send + Sync + 'static>(
            guard: &Guard,
            target: &Atomic<T>,
            current: Shared<'static, T>,
            new: Shared<'static, T>,
        ) -> Result<(), Shared<'static, T>> {
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            match target.compare_exchange(current, new, success, failure, guard) {
                Ok(_) => Ok(()),
                Err(error) => Err(untied(error.current)),
            }
        }
        unsafe fn load_exclusive<T: Send + Sync + 'static>(
            source: &Atomic<T>,
        ) -> Shared<'static, T> {
            // SAFETY: nobody else uses the source, so there is nothing to protect against.
            source.load(Ordering::Relaxed, unsafe { unprotected() })
        }
    };
}

/// crossbeam-epoch through `pin` of its default collector.
#[derive(Debug)]
pub struct Epoch;

// SAFETY: an epoch guard protects everything that was reachable while it lives.
unsafe impl Contender for Epoch {
    const NAME: &'static str = "crossbeam-epoch";
    const GROUP: Group = Group::ThreadLocal;
    type Local = ();
    type Guard<'l> = Guard;
    epoch_atomics!();

    fn new() -> Self {
        Self
    }
    fn register(&self) {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Guard {
        crossbeam_epoch::pin()
    }
    fn flush(&self, (): &mut ()) {
        // Each call looks at no more than eight bags of the queue.
        for _ in 0..16 {
            crossbeam_epoch::pin().flush();
        }
    }
}

/// crossbeam-epoch through a `LocalHandle` of a collector of its own.
#[derive(Debug)]
pub struct EpochHandle(crossbeam_epoch::Collector);

// SAFETY: as for the default collector; all nodes of a cell are retired in this one.
unsafe impl Contender for EpochHandle {
    const NAME: &'static str = "crossbeam-epoch";
    const GROUP: Group = Group::Handle;
    type Local = crossbeam_epoch::LocalHandle;
    type Guard<'l> = Guard;
    epoch_atomics!();

    fn new() -> Self {
        Self(crossbeam_epoch::Collector::new())
    }
    fn register(&self) -> Self::Local {
        self.0.register()
    }
    #[inline(always)]
    fn pin<'l>(&'l self, local: &'l mut Self::Local) -> Guard {
        local.pin()
    }
    fn flush(&self, local: &mut Self::Local) {
        for _ in 0..16 {
            local.pin().flush();
        }
    }
}
