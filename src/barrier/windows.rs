//! `light` is a compiler fence and `heavy` is [`FlushProcessWriteBuffers`], which is always there
//! (since Windows Vista) and cannot fail.
//!
//! That the axiom holds: the call interrupts every processor that runs a thread of this process and
//! flushes its write queue, so what was stored before the interrupt is visible after the call, which
//! is what Microsoft documents. What is loaded after the interrupt sees the caller's stores, which
//! were flushed before it was sent: to take an interrupt synchronizes a processor's context, so it
//! keeps no load of the later instructions. A thread that does not run has passed a switch of
//! contexts, which is a full barrier. On AArch64, too: the collector of .NET relies on both sides
//! there.
//!
//! [`FlushProcessWriteBuffers`]: https://learn.microsoft.com/en-us/windows/win32/api/processthreadsapi/nf-processthreadsapi-flushprocesswritebuffers

use core::sync::atomic::compiler_fence;

use crate::sync::Ordering;

// SAFETY: as declared in processthreadsapi.h; it takes nothing and may be called at any time.
#[link(name = "kernel32")]
unsafe extern "system" {
    safe fn FlushProcessWriteBuffers();
}

pub(crate) fn detect() {}

#[inline(always)]
pub(crate) fn light() {
    compiler_fence(Ordering::SeqCst);
}

#[inline]
pub(crate) fn is_free() -> bool {
    true
}

#[must_use]
pub(crate) fn heavy() -> bool {
    FlushProcessWriteBuffers();
    true
}

pub(crate) fn this_thread() -> i32 {
    0
}

pub(crate) fn is_asleep(_: i32) -> bool {
    false
}
