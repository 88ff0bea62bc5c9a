//! The first steps: an atomic pointer, a protected read, a replacement and its retirement.

use kovan::{Atomic, pin, retire};
use std::sync::atomic::Ordering;

fn main() {
    // Create an atomic pointer.
    let atomic = Atomic::new(Box::into_raw(Box::new(42)));

    // Read safely.
    let guard = pin();
    let ptr = atomic.load(Ordering::Acquire, &guard);
    // SAFETY: loaded under `guard`, from a reachable place.
    unsafe {
        if let Some(value) = ptr.as_ref() {
            println!("Value: {value}");
        }
    }
    drop(guard);

    // Update safely.
    let guard = pin();
    let new_value = Box::into_raw(Box::new(100));
    let old = atomic.swap(
        // SAFETY: a box of our own, not retired before it is unlinked below.
        unsafe { kovan::Shared::from_raw(new_value) },
        Ordering::Release,
        &guard,
    );

    // Reclaim the old value.
    if !old.is_null() {
        // SAFETY: unlinked by the swap, and retired once.
        unsafe { retire(old.as_raw()) };
    }

    // An `Atomic` owns nothing: unlink and retire the last value too.
    let last = atomic.swap(kovan::Shared::null(), Ordering::AcqRel, &guard);
    // SAFETY: as above.
    unsafe { retire(last.as_raw()) };
}
