//! `light` is a compiler fence and `heavy` is `membarrier` (private expedited), if the kernel lets
//! this process have it; else pins fence.

use core::sync::atomic::{AtomicU8, compiler_fence};

use crate::sync::{Ordering, fence};

/// Nobody has asked the kernel yet.
const UNKNOWN: u8 = 0;
/// The kernel refused, and is not asked again: from here on every `pin` and every drain fences.
const REFUSED: u8 = 1;
/// The process is registered for the barrier.
const REGISTERED: u8 = 2;

/// Leaves `UNKNOWN` once. Relaxed: whoever has a slot got it from a collector whose maker had
/// returned from `detect`, so the only change comes before every use, and all uses agree.
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

fn command(command: libc::c_int) -> bool {
    // SAFETY: the system call takes integers only and changes no memory of this process.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Asks the kernel. Threads may ask at once, since a registration may be repeated; the first answer
/// stands for all of them, so that no pin relies on a barrier that a drain does not call.
pub(crate) fn detect() {
    if STATE.load(Ordering::Relaxed) != UNKNOWN {
        return;
    }
    let registered =
        !cfg!(kovan_membarrier_refused) && command(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    let answer = if registered { REGISTERED } else { REFUSED };
    let _ = STATE.compare_exchange(UNKNOWN, answer, Ordering::Relaxed, Ordering::Relaxed);
}

#[inline(always)]
pub(crate) fn light() {
    compiler_fence(Ordering::SeqCst);
}

pub(crate) fn is_free() -> bool {
    STATE.load(Ordering::Relaxed) == REGISTERED
}

/// `false` if the kernel fails the call in spite of the registration.
#[must_use]
pub(crate) fn heavy() -> bool {
    if is_free() {
        return command(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
    fence(Ordering::SeqCst);
    true
}
