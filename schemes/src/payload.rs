//! Values that carry a payload, whose size is set while the program runs.
//!
//! A [`Payload`] is as large as a `u64`, so the nodes that hold one are laid out as those that hold a `u64`.
//! It is either its key itself, or a pointer to a block of the heap with the key and the bytes that it
//! carries. A node that is retired takes its block along: [`Guard::retire_value`] counts its bytes as
//! retired, and its drop counts them as freed.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::Any;
use std::fmt;
use std::num::NonZero;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};

use crate::counters::count_freed_bytes;
use crate::domain::Guard;
use crate::reclaimer::Reclaimer;

/// On cache lines of its own: a neighbour that is written would make each insertion wait.
#[repr(align(128))]
struct Apart(AtomicU32);

/// The bytes that values carry which are made from now on, in this process.
static CARRIED: Apart = Apart(AtomicU32::new(0));

/// A key, and so many bytes with it as [`carry`](Self::carry) said.
pub struct Payload(
    /// The key, shifted left by one, with the lowest bit set; or a block. Not null, so that an `Option` of it is one
    /// word too.
    NonNull<Block>,
);

/// The head of a block, which `carried` bytes follow.
#[repr(C)]
struct Block {
    key: u64,
    carried: u32,
    /// True if its node was given to a scheme, so that the block's end is a free.
    is_retired: AtomicBool,
}

/// The bytes of a block before those that its value carries.
pub const HEAD_BYTES: u64 = size_of::<Block>() as u64;

// SAFETY: a payload owns its block, which changes only while it is made and dropped, but for an atomic.
unsafe impl Send for Payload {}
// SAFETY: as above.
unsafe impl Sync for Payload {}

impl Payload {
    /// Lets the values that are made from now on carry so many bytes; 0, as at first, is none and no block.
    pub fn carry(bytes: u32) {
        // Relaxed: the threads that make values are started later.
        CARRIED.0.store(bytes, Relaxed);
    }

    /// Makes a value. It has a block if it carries bytes, or the key does not fit beside the tag.
    #[must_use]
    #[inline]
    pub fn new(key: u64) -> Self {
        // Relaxed: see `carry`.
        let carried = CARRIED.0.load(Relaxed);
        let tagged = usize::try_from(key).ok().filter(|key| key.leading_zeros() > 0);
        match tagged {
            Some(key) if carried == 0 => {
                Self(NonNull::without_provenance(NonZero::<usize>::MIN | key << 1))
            }
            _ => Self::with_block(key, carried),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_block(key: u64, carried: u32) -> Self {
        let layout = layout(carried);
        // SAFETY: the layout has the size of the head at least.
        let block = NonNull::new(unsafe { alloc(layout) }.cast::<Block>());
        let block = block.unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: allocated above with this layout, and nobody else's.
        unsafe {
            block.write(Block { key, carried, is_retired: AtomicBool::new(false) });
            #[allow(clippy::cast_possible_truncation, reason = "any byte will do")]
            block.add(1).cast::<u8>().write_bytes(key as u8, carried as usize);
        }
        Self(block)
    }

    /// Returns whether it is its key itself.
    #[inline]
    fn is_tagged(&self) -> bool {
        self.0.addr().get() & 1 == 1
    }

    /// Returns the key of a value that is its key itself.
    #[inline]
    fn tagged_key(&self) -> u64 {
        (self.0.addr().get() >> 1) as u64
    }

    /// Returns the block, if there is one.
    #[inline]
    fn block(&self) -> Option<&Block> {
        if self.is_tagged() {
            return None;
        }
        // SAFETY: not tagged, so from `with_block`, and freed by our drop at the earliest.
        Some(unsafe { self.0.as_ref() })
    }

    /// Returns the key if it is in the value itself. That does not read the block, so the value may be a
    /// copy of one that another thread has dropped.
    #[must_use]
    #[inline]
    pub fn inline_key(&self) -> Option<u64> {
        self.is_tagged().then(|| self.tagged_key())
    }

    /// Returns the key.
    #[must_use]
    #[inline]
    pub fn key(&self) -> u64 {
        self.block().map_or(self.tagged_key(), |block| block.key)
    }

    /// Reads the first and the last byte that the value carries, and returns them; `None` if it carries none.
    #[inline]
    pub fn touch(&self) -> Option<[u8; 2]> {
        let last = self.block()?.carried.checked_sub(1)? as usize;
        // SAFETY: `with_block` initialised so many bytes behind the head. Through the pointer that it
        // allocated, and not the reference, which is of the head alone.
        Some(unsafe {
            let bytes = self.0.add(1).cast::<u8>();
            [bytes.read_volatile(), bytes.add(last).read_volatile()]
        })
    }
}

/// Returns the layout of a block.
fn layout(carried: u32) -> Layout {
    let size = size_of::<Block>() + carried as usize;
    Layout::from_size_align(size, align_of::<Block>())
        .expect("a head and 4 GiB at most are no overflow")
}

impl Clone for Payload {
    fn clone(&self) -> Self {
        let Some(block) = self.block() else { return Self(self.0) };
        let copy = Self::with_block(block.key, block.carried);
        // SAFETY: both have so many bytes behind their heads, and the copy is nobody else's.
        unsafe {
            let (from, to) = (self.0.add(1).cast::<u8>(), copy.0.add(1).cast::<u8>());
            to.copy_from_nonoverlapping(from, block.carried as usize);
        }
        copy
    }
}

impl Drop for Payload {
    #[inline]
    fn drop(&mut self) {
        if !self.is_tagged() {
            self.free();
        }
    }
}

impl Payload {
    #[cold]
    #[inline(never)]
    fn free(&mut self) {
        let Some(block) = self.block() else { return };
        let layout = layout(block.carried);
        // Relaxed: the scheme orders the retirement before the free.
        if block.is_retired.load(Relaxed) {
            count_freed_bytes(layout.size());
        }
        // SAFETY: from `with_block` with this layout; the drop comes once, and nothing follows it.
        unsafe { dealloc(self.0.as_ptr().cast(), layout) };
    }
}

impl<R: Reclaimer> Guard<'_, R> {
    /// Counts what the value of a node, if it has one, takes beside the node, right before that is retired:
    /// the block of a [`Payload`]. For a value of another type it does nothing, which the compiler knows.
    #[inline]
    pub fn retire_value<V: 'static>(&self, value: Option<&V>) {
        let Some(value) = value else { return };
        let value: &dyn Any = value;
        if let Some(block) = value.downcast_ref::<Payload>().and_then(Payload::block) {
            // Relaxed: as in `free`.
            block.is_retired.store(true, Relaxed);
            self.count_retired_bytes(layout(block.carried).size());
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(&self.key()).finish()
    }
}

#[cfg(all(test, not(kovan_loom)))]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::schemes::{HpNaive, Leak};
    use crate::{Domain, Node};

