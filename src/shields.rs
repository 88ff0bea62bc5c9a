//! What a guard of the robust mode has loaded, as others can read it.
//!
//! An address that a load returns is in `cells`, at a place that the address chooses, until another
//! address takes that place. The one that was there goes to the log, whose length is part of
//! [`Pinned`], so that the end of the section empties it. Cells keep what earlier sections left in
//! them until the owner takes its list: that holds a bounded number of nodes, while the thread is
//! inside of a guard, and a load that meets its own address there is done.
//!
//! A node with a [header](crate::RetiredNode) may stand for memory that was loaded by other
//! addresses. For these, a load publishes the era as well, if the clock has moved since the last one,
//! though the address may be published already.
//!
//! Hazard pointers (Michael, *Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects*, TPDS
//! 2004) publish addresses in the same way, with a fence for each; the asymmetric fence in place of
//! it is that of Dice, Herlihy & Kogan, *Fast Non-Intrusive Memory Reclamation for
//! Highly-Concurrent Data Structures*, ISMM 2016. Here a guard has no number of addresses that the
//! program must know, and nobody reads them but the drain of a slot that its owner does not empty.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::array;
use core::cell::{Cell, UnsafeCell};
use core::ptr;

use crate::barrier;
use crate::node::Entry;
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Addresses that are kept by place. Fewer in models, so that they are displaced.
pub(crate) const CELLS: usize = if cfg!(any(kovan_loom, kovan_shuttle)) { 1 } else { 64 };
/// Addresses that the first log has room for.
const ROOM: usize = if cfg!(any(kovan_loom, kovan_shuttle)) { 1 } else { 64 };

/// Times that a drain reads what an owner protects, before it gives up: an owner who runs may take
/// another log into use each time. Fewer in models.
pub(crate) const READS: usize = if cfg!(kovan_loom) {
    1
} else if cfg!(kovan_shuttle) {
    2
} else {
    4
};

/// The bit of [`Pinned`] that says that the guard holds everything.
const EVERYTHING: usize = 1 << (usize::BITS - 1);

/// Says whether a thread is inside a guard, and how many addresses its log has: 0 outside, else one
/// more than the addresses. Written by the owner only.
pub(crate) struct Pinned(AtomicUsize);

/// The addresses of one thread. Written by the slot's owner only.
pub(crate) struct Shields {
    cells: [AtomicPtr<()>; CELLS],
    /// The era of the owner's last load that published something: nodes with a header that were
    /// there by then are held.
    era: AtomicU64,
    /// The log in use, or null before the first one.
    log: AtomicPtr<Log>,
    /// Counts the changes of `log`. Raised before a log is written over.
    generation: AtomicUsize,
    /// The entries of the log in use, and how many there are.
    entries: Cell<*const AtomicPtr<()>>,
    room: Cell<usize>,
    /// Every log that there was. They stay, because a drain may still read one.
    #[allow(clippy::vec_box)] // Others hold the addresses of logs.
    logs: UnsafeCell<Vec<Box<Log>>>,
}

struct Log {
    entries: Box<[AtomicPtr<()>]>,
}

/// What a thread protects, as another thread has read it.
pub(crate) enum Protected {
    /// It is outside of guards.
    Nothing,
    /// What is at these addresses, and nodes with a header that were there at this era.
    These(u64),
    /// Everything, or what could not be read.
    Everything,
}

impl Pinned {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Begins a section. The caller passes [`barrier::light`] before its loads.
    #[inline(always)]
    pub(crate) fn enter(&self) {
        // Release: the reads of the section before; a drain that reads this store may free what that
        // one had loaded, and pairs it in `read`. That it comes before the load of the head is
        // `light`'s part; see `Local::drain`.
        self.0.store(1, Ordering::Release);
    }

    /// Ends the section, and with it its log.
    #[inline(always)]
    pub(crate) fn leave(&self) {
        // Release: the reads of this section before it; pairs with `is_outside`.
        self.0.store(0, Ordering::Release);
    }

