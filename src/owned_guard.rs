//! Guards that may move to another thread.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use crate::collector::Collector;
use crate::guard::Guard;
use crate::local::Local;
use crate::mode::{DefaultMode, Mode};

/// A guard with a registration of its own, which ends with it. Unlike a [`Guard`] it may move to
/// another thread, also while a future that has it waits.
///
/// ```
/// let cell = kovan::Atomic::new(Box::into_raw(Box::new(7)));
/// let guard = kovan::collector().pin_owned();
/// let seen = unsafe { cell.load(kovan::Ordering::Acquire, &guard).deref() };
/// std::thread::scope(|scope| {
///     scope.spawn(|| assert_eq!(*seen, 7));
/// });
/// let old = cell.swap(kovan::Shared::null(), kovan::Ordering::AcqRel, &guard);
/// unsafe { guard.retire(old.as_raw()) };
/// std::thread::spawn(move || drop(guard)).join().unwrap();
/// ```
pub struct OwnedGuard<M: Mode = DefaultMode>(Guard<M>);

// SAFETY: the registration is this guard's alone: no handle and no other guard has it, so what is in
// it moves as a whole. Its slot is made to be read by any thread. Destructors that run where the guard
// ends are those of `retire`, which may run on any thread.
unsafe impl<M: Mode> Send for OwnedGuard<M> {}

impl<M: Mode> Collector<M> {
    /// Registers, and begins a critical section that ends with the guard. Costs a registration, so it
    /// is for sections that are long or that move; else [`register`](Collector::register) once, and
    /// pin by the handle.
    ///
    /// Lock-free, as a registration. The end of the guard frees what its section held back, as the
    /// end of a thread does.
    pub fn pin_owned(&self) -> OwnedGuard<M> {
        let local = Local::register(Arc::clone(self.shared()));
        // SAFETY: the reference that `register` gave keeps the local in use.
        let guard = unsafe { Guard::pin(local) };
        // SAFETY: given up here; the guard keeps the local in use until it ends, and gives it back.
        unsafe {
            (*local).may_move();
            Local::release(local);
        }
        OwnedGuard(guard)
    }
}

impl<M: Mode> OwnedGuard<M> {
    /// Ends the critical section and begins another: [`Guard::refresh`].
    pub fn refresh(&mut self) -> bool {
        self.0.refresh()
    }
}

// Not `DerefMut`: a guard that stays on its thread could be swapped into one that moves.
impl<M: Mode> Deref for OwnedGuard<M> {
    type Target = Guard<M>;
    fn deref(&self) -> &Guard<M> {
        &self.0
    }
}
impl<M: Mode> fmt::Debug for OwnedGuard<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedGuard").field(&self.0).finish()
    }
}