    /// Makes a value that carries so many bytes. Tests of one process have one such number.
    fn carrying(bytes: u32, key: u64) -> Payload {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        Payload::carry(bytes);
        let value = Payload::new(key);
        Payload::carry(0);
        value
    }

    #[test]
    fn a_key_comes_back_whatever_it_carries() {
        assert_eq!(size_of::<Payload>(), size_of::<usize>());
        for key in [0, 1, 255, 1 << 40, (1 << 63) - 1, 1 << 63, u64::MAX] {
            for bytes in [0, 1, 8, 5000] {
                let value = carrying(bytes, key);
                let copy = value.clone();
                let byte = key.to_le_bytes()[0];
                for value in [&value, &copy] {
                    assert_eq!(value.key(), key);
                    assert_eq!(value.touch(), (bytes > 0).then_some([byte; 2]));
                    let fits = bytes == 0 && key < usize::MAX as u64 / 2 + 1;
                    assert_eq!(value.inline_key(), fits.then_some(key));
                }
                drop(value);
                assert_eq!(copy.key(), key, "the copy is its own");
            }
        }
    }

    /// The bytes retired and freed after one node with this value was retired, and its domain was dropped.
    fn bytes_of<R: Reclaimer>(value: Payload) -> (u64, u64) {
        let domain = Domain::<R>::new();
        let (meter, handle) = (domain.meter(), domain.register());
        let guard = handle.pin();
        // Neither is retired: one never was in a structure, the other is a copy.
        guard.discard(guard.alloc(value.clone()));
        drop(value.clone());
        let node = guard.alloc(value);
        guard.retire_value(Some(node.value()));
        // SAFETY: allocated above, never published, and retired once.
        unsafe { guard.retire(node.into_shared()) };
        drop(guard);
        drop(handle);
        drop(domain);
        (meter.totals().retired_bytes, meter.totals().freed_bytes)
    }

    #[test]
    fn a_node_that_is_retired_takes_its_block_along() {
        let node = size_of::<Node<Payload, ()>>() as u64;
        assert_eq!(bytes_of::<HpNaive>(carrying(0, 7)), (node, node));
        assert_eq!(bytes_of::<Leak>(carrying(1000, 7)), (node + HEAD_BYTES + 1000, 0));
        let all = node + HEAD_BYTES + 1000;
        assert_eq!(bytes_of::<HpNaive>(carrying(1000, 7)), (all, all));
    }
}
