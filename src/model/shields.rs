//! What a guard has published, read by a drain: nothing that was published before the drain's
//! barrier is missed, whatever the owner publishes meanwhile.

use std::sync::Arc;
use std::vec::Vec;

use loom::thread;

use super::check;
use crate::barrier;
use crate::batch::mark;
use crate::shields::{Pinned, Protected, Shields};

struct Published {
    pinned: Pinned,
    shields: Shields,
}

// SAFETY: the owner's fields are used by one thread only.
unsafe impl Sync for Published {}
// SAFETY: as above.
unsafe impl Send for Published {}

/// An address; none of these models uses what is there.
fn address(number: usize) -> *mut () {
    mark(number << 4).cast()
}

impl Published {
    fn new() -> Arc<Self> {
        let published = Self { pinned: Pinned::new(), shields: Shields::new() };
        published.pinned.enter();
        Arc::new(published)
    }

    /// Returns shields with two empty logs that have room for four.
    fn with_logs() -> Arc<Self> {
        let published = Self::new();
        for number in [1, 2, 1, 2, 1, 2, 1, 2] {
            published.shields.append(address(number), &published.pinned);
        }
        published.pinned.leave();
        published.pinned.enter();
        published
    }

    fn publish(&self, number: usize) {
        self.shields.publish(address(number), &self.pinned);
    }

    /// Reads as a drain does, and looks for what was published before.
    fn drain_finds(&self, numbers: &[usize]) {
        assert!(barrier::heavy(), "a fence never fails");
        let mut found = Vec::new();
        if let Protected::These(_) = self.shields.read(&self.pinned, &mut found) {
            for &number in numbers {
                assert!(found.contains(&address(number).addr()), "missed {number}");
            }
        }
    }

    /// Reads what was published while the owner goes on.
    fn read_against(
        self: &Arc<Self>,
        published: &'static [usize],
        owner: impl FnOnce(&Self) + 'static,
    ) {
        barrier::light();
        let other = Arc::clone(self);
        let drain = thread::spawn(move || other.drain_finds(published));
        owner(self);
        drain.join().expect("no panic");
    }
}

/// An address is displaced while a drain reads.
#[test]
fn displaced_against_read() {
    check(4, || {
        let published = Published::new();
        published.publish(1);
        published.publish(2);
        published.read_against(&[1, 2], |owner| owner.publish(3));
    });
}

/// The log is made larger while a drain reads: addresses that were there twice are there once, so
/// the log has fewer entries than before.
#[test]
fn growth_against_read() {
    check(4, || {
        let published = Published::new();
        // Room for one, for two, for four; filled.
        for number in [2, 1, 2, 2, 2] {
            published.publish(number);
        }
        published.read_against(&[1, 2], |owner| {
            owner.publish(3);
            owner.publish(4);
        });
    });
}

/// A log is replaced by one with fewer entries: who finds the smaller number finds the new log.
#[test]
fn smaller_count_against_read() {
    check(3, || {
        let published = Published::with_logs();
        for number in [2, 2, 2, 1] {
            published.shields.append(address(number), &published.pinned);
        }
        published.read_against(&[1, 2], |owner| owner.shields.append(address(2), &owner.pinned));
    });
}

/// A log that a drain still reads is written over with the same addresses in another order.
#[test]
fn log_used_again_against_read() {
    check(3, || {
        let published = Published::with_logs();
        for number in [2, 1, 2, 2] {
            published.shields.append(address(number), &published.pinned);
        }
        published.read_against(&[1, 2], |owner| {
            for number in [2; 5] {
                owner.shields.append(address(number), &owner.pinned);
            }
        });
    });
}

/// The end of a time in which everything was held.
#[test]
fn hold_shields_against_read() {
    check(4, || {
        let published = Published::new();
        published.publish(1);
        published.pinned.hold_everything();
        published.read_against(&[1, 2], |owner| {
            owner.publish(2);
            owner.pinned.hold_shields();
        });
    });
}
