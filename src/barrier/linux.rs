//! `light` is a compiler fence and `heavy` is `membarrier` (private expedited), if the kernel lets
//! this process have it; else pins fence.

use core::sync::atomic::{AtomicU8, compiler_fence};

use crate::sync::{Ordering, fence};

/// Nobody has asked the kernel yet.
const UNKNOWN: u8 = 0;
/// The kernel refuses, and is not asked again: from here on every `pin` and every drain fences.
const REFUSED: u8 = 1;
/// The process is registered for the barrier.
const REGISTERED: u8 = 2;

/// Leaves `UNKNOWN` once, and `REGISTERED` at most once, when the kernel takes its word back (a
/// sandbox that a program enters later). Relaxed: whoever has a slot got it from a collector whose
/// maker had returned from `detect`, so the first change comes before every use. A thread that has
/// not seen the second one yet relies on `light` in its sections, and a drain does not rely on them:
/// `Slot::is_fenced`.
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

#[inline]
pub(crate) fn is_free() -> bool {
    STATE.load(Ordering::Relaxed) == REGISTERED
}

#[must_use]
pub(crate) fn heavy() -> bool {
    if is_free() {
        if command(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
            return true;
        }
        STATE.store(REFUSED, Ordering::Relaxed);
    }
    fence(Ordering::SeqCst);
    false
}

/// The number of a thread of the system.
pub(crate) fn this_thread() -> i32 {
    // SAFETY: the system call takes nothing and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as i32 }
}

/// Returns whether a thread of this process sleeps in the kernel, now and a moment ago: the barrier
/// where the kernel has taken back the other one, for owners that do not run.
///
/// A thread that sleeps has passed the full barrier of a context switch, so what it has stored is
/// visible to the caller; and it passes another one before it runs again, so what the caller has
/// stored is visible to it. A thread that is only about to sleep, and turns back, may be seen asleep
/// for as long as its store of its own state is on its way. Such a store takes some nanoseconds on
/// x86-64, where stores become visible in order, and two calls of the system lie between the looks.
/// Other processors promise no such order, and the answer is no there.
pub(crate) fn is_asleep(thread: i32) -> bool {
    cfg!(target_arch = "x86_64") && thread != 0 && looks_asleep(thread) && looks_asleep(thread)
}

fn looks_asleep(thread: i32) -> bool {
    let path = alloc::format!("/proc/self/task/{thread}/stat\0");
    let mut text = [0u8; 128];
    // SAFETY: the path ends with a zero byte, and the buffer is as long as it is said to be.
    let read = unsafe {
        let file = libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return false;
        }
        let read = libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
        usize::try_from(read).unwrap_or(0)
    };
    // "number (name) state ..": the name has at most 15 bytes, and may have brackets in it.
    let name_end = text[..read].iter().rposition(|&byte| byte == b')');
    name_end.and_then(|end| text.get(end + 2)).is_some_and(|state| b"SDTt".contains(state))
}
