//! A domain over a collector of the whole process.
//!
//! Such a collector calls back when a node is safe to free: on any thread, in a call of another
//! domain, when a thread exits. So the callback frees nothing. It gives the node back to the home
//! of its domain, whose own calls free it, count it, and so keep the domains apart.
//!
//! What no collector of the process can tell is when the nodes of *one* domain are back: another
//! domain's guard may hold them. A home that closes therefore tries, and what is still out then
//! is freed where the collector gives it back, and counted by nobody.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};
use std::thread;

use crate::counters::{Cells, Scope, count_frees_in};
use crate::parts::limbo::Erased;

/// How often a closing home asks the collector for its nodes: enough to turn any collector's
/// epochs over, if nothing else holds them.
const TRIES: usize = 64;

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
        let returned = unsafe { &(*home).returned };
        // Acquire: of a closed home, what its domain's threads did before.
        let mut head = returned.load(Ordering::Acquire);
        let new = Box::into_raw(Box::new(Returned { node, next: ptr::null_mut() }));
        while head != closed() {
            // SAFETY: from `Box::into_raw`, not published yet.
            unsafe { (*new).next = head };
            // Release: pairs with the swap in `take`.
            match returned.compare_exchange_weak(head, new, Ordering::Release, Ordering::Acquire) {
                // From here on the node is others' to count, and the home theirs to free.
                Ok(_) => return,
                Err(other) => head = other,
            }
        }
        // SAFETY: not published.
        drop(unsafe { Box::from_raw(new) });
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

    /// Frees what waits in the list, and leaves `end` there. Returns how many there were.
    fn take(&self, end: *mut Returned) -> i64 {
        // The common case without a write.
        if end.is_null() && self.returned.load(Ordering::Relaxed).is_null() {
            return 0;
        }
        // Acquire: pairs with the release of `give_back`.
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

    /// Asks the collector for the nodes by `flush`, frees those that come back, and closes.
    ///
    /// # Safety
    /// All members are gone, and the home is not used any more.
    pub(crate) unsafe fn close(home: *const Self, mut flush: impl FnMut()) {
        let member = Member::new(home);
        // SAFETY: not closed yet.
        let this = unsafe { &*home };
        for _ in 0..TRIES {
            if this.out.load(Ordering::Acquire) + member.out.get() == 0 {
                break;
            }
            member.within(&mut flush);
            thread::yield_now();
        }
        drop(member);
        let out = this.out.load(Ordering::Acquire) - this.take(closed());
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

    /// A member for a handle. A handle in a thread-local value goes after what the crate of the
    /// collector keeps in one, unless that is touched first, by `pin`: its guards could then protect
    /// nothing.
    pub(crate) fn joined<G>(home: *const Home, pin: impl FnOnce() -> G) -> Self {
        let member = Self::new(home);
        drop(Pinned::new(&member, pin));
        member
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
        // SAFETY: members go before the home is closed.
        let taken = unsafe { (*self.home).take(ptr::null_mut()) };
        self.out.set(self.out.get() - taken);
        if !self.back.borrow().is_empty() {
            self.free_back();
        }
        result
    }

    #[cold]
    fn free_back(&self) {
        let mut back = self.back.take();
        for node in back.drain(..) {
            self.out.set(self.out.get() - 1);
            // SAFETY: the clauses of `give_back`.
            unsafe { node.free() };
        }
        // Keeps the capacity. What came back meanwhile, by destructors, was freed there.
        if self.back.borrow().is_empty() {
            self.back.replace(back);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Release: pairs with the acquire of `close`.
        // SAFETY: members go before the home is closed.
        unsafe { &*self.home }.out.fetch_add(self.out.get(), Ordering::Release);
    }
}

/// Restores the member of the outer call.
struct Within(*const Member);

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.set(self.0);
    }
}

/// A guard of the collector, which begins and ends in a call of its member.
pub struct Pinned<'l, G> {
    guard: ManuallyDrop<G>,
    member: &'l Member,
}

impl<'l, G> Pinned<'l, G> {
    #[inline]
    pub(crate) fn new(member: &'l Member, pin: impl FnOnce() -> G) -> Self {
        Self { guard: ManuallyDrop::new(member.within(pin)), member }
    }

    /// The member.
    #[inline]
    pub(crate) fn member(&self) -> &'l Member {
        self.member
    }
}

impl<G> Deref for Pinned<'_, G> {
    type Target = G;
    #[inline]
    fn deref(&self) -> &G {
        &self.guard
    }
}

impl<G> Drop for Pinned<'_, G> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: dropped once, here.
        self.member.within(|| unsafe { ManuallyDrop::drop(&mut self.guard) });
    }
}

impl<G> fmt::Debug for Pinned<'_, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}
