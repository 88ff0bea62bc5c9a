//! The example that the library is known by, word for word.
#![cfg(feature = "std")]
#![allow(clippy::undocumented_unsafe_blocks)]

#[test]
fn the_seed_example_runs_verbatim() {
    use kovan::{Atomic, pin, retire};
    use std::sync::atomic::Ordering;

    // Create atomic pointer
    let atomic = Atomic::new(Box::into_raw(Box::new(42)));

    // Read safely
    let guard = pin();
    let ptr = atomic.load(Ordering::Acquire, &guard);
    unsafe {
        if let Some(value) = ptr.as_ref() {
            assert_eq!(*value, 42);
        }
    }
    drop(guard);

    // Update safely
    let guard = pin();
    let new_value = Box::into_raw(Box::new(100));
    let old = atomic.swap(unsafe { kovan::Shared::from_raw(new_value) }, Ordering::Release, &guard);

    // Reclaim old value
    if !old.is_null() {
        unsafe {
            retire(old.as_raw());
        }
    }

    // Not part of the example: give the last value back, so that a leak checker stays silent.
    let last = atomic.load(Ordering::Acquire, &guard);
    assert_eq!(unsafe { last.as_ref() }, Some(&100));
    unsafe { retire(last.as_raw()) };
}
