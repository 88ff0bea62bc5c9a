//! Memory of freed nodes, kept back from the allocator for a while.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::hint;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::on::{POISON, violation};
use super::pool;

/// Nodes kept back, over all threads.
const PLACES: usize = 1 << 14;
/// Larger nodes go back at once: they are too dear to keep.
const LARGEST: usize = 1 << 12;

thread_local! {
    /// The node that this thread is about to give back; null for none.
    static EXPECTED: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
}

/// The next block that this thread gives back at this address is a poisoned node.
pub(super) fn expect(node: *mut u8) {
    EXPECTED.set(node);
}

/// A global allocator that keeps freed nodes in quarantine, and passes all else on. Without it the
/// checks work too, but a freed node loses its poison as soon as its memory is used again.
#[derive(Debug, Default)]
pub struct Allocator<A> {
    /// Where memory comes from.
    pub inner: A,
}

/// A block in quarantine.
struct Place {
    locked: AtomicBool,
    block: UnsafeCell<(*mut u8, Layout)>,
}

// SAFETY: `block` is used under `locked` only, and owns plain memory.
unsafe impl Sync for Place {}

static RING: [Place; PLACES] = [const {
    Place {
        locked: AtomicBool::new(false),
        block: UnsafeCell::new((ptr::null_mut(), Layout::new::<u8>())),
    }
}; PLACES];
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Puts a block in, and takes out the one that was there longest.
fn exchange(block: (*mut u8, Layout)) -> (*mut u8, Layout) {
    let place = &RING[NEXT.fetch_add(1, Ordering::Relaxed) % PLACES];
    // Acquire and release: the block, and the poison in it, go from one holder to the next.
    while place.locked.swap(true, Ordering::Acquire) {
        hint::spin_loop();
    }
    // SAFETY: locked.
    let oldest = unsafe { place.block.get().replace(block) };
    place.locked.store(false, Ordering::Release);
    oldest
}

// SAFETY: blocks are `inner`'s, given back once each: now, or when they leave the ring.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Allocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(block) = pool::take(layout) {
            expect_poison((block, layout));
            return block;
        }
        // SAFETY: the caller's clauses.
        unsafe { self.inner.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's clauses.
        unsafe { self.inner.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's clauses.
        unsafe { self.inner.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (mut block, mut layout) = (block, layout);
        if EXPECTED.get() == block {
            EXPECTED.set(ptr::null_mut());
            if layout.size() <= LARGEST {
                let exchange = if pool::is_on() { pool::put } else { exchange };
                (block, layout) = exchange((block, layout));
                if block.is_null() {
                    return;
                }
                expect_poison((block, layout));
            }
        }
        // SAFETY: allocated by `inner` with this layout, and given back once.
        unsafe { self.inner.dealloc(block, layout) };
    }
}

/// Nobody has written to a freed node since.
fn expect_poison((block, layout): (*mut u8, Layout)) {
    // SAFETY: the block was initialised by its poison, and is the caller's until given back. A write
    // that races with this read is the fault that it looks for.
    let bytes = unsafe { slice::from_raw_parts(block, layout.size()) };
    if bytes.iter().any(|byte| *byte != POISON) {
        violation("a freed node was written");
    }
}
