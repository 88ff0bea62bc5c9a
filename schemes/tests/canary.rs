//! Each misuse is caught, with the line that says which; correct use is not.
//!
//! A caught misuse aborts, so each case runs in a process of its own: this program again, with the
//! ignored test `child` and the name of the case in the environment.

use std::alloc::System;
use std::process::Command;
use std::sync::atomic::{AtomicPtr, Ordering};

use kovan_schemes::node::Retired;
use kovan_schemes::{
    Atomic, BoundInput, Domain, Facts, Node, Progress, Reclaimer, Robustness, Shared, Strength,
    canary,
};

#[global_allocator]
static ALLOCATOR: canary::Allocator<System> = canary::Allocator { inner: System };

/// Frees at once, so that the cases are scripts on one thread; the second time if told so.
struct FreesAtOnce<const TIMES: u32>;

// SAFETY: none. It breaks the contract on purpose.
unsafe impl<const TIMES: u32> Reclaimer for FreesAtOnce<TIMES> {
    const FACTS: Facts = Facts {
        name: "frees-at-once",
        version: "0",
        paper: "",
        strength: Strength::Pointer,
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
        for _ in 0..TIMES {
            // SAFETY: unlinked and retired; the second time is the fault to be caught.
            unsafe { Retired::<T, ()>::free(node.cast()) };
        }
    }
    fn flush(&self, (): &()) {}
}

/// A node of a chain.
struct Link<R: Reclaimer> {
    next: Atomic<Link<R>, R>,
}

const CASES: [(&str, &str); 7] = [
    ("correct", ""),
    ("read", "a freed node was read"),
    ("follow", "a link was followed that was read out of a freed node"),
    ("retire-twice", "retired"),
    ("free-twice", "a node was freed twice"),
    ("discard", "a freed node was discarded"),
    ("write", "a freed node was written"),
];

// SAFETY of the unsafe blocks: none beyond what `run` does with its own nodes on one thread; that
// some touch freed memory is what the canary must catch, while the quarantine keeps it allocated.
fn run<R: Reclaimer>(case: &str) {
    let domain = Domain::<R>::new();
    let handle = domain.register();
    let guard = handle.pin();
    let new = || guard.alloc(Link::<R> { next: Atomic::null() }).into_shared();
    let node = new();
    // SAFETY: see above.
    let link = unsafe { node.deref() }.unwrap();
    // SAFETY: see above.
    unsafe { guard.retire(node) };
    match case {
        // SAFETY: see above.
        "read" => drop(unsafe { node.deref() }),
        // SAFETY: see above.
        "follow" => drop(unsafe { link.next.load(Ordering::Acquire, &guard).deref() }),
        // SAFETY: see above.
        "retire-twice" => unsafe { guard.retire(node) },
        // SAFETY: see above.
        "discard" => guard.discard(unsafe { node.into_owned() }),
        "write" => {
            link.next.store(Shared::null(), Ordering::Release);
            // Until the node leaves the quarantine.
            for _ in 0..100_000 {
                // SAFETY: see above.
                unsafe { guard.retire(new()) };
            }
        }
        _ => {}
    }
}

#[test]
#[ignore = "the child of `each_misuse_is_caught`"]
fn child() {
    match std::env::var("CANARY_CASE").as_deref() {
        Ok("free-twice") => run::<FreesAtOnce<2>>(""),
        Ok(case) => run::<FreesAtOnce<1>>(case),
        Err(_) => {}
    }
}

#[test]
fn each_misuse_is_caught() {
    for (case, message) in CASES {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env("CANARY_CASE", case)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), message.is_empty(), "{case}: {errors}");
        let said = errors
            .lines()
            .any(|line| line.strip_prefix("canary: ").is_some_and(|line| line.contains(message)));
        assert!(said || message.is_empty(), "{case}: {errors}");
    }
}
