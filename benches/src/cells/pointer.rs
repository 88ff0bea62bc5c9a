//! One shared pointer.

use std::hint::black_box;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::Cell;
use crate::contender::Contender;

/// One shared pointer, never null.
pub struct Shared<C: Contender, T: Send + 'static = u64>(AtomicPtr<C::Node<T>>);

impl<C: Contender, T: Send + Sync + 'static> Shared<C, T> {
    /// With a value.
    pub fn new(contender: &C, value: T) -> Self {
        let mut local = contender.register();
        let guard = contender.pin(&mut local);
        Self(AtomicPtr::new(contender.alloc(&guard, value)))
    }

    /// Reads the value.
    #[inline(always)]
    pub fn read<O>(&self, guard: &mut C::Guard<'_>, read: impl FnOnce(&T) -> O) -> O {
        // SAFETY: protected, and never null.
        read(unsafe { &**C::protect(guard, 0, &self.0) })
    }

    /// Replaces the value. The old node is unlinked, and the caller's to retire.
    #[inline(always)]
    pub fn swap(&self, contender: &C, guard: &C::Guard<'_>, value: T) -> *mut C::Node<T> {
        self.0.swap(contender.alloc(guard, value), Ordering::AcqRel)
    }

    /// Replaces the value, and retires the old node.
    #[inline(always)]
    pub fn replace(&self, contender: &C, guard: &C::Guard<'_>, value: T) {
        let old = self.swap(contender, guard, value);
        // SAFETY: unlinked by the swap, once.
        unsafe { contender.retire(guard, old) };
    }
}

impl<C: Contender> Shared<C> {
    /// A copy of the value.
    #[inline(always)]
    pub fn load(&self, guard: &mut C::Guard<'_>) -> u64 {
        self.read(guard, |value| *value)
    }
}

impl<C: Contender, T: Send + 'static> Drop for Shared<C, T> {
    fn drop(&mut self) {
        // SAFETY: nobody else is left.
        unsafe { C::dealloc(*self.0.get_mut()) };
    }
}

macro_rules! shared_cell {
    ($(#[$doc:meta])* $name:ident, $label:literal, $operations:literal, $step:expr) => {
        $(#[$doc])*
        pub struct $name<C: Contender>(Shared<C>);
        impl<C: Contender> Cell<C> for $name<C> {
            const NAME: &'static str = $label;
            const OPERATIONS: u64 = $operations;
            fn new(contender: &C) -> Self {
                Self(Shared::new(contender, 0))
            }
            #[inline(always)]
            fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
                let step: fn(&Shared<C>, &C, &mut C::Local, u64) = $step;
                step(&self.0, contender, local, random);
            }
        }
    };
}
shared_cell!(
    /// An empty critical section.
    Pin, "pin+unpin", 1, |_, contender, local, _| {
        black_box(&mut contender.pin(local));
    }
);
shared_cell!(
    /// A critical section with one protected load.
    PinLoad, "pin+load", 1, |shared, contender, local, _| {
        black_box(shared.load(&mut contender.pin(local)));
    }
);
shared_cell!(
    /// A hundred protected loads in one critical section.
    Loads, "one of 100 loads", 100, |shared, contender, local, _| {
        let mut guard = contender.pin(local);
        for _ in 0..100 {
            black_box(shared.load(&mut guard));
        }
    }
);
shared_cell!(
    /// Allocate, swap, retire.
    Retire, "swap+retire", 1, |shared, contender, local, random| {
        shared.replace(contender, &contender.pin(local), random);
    }
);
shared_cell!(
    /// Loads, and one replacement in twenty.
    ReadHeavy, "read-heavy 95/5", 1, |shared, contender, local, random| {
        let mut guard = contender.pin(local);
        if random % 20 == 0 {
            shared.replace(contender, &guard, random);
        } else {
            black_box(shared.load(&mut guard));
        }
    }
);
