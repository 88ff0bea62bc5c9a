//! `hazard-pointer`: hazard pointers (Michael 2004) by the crate haphazard, unmodified.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering, fence};

use haphazard::{Domain, HazardPointer as Hazard};

use crate::canary;
use crate::facts::{BoundInput, Facts, Progress, Robustness, Strength};
use crate::node::{Node, Retired};
use crate::parameters::Parameters;
use crate::reclaimer::Reclaimer;

/// haphazard reclaims when this many nodes are retired (its `RCOUNT_THRESHOLD`) …
const THRESHOLD: u64 = 1000;
/// … or this many times the hazards that exist (its `HCOUNT_MULTIPLIER`), whichever is more.
const HAZARD_MULTIPLIER: u64 = 2;

/// Each domain is a separate value of one family: `haphazard` only asks the type for its marker.
struct Family;

/// The scheme `hazard-pointer`.
pub struct HazardPointer {
    // Boxed: the hazards of the locals point to it while this value moves into its owner.
    domain: Box<Domain<Family>>,
}

impl std::fmt::Debug for HazardPointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HazardPointer").finish_non_exhaustive()
    }
}

/// A thread's hazards.
pub struct Pool {
    /// All of them, each from `Box::into_raw`: shields point to them.
    all: RefCell<Vec<NonNull<Hazard<'static, Family>>>>,
    /// Those that no shield uses at the moment.
    free: RefCell<Vec<NonNull<Hazard<'static, Family>>>>,
    domain: *const Domain<Family>,
}

impl Pool {
    #[cold]
    fn grow(&self) -> NonNull<Hazard<'static, Family>> {
        // SAFETY: the contract of `register`: the pool, and with it every hazard, is dropped before the domain,
        // which is boxed and does not move.
        let hazard = Hazard::new_in_domain(unsafe { &*self.domain });
        let hazard = NonNull::from(Box::leak(Box::new(hazard)));
        self.all.borrow_mut().push(hazard);
        hazard
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for hazard in self.all.get_mut().drain(..) {
            // SAFETY: from `grow`, once; shields borrow the pool, so none is left that is used.
            drop(unsafe { Box::from_raw(hazard.as_ptr()) });
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// A hazard on loan from its thread's pool. haphazard's own has two words, and beside it the pool would make a third,
/// at the price that `schemes/tests/strengths.rs` names; so this one points to it.
pub struct Shield<'l> {
    hazard: &'l mut Hazard<'static, Family>,
    pool: &'l Pool,
}

impl std::fmt::Debug for Shield<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shield").finish_non_exhaustive()
    }
}

impl Drop for Shield<'_> {
    fn drop(&mut self) {
        self.hazard.reset_protection();
        self.pool.free.borrow_mut().push(NonNull::from(&mut *self.hazard));
    }
}

// SAFETY: 1: haphazard frees a retired pointer once, when no hazard holds its address; `protect`
// publishes the untagged address and re-reads the source behind a full barrier before returning.
// 2: it frees in `retire_ptr`, `eager_reclaim` and when the domain drops. 3: it calls destructors
// outside of its own borrows, and the pool is not borrowed while it does.
unsafe impl Reclaimer for HazardPointer {
    const FACTS: Facts = Facts {
        name: "hazard-pointer",
        version: "haphazard 0.1.8",
        paper: "Michael, Hazard Pointers, IEEE TPDS 15(6), 2004",
        strength: Strength::Pointer,
        load: Progress::Blocking,
        // A reclaimer that stops with the lists it took can leave the count above what the lists hold.
        // Another one then repeats its loop until the first goes on (`do_reclamation` of the crate).
        retire: Progress::Blocking,
        robust: Robustness { stalled: true, long_reader: true },
        parameters: &[],
        constants: "threshold=1000 hazard_multiplier=2",
        bound: "(T + 1) (max(1000, 2 H) + 2 X) + H, H = N K hazards",
        frees_on_drop: true,
        frees_meanwhile: true,
        frees_others: true,
    };
    const UNPIN_FREES: bool = false;
    type Header = ();
    type Local = Pool;
    type Guard<'l> = ();
    type Shield<'l> = Shield<'l>;

    fn new(_: &Parameters) -> Self {
        Self { domain: Box::new(Domain::new(&Family)) }
    }

    fn bound(input: &BoundInput, _: &Parameters) -> Option<u64> {
        let hazards = input.all_handles() * input.shields;
        // A thread that is preempted while it reclaims holds the whole list it took, while the
        // others fill the next: one threshold per running handle, and one that fills.
        let threshold =
            THRESHOLD.max(HAZARD_MULTIPLIER * hazards) + 2 * input.retired_in_destructors;
        Some((input.handles + 1) * threshold + hazards)
    }

    unsafe fn register(&self) -> Pool {
        Pool { all: RefCell::default(), free: RefCell::default(), domain: &raw const *self.domain }
    }
    #[inline]
    fn header(&self, _: &Pool) {}
    #[inline]
    fn pin<'l>(&'l self, _: &'l Pool) -> Self::Guard<'l> {}

    #[inline]
    fn shield<'l>(&'l self, pool: &'l Pool) -> Shield<'l> {
        let pooled = pool.free.borrow_mut().pop();
        let mut hazard = pooled.unwrap_or_else(|| pool.grow());
        // SAFETY: from `grow`; it lives as long as the pool, and until this shield gives it back it is nobody else's.
        Shield { hazard: unsafe { hazard.as_mut() }, pool }
    }

    #[inline]
    fn protect<T>(
        (): &(),
        shield: &mut Shield<'_>,
        source: &AtomicPtr<Node<T, ()>>,
        tag_mask: usize,
    ) -> *mut Node<T, ()> {
        let mut seen = source.load(Ordering::Acquire);
        loop {
            canary::pause();
            shield.hazard.protect_raw(seen.map_addr(|a| a & !tag_mask));
            // SeqCst: the publication of the hazard before the second read of the source; pairs
            // with the barrier of haphazard between the unlink and its read of the hazards. If
            // ours is first, the scan sees the hazard; if theirs is first, the read below sees
            // the unlink.
            fence(Ordering::SeqCst);
            let again = source.load(Ordering::Acquire);
            if again == seen {
                return seen;
            }
            seen = again;
        }
    }

    #[inline]
    unsafe fn retire<T: Send + 'static>(&self, (): &(), node: *mut Node<T, ()>) {
        // SAFETY: the caller's clauses; `Retired` is `repr(transparent)` over the node.
        unsafe {
            self.domain.retire_ptr::<Retired<T, ()>, Box<Retired<T, ()>>>(node.cast());
        }
    }

    fn flush(&self, _: &Pool) {
        self.domain.eager_reclaim();
    }
}
