//! Panics of destructors: caught where there is `std`. Without it nothing can catch one; the crate's
//! page says what becomes of it.

use alloc::boxed::Box;
use core::any::Any;

/// What a caught panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// Calls `body`. The caller answers for what a panic leaves half-done.
pub(crate) fn catch(body: impl FnOnce()) -> Result<(), Panic> {
    #[cfg(feature = "std")]
    return std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    #[cfg(not(feature = "std"))]
    {
        body();
        Ok(())
    }
}

/// Ends a caught panic, if there is one. To drop what it carries may panic in turn; what that throws
/// is not dropped.
pub(crate) fn discard(panic: Option<Panic>) {
    catch(|| drop(panic)).unwrap_or_else(core::mem::forget);
}

/// Lets a caught panic go on.
pub(crate) fn resume(panic: Panic) -> ! {
    #[cfg(feature = "std")]
    std::panic::resume_unwind(panic);
    #[cfg(not(feature = "std"))]
    unreachable!("nothing catches a panic: {panic:?}");
}

/// Whether this thread is known to unwind: then a second panic would abort.
pub(crate) fn panicking() -> bool {
    #[cfg(feature = "std")]
    return std::thread::panicking();
    #[cfg(not(feature = "std"))]
    return false;
}
