//! No reclamation: what is left when nothing is ever freed.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::contender::{Contender, Group};

/// Frees nothing.
#[derive(Debug)]
pub struct Leak;

// SAFETY: nothing is ever freed.
unsafe impl Contender for Leak {
    const NAME: &'static str = "leak";
    const GROUP: Group = Group::ThreadLocal;
    type Local = ();
    type Guard<'l> = ();
    std_atomics!();

    fn new() -> Self {
        Self
    }
    fn register(&self) {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) {}
    #[inline(always)]
    fn load<T: Send + Sync + 'static>((): &mut (), _: usize, source: &AtomicPtr<T>) -> *mut T {
        source.load(Ordering::Acquire)
    }
    #[inline(always)]
    unsafe fn retire<T: Send + Sync + 'static>((): &(), _: *mut T) {}
    fn flush(&self, (): &mut ()) {}
}
