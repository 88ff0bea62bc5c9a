//! Where a collector of the whole process gives nodes back to: see [`process_wide`](super::process_wide).

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};
use std::thread::{self, LocalKey};

use crate::counters::{Cells, Scope, count_frees_in};
use crate::parts::limbo::{Erased, Freeing};

/// How often a closing home asks the collector for its nodes: enough to turn any collector's
/// epochs over, if nothing else holds them.
const TRIES: usize = 64;

/// A collector that keeps its part of a thread in thread-local values.
pub trait PerThread: Sized + 'static {
    /// Returns the number of this thread's locals that are inside of a guard, or [`ENDED`]. The value has no
    /// destructor.
    fn inside() -> &'static LocalKey<Cell<usize>>;
    /// Returns the value that notices this thread's end. It is first used after the collector's own
    /// thread-local values, and so dropped before them.
    fn end() -> &'static LocalKey<End<Self>>;
}

/// A collector of the process.
pub trait Collector: PerThread {
    /// Its guard.
    type Guard;
    /// Its pin.
    fn pin() -> Self::Guard;
    /// Asks it for what this thread gave it.
    fn flush();
}

/// The functions of [`PerThread`]: a thread-local value cannot be generic.
macro_rules! thread_locals {
    ($collector:ty) => {
        #[inline]
        fn inside() -> &'static std::thread::LocalKey<std::cell::Cell<usize>> {
            thread_local!(static INSIDE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });
            &INSIDE
        }
        #[inline]
        fn end() -> &'static std::thread::LocalKey<$crate::parts::home::End<Self>> {
            thread_local!(static END: $crate::parts::home::End<$collector> =
                const { $crate::parts::home::End::new() });
            &END
        }
    };
}
pub(crate) use thread_locals;

/// This value stands in the place of a number of guards where the collector may have left the thread.
const ENDED: usize = usize::MAX;

/// Returns whether the collector may have left this thread.
pub(crate) fn ended<C: PerThread>() -> bool {
    C::inside().get() == ENDED
}

/// Notices that the collector is about to leave this thread.
#[derive(Debug)]
pub struct End<C: PerThread>(PhantomData<C>);

impl<C: PerThread> End<C> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: PerThread> Drop for End<C> {
    fn drop(&mut self) {
        // In the drop of a thread-local value, so it aborts.
        assert_eq!(C::inside().replace(ENDED), 0, "a thread ended inside of a guard");
    }
}

/// Where nodes come back to.
#[derive(Debug, Default)]
pub(crate) struct Home {
    /// Nodes that came back in calls of others, or `closed()`.
    returned: AtomicPtr<Returned>,
    /// Nodes handed over and not back, as far as members that left have seen.
    out: AtomicI64,
    /// After closing: nodes that are still out. Those that come back first make it negative.
    late: AtomicI64,
}

#[derive(Debug)]
struct Returned {
    node: Erased,
    next: *mut Returned,
}

/// The list of a closed home.
fn closed() -> *mut Returned {
    ptr::without_provenance_mut(mem::align_of::<Returned>())
}

thread_local! {
    /// The member whose call of the collector this thread is in.
    static WITHIN: Cell<*const Member> = const { Cell::new(ptr::null()) };
}

impl Home {
    /// Never moves: the nodes that are out point to it. Freed by [`close`](Self::close), or by the
    /// last node that comes back after that.
    pub(crate) fn new() -> *const Self {
        Box::into_raw(Box::default())
    }

    /// For the collector's callback: takes a node back. Lock-free.
    ///
    /// # Safety
    /// 1. `node` was counted out by a member of `home`, and comes back once.
    /// 2. No thread holds a protection of it.
    pub(crate) unsafe fn give_back(home: *const Self, node: Erased) {
        // SAFETY: non-null only within `Member::within`, which borrows the member.
        if let Some(member) = unsafe { WITHIN.get().as_ref() }
            && ptr::eq(member.home, home)
        {
            return member.back.borrow_mut().push(node);
        }
        // SAFETY: clause 1: the home waits for this node, whether it is closed or not.
        if unsafe { Self::push(home, node) } {
            return;
        }
        let uncounted = Cells::default();
        let scope = Scope::enter();
        count_frees_in(&uncounted);
        // SAFETY: both clauses.
        unsafe { node.free() };
        drop(scope);
        // AcqRel: the last one frees the home after all others are done with it.
        // SAFETY: clause 1; this node is counted in `late`, now or when `close` gets there.
        if unsafe { (*home).late.fetch_sub(1, Ordering::AcqRel) } == 1 {
            // SAFETY: the last node, after the home was closed.
            drop(unsafe { Box::from_raw(home.cast_mut()) });
        }
    }