    /// Returns whether the owner, who asks, is inside.
    #[inline(always)]
    pub(crate) fn is_inside(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Returns whether the owner is outside, as another thread asks.
    pub(crate) fn is_outside(&self) -> bool {
        // Acquire: pairs with the Release in `leave`, so that the owner's reads of the nodes happen
        // before they are freed by the caller.
        self.0.load(Ordering::Acquire) == 0
    }

    /// Holds everything until [`hold_shields`](Self::hold_shields). The caller passes a barrier.
    pub(crate) fn hold_everything(&self) {
        // Relaxed: only the owner writes, and the barrier that follows orders it.
        self.0.store(self.0.load(Ordering::Relaxed) | EVERYTHING, Ordering::Relaxed);
    }

    /// Ends [`hold_everything`](Self::hold_everything).
    pub(crate) fn hold_shields(&self) {
        // Release: what was published meanwhile; pairs with `read`.
        self.0.store(self.0.load(Ordering::Relaxed) & !EVERYTHING, Ordering::Release);
    }

    /// Returns how many addresses the log has, as another thread reads it. A guess until the log is
    /// read.
    pub(crate) fn logged(&self) -> usize {
        (self.0.load(Ordering::Relaxed) & !EVERYTHING).saturating_sub(1)
    }
}

/// Returns the place of an address. Multiplicative hashing (Knuth, *The Art of Computer Programming*,
/// vol. 3, 6.4): the high bits of the product depend on all bits of the address.
#[inline(always)]
fn place(address: usize) -> usize {
    const FACTOR: usize = 0x9e37_79b9_7f4a_7c15_u64 as usize;
    // The lowest bits are a tag, or zero.
    let product = (address >> 4).wrapping_mul(FACTOR);
    if CELLS == 1 { 0 } else { product >> (usize::BITS - CELLS.trailing_zeros()) }
}

impl Shields {
    pub(crate) fn new() -> Self {
        Self {
            cells: array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            era: AtomicU64::new(0),
            log: AtomicPtr::new(ptr::null_mut()),
            generation: AtomicUsize::new(0),
            entries: Cell::new(ptr::null()),
            room: Cell::new(0),
            logs: UnsafeCell::new(Vec::new()),
        }
    }

    /// Returns whether others see that this thread has loaded `pointer`, whatever its tag in the bits
    /// below `align`. Owner only.
    #[inline(always)]
    pub(crate) fn covers<T>(&self, pointer: *mut T, align: usize) -> bool {
        // Relaxed: the owner reads what it wrote.
        let address = self.cells[place(pointer.addr())].load(Ordering::Relaxed).addr();
        address ^ pointer.addr() < align
    }

    /// Publishes an address in its cell, and the one that was there in the log. Owner only, inside.
    /// The caller passes a barrier before it relies on it.
    #[inline]
    pub(crate) fn publish(&self, pointer: *mut (), pinned: &Pinned) {
        let cell = &self.cells[place(pointer.addr())];
        let displaced = cell.load(Ordering::Relaxed);
        self.append_if(!displaced.is_null(), displaced, pinned);
        // Release: after the log has what was here; pairs with `read`.
        cell.store(pointer, Ordering::Release);
    }

    /// Returns whether others see that this thread has loaded something at `era`. Owner only.
    #[inline(always)]
    pub(crate) fn has_published_era(&self, era: u64) -> bool {
        // Relaxed: the owner reads what it wrote.
        self.era.load(Ordering::Relaxed) == era
    }

    /// Publishes the era, as [`publish`](Self::publish) does an address.
    #[inline]
    pub(crate) fn publish_era(&self, era: u64) {
        // Relaxed: the barrier that follows orders it.
        self.era.store(era, Ordering::Relaxed);
    }

    /// Publishes an era, if it is another one, without a look at a source after it.
    #[inline]
    pub(crate) fn announce_era(&self, era: u64) {
        if !self.has_published_era(era) {
            self.publish_era(era);
            // The era before a load that finds it published already, and looks no further.
            barrier::light_or_fence();
        }
    }

    /// Forgets the cells. Owner only, when no guard has loaded anything. Done whenever the owner's
    /// list is taken: what earlier sections have left here would hold nodes, and go to the log when
    /// another address takes its place.
    pub(crate) fn forget(&self) {
        for cell in &self.cells {
            // Release: the reads of earlier sections are done; pairs with `read`.
            cell.store(ptr::null_mut(), Ordering::Release);
        }
    }

    /// Adds an address to the log, as [`publish`](Self::publish) does one that is displaced.
    #[inline(always)]
    pub(crate) fn append(&self, pointer: *mut (), pinned: &Pinned) {
        self.append_if(true, pointer, pinned);
    }

    /// Adds an address to the log if it `counts`. Where there is room, there is no branch on that, since a
    /// processor cannot tell from the past which addresses displace others: one that does not count is
    /// written behind those that do.
    #[inline(always)]
    fn append_if(&self, counts: bool, pointer: *mut (), Pinned(pinned): &Pinned) {
        // Relaxed: the owner reads what it wrote.
        let pin = pinned.load(Ordering::Relaxed);
        if pin <= self.room.get() {
            self.append_at(pin - 1, pointer, pinned, usize::from(counts));
        } else if counts {
            // There is no room, or the guard holds everything.
            let (count, everything) = ((pin & !EVERYTHING) - 1, pin & EVERYTHING);
            let count = if count < self.room.get() { count } else { self.make_room(count) };
            self.append_at(count, pointer, pinned, everything | 1);
        }
    }

