//! The asymmetric fence between `pin` and the drain of an idle slot.
//!
//! Axiom: for each thread, a call of [`heavy`] falls at one point of that thread's program order
//! around its [`light`]: either what the thread stored before `light` is visible to the caller
//! after `heavy`, or what the caller stored before `heavy` is visible to the thread after `light`.
//!
//! On Linux, `light` is a compiler fence and `heavy` is `membarrier` (private expedited). If the
//! kernel refuses that call, every outermost pin must take its slow path, which has a fence: see
//! [`is_free`] and `Slot::take`. Elsewhere both are sequentially consistent fences.

use std::sync::atomic::compiler_fence;

use crate::sync::{Ordering, fence};

#[cfg(all(target_os = "linux", not(kovan_no_membarrier), not(kovan_loom), not(miri)))]
mod os {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    /// Set before the first slot exists and never cleared.
    static AVAILABLE: AtomicBool = AtomicBool::new(false);

    /// Registers the process for the private expedited barrier.
    pub(super) fn detect() {
        if cfg!(kovan_membarrier_refused) {
            return;
        }
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

    /// Whether `light` may be a compiler fence.
    pub(super) const ASYMMETRIC: bool = true;

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
    pub(super) const ASYMMETRIC: bool = false;
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

/// The side of `pin`. Where it is only a compiler fence, it counts while [`is_free`].
#[inline(always)]
pub(crate) fn light() {
    if os::ASYMMETRIC {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// Whether a pin may rely on `light` alone. If not, it must fence.
pub(crate) fn is_free() -> bool {
    !os::ASYMMETRIC || os::available()
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
