//! Two functions whose machine code must be the same. `ci/load-instructions` compares them.

use std::sync::atomic::{AtomicPtr, Ordering};

use kovan::{Atomic, Collector, Guard, Region};

/// The bare load.
// SAFETY: the name is used once in this program.
#[unsafe(no_mangle)]
pub extern "C" fn bare_load(source: &AtomicPtr<u64>) -> *mut u64 {
    source.load(Ordering::Acquire)
}

/// The load under a guard.
// SAFETY: the name is used once in this program.
#[unsafe(no_mangle)]
pub extern "C" fn guarded_load(source: &Atomic<u64>, guard: &Guard<Region>) -> *mut u64 {
    source.load(Ordering::Acquire, guard).as_raw()
}

fn main() {
    let handle = Collector::<Region>::new().register();
    let bare = bare_load(&AtomicPtr::default());
    assert_eq!(bare, guarded_load(&Atomic::null(), &handle.pin()));
}
