//! Stops a thread inside of a retirement: in the destructor of a value that it retires.

use std::cell::Cell;

use kovan_schemes::{Domain, Handle, Parameters, Reclaimer};

/// A value whose destructor stops the thread that runs it, if that is within a retirement of its own that is
/// to stop. Wherever else it is freed nothing happens.
struct Blocker;

/// What a destructor is to call.
#[derive(Clone, Copy)]
struct Call {
    closure: *mut (),
    run: unsafe fn(*mut ()),
}

thread_local! {
    static CALL: Cell<Option<Call>> = const { Cell::new(None) };
}

impl Call {
    fn of<F: FnMut()>(closure: &mut F) -> Self {
        /// # Safety
        /// The pointer is to an `F` that nobody else uses meanwhile.
        unsafe fn run<F: FnMut()>(closure: *mut ()) {
            // SAFETY: the caller's clause.
            unsafe { (*closure.cast::<F>())() }
        }
        Self { closure: std::ptr::from_mut(closure).cast(), run: run::<F> }
    }
}

impl Drop for Blocker {
    fn drop(&mut self) {
        // Taken, so that other values of the same batch do not stop the thread again.
        if let Some(call) = CALL.take() {
            // SAFETY: `until_stopped` sets it for the time of one retirement only, while its closure lives and is
            // not used by itself; it is set for this thread, so nobody else calls it.
            unsafe { (call.run)(call.closure) }
        }
    }
}

/// Retires values until one of them is freed within a retirement of this thread, and calls `wait` there.
/// Returns whether that happened before `is_over` said that it is enough.
pub(super) fn until_stopped<R: Reclaimer>(
    handle: &Handle<R>,
    mut wait: impl FnMut(),
    mut is_over: impl FnMut() -> bool,
) -> bool {
    let stopped = Cell::new(false);
    let mut call = || {
        stopped.set(true);
        wait();
    };
    while !stopped.get() && !is_over() {
        // Each under a guard of its own: a scheme may free what was retired before it.
        let guard = handle.pin();
        let node = guard.alloc(Blocker).into_shared();
        CALL.set(Some(Call::of(&mut call)));
        // SAFETY: 1: it was allocated just now, in the handle's domain, and this is its only retirement. 2: it was
        // never published.
        unsafe { guard.retire(node) };
        CALL.set(None);
    }
    stopped.get()
}

/// Returns whether a scheme frees anything within its retirements, where nobody is in its way.
pub(super) fn is_possible<R: Reclaimer>(parameters: &Parameters) -> bool {
    /// More than any threshold or batch in use.
    const ENOUGH: u32 = 1 << 17;
    let domain = Domain::<R>::with(parameters);
    let (handle, mut tried) = (domain.register(), 0);
    until_stopped(
        &handle,
        || {},
        || {
            tried += 1;
            tried > ENOUGH
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kovan_schemes::schemes::{Epoch, HpAsym, Leak};

    fn is_possible_by_default<R: Reclaimer>() -> bool {
        is_possible::<R>(&Parameters::of::<R>(std::iter::empty::<(&str, u64)>()).expect("defaults"))
    }

    #[test]
    fn it_is_known_who_frees_in_retirements() {
        assert!(is_possible_by_default::<HpAsym>());
        assert!(!is_possible_by_default::<Leak>(), "it frees nothing");
        assert!(!is_possible_by_default::<Epoch>(), "it frees as it pins");
    }

    #[test]
    fn it_stops_once_and_within_the_retirement() {
        let domain = Domain::<HpAsym>::new();
        let handle = domain.register();
        let mut stops = 0;
        assert!(until_stopped(&handle, || stops += 1, || false));
        assert_eq!(stops, 1);
        assert!(!until_stopped(&handle, || stops += 1, || true), "it is over before it begins");
        handle.flush();
        drop(handle);
        drop(domain);
        assert_eq!(stops, 1, "what is freed elsewhere stops nobody");
    }
}
