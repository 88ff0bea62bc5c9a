//! Domains, handles, guards and shields: what structures are written over.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::canary;
use crate::counters::{Cells, Registry, Totals, count_frees_in, count_frees_nowhere};
use crate::node::{Node, drop_thrown};
use crate::parameters::Parameters;
use crate::parts::limbo::Freeing;
use crate::pointer::{Atomic, Owned, Shared, tag_mask};
use crate::reclaimer::Reclaimer;
use crate::timing;

/// A domain of a scheme: what is retired in it is freed in it. Clones are the same domain; when
/// the last clone, handle and structure of it is gone, all that was retired is freed.
///
/// A retired value may hold the domain itself: a clone, a structure of it, a handle. The domain, and all
/// garbage in it, then stays until that value is freed, which only calls of the domain's handles do.
/// So a program that has such values flushes before it drops its last handle.
///
/// # After `fork`
/// A child made by `fork` has the thread that forked and none of the others, but all their registrations. A
/// guard that another thread had at that time never ends in the child: it holds there what the scheme
/// says that a stalled thread holds. Garbage that other threads had collected is not freed in the child.
pub struct Domain<R: Reclaimer> {
    inner: Arc<Inner<R>>,
}

struct Inner<R: Reclaimer> {
    scheme: ManuallyDrop<R>,
    counters: Arc<Registry>,
}

impl<R: Reclaimer> Drop for Inner<R> {
    fn drop(&mut self) {
        let cells = self.counters.register();
        count_frees_in(&cells);
        // SAFETY: dropped once, here; the handles hold the `Arc`, so no local is left.
        unsafe { ManuallyDrop::drop(&mut self.scheme) };
        count_frees_nowhere();
        self.counters.unregister(&cells);
    }
}

/// Reads the counters of a domain, also after it is gone.
#[derive(Clone, Debug)]
pub struct Meter {
    counters: Arc<Registry>,
}

impl Meter {
    /// The sums over all threads, now. Takes a lock that no operation on nodes takes.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.counters.totals()
    }
}

/// A thread's registration in a domain. Register once, not per operation.
pub struct Handle<R: Reclaimer> {
    // Dropped first, in `drop`: the scheme requires that locals go before the domain.
    local: ManuallyDrop<R::Local>,
    cells: Arc<Cells>,
    domain: Domain<R>,
    /// Locals and owner-written cells stay on their thread.
    _thread_bound: PhantomData<*mut ()>,
}

/// A critical section of a handle.
pub struct Guard<'h, R: Reclaimer> {
    guard: ManuallyDrop<R::Guard<'h>>,
    handle: &'h Handle<R>,
}

/// Protects one pointer at a time; free of cost where the scheme's guard protects.
pub struct Shield<'h, R: Reclaimer + 'h> {
    shield: R::Shield<'h>,
}

impl<R: Reclaimer> Domain<R> {
    /// A new, empty domain, whose parameters are the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::with(&Parameters::default())
    }

    /// A new, empty domain with these parameters.
    ///
    /// # Panics
    /// If the parameters were made for another scheme, and this one does not take them.
    #[must_use]
    pub fn with(parameters: &Parameters) -> Self {
        if let Err(error) = parameters.check(&R::FACTS) {
            panic!("{error}");
        }
        let scheme = ManuallyDrop::new(R::new(parameters));
        Self { inner: Arc::new(Inner { scheme, counters: Arc::default() }) }
    }

    /// Registers the calling thread.
    #[must_use]
    pub fn register(&self) -> Handle<R> {
        let cells = self.inner.counters.register();
        count_frees_in(&cells);
        // SAFETY: the handle keeps the domain alive and drops the local first.
        let local = ManuallyDrop::new(unsafe { self.inner.scheme.register() });
        Handle { local, cells, domain: self.clone(), _thread_bound: PhantomData }
    }

    /// A reader of the counters.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter { counters: Arc::clone(&self.inner.counters) }
    }

    /// Returns whether the two are the same domain.
    #[must_use]
    #[inline]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// # Panics
    /// If the guard is of another domain, whose protection would mean nothing here.
    #[inline]
    pub fn check(&self, guard: &Guard<'_, R>) {
        assert!(
            self.is(&guard.handle.domain),
            "a guard of another domain was passed to a structure"
        );
    }

    /// Frees nodes that only the caller can reach, without retirement: for a structure's drop. If
    /// destructors panic the rest is freed all the same, and then the first panic goes on.
    pub fn discard<T>(&self, nodes: impl Iterator<Item = Owned<T, R>>) {
        self.discard_with(nodes, drop);
    }

    /// As [`discard`](Self::discard); `free` drops a node, and what the node does not drop itself.
    pub fn discard_with<T>(
        &self,
        nodes: impl Iterator<Item = Owned<T, R>>,
        mut free: impl FnMut(Owned<T, R>),
    ) {
        let cells = self.inner.counters.register();
        let mut thrown = None;
        for node in nodes {
            cells.count_dropped();
            node.node.tag.expect_alive();
            match catch_unwind(AssertUnwindSafe(|| free(node))) {
                Err(first) if thrown.is_none() => thrown = Some(first),
                Err(other) => drop_thrown(other),
                Ok(()) => {}
            }
        }
        self.inner.counters.unregister(&cells);
        if let Some(thrown) = thrown {
            resume_unwind(thrown);
        }
    }
}

