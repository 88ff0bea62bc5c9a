//! The registered threads of a collector.

use alloc::boxed::Box;
use core::array;
use core::ptr;

use crate::local::Local;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Threads per chunk: one bit of `owned` for each. Few in models.
const CHUNK: usize = if cfg!(any(kovan_loom, kovan_shuttle)) { 4 } else { 64 };

/// Part of an append-only list. A local stays where it is until the collector goes; threads that
/// register later use it again. Who looks for threads reads one word for each chunk, and goes to
/// those only that are registered now.
pub(crate) struct Chunk {
    /// A bit for each local that has a thread.
    owned: AtomicU64,
    next: AtomicPtr<Chunk>,
    /// Null where no thread has ever been.
    locals: [AtomicPtr<Local>; CHUNK],
}

/// The place of a local.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    chunk: *const Chunk,
    index: usize,
}

impl Chunk {
    pub(crate) fn new() -> Self {
        Self {
            owned: AtomicU64::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            locals: array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// Returns a local for the calling thread. Lock-free; once per registration.
    pub(crate) fn own(&self) -> &Local {
        let mut chunk = self;
        loop {
            if let Some(local) = chunk.try_own() {
                return local;
            }
            chunk = chunk.next().unwrap_or_else(|| chunk.append());
        }
    }

    /// Takes a local without a thread, if this chunk has one.
    fn try_own(&self) -> Option<&Local> {
        loop {
            // Relaxed: the addition of the bit below decides.
            let free = !self.owned.load(Ordering::Relaxed);
            let index = free.trailing_zeros() as usize;
            if index >= CHUNK {
                return None;
            }
            // Acquire: pairs with `disown`: the last owner's writes are done. Release: nothing, but
            // a read-modify-write that continues the release sequences of others.
            if self.owned.fetch_or(1 << index, Ordering::AcqRel) >> index & 1 == 0 {
                return Some(self.local(index));
            }
        }
    }

    /// Returns the local at a place that the caller owns.
    fn local(&self, index: usize) -> &Local {
        let place = &self.locals[index];
        // Relaxed: it was stored by an earlier owner, before the release that `try_own` acquired.
        let mut local = place.load(Ordering::Relaxed);
        if local.is_null() {
            local = Box::into_raw(Box::new(Local::new(Place { chunk: self, index })));
            // Release: the fields of the local; pairs with `iter`.
            place.store(local, Ordering::Release);
        }
        // SAFETY: freed with the chunk.
        unsafe { &*local }
    }

    fn next(&self) -> Option<&Self> {
        // Acquire: pairs with the Release in `append`.
        // SAFETY: null, or a chunk that lives as long as this one.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    /// Adds a chunk behind this one, unless another thread does.
    fn append(&self) -> &Self {
        let new = Box::into_raw(Box::new(Self::new()));
        let (null, release, acquire) = (ptr::null_mut(), Ordering::Release, Ordering::Acquire);
        match self.next.compare_exchange(null, new, release, acquire) {
            // SAFETY: as in `next`.
            Ok(_) => unsafe { &*new },
            Err(other) => {
                // SAFETY: never published.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: as in `next`.
                unsafe { &*other }
            }
        }
    }

    /// Returns all locals that have a thread, and had one before the caller's last fence.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Local> {
        core::iter::successors(Some(self), |chunk| chunk.next()).flat_map(|chunk| {
            // Acquire: pairs with the Release of `disown`: the reads of a thread that left happen
            // before the free that does not wait for it.
            let mut owned = chunk.owned.load(Ordering::Acquire);
            core::iter::from_fn(move || {
                let index = owned.trailing_zeros() as usize;
                owned &= owned.wrapping_sub(1);
                // Acquire: pairs with the Release in `local`.
                (index < CHUNK).then(|| chunk.locals[index].load(Ordering::Acquire))
            })
            // SAFETY: null where a thread is just registering, or a local that lives as long as
            // the chunk.
            .filter_map(|local| unsafe { local.as_ref() })
        })
    }

    /// Returns all locals, those without a thread too.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Local> {
        core::iter::successors(Some(self), |chunk| chunk.next()).flat_map(|chunk| {
            // Acquire: pairs with the Release in `local`.
            let at = |place: &AtomicPtr<Local>| place.load(Ordering::Acquire);
            // SAFETY: null, or a local that lives as long as the chunk.
            chunk.locals.iter().filter_map(move |place| unsafe { at(place).as_ref() })
        })
    }
}

impl Place {
    /// The place of a local that no thread registers.
    pub(crate) const NONE: Self = Self { chunk: ptr::null(), index: 0 };

    /// Gives the place back. Its slot must be inactive, and the local is not used after it.
    pub(crate) fn disown(self) {
        // SAFETY: the chunk lives as long as its locals.
        let chunk = unsafe { &*self.chunk };
        // Release: pairs with `try_own` and `iter`.
        chunk.owned.fetch_and(!(1 << self.index), Ordering::Release);
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        for place in &self.locals {
            let local = place.load(Ordering::Relaxed);
            if !local.is_null() {
                // SAFETY: came from `Box::into_raw` in `local`; nobody else is left.
                drop(unsafe { Box::from_raw(local) });
            }
        }
        // Not by recursion: there may be many.
        let mut next = self.next.load(Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: came from `Box::into_raw` in `append`; nobody else is left.
            let chunk = unsafe { Box::from_raw(next) };
            next = chunk.next.load(Ordering::Relaxed);
            chunk.next.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }
}
