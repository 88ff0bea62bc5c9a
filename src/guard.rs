//! Guards: critical sections.

use core::fmt;
use core::marker::PhantomData;

use crate::barrier;
use crate::collector::Collector;
use crate::local::Local;
use crate::mode::{DefaultMode, Mode};
use crate::node::{Entry, Reclaimable, era};
use crate::sync::{AtomicPtr, Ordering};

/// Rounds in which a load publishes what it found and looks again, before it holds everything for
/// its last round. Fewer in models.
pub(crate) const ROUNDS: usize = if cfg!(kovan_loom) {
    1
} else if cfg!(kovan_shuttle) {
    4
} else {
    16
};

/// A critical section. Every pointer that is loaded through it, from a place that is reachable then,
/// stays allocated until it is dropped; with a [`Collector<Region>`](crate::Region) everything else
/// that is reachable meanwhile, too. It stays on its thread.
#[must_use = "a guard protects only while it lives"]
pub struct Guard<M: Mode = DefaultMode> {
    local: *const Local,
    mode: PhantomData<fn() -> M>,
}

impl<M: Mode> Guard<M> {
    /// # Safety
    /// A handle or another guard keeps `local` in use during the call. Its collector has mode `M`.
    #[inline(always)]
    pub(crate) unsafe fn pin(local: *const Local) -> Self {
        let guard = Self { local, mode: PhantomData };
        guard.local().enter();
        guard
    }

    #[inline(always)]
    fn local(&self) -> &Local {
        // SAFETY: a local stays until its handles and guards are gone, and this is a guard.
        unsafe { &*self.local }
    }

    /// Returns the collector that this guard belongs to.
    #[must_use]
    pub fn collector(&self) -> &Collector<M> {
        Collector::of(self.local())
    }

    /// Loads a pointer and protects what it points to, if `source` is reachable. At least as strong
    /// as `order`, and as acquire. The pointer may have a tag in bits that the alignment of the node
    /// leaves free.
    ///
    /// Wait-free. One load in [`Region`](crate::Region) mode. In [`Robust`](crate::Robust) mode two
    /// loads of private cache lines, one of a clock that seldom moves, and compares besides, if the
    /// address is published already; else mostly two stores and a second load, at most 17 times of all
    /// that. Addresses that lose their place go to a log; a load that finds it full sorts it, and may
    /// allocate a larger one.
    ///
    /// # Panics
    /// If `order` is `Release` or `AcqRel`, as [`AtomicPtr::load`].
    #[inline(always)]
    pub fn protect<T>(&self, source: &AtomicPtr<T>, order: Ordering) -> *mut T {
        let pointer = source.load(acquiring(order));
        if M::ROBUST && !self.has_published(pointer) {
            cold_path();
            if !untagged(pointer).is_null() {
                return self.protect_anew(source, order, pointer);
            }
        }
        pointer
    }

    /// Returns whether others see that this guard has loaded `pointer`, and in the era of now: an
    /// address alone may be there from a time when its memory was another node's.
    #[inline(always)]
    fn has_published<T>(&self, pointer: *mut T) -> bool {
        let shields = &self.local().slot.shields;
        // The era after the pointer, as in `protect_anew`.
        shields.covers(pointer, align_of::<T>()) && shields.has_published_era(era::now())
    }

    /// Publishes the address and the era, and loads again until both stand still.
    #[inline(never)]
    fn protect_anew<T>(
        &self,
        source: &AtomicPtr<T>,
        order: Ordering,
        mut pointer: *mut T,
    ) -> *mut T {
        for _ in 0..ROUNDS {
            let era = era::now();
            let now = self.publish_and_load(source, order, pointer, era);
            // The clock after the pointer, which was acquired: so no node that was loaded is
            // younger than the era that was published.
            if untagged(now).is_null() || now == pointer && era::now() == era {
                return now;
            }
            pointer = now;
        }
        // Others replace it faster than this thread looks. While the guard holds everything, what
        // the last look finds is protected, and can be published.
        let slot = &self.local().slot;
        slot.pinned.hold_everything();
        pointer = self.publish_and_load(source, order, pointer, era::now());
        self.publish(pointer, era::now());
        slot.pinned.hold_shields();
        pointer
    }

    #[inline(always)]
    fn publish_and_load<T>(
        &self,
        source: &AtomicPtr<T>,
        order: Ordering,
        pointer: *mut T,
        era: u64,
    ) -> *mut T {
        self.publish(pointer, era);
        // The address before the second look at the source: if a drain cannot read the address yet
        // after its `barrier::heavy`, this load sees that the node is unlinked.
        barrier::light_or_fence();
        // What the first load was called with may have been an acquire, or sequentially consistent.
        let order = if order == Ordering::SeqCst { order } else { Ordering::Acquire };
        source.load(order)
    }