    /// Writes an entry behind the first `at`, and adds `more` to what `pinned` is then.
    #[inline(always)]
    fn append_at(&self, at: usize, pointer: *mut (), pinned: &AtomicUsize, more: usize) {
        debug_assert!(at < self.room.get(), "the log has room");
        // SAFETY: the log in use lives as long as the slot and has `room` entries, of which this is
        // one: `append_if`.
        let entry = unsafe { &*self.entries.get().add(at) };
        // Release: the reads of an earlier section, whose address may have been here, are done;
        // pairs with `read`.
        entry.store(pointer, Ordering::Release);
        // Release: the entry before the count; pairs with `read`.
        pinned.store((at + 1) + more, Ordering::Release);
    }

    /// Takes a log into use that has the `count` entries of this one once each, and room for as many
    /// more. Returns how many there are. Sorts them, after at least half of the room was filled.
    #[cold]
    #[inline(never)]
    fn make_room(&self, count: usize) -> usize {
        // SAFETY: only the owner touches `logs`, and not while this reference lives.
        let logs = unsafe { &mut *self.logs.get() };
        let current = self.log.load(Ordering::Relaxed);
        // SAFETY: logs live as long as the slot.
        let entries = unsafe { current.as_ref() }.map_or(&[][..], |log| &log.entries[..count]);
        let mut addresses: Vec<_> = entries.iter().map(|e| e.load(Ordering::Relaxed)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let room = ROOM.max(2 * addresses.len());
        // Before a log is written over that a drain may still read. Release: the log in use, so that
        // who reads this number does not find an older one, which is written over now; pairs with
        // `read`.
        let generation = self.generation.load(Ordering::Relaxed);
        self.generation.store(generation.wrapping_add(1), Ordering::Release);
        let fits = |log: &Log| log.entries.len() >= room && !ptr::eq(log, current);
        let at = logs.iter().position(|log| fits(log)).unwrap_or_else(|| {
            let empty = |_| AtomicPtr::new(ptr::null_mut());
            logs.push(Box::new(Log { entries: (0..room).map(empty).collect() }));
            logs.len() - 1
        });
        for (entry, address) in logs[at].entries.iter().zip(&addresses) {
            // Release: the generation before it; pairs with `read`.
            entry.store(*address, Ordering::Release);
        }
        self.room.set(logs[at].entries.len());
        self.entries.set(logs[at].entries.as_ptr());
        // Release: the entries before it, and it before the smaller count; pairs with `read`.
        self.log.store(ptr::from_ref(&*logs[at]).cast_mut(), Ordering::Release);
        addresses.len()
    }

    /// Reads what the owner protects, and puts the addresses in `into`, in no order. The caller has
    /// passed [`barrier::heavy`]: what the owner loaded before that is read. Reads a few times, if the
    /// owner takes another log into use meanwhile, or holds everything.
    pub(crate) fn read(&self, pinned: &Pinned, into: &mut Vec<usize>) -> Protected {
        for _ in 0..READS {
            into.clear();
            match self.read_once(pinned, into) {
                Protected::Everything => {}
                found => return found,
            }
        }
        Protected::Everything
    }

    fn read_once(&self, Pinned(pinned): &Pinned, into: &mut Vec<usize>) -> Protected {
        // Acquire: first of all, and so before the end of a time in which everything was held: that
        // ends when what was found in it is published; pairs with `hold_shields`.
        if pinned.load(Ordering::Acquire) & EVERYTHING != 0 {
            return Protected::Everything;
        }
        // Acquire: before the log, which is no older than this number; pairs with `make_room`.
        let generation = self.generation.load(Ordering::Acquire);
        for cell in &self.cells {
            // Acquire: pairs with the Release in `publish`: an address that is not here any more is
            // in the log that is read next.
            let address = cell.load(Ordering::Acquire).addr();
            // Most are null, and each node that waits is looked for among the others.
            if address != 0 {
                into.push(address);
            }
        }
        // Relaxed: `heavy` came before. What is read later is only higher.
        let era = self.era.load(Ordering::Relaxed);
        // Acquire: the count before the log that has as many entries; pairs with `append_at`, and with
        // the end of the section.
        let pin = pinned.load(Ordering::Acquire);
        if pin & EVERYTHING != 0 {
            return Protected::Everything;
        }
        let Some(count) = pin.checked_sub(1) else { return Protected::Nothing };
        // Acquire: pairs with `make_room`.
        let log = self.log.load(Ordering::Acquire);
        // SAFETY: null, or a log that lives as long as the slot.
        if let Some(log) = unsafe { log.as_ref() } {
            // Acquire: pairs with the Release of each entry.
            into.extend(log.entries.iter().take(count).map(|e| e.load(Ordering::Acquire).addr()));
        }
        // An entry that belongs to a later log was read after the generation had been raised.
        let unchanged = generation == self.generation.load(Ordering::Relaxed);
        if unchanged { Protected::These(era) } else { Protected::Everything }
    }
}

/// Returns whether one of the sorted `addresses` points into a node.
pub(crate) fn covers(addresses: &[usize], node: &Entry) -> bool {
    let bytes = node.addresses();
    let next = addresses.partition_point(|&address| address < bytes.start);
    addresses.get(next).is_some_and(|&address| address < bytes.end)
}