impl<R: Reclaimer> Handle<R> {
    /// Begins a critical section. Sections nest.
    #[inline]
    #[must_use]
    pub fn pin(&self) -> Guard<'_, R> {
        count_frees_in(&self.cells);
        let guard = ManuallyDrop::new(self.domain.inner.scheme.pin(&self.local));
        Guard { guard, handle: self }
    }

    /// The domain.
    #[must_use]
    #[inline]
    pub fn domain(&self) -> &Domain<R> {
        &self.domain
    }

    /// Before a call that frees only in some schemes.
    #[inline]
    fn count_frees_if(&self, frees: bool) {
        if frees {
            count_frees_in(&self.cells);
        } else if cfg!(debug_assertions) {
            // A scheme that frees here all the same is noticed.
            count_frees_nowhere();
        }
    }

    /// Returns what was counted through this handle so far: a free counts where it is done, whoever retired.
    #[must_use]
    #[inline]
    pub fn totals(&self) -> Totals {
        self.cells.totals()
    }

    /// Tries to reclaim what this thread retired. Best effort: it does nothing in destructors that
    /// nest too deep.
    pub fn flush(&self) {
        let Some(_freeing) = Freeing::enter() else { return };
        count_frees_in(&self.cells);
        self.domain.inner.scheme.flush(&self.local);
    }
}

impl<R: Reclaimer> Drop for Handle<R> {
    fn drop(&mut self) {
        count_frees_in(&self.cells);
        // SAFETY: dropped once, here; guards and shields borrow the handle, so none is left.
        unsafe { ManuallyDrop::drop(&mut self.local) };
        count_frees_nowhere();
        self.domain.inner.counters.unregister(&self.cells);
    }
}

impl<'h, R: Reclaimer> Guard<'h, R> {
    /// The handle this guard was pinned with.
    #[must_use]
    #[inline]
    pub fn handle(&self) -> &'h Handle<R> {
        self.handle
    }

    /// A shield that protects nothing yet.
    #[inline]
    #[must_use]
    pub fn shield(&self) -> Shield<'h, R> {
        Shield { shield: self.handle.domain.inner.scheme.shield(&self.handle.local) }
    }

    /// Loads `source` and protects the node behind it with `shield`. At least acquire.
    #[inline]
    pub fn protect<'g, T>(
        &'g self,
        shield: &mut Shield<'h, R>,
        source: &Atomic<T, R>,
    ) -> Shared<'g, T, R> {
        let mask = tag_mask::<T, R>();
        canary::pause();
        self.handle.count_frees_if(R::PROTECT_FREES);
        Shared::from_raw(R::protect(&self.guard, &mut shield.shield, &source.raw, mask))
    }

    /// Allocates a node in the domain.
    #[inline]
    #[must_use]
    pub fn alloc<T>(&self, value: T) -> Owned<T, R> {
        let header = self.handle.domain.inner.scheme.header(&self.handle.local);
        self.handle.cells.count_allocated();
        Owned { node: Box::new(Node::new(header, value)) }
    }

    /// Allocates a node whose value `init` builds where it stays: a value may be larger than the stack of
    /// a thread.
    ///
    /// # Safety
    /// `init` initialises the value it is given the address of.
    #[must_use]
    pub unsafe fn alloc_with<T>(&self, init: impl FnOnce(*mut T)) -> Owned<T, R> {
        let header = self.handle.domain.inner.scheme.header(&self.handle.local);
        // SAFETY: the caller's clause.
        let node = unsafe { Node::boxed(header, init) };
        self.handle.cells.count_allocated();
        Owned { node }
    }

    /// Frees a node that was never published.
    pub fn discard<T>(&self, node: Owned<T, R>) {
        drop(self.take_back(node));
    }

    /// Frees a node that was never published, and returns its value.
    pub fn take_back<T>(&self, node: Owned<T, R>) -> T {
        self.handle.cells.count_dropped();
        node.node.tag.expect_alive();
        node.into_value()
    }

    /// Counts bytes that a node has elsewhere, which is retired next.
    #[inline]
    pub(crate) fn count_retired_bytes(&self, bytes: usize) {
        self.handle.cells.count_retired_bytes(bytes);
    }

    /// Hands an unlinked node to the scheme, to be freed when no protection covers it.
    ///
    /// # Safety
    /// 1. Not null, allocated in this domain, and retired once.
    /// 2. No thread can reach it any more except through protections that exist now.
    #[inline(always)] // Short for most schemes, and a tenth of a pop where it is a call.
    pub unsafe fn retire<T: Send + 'static>(&self, node: Shared<'_, T, R>) {
        count_frees_in(&self.handle.cells);
        self.handle.cells.count_retired(size_of::<Node<T, R::Header>>());
        canary::pause();
        // SAFETY: clause 1: allocated, and not retired yet, so not freed.
        unsafe { &(*node.node()).tag }.retire();
        let retire = || {
            // SAFETY: the caller's clauses are the trait's; `node()` strips the tag.
            unsafe { self.handle.domain.inner.scheme.retire(&self.guard, node.node()) };
        };
        if timing::is_on() {
            timing::retirement(retire);
        } else {
            retire();
        }
        canary::pause();
    }
}

impl<R: Reclaimer> Drop for Guard<'_, R> {
    #[inline]
    fn drop(&mut self) {
        self.handle.count_frees_if(R::UNPIN_FREES);
        // SAFETY: dropped once, here.
        unsafe { ManuallyDrop::drop(&mut self.guard) };
    }
}

impl<R: Reclaimer> Clone for Domain<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}
impl<R: Reclaimer> Default for Domain<R> {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! debug_by_name {
    ($($type:ty),*) => {$(
        impl<R: Reclaimer> fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&R::FACTS.name).finish()
            }
        }
    )*};
}
debug_by_name!(Domain<R>, Handle<R>, Guard<'_, R>, Shield<'_, R>);
