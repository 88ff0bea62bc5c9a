//! A domain over a collector of the whole process.
//!
//! Such a collector calls back when a node is safe to free: on any thread, in a call of another
//! domain, when a thread exits. So the callback frees nothing. It gives the node back to the home
//! of its domain, whose own calls free it, count it, and so keep the domains apart.
//!
//! What no collector of the process can tell is when the nodes of *one* domain are back: another
//! domain's guard may hold them. A home that closes therefore tries, and what is still out then
//! is freed where the collector gives it back, and counted by nobody.
//!
//! Such a collector keeps its part of a thread in a thread-local value. Guards that live on after
//! that protect nothing, so a thread may not end inside of a guard: that aborts. Later, in the
//! destructors of other thread-local values, guards are refused.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::ops::Deref;

use crate::parts::home::{Collector, Home, Member, ended};
use crate::parts::limbo::Freeing;

/// A thread's registration: a member, and the collector's guard that its guards are. A guard that
/// is forgotten so ends with it, before the collector leaves the thread.
pub struct Joined<C: Collector> {
    member: Member,
    /// Guards that nest.
    depth: Cell<usize>,
    /// The collector's, unless the depth is 0.
    guard: UnsafeCell<Option<C::Guard>>,
}

impl<C: Collector> Joined<C> {
    /// Joins a home, which outlives it.
    pub(crate) fn new(home: *const Home) -> Self {
        let member = Member::new(home);
        let joined = Self { member, depth: Cell::new(0), guard: UnsafeCell::new(None) };
        // Lets the collector come to this thread, before its end is looked for.
        drop(joined.pin());
        C::end().with(|_| ());
        joined
    }

    /// The member.
    #[inline]
    pub(crate) fn member(&self) -> &Member {
        &self.member
    }

    #[inline]
    pub(crate) fn pin(&self) -> Pinned<'_, C> {
        if self.depth.get() == 0 {
            self.enter();
        }
        self.depth.set(self.depth.get() + 1);
        Pinned(self)
    }

    #[inline]
    fn enter(&self) {
        assert!(!ended::<C>(), "a guard in a thread that has ended");
        let guard = self.member.within(C::pin);
        // Unless a destructor in that call has left a guard: then that one's stays.
        if self.depth.get() == 0 {
            // SAFETY: no guard, so no reference to it.
            unsafe { *self.guard.get() = Some(guard) };
            C::inside().set(C::inside().get() + 1);
        }
    }

    /// Ends the collector's guard.
    #[inline]
    fn leave(&self) {
        // SAFETY: no guard is left, so no reference to it.
        if let Some(guard) = unsafe { (*self.guard.get()).take() } {
            C::inside().set(C::inside().get() - 1);
            self.member.within(|| drop(guard));
        }
    }

    /// Asks the collector for this thread's nodes.
    pub(crate) fn flush(&self) {
        if !ended::<C>() {
            self.member.within(C::flush);
        }
    }
}

impl<C: Collector> Drop for Joined<C> {
    fn drop(&mut self) {
        self.leave();
        // A chain of destructors that each drop a handle must not exhaust the stack.
        if let Some(_freeing) = Freeing::enter() {
            self.flush();
        }
    }
}

/// A guard.
pub struct Pinned<'l, C: Collector>(&'l Joined<C>);

impl<'l, C: Collector> Pinned<'l, C> {
    /// The member.
    #[inline]
    pub(crate) fn member(&self) -> &'l Member {
        self.0.member()
    }
}

impl<C: Collector> Deref for Pinned<'_, C> {
    type Target = C::Guard;
    #[inline]
    fn deref(&self) -> &C::Guard {
        // SAFETY: set when the depth was 0 last, and taken when it is again.
        unsafe { (*self.0.guard.get()).as_ref().unwrap_unchecked() }
    }
}

impl<C: Collector> Drop for Pinned<'_, C> {
    #[inline]
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
        if self.0.depth.get() == 0 {
            self.0.leave();
        }
    }
}

impl<C: Collector> fmt::Debug for Joined<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined").field("member", &self.member).finish_non_exhaustive()
    }
}

impl<C: Collector> fmt::Debug for Pinned<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}
