//! The scripted optimistic traversal: out of an unlinked node to a younger one behind it.
//!
//! A reader holds node A under a live guard. A writer links a young node B behind A, unlinks both,
//! and retires them into different batches. The reader then follows the link of A. Where a guard
//! protects a region, B must still be there. Under weaker schemes B was born after the reader's era
//! (or is named by no shield), so it may be freed; such a structure does not compile over them, and
//! this script, which goes around the types, shows that the danger is real and that the canary sees it.

use std::sync::atomic::Ordering::{Acquire, Release};

use kovan_schemes::{Atomic, Domain, Facts, Handle, Reclaimer, Shared, schemes};

/// Retirements that are more than any batch or threshold, and many steps of any era clock.
const FILLERS: u64 = 20_000;

struct Link<R: Reclaimer> {
    next: Atomic<Link<R>, R>,
    value: u64,
}

/// A scheme's script.
pub(super) type Script = fn() -> bool;

macro_rules! scripts {
    ([$($scheme:ident : $strength:ident,)*]) => {
        /// The facts and the script of every scheme.
        pub(super) fn scripts() -> Vec<(Facts, Script)> {
            vec![$((
                <schemes::$scheme as Reclaimer>::FACTS,
                run::<schemes::$scheme> as Script,
            )),*]
        }
    };
}
kovan_schemes::for_each_scheme!(scripts);

/// Plays the script; whether the reader found what was in B. Under schemes below region strength it
/// reads freed memory, so it is for builds with the canary only.
fn run<R: Reclaimer>() -> bool {
    let domain = Domain::<R>::new();
    let (reader, writer) = (domain.register(), domain.register());
    let head = Atomic::<Link<R>, R>::null();
    let link = |value| Link::<R> { next: Atomic::null(), value };
    {
        let guard = writer.pin();
        head.store(guard.alloc(link(1)).into_shared(), Release);
    }
    let guard = reader.pin();
    let mut shield = guard.shield();
    let old = guard.protect(&mut shield, &head);
    fillers(&writer);

    {
        let guard = writer.pin();
        let young = guard.alloc(link(2)).into_shared();
        // SAFETY: protected by the reader's guard and shield.
        let Some(node) = (unsafe { old.deref() }) else { return false };
        node.next.store(young, Release);
        head.store(Shared::null(), Release);
        // SAFETY: in the domain, unlinked from `head` just now, retired once.
        unsafe { guard.retire(old) };
    }
    fillers(&writer);
    // SAFETY: protected by the reader's guard and shield.
    let Some(node) = (unsafe { old.deref() }) else { return false };
    {
        let guard = writer.pin();
        // SAFETY: in the domain, behind an unlinked node only, retired once.
        unsafe { guard.retire(node.next.load(Acquire, &guard)) };
    }
    fillers(&writer);

    let young = node.next.load(Acquire, &guard);
    // SAFETY: region schemes: reachable in the guard's life. Others: not protected; that is the fault
    // that the canary must see, on memory that its quarantine keeps.
    unsafe { young.deref() }.is_some_and(|node| node.value == 2)
}

/// Fills batches, passes thresholds and moves the eras on.
fn fillers<R: Reclaimer>(writer: &Handle<R>) {
    for count in 0..FILLERS {
        let guard = writer.pin();
        let node = guard.alloc(Link::<R> { next: Atomic::null(), value: 0 }).into_shared();
        // SAFETY: never published, retired once.
        unsafe { guard.retire(node) };
        drop(guard);
        if count % 1000 == 999 {
            writer.flush();
        }
    }
}