    /// Publishes the address of a node, in its cell, and an era.
    #[inline(always)]
    fn publish<T>(&self, pointer: *mut T, era: u64) {
        let (slot, node) = (&self.local().slot, untagged(pointer));
        if !slot.shields.covers(node, 1) && !node.is_null() {
            slot.shields.publish(node, &slot.pinned);
        }
        slot.shields.publish_era(era);
    }

    /// Publishes the address of a node in robust mode, so that this guard protects it from the
    /// moment on at which others can retire it. The caller publishes the node after this, and is
    /// likely to load it soon.
    #[inline]
    pub(crate) fn announce<T>(&self, pointer: *mut T) {
        if M::ROBUST {
            self.publish(pointer, era::now());
            // The address before a load that finds it published already: the caller's exchange may
            // fail, and the node be reachable by way of another one.
            barrier::light_or_fence();
        }
    }

    /// As [`announce`](Self::announce), for a node that this thread is not likely to load soon: its
    /// address takes no other's place.
    #[inline]
    pub(crate) fn announce_aside<T>(&self, pointer: *mut T) {
        if M::ROBUST && !pointer.is_null() {
            let slot = &self.local().slot;
            slot.shields.append(untagged(pointer), &slot.pinned);
            slot.shields.announce_era(era::now());
        }
    }

    /// Retires a boxed value: it is dropped when no guard can hold it. Wait-free. Destructors of values
    /// that were retired earlier may run here; none of their panics ends the call.
    ///
    /// # Safety
    /// As [`retire`](crate::retire), of this guard's collector.
    #[inline]
    pub unsafe fn retire<T: 'static>(&self, pointer: *mut T) {
        self.local().retire(Entry::boxed(pointer));
    }

    /// Retires a node that begins with a [`RetiredNode`](crate::RetiredNode); else as
    /// [`retire`](Self::retire).
    ///
    /// # Safety
    /// As [`retire_node`](crate::retire_node), of this guard's collector.
    #[inline]
    pub unsafe fn retire_node<T: 'static>(&self, pointer: *mut T) {
        self.local().retire(Entry::headed(pointer));
    }

    /// Retires a node whose end is [`Reclaimable::dealloc`]; else as [`retire`](Self::retire).
    ///
    /// # Safety
    /// As clause 1 of [`retire_node`](crate::retire_node), of this guard's collector, with `dealloc`
    /// in place of the box's drop.
    #[inline]
    pub unsafe fn retire_reclaimable<T: Reclaimable + 'static>(&self, pointer: *mut T) {
        self.local().retire(Entry::reclaimable(pointer));
    }

    /// Ends the critical section and begins another, without giving up the guard: what was loaded
    /// under it is not protected any more, and what waited for it can be freed. For long readers:
    /// call it between two operations. Under another guard of the same thread and collector it
    /// does nothing and returns `false`; else it returns `true`.
    ///
    /// Wait-free: the steps of a drop and a [`pin`](crate::Handle::pin). As in a pin, at most 64
    /// destructors of values that became free run here.
    pub fn refresh(&mut self) -> bool {
        self.local().renew()
    }

    /// Frees all that no guard holds: see [`flush`](crate::flush), of this guard's collector. What
    /// this guard holds, and in [`Region`](crate::Region) mode all that this thread retired under
    /// it, is freed after it.
    ///
    /// # Panics
    /// As [`flush`](crate::flush).
    pub fn flush(&self) {
        self.local().flush();
    }
}

/// Tells the compiler that the branch with this call is seldom taken, as `core::hint::cold_path` does from Rust 1.95 on.
#[cold]
const fn cold_path() {}

/// Returns the address of a node whose pointer may have a tag in bits that its alignment leaves free.
#[inline(always)]
fn untagged<T>(pointer: *mut T) -> *mut () {
    pointer.map_addr(|address| address & !(align_of::<T>() - 1)).cast()
}

/// Returns the ordering with acquire added.
#[inline(always)]
pub(crate) fn acquiring(order: Ordering) -> Ordering {
    match order {
        Ordering::Relaxed => Ordering::Acquire,
        Ordering::Release => Ordering::AcqRel,
        other => other,
    }
}

impl<M: Mode> Drop for Guard<M> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `pin` entered; the guard is not used again.
        unsafe { Local::leave(self.local) };
    }
}

impl<M: Mode> fmt::Debug for Guard<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("robust", &M::ROBUST).finish_non_exhaustive()
    }
}
