//! Nodes: a value beside what the scheme needs, and how a retired one is freed.

use std::any::Any;
use std::mem::{self, ManuallyDrop, needs_drop};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::canary::{self, Tag};
use crate::counters::{Scope, count_freed};
use crate::timing;

/// A value with the scheme's header beside it. The header comes first: a pointer to the node is one
/// to its header, for schemes that look for theirs there.
#[derive(Debug)]
#[repr(C)]
pub struct Node<T, H> {
    /// What the scheme keeps per node: a birth era, or nothing.
    pub header: H,
    /// Zero-sized, but for the feature `canary`.
    pub(crate) tag: Tag,
    /// The value.
    pub value: T,
}

impl<T, H> Node<T, H> {
    /// A node that is alive.
    pub const fn new(header: H, value: T) -> Self {
        Self { header, tag: Tag::new(), value }
    }

    /// A node in a box, whose value `init` builds where it stays.
    ///
    /// # Safety
    /// `init` initialises the value.
    pub(crate) unsafe fn boxed(header: H, init: impl FnOnce(*mut T)) -> Box<Self> {
        let mut node = Box::<Self>::new_uninit();
        let at = node.as_mut_ptr();
        // SAFETY: in the box, which is nobody else's; all three fields are initialised, the last by the
        // caller's clause. If `init` panics, the box is freed and nothing in it is dropped.
        unsafe {
            (&raw mut (*at).header).write(header);
            (&raw mut (*at).tag).write(Tag::new());
            init(&raw mut (*at).value);
            node.assume_init()
        }
    }
}

/// A retired node. Dropping it drops the value and counts the free, so a scheme frees with
/// `drop(Box::from_raw(pointer as *mut Retired<_, _>))` or [`Retired::free`].
#[derive(Debug)]
#[repr(transparent)]
pub struct Retired<T, H>(ManuallyDrop<Node<T, H>>);

impl<T, H> Retired<T, H> {
    /// Frees a retired node, type-erased.
    ///
    /// # Safety
    /// 1. `node` came from `Box::into_raw` of a `Node<T, H>` and is freed only here.
    /// 2. No thread holds a protection of it.
    pub unsafe fn free(node: *mut ()) {
        // SAFETY: clause 1; `Retired` is `repr(transparent)` over `ManuallyDrop<Node>`.
        #[cfg(not(kovan_loom))]
        drop(unsafe { Box::from_raw(node.cast::<Self>()) });
        // In models the memory stays, so that a read that is too late is seen, and does no harm.
        // SAFETY: as above.
        #[cfg(kovan_loom)]
        unsafe {
            std::ptr::drop_in_place(node.cast::<Self>());
        }
    }
}

impl<T, H> Drop for Retired<T, H> {
    fn drop(&mut self) {
        if timing::is_on() {
            let node = (&raw const *self).cast();
            timing::free(node, || self.end());
        } else {
            self.end();
        }
    }
}

impl<T, H> Retired<T, H> {
    /// Drops the value and counts the free.
    #[inline]
    fn end(&mut self) {
        self.0.tag.expect_retired();
        // A panicking destructor must not keep the rest of a batch from being freed, whatever the
        // scheme does with a panic. The panic hook has reported it; the counters keep the number.
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            // The destructor of the value may call this domain, or another.
            let _scope = (needs_drop::<T>() || canary::COMPILED).then(Scope::enter);
            canary::at(canary::Place::Destructor);
            // SAFETY: `drop` runs once, and nothing uses the node afterwards.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }));
        // SAFETY: the value is gone, and nothing uses the node afterwards.
        unsafe { canary::poison((&raw mut self.0).cast(), size_of::<Node<T, H>>()) };
        count_freed(size_of::<Node<T, H>>(), dropped.is_err());
        dropped.unwrap_or_else(drop_thrown);
    }
}

/// Drops what a destructor has thrown. That may panic in turn; what it throws then is not dropped.
pub(crate) fn drop_thrown(thrown: Box<dyn Any + Send>) {
    catch_unwind(AssertUnwindSafe(|| drop(thrown))).unwrap_or_else(mem::forget);
}
