//! A scheme that frees at once. The suite must reject it.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicPtr, Ordering};

use kovan_schemes::node::Retired;
use kovan_schemes::{BoundInput, Facts, Node, Progress, Reclaimer, Robustness, Strength};

/// Protects nothing.
struct FreesAtOnce;

// SAFETY: none. It breaks the contract on purpose, in tests that stop before they touch the node.
unsafe impl Reclaimer for FreesAtOnce {
    const FACTS: Facts = Facts {
        name: "frees-at-once",
        version: "0",
        paper: "",
        strength: Strength::Region,
        load: Progress::WaitFree,
        reclaim: Progress::WaitFree,
        robust: Robustness { stalled: true, long_reader: true },
        parameters: "",
        bound: "0",
        frees_on_drop: true,
    };
    type Header = ();
    type Local = ();
    type Guard<'l> = ();
    type Shield<'l> = ();

    fn new() -> Self {
        Self
    }
    fn bound(_: &BoundInput) -> Option<u64> {
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
        // SAFETY: unlinked and retired once; that it may be protected is the fault to be caught.
        unsafe { Retired::<T, ()>::free(node.cast()) };
    }
    fn flush(&self, (): &()) {}
}

#[test]
fn the_suite_catches_a_scheme_that_frees_at_once() {
    let result = catch_unwind(crate::cases::a_protected_node_is_not_dropped::<FreesAtOnce>);
    let panic = result.expect_err("the suite accepted a scheme that protects nothing");
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("dropped while protected"), "caught for another reason: {text}");
}