    /// Puts a node into the list; false if the home is closed. Not by reference: once the node is in
    /// the list it is others' to count, and the home theirs to free.
    ///
    /// # Safety
    /// The home waits for this node.
    unsafe fn push(home: *const Self, node: Erased) -> bool {
        // SAFETY: the caller's clause.
        let returned = unsafe { &(*home).returned };
        // Acquire: of a closed home, what its domain's threads did before.
        let mut head = returned.load(Ordering::Acquire);
        let new = Box::into_raw(Box::new(Returned { node, next: ptr::null_mut() }));
        while head != closed() {
            // SAFETY: from `Box::into_raw`, not published yet.
            unsafe { (*new).next = head };
            // Release: pairs with the swap in `take`.
            match returned.compare_exchange_weak(head, new, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return true,
                Err(other) => head = other,
            }
        }
        // SAFETY: not published.
        drop(unsafe { Box::from_raw(new) });
        false
    }

    /// Frees what waits in the list, and leaves `end` there. Returns how many there were.
    fn take(&self, end: *mut Returned) -> i64 {
        // Acquire: pairs with the release of `push`.
        let mut list = self.returned.swap(end, Ordering::AcqRel);
        let mut count = 0;
        while !list.is_null() {
            // SAFETY: from `Box::into_raw`; the swap took the list, so it is ours alone.
            let Returned { node, next } = *unsafe { Box::from_raw(list) };
            // SAFETY: the clauses of `give_back`.
            unsafe { node.free() };
            count += 1;
            list = next;
        }
        count
    }

    /// Asks the collector for the nodes, frees those that come back, and closes.
    ///
    /// # Safety
    /// All members are gone, and the home is not used any more.
    pub(crate) unsafe fn close<C: Collector>(home: *const Self) {
        let member = Member::new(home);
        // SAFETY: not closed yet.
        let this = unsafe { &*home };
        for _ in 0..TRIES {
            if this.out.load(Ordering::Acquire) + member.out.get() == 0 || ended::<C>() {
                break;
            }
            member.within(C::flush);
            C::end().with(|_| ());
            thread::yield_now();
        }
        drop(member);
        // In this order, and not in one expression: destructors run here.
        let back = this.take(closed());
        let out = this.out.load(Ordering::Acquire) - back;
        debug_assert!(out >= 0, "more nodes came back than went out");
        // AcqRel: as in `give_back`.
        if this.late.fetch_add(out, Ordering::AcqRel) + out == 0 {
            // SAFETY: no node is out, so nobody knows the home any more.
            drop(unsafe { Box::from_raw(home.cast_mut()) });
        }
    }
}

/// A thread's part in a home.
#[derive(Debug)]
pub(crate) struct Member {
    home: *const Home,
    /// Nodes handed over here, minus those back here.
    out: Cell<i64>,
    /// What came back in this thread's own call, to be freed after it.
    back: RefCell<Vec<Erased>>,
}

impl Member {
    /// A member of a home, which outlives it.
    pub(crate) fn new(home: *const Home) -> Self {
        Self { home, out: Cell::new(0), back: RefCell::default() }
    }

    /// Counts one node out, which is about to be given to the collector.
    #[inline]
    pub(crate) fn count_out(&self) {
        self.out.set(self.out.get() + 1);
    }

    /// Calls the collector, and frees what came back: after the call, so that destructors may call
    /// it again.
    #[inline]
    pub(crate) fn within<T>(&self, call: impl FnOnce() -> T) -> T {
        let within = Within(WITHIN.replace(self));
        // The collector may run destructors of others, which may call domains.
        let scope = Scope::enter();
        let result = call();
        drop(scope);
        drop(within);
        if !self.home().returned.load(Ordering::Relaxed).is_null() || !self.back.borrow().is_empty()
        {
            self.free();
        }
        result
    }

    /// Frees what came back, unless destructors nest too deep: then an outer call does, or a later.
    #[cold]
    fn free(&self) {
        let Some(_freeing) = Freeing::enter() else { return };
        self.count_back(self.home().take(ptr::null_mut()));
        while let Some(node) = self.next_back() {
            self.count_back(1);
            // SAFETY: the clauses of `give_back`.
            unsafe { node.free() };
        }
    }

    /// Counts nodes that are back. The caller passes a number and no call that runs destructors: these
    /// may retire by this member, and so count out.
    fn count_back(&self, nodes: i64) {
        self.out.set(self.out.get() - nodes);
    }

    fn next_back(&self) -> Option<Erased> {
        self.back.borrow_mut().pop()
    }

    fn home(&self) -> &Home {
        // SAFETY: members go before the home is closed.
        unsafe { &*self.home }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        while let Some(node) = self.next_back() {
            // SAFETY: not closed before this member goes.
            unsafe { Home::push(self.home, node) };
        }
        // Release: pairs with the acquire of `close`.
        self.home().out.fetch_add(self.out.get(), Ordering::Release);
    }
}

/// Restores the member of the outer call.
struct Within(*const Member);

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.set(self.0);
    }
}
