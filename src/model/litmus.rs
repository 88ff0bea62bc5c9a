//! The shapes of reordering that the protocol stands on, without the protocol. Each is shown twice:
//! the fences forbid the bad outcome, and without them the checker does find it (so that a checker
//! that cannot see the reordering would fail here).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed as Std};

use loom::thread;

use super::check;
use crate::barrier;
use crate::sync::{AtomicUsize, Ordering, fence};

/// Store buffering: each side stores, passes its barrier and loads what the other stored. Whether
/// both sides missed the other's store in some execution.
fn both_miss(left: fn(), right: fn()) -> bool {
    let seen = Arc::new(AtomicBool::new(false));
    let found = Arc::clone(&seen);
    check(3, move || {
        let cells = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let other = Arc::clone(&cells);
        let thread = thread::spawn(move || {
            other[1].store(1, Ordering::Relaxed);
            right();
            other[0].load(Ordering::Relaxed)
        });
        cells[0].store(1, Ordering::Relaxed);
        left();
        let mine = cells[1].load(Ordering::Relaxed);
        if mine == 0 && thread.join().expect("no panic") == 0 {
            found.store(true, Std);
        }
    });
    seen.load(Std)
}

fn heavy() {
    assert!(barrier::heavy(), "a fence never fails");
}
fn seq_cst() {
    fence(Ordering::SeqCst);
}
fn weak() {
    fence(Ordering::AcqRel);
}

/// `pinned` and the head: `Guard::pin` against `Local::drain`.
#[test]
fn pin_against_drain() {
    assert!(!both_miss(barrier::light, heavy));
    assert!(both_miss(weak, heavy), "the owner's side is needed");
    assert!(both_miss(barrier::light, weak), "the drainer's side is needed");
}

/// Activation and the pointer: `Slot::take_and_stay` against `Local::publish_open`.
#[test]
fn take_against_flush() {
    assert!(!both_miss(seq_cst, seq_cst));
    assert!(both_miss(weak, seq_cst), "the owner's side is needed");
    assert!(both_miss(seq_cst, weak), "the flush's side is needed");
}
