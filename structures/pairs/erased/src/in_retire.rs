//! Retirements of values that nobody has seen, and threads that stop inside of one: in the destructor of a value
//! that it frees.

use std::cell::Cell;

use kovan_schemes::{Handle, Reclaimer};

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

/// As [`Worker::stop_in_retirement`](crate::Worker::stop_in_retirement).
pub(super) fn until_stopped<R: Reclaimer>(
    handle: &Handle<R>,
    wait: &mut dyn FnMut(),
    is_over: &mut dyn FnMut() -> bool,
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

/// As [`Worker::retire_one`](crate::Worker::retire_one).
pub(super) fn one<R: Reclaimer>(handle: &Handle<R>, around: &mut dyn FnMut(&mut dyn FnMut())) {
    let guard = handle.pin();
    let mut node = Some(guard.alloc(0_u64).into_shared());
    around(&mut || {
        if let Some(node) = node.take() {
            // SAFETY: 1: it was allocated just now, in the handle's domain, and this is its only retirement, as it
            // is taken. 2: it was never published.
            unsafe { guard.retire(node) }
        }
    });
}
