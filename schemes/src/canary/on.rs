//! The checks when they are compiled in.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::{Place, points, quarantine};

/// Each byte of a freed node.
pub(super) const POISON: u8 = 0xDB;
const FREED: u64 = u64::from_ne_bytes([POISON; 8]);
const ALIVE: u64 = 0x00A1_1FE0_00A1_1FE0;
const RETIRED: u64 = 0x0070_1D00_0070_1D00;
/// What no node has in the low bits of its address.
const LOW_BITS: usize = 0xFF;

/// What a node is now. The poison of a freed node covers it, which is how a free shows.
#[derive(Debug)]
pub(crate) struct Tag(AtomicU64);

// Relaxed throughout: the tag orders nothing. A correct scheme has a happens-before from the last
// access to the free, so a correct reader never sees the poison, whatever the ordering here.
impl Tag {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(ALIVE))
    }

    /// A reader is here: alive, or retired and protected.
    pub(crate) fn expect_readable(&self) {
        match self.0.load(Relaxed) {
            ALIVE | RETIRED => {}
            FREED => violation("a freed node was read"),
            _ => violation("a node was read whose memory is used for something else"),
        }
    }

    /// The structure hands the node to the scheme.
    pub(crate) fn retire(&self) {
        match self.0.swap(RETIRED, Relaxed) {
            ALIVE => {}
            RETIRED => violation("a node was retired twice"),
            FREED => violation("a freed node was retired"),
            _ => violation("something was retired that is no node"),
        }
    }

    /// The scheme frees the node.
    pub(crate) fn expect_retired(&self) {
        match self.0.load(Relaxed) {
            RETIRED => {}
            ALIVE => violation("a node was freed that was not retired"),
            FREED => violation("a node was freed twice"),
            _ => violation("something was freed that is no node"),
        }
    }

    /// The structure frees the node itself, without retirement.
    pub(crate) fn expect_alive(&self) {
        match self.0.load(Relaxed) {
            ALIVE => {}
            RETIRED => violation("a retired node is still in a structure that is dropped"),
            FREED => violation("a freed node was discarded"),
            _ => violation("something was discarded that is no node"),
        }
    }
}

/// An address that is about to be followed was not read out of a freed node.
pub(crate) fn expect_link(address: usize) {
    if address | LOW_BITS == usize::from_ne_bytes([POISON; size_of::<usize>()]) | LOW_BITS {
        violation("a link was followed that was read out of a freed node");
    }
}

/// Overwrites a node whose value was dropped; its memory goes to the quarantine next.
///
/// # Safety
/// The bytes are writable, and nothing reads them as what they were.
pub(crate) unsafe fn poison(node: *mut u8, size: usize) {
    // SAFETY: the caller's clause.
    unsafe { ptr::write_bytes(node, POISON, size) };
    quarantine::expect(node);
}

/// Says what happened and aborts.
#[cold]
pub(super) fn violation(what: &str) -> ! {
    eprintln!("canary: {what}");
    std::process::abort();
}

thread_local! {
    /// The state of this thread's random pauses, and one pause in how many points; 0 for none.
    static JITTER: Cell<(u64, u32)> = const { Cell::new((1, 0)) };
}

/// From now on this thread pauses at about one in `one_in` of the points between the steps of an
/// operation; 0 for none.
pub fn jitter(seed: u64, one_in: u32) {
    JITTER.set((seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, one_in));
}

/// A point between two steps of an operation, at which the thread may pause: see [`jitter`] and
/// [`at_points`](super::at_points).
pub fn pause() {
    at(Place::Step);
}

/// A point of an operation.
pub(crate) fn at(place: Place) {
    points::pass(place);
    let (mut state, one_in) = JITTER.get();
    if one_in == 0 {
        return;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    JITTER.set((state, one_in));
    let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
    if random.is_multiple_of(u64::from(one_in)) {
        if random & (0x1F << 17) == 0 {
            // Long enough for others to end what they do, and to begin anew.
            thread::sleep(Duration::from_micros(10));
        } else if random & (1 << 16) == 0 {
            thread::yield_now();
        } else {
            (0..random >> 24).for_each(|_| std::hint::spin_loop());
        }
    }
}
