//! The opposite of the quarantine: memory of freed nodes, used again before all other.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Nodes at the most.
const PLACES: usize = 64;
const NONE: Block = (ptr::null_mut(), Layout::new::<u8>());

/// A block, or null.
type Block = (*mut u8, Layout);

/// While it is true, freed nodes come here.
static ON: AtomicBool = AtomicBool::new(false);
static POOL: Pool =
    Pool { locked: AtomicBool::new(false), blocks: UnsafeCell::new([NONE; PLACES]) };

struct Pool {
    locked: AtomicBool,
    /// The one that was freed last comes first; those behind the last one are null.
    blocks: UnsafeCell<[Block; PLACES]>,
}

// SAFETY: `blocks` is used under `locked` only, and owns plain memory.
unsafe impl Sync for Pool {}

impl Pool {
    fn with<T>(&self, change: impl FnOnce(&mut [Block; PLACES]) -> T) -> T {
        // Acquire and release: a block, and the poison in it, go from one holder to the next.
        while self.locked.swap(true, Ordering::Acquire) {
            hint::spin_loop();
        }
        // SAFETY: locked.
        let result = change(unsafe { &mut *self.blocks.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}

/// From now on the memory of a freed node is that of the next allocation of its layout, by any thread in
/// the process; or it goes to the quarantine again.
pub fn reuse(on: bool) {
    // Relaxed: it does not matter to a node which of the two happens.
    ON.store(on, Ordering::Relaxed);
}

pub(super) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Puts a block in, and takes out the one that was there longest, if there are too many.
pub(super) fn put(block: Block) -> Block {
    POOL.with(|blocks| {
        blocks.rotate_right(1);
        std::mem::replace(&mut blocks[0], block)
    })
}

/// Takes out the block of this layout that was put in last.
pub(super) fn take(layout: Layout) -> Option<*mut u8> {
    if !is_on() {
        return None;
    }
    POOL.with(|blocks| {
        let at = blocks.iter().position(|block| !block.0.is_null() && block.1 == layout)?;
        blocks[at..].rotate_left(1);
        Some(std::mem::replace(&mut blocks[PLACES - 1], NONE).0)
    })
}
