//! Each misuse is caught, with the line that says which; correct use is not.
//!
//! A caught misuse aborts, so each case runs in a process of its own: this program again, with the
//! ignored test `child` and the name of the case in the environment.
#![cfg(not(kovan_loom))]

use std::alloc::System;
use std::process::Command;
use std::sync::atomic::Ordering;

mod common;

use common::FreesAtOnce;
use kovan_schemes::{Atomic, Domain, Reclaimer, Shared, canary};

#[global_allocator]
static ALLOCATOR: canary::Allocator<System> = canary::Allocator { inner: System };

/// A node of a chain.
struct Link<R: Reclaimer> {
    next: Atomic<Link<R>, R>,
}

const CASES: [(&str, &str); 9] = [
    ("correct", ""),
    ("read", "a freed node was read"),
    ("follow", "a link was followed that was read out of a freed node"),
    ("retire-twice", "retired"),
    ("free-twice", "a node was freed twice"),
    ("discard", "a freed node was discarded"),
    ("write", "a freed node was written"),
    ("reuse", ""),
    ("write-reused", "a freed node was written"),
];

// SAFETY of the unsafe blocks: none beyond what `run` does with its own nodes on one thread; that
// some touch freed memory is what the canary must catch, while the quarantine keeps it allocated.
fn run<R: Reclaimer>(case: &str) {
    canary::reuse(case.contains("reuse"));
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
        // The next node has the address.
        "reuse" => assert!(node == new()),
        "write-reused" => {
            link.next.store(Shared::null(), Ordering::Release);
            let _ = new();
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
