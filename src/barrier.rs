//! The asymmetric fence between `pin` and the drain of an idle slot.
//!
//! Axiom: for each thread, a call of [`heavy`] falls at one point of that thread's program order
//! around its [`light`]: either what the thread stored before `light` is visible to the caller
//! after `heavy`, or what the caller stored before `heavy` is visible to the thread after `light`.
//!
//! On Linux, `light` is a compiler fence and `heavy` is `membarrier` (private expedited). Where
//! that call is missing or refused, both are sequentially consistent fences, which give the same.

use std::sync::atomic::compiler_fence;

use crate::sync::{Ordering, fence};

#[cfg(all(target_os = "linux", not(kovan_no_membarrier), not(kovan_loom), not(miri)))]
mod os {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    /// Set before the first slot exists and never cleared, so a thread that sees it unset only
    /// fences once too often.
    static AVAILABLE: AtomicBool = AtomicBool::new(false);

    /// Registers the process for the private expedited barrier.
    pub(super) fn detect() {
        // SAFETY: the system call takes integers only and changes no memory of this process.
        let result = unsafe {
            libc::syscall(
                libc::SYS_membarrier,
                libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
                0,
                0,
            )
        };
        AVAILABLE.store(result == 0, Relaxed);
    }

    #[inline(always)]
    pub(super) fn available() -> bool {
        AVAILABLE.load(Relaxed)
    }

    /// Whether the barrier was executed.
    pub(super) fn barrier() -> bool {
        // SAFETY: as in `detect`.
        let result = unsafe {
            libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)
        };
        result == 0
    }
}

#[cfg(not(all(target_os = "linux", not(kovan_no_membarrier), not(kovan_loom), not(miri))))]
mod os {
    pub(super) fn detect() {}
    pub(super) fn available() -> bool {
        false
    }
    pub(super) fn barrier() -> bool {
        false
    }
}

/// Chooses the strategy. Called when a collector is made, before any slot exists.
pub(crate) fn detect() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(os::detect);
}

/// The side of `pin`: free where the process-wide barrier exists.
#[inline(always)]
pub(crate) fn light() {
    if os::available() {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The side of the drain. Returns whether the axiom holds for the calls of `light` around it.
#[must_use]
pub(crate) fn heavy() -> bool {
    if os::available() {
        return os::barrier();
    }
    fence(Ordering::SeqCst);
    true
}
