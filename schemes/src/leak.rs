//! `leak`: frees nothing. The baseline that shows what reclamation costs, and what it saves.

use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::Node;
use crate::parameters::Parameters;
use crate::reclaimer::{GuardProtection, Reclaimer, RegionProtection};
use crate::sync::{AtomicPtr, Ordering};

/// The scheme `leak`.
#[derive(Debug)]
pub struct Leak;

// SAFETY: nothing is ever freed.
unsafe impl Reclaimer for Leak {
    const FACTS: Facts = Facts {
        name: "leak",
        version: concat!("kovan-schemes ", env!("CARGO_PKG_VERSION")),
        paper: "no reclamation (baseline)",
        strength: Strength::Region,
        load: Progress::WaitFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: false, long_reader: false },
        parameters: &[],
        constants: "",
        bound: "unbounded: all that was retired",
        frees_on_drop: false,
        frees_meanwhile: false,
        frees_others: false,
    };
    const UNPIN_FREES: bool = false;
    type Header = ();
    type Local = ();
    type Guard<'l> = ();
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        Self
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        None
    }
    unsafe fn register(&self) -> Self::Local {}
    #[inline]
    fn header(&self, (): &()) -> Self::Header {}
    #[inline]
    fn pin<'l>(&'l self, (): &'l ()) -> Self::Guard<'l> {}
    #[inline]
    fn shield<'l>(&'l self, (): &'l ()) -> Self::Shield<'l> {}

    #[inline]
    fn protect<T>(
        (): &(),
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, (): &(), _: *mut Node<T, ()>) {}
    fn flush(&self, (): &()) {}
}

// SAFETY: nothing is ever freed.
unsafe impl GuardProtection for Leak {}
// SAFETY: nothing is ever freed.
#[diagnostic::do_not_recommend]
unsafe impl RegionProtection for Leak {}
