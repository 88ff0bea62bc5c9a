//! An asymmetric fence: almost free for readers, a system call for reclaimers.
//!
//! Axiom: for each thread, a call of [`heavy`] that returns true falls at one point of that
//! thread's program order around its [`light`]: either what the thread stored before `light` is
//! visible to the caller after `heavy`, or what the caller stored before `heavy` is visible to the
//! thread after `light`.
//!
//! On Linux `heavy` is `membarrier` (private expedited), which interrupts every processor that runs
//! a thread of this process with a full barrier; a thread that does not run passes a switch of
//! contexts, which is one too. Elsewhere, where the kernel refuses and in models, both are full fences.

#[cfg(all(target_os = "linux", not(any(miri, kovan_loom))))]
mod os {
    use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

    const UNKNOWN: u8 = 0;
    const REFUSED: u8 = 1;
    const REGISTERED: u8 = 2;

    /// What the kernel said: a fact of the process, not of a domain. It leaves `UNKNOWN` once, in
    /// `detect`, before any reader or reclaimer of a domain asks; so all of them agree.
    static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

    fn command(command: libc::c_int) -> bool {
        // SAFETY: the system call takes integers only and changes no memory of this process.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    pub(crate) fn detect() {
        if STATE.load(Ordering::Relaxed) != UNKNOWN {
            return;
        }
        let registered = !cfg!(kovan_membarrier_refused)
            && command(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
        let answer = if registered { REGISTERED } else { REFUSED };
        // The first answer stands for all.
        let _ = STATE.compare_exchange(UNKNOWN, answer, Ordering::Relaxed, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn light() {
        if STATE.load(Ordering::Relaxed) == REGISTERED {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    #[must_use]
    pub(crate) fn heavy() -> bool {
        if STATE.load(Ordering::Relaxed) == REGISTERED {
            return command(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        }
        fence(Ordering::SeqCst);
        true
    }
}

#[cfg(any(not(target_os = "linux"), miri, kovan_loom))]
mod os {
    use crate::sync::{Ordering, fence};

    pub(crate) fn detect() {}

    #[inline]
    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    #[must_use]
    pub(crate) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }
}

/// Asks the kernel. To be called when a domain is made.
pub(crate) use os::detect;
/// The reclaimer's side. False if the kernel failed the call: then nothing may be concluded.
pub(crate) use os::heavy;
/// The reader's side.
pub(crate) use os::light;
