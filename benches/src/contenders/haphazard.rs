//! haphazard in its global domain: hazard pointers per operation, and hazard pointers that the thread
//! keeps.

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use haphazard::{Domain, HazardPointer};

use crate::contender::{Contender, Group, Pointer};

/// Hazard pointers that protect up to three addresses at a time.
macro_rules! hazard_atomics {
    ($hazard:expr) => {
        std_atomics!();
        #[inline(always)]
        fn load<T: Send + Sync + 'static>(
            guard: &mut Self::Guard<'_>,
            slot: usize,
            source: &AtomicPtr<T>,
        ) -> *mut T {
            let hazard: &mut HazardPointer<'static> = $hazard(guard, slot);
            hazard.protect_ptr(source).map_or(ptr::null_mut(), |(pointer, _)| pointer.as_ptr())
        }
        #[inline(always)]
        fn load_unmarked<T: Send + Sync + 'static>(
            guard: &mut Self::Guard<'_>,
            slot: usize,
            source: &AtomicPtr<T>,
        ) -> *mut T {
            let hazard: &mut HazardPointer<'static> = $hazard(guard, slot);
            protect_unmarked(hazard, source)
        }
        #[inline(always)]
        unsafe fn retire<T: Send + Sync + 'static>(_: &Self::Guard<'_>, node: *mut T) {
            // SAFETY: the caller's clauses; `alloc` boxed the node, and every hazard pointer of the
            // cell is of the global domain.
            unsafe { Domain::global().retire_ptr::<T, Box<T>>(node) };
        }
    };
}

/// Protects what the source holds, unless that is marked: hazards are compared with what is
/// retired, so a marked address would protect nothing.
#[inline(always)]
fn protect_unmarked<T>(hazard: &mut HazardPointer<'static>, source: &AtomicPtr<T>) -> *mut T {
    let mut pointer = source.load(Ordering::Acquire);
    loop {
        if pointer.is_marked() {
            return pointer;
        }
        match hazard.try_protect_ptr(pointer, source) {
            Ok(same) => return same.map_or(ptr::null_mut(), |(pointer, _)| pointer.as_ptr()),
            Err(changed) => pointer = changed,
        }
    }
}

/// haphazard with a `HazardPointer::new` per operation for each pointer that it protects at once.
#[derive(Debug)]
pub struct Haphazard;

/// The hazard pointers of an operation, made when the operation first protects something with them.
#[derive(Default)]
pub struct Hazards([Option<HazardPointer<'static>>; 3]);

impl Hazards {
    #[inline(always)]
    fn slot(&mut self, slot: usize) -> &mut HazardPointer<'static> {
        self.0[slot].get_or_insert_with(HazardPointer::new)
    }
}

impl fmt::Debug for Hazards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hazards")
    }
}

// SAFETY: both protecting functions publish the unmarked pointer and read the source again behind a
// full fence.
unsafe impl Contender for Haphazard {
    const NAME: &'static str = "haphazard";
    const GROUP: Group = Group::ThreadLocal;
    type Local = ();
    type Guard<'l> = Hazards;
    hazard_atomics!(Hazards::slot);

    fn new() -> Self {
        Self
    }
    fn register(&self) {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Hazards {
        Hazards::default()
    }
    #[inline(always)]
    fn arm(guard: &mut Hazards) {
        guard.slot(0);
    }
    fn flush(&self, (): &mut ()) {
        Domain::global().eager_reclaim();
    }
}

/// haphazard with three hazard pointers that the thread keeps. Nothing begins or ends with an
/// operation, so it is not in the cell of the empty critical section.
#[derive(Debug)]
pub struct HaphazardHandle;

type Kept = [HazardPointer<'static>; 3];

#[inline(always)]
fn kept<'g>(guard: &'g mut &mut Kept, slot: usize) -> &'g mut HazardPointer<'static> {
    &mut guard[slot]
}

// SAFETY: as for `Haphazard`.
unsafe impl Contender for HaphazardHandle {
    const NAME: &'static str = "haphazard";
    const GROUP: Group = Group::Handle;
    type Local = Kept;
    type Guard<'l> = &'l mut Kept;
    hazard_atomics!(kept);

    fn new() -> Self {
        Self
    }
    fn register(&self) -> Kept {
        std::array::from_fn(|_| HazardPointer::new())
    }
    #[inline(always)]
    fn pin<'l>(&'l self, local: &'l mut Kept) -> Self::Guard<'l> {
        local
    }
    fn flush(&self, local: &mut Kept) {
        local.iter_mut().for_each(HazardPointer::reset_protection);
        Domain::global().eager_reclaim();
    }
}
