//! Destructors of retired values: their panics are caught where there is `std`, and they nest only
//! so deep. Without `std` nothing can catch a panic; the crate's page says what becomes of it.

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

/// Lets a caught panic go on, unless this thread unwinds already: then that would abort.
pub(crate) fn resume(panic: Panic) {
    #[cfg(feature = "std")]
    if !std::thread::panicking() {
        std::panic::resume_unwind(panic);
    }
    discard(Some(panic));
}

/// One level of destructors inside of destructors, on this thread.
pub(crate) struct Depth(());

#[cfg(all(feature = "std", not(any(kovan_loom, kovan_shuttle))))]
mod depth {
    use core::cell::Cell;

    /// Levels of destructors that free through other handles, each a few stack frames; and
    /// registrations of a thread whose retirements need not count these levels.
    const LIMIT: u32 = 8;

    std::thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
        static REGISTERED: Cell<u32> = const { Cell::new(0) };
    }

    impl super::Depth {
        /// Begins a level. Gives none if there are too many; then the caller runs no destructor.
        pub(crate) fn enter() -> Option<Self> {
            let depth = DEPTH.get();
            (depth < LIMIT).then(|| {
                DEPTH.set(depth + 1);
                Self(())
            })
        }

        /// Counts a registration of this thread, unless there are too many to be counted.
        pub(crate) fn register() -> bool {
            let registered = REGISTERED.get();
            let counted = registered < LIMIT;
            REGISTERED.set(registered + u32::from(counted));
            counted
        }

        /// Ends a registration that was counted.
        pub(crate) fn unregister() {
            // Where thread-local values have keys, this one may be gone and made anew.
            REGISTERED.set(REGISTERED.get().saturating_sub(1));
        }
    }

    impl Drop for super::Depth {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
}

#[cfg(not(all(feature = "std", not(any(kovan_loom, kovan_shuttle)))))]
impl Depth {
    /// Begins a level. Without threads that something could belong to, nobody counts them.
    pub(crate) fn enter() -> Option<Self> {
        Some(Self(()))
    }

    pub(crate) fn register() -> bool {
        true
    }

    pub(crate) fn unregister() {}
}
