//! Destructors that a pin runs, and what they may do there: keep a guard, panic, take their time.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

mod common;

use common::Counted;
use kovan::{Collector, Free, Guard, Handle, Region};

type Kept = Rc<RefCell<Option<Guard<Region>>>>;

/// Keeps a guard of its thread when it is dropped; then panics, if told so.
struct Keeper {
    handle: Rc<Handle<Region>>,
    kept: Kept,
    panics: bool,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        *self.kept.borrow_mut() = Some(self.handle.pin());
        assert!(!self.panics, "as told");
    }
}

/// A pin that runs such a destructor; returns whether it panicked.
fn pin_that_keeps_a_guard(handle: &Rc<Handle<Region>>, kept: &Kept, panics: bool) -> bool {
    let guard = handle.pin();
    let keeper = Keeper { handle: Rc::clone(handle), kept: Rc::clone(kept), panics };
    unsafe { guard.retire(Box::into_raw(Box::new(keeper))) };
    guard.flush();
    drop(guard);
    let pinned = catch_unwind(AssertUnwindSafe(|| drop(handle.pin())));
    assert!(kept.borrow().is_some(), "the pin did not run the destructor");
    pinned.is_err()
}

#[test]
fn a_guard_that_a_destructor_keeps_goes_on_to_protect() {
    for panics in [false, true] {
        let collector = Collector::<Region>::builder().free(Free::AtOnce).build();
        let (handle, kept) = (Rc::new(collector.register()), Kept::default());
        assert_eq!(pin_that_keeps_a_guard(&handle, &kept, panics), panics);

        let drops = Arc::new(AtomicUsize::new(0));
        let writer = collector.register();
        unsafe { writer.pin().retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
        drop(handle.pin());
        assert!(writer.try_quiesce().is_err() && drops.load(SeqCst) == 0, "freed under a guard");
        kept.borrow_mut().take();
        assert_eq!(writer.try_quiesce(), Ok(()));
        assert_eq!(drops.load(SeqCst), 1);
    }
}

/// When it is dropped, others retire and look what they can free.
struct Slow<F: FnMut()>(F);

impl<F: FnMut()> Drop for Slow<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn what_others_retire_does_not_wait_for_destructors_of_a_pin() {
    let collector = Collector::<Region>::builder().free(Free::AtOnce).build();
    let (handle, writer) = (collector.register(), Rc::new(collector.register()));
    let drops = Arc::new(AtomicUsize::new(0));
    let seen = Rc::new(RefCell::new(None));
    let slow = Slow({
        let (writer, drops, seen) = (Rc::clone(&writer), Arc::clone(&drops), Rc::clone(&seen));
        move || {
            unsafe { writer.pin().retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
            let _ = writer.try_quiesce();
            *seen.borrow_mut() = Some(drops.load(SeqCst));
        }
    });
    let guard = handle.pin();
    unsafe { guard.retire(Box::into_raw(Box::new(slow))) };
    guard.flush();
    drop(guard);
    drop(handle.pin());
    assert_eq!(*seen.borrow(), Some(1), "the pin that runs a destructor holds what others retire");
}
