//! A scheme that is wrong on purpose.

use std::sync::atomic::{AtomicPtr, Ordering};

use kovan_schemes::node::Retired;
use kovan_schemes::{
    BoundInput, Facts, Node, Parameters, Progress, Reclaimer, Robustness, Strength,
};

/// Protects nothing: frees at once, and a second time if told so.
pub(crate) struct FreesAtOnce<const TIMES: u32>;

// SAFETY: none. It breaks the contract on purpose, in tests that stop before they touch the node.
unsafe impl<const TIMES: u32> Reclaimer for FreesAtOnce<TIMES> {
    const FACTS: Facts = Facts {
        name: "frees-at-once",
        version: "0",
        paper: "",
        strength: Strength::Pointer,
        load: Progress::WaitFree,
        retire: Progress::WaitFree,
        robust: Robustness { stalled: true, long_reader: true },
        parameters: &[],
        constants: "",
        bound: "0",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: false,
    };
    type Header = ();
    type Local = ();
    type Guard<'l> = ();
    type Shield<'l> = ();

    fn new(_: &Parameters) -> Self {
        Self
    }
    fn bound(_: &BoundInput, _: &Parameters) -> Option<u64> {
        Some(0)
    }
    unsafe fn register(&self) {}
    fn header(&self, (): &()) {}
    fn pin<'l>(&'l self, (): &'l ()) -> Self::Guard<'l> {}
    fn shield<'l>(&'l self, (): &'l ()) -> Self::Shield<'l> {}
    fn protect<T>(
        (): &(),
        (): &mut (),
        source: &AtomicPtr<Node<T, ()>>,
        _: usize,
    ) -> *mut Node<T, ()> {
        source.load(Ordering::Acquire)
    }
    unsafe fn retire<T: Send + 'static>(&self, (): &(), node: *mut Node<T, ()>) {
        for _ in 0..TIMES {
            // SAFETY: unlinked and retired; that it may be protected, and the second time, are the
            // faults to be caught.
            unsafe { Retired::<T, ()>::free(node.cast()) };
        }
    }
    fn flush(&self, (): &()) {}
}
