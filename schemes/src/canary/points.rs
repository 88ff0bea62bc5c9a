//! Code of a test at the points of operations.

use std::cell::Cell;
use std::mem::transmute;

use super::Place;
use crate::counters::Scope;

type Hook = dyn Fn(Place);

thread_local! {
    /// What this thread runs at its next point.
    static HOOK: Cell<Option<*const Hook>> = const { Cell::new(None) };
}

/// Sets the hook of the caller again, also when a panic passes.
struct Restore(Option<*const Hook>);

impl Drop for Restore {
    fn drop(&mut self) {
        HOOK.set(self.0);
    }
}

/// Runs `operation`, and `hook` at each of its points. No hook runs at the points of the hook itself, unless
/// it calls this function. It may switch to another coroutine of this thread, which has hooks of its own.
///
/// # Safety
/// `operation` does not switch to another coroutine, besides in the hook.
pub unsafe fn at_points<T>(hook: &dyn Fn(Place), operation: impl FnOnce() -> T) -> T {
    let hook: *const (dyn Fn(Place) + '_) = hook;
    // SAFETY: it only becomes a pointer for longer; `pass` uses it while it is set, in this call: by the
    // caller's clause no other code of the thread runs meanwhile, but what the hook goes to.
    let hook = unsafe { transmute::<*const (dyn Fn(Place) + '_), *const Hook>(hook) };
    let _restore = Restore(HOOK.replace(Some(hook)));
    operation()
}

/// A point of an operation.
pub(super) fn pass(place: Place) {
    if let Some(hook) = HOOK.take() {
        let _restore = Restore(Some(hook));
        // What other calls free during the hook is counted there; afterwards frees are counted here again.
        let _scope = Scope::enter();
        // SAFETY: it is set while the call of `at_points` that set it has not returned, which sets the one
        // before then. None is set while the hook runs, or what it goes to.
        unsafe { (*hook)(place) }
    }
}
