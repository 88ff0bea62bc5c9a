//! Other libraries that are not of this name.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::contender::{Contender, Plain, boxed, is_marked, unbox};

/// crossbeam-epoch through the functions of its default collector, as most of its users do.
#[derive(Debug)]
pub struct Epoch;

// SAFETY: an epoch guard protects everything reachable.
unsafe impl Contender for Epoch {
    const NAME: &'static str = "crossbeam-epoch";
    type Local = ();
    type Guard<'l> = crossbeam_epoch::Guard;
    plain_node!();

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Self::Local {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {
        crossbeam_epoch::pin()
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        _: &mut Self::Guard<'_>,
        _: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        source.load(Ordering::Acquire)
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Plain<T>) {
        // SAFETY: the caller's clauses; the pointer came from a box.
        unsafe { guard.defer_destroy(crossbeam_epoch::Shared::from(node.cast_const())) };
    }
    fn flush(&self, (): &mut ()) {
        // Each call looks at no more than eight bags of the queue.
        for _ in 0..16 {
            crossbeam_epoch::pin().flush();
        }
    }
}

/// seize with its default settings.
#[derive(Debug)]
pub struct Seize(seize::Collector);

// SAFETY: a seize guard protects what `protect` loads.
unsafe impl Contender for Seize {
    const NAME: &'static str = "seize";
    type Local = ();
    type Guard<'l> = seize::LocalGuard<'l>;
    plain_node!();

    fn new() -> Self {
        Self(seize::Collector::new())
    }
    fn register(&self) -> Self::Local {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {
        self.0.enter()
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        _: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        seize::Guard::protect(guard, source, Ordering::Acquire)
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, guard: &Self::Guard<'_>, node: *mut Plain<T>) {
        // SAFETY: the caller's clauses; the pointer came from a box.
        unsafe { seize::Guard::defer_retire(guard, node, seize::reclaim::boxed) };
    }
    fn flush(&self, (): &mut ()) {
        seize::Guard::flush(&self.0.enter());
    }
}

/// haphazard with three hazard pointers kept per thread.
#[derive(Debug)]
pub struct Haphazard;

type Hazards = [haphazard::HazardPointer<'static>; 3];

// SAFETY: both protect functions publish the unmarked pointer and read the source again behind a
// full fence.
unsafe impl Contender for Haphazard {
    const NAME: &'static str = "haphazard";
    type Local = Hazards;
    type Guard<'l> = &'l mut Hazards;
    plain_node!();

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Hazards {
        std::array::from_fn(|_| haphazard::HazardPointer::new())
    }
    #[inline(always)]
    fn pin<'l>(&'l self, local: &'l mut Hazards) -> Self::Guard<'l> {
        local
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        slot: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        let protected = guard[slot].protect_ptr(source);
        protected.map_or(ptr::null_mut(), |(pointer, _)| pointer.as_ptr())
    }
    #[inline(always)]
    fn protect_unmarked<T: Send + 'static>(
        guard: &mut Self::Guard<'_>,
        slot: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        let mut pointer = source.load(Ordering::Acquire);
        loop {
            // Its hazards are compared with what is retired, so a marked address would protect
            // nothing: the caller gets it without protection, and does not dereference it.
            if is_marked(pointer) {
                return pointer;
            }
            match guard[slot].try_protect_ptr(pointer, source) {
                Ok(same) => return same.map_or(ptr::null_mut(), |(pointer, _)| pointer.as_ptr()),
                Err(changed) => pointer = changed,
            }
        }
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, _: &Self::Guard<'_>, node: *mut Plain<T>) {
        // SAFETY: the caller's clauses.
        unsafe { haphazard::Domain::global().retire_ptr::<Plain<T>, Box<Plain<T>>>(node) };
    }
    fn flush(&self, hazards: &mut Hazards) {
        hazards.iter_mut().for_each(haphazard::HazardPointer::reset_protection);
        haphazard::Domain::global().eager_reclaim();
    }
}

/// Frees nothing.
#[derive(Debug)]
pub struct Leak;

// SAFETY: nothing is ever freed.
unsafe impl Contender for Leak {
    const NAME: &'static str = "leak";
    type Local = ();
    type Guard<'l> = ();
    plain_node!();

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Self::Local {}
    fn pin<'l>(&'l self, (): &'l mut ()) -> Self::Guard<'l> {}
    #[inline(always)]
    fn protect<T: Send + 'static>(
        (): &mut (),
        _: usize,
        source: &AtomicPtr<Plain<T>>,
    ) -> *mut Plain<T> {
        source.load(Ordering::Acquire)
    }
    unsafe fn retire<T: Send + 'static>(&self, (): &(), _: *mut Plain<T>) {}
    fn flush(&self, (): &mut ()) {}
}
