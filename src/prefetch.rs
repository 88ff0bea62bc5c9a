//! A hint to the processor.

/// Asks for the line of `place`, without waiting for it. Any pointer will do: a hint cannot fault.
/// Does nothing where there is no such instruction on stable Rust.
#[inline(always)]
pub(crate) fn prefetch(place: *const u64) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: every x86_64 has SSE, and a prefetch does not fault on any address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: a prefetch does not fault on any address, and changes nothing that a program sees.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) place, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
    let _ = place;
}
