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
#[cfg(feature = "std")]
use kovan::{Owned, Robust};

/// Says whether the library catches the panics of destructors.
const CATCHES: bool = cfg!(feature = "std");

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

/// A pin that runs such a destructor. Its panic comes back from the next flush, or from the pin where
/// nothing can catch it.
fn pin_that_keeps_a_guard(handle: &Rc<Handle<Region>>, kept: &Kept, panics: bool) {
    let guard = handle.pin();
    let keeper = Keeper { handle: Rc::clone(handle), kept: Rc::clone(kept), panics };
    unsafe { guard.retire(Box::into_raw(Box::new(keeper))) };
    guard.flush();
    drop(guard);
    let pinned = catch_unwind(AssertUnwindSafe(|| drop(handle.pin())));
    assert!(kept.borrow().is_some(), "the pin did not run the destructor");
    assert_eq!(pinned.is_err(), panics && !CATCHES);
    let flushed = catch_unwind(AssertUnwindSafe(|| handle.flush()));
    assert_eq!(flushed.is_err(), panics && CATCHES);
    handle.flush(); // Once only.
}

#[test]
fn a_guard_that_a_destructor_keeps_goes_on_to_protect() {
    for panics in [false, true] {
        let collector = Collector::<Region>::builder().free(Free::AtOnce).build();
        let (handle, kept) = (Rc::new(collector.register()), Kept::default());
        pin_that_keeps_a_guard(&handle, &kept, panics);

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

/// Drops a handle when it is dropped.
struct Leaver(Rc<RefCell<Option<Handle<Region>>>>);

impl Drop for Leaver {
    fn drop(&mut self) {
        self.0.borrow_mut().take();
    }
}

#[test]
fn a_destructor_in_a_refresh_may_drop_the_handle() {
    let collector = Collector::<Region>::builder().free(Free::AtOnce).build();
    let handle = Rc::new(RefCell::new(Some(collector.register())));
    let mut guard = handle.borrow().as_ref().map(Handle::pin).unwrap();
    let leaver = Leaver(Rc::clone(&handle));
    unsafe { guard.retire(Box::into_raw(Box::new(leaver))) };
    guard.flush();
    assert!(guard.refresh());
    assert!(handle.borrow().is_none(), "the refresh did not run the destructor");
    assert_eq!(collector.stats().pinned, 1);
    drop(guard);
    assert_eq!(collector.stats().pinned, 0);
}

/// Panics when it is dropped.
struct Fails;

impl Drop for Fails {
    fn drop(&mut self) {
        panic!("as told");
    }
}

#[test]
fn a_panic_in_a_pin_costs_no_other_node_its_destructor() {
    let collector = Collector::<Region>::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let (reader, writer) = (collector.register(), collector.register());
    let guard = reader.pin();
    // Fewer batches than a thread leaves to others.
    for _ in 0..1280 {
        unsafe { writer.pin().retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
    }
    unsafe { writer.pin().retire(Box::into_raw(Box::new(Fails))) };
    writer.flush();
    drop(guard);
    drop(writer);
    // The newest batch is freed first.
    let pinned = catch_unwind(AssertUnwindSafe(|| drop(reader.pin())));
    assert_eq!(pinned.is_err(), !CATCHES);
    for _ in 0..200 {
        drop(reader.pin());
    }
    assert_eq!(drops.load(SeqCst), 1280);
    let flushed = catch_unwind(AssertUnwindSafe(|| reader.flush()));
    assert_eq!(flushed.is_err(), CATCHES, "the panic was swallowed");
    assert_eq!(collector.stats().unreclaimed(), 0);
}

/// A chain of nodes, each of which retires the next when it is dropped.
#[cfg(feature = "std")]
struct Chain(usize, Arc<AtomicUsize>);

#[cfg(feature = "std")]
impl Drop for Chain {
    fn drop(&mut self) {
        self.1.fetch_add(1, SeqCst);
        if self.0 > 0 {
            let next = Chain(self.0 - 1, Arc::clone(&self.1));
            unsafe { kovan::retire(Box::into_raw(Box::new(next))) };
        }
    }
}

/// A chain that is longer than a thread that leaves has patience for is handed on to others.
#[cfg(feature = "std")]
#[test]
fn a_chain_that_ends_with_its_thread_does_not_recurse() {
    for (nodes, patience) in [(50_000, 50_000), (100_000, 65_000)] {
        let drops = Arc::new(AtomicUsize::new(0));
        let chain = Chain(nodes - 1, Arc::clone(&drops));
        std::thread::spawn(|| unsafe { kovan::retire(Box::into_raw(Box::new(chain))) })
            .join()
            .unwrap();
        assert!(drops.load(SeqCst) >= patience, "{} dropped", drops.load(SeqCst));
        for _ in 0..nodes - drops.load(SeqCst) {
            kovan::flush();
        }
        assert_eq!(drops.load(SeqCst), nodes);
    }
    // Other tests of this process have few threads.
    assert!(kovan::collector().stats().threads <= 16, "a registration for each of them");
}

/// A robust thread that has retired a full batch: a node that counts and one that panics.
#[cfg(feature = "std")]
fn before_a_panic(free: Free, drops: &Arc<AtomicUsize>) -> Handle<Robust> {
    let collector = Collector::<Robust>::builder().batch(2).free(free).build();
    let handle = collector.register();
    let guard = handle.pin();
    let counted = Owned::new(Counted(Arc::clone(drops)), &guard).into_raw();
    unsafe { guard.retire_owned(counted) };
    unsafe { guard.retire_owned(Owned::new(Fails, &guard).into_raw()) };
    drop(guard);
    handle
}

#[cfg(feature = "std")]
#[test]
fn a_panic_ends_at_the_exit_and_the_rest_is_freed() {
    for free in [Free::AtOnce, Free::Amortised(1)] {
        let drops = Arc::new(AtomicUsize::new(0));
        let handle = before_a_panic(free, &drops);
        let left = catch_unwind(AssertUnwindSafe(|| drop(handle)));
        assert!(left.is_ok(), "a thread that leaves, and cannot unwind, panics");
        assert_eq!(drops.load(SeqCst), 1);
    }
}

#[cfg(feature = "std")]
#[test]
fn a_flush_frees_the_rest_before_a_panic_goes_on() {
    for free in [Free::AtOnce, Free::Amortised(1)] {
        let drops = Arc::new(AtomicUsize::new(0));
        let handle = before_a_panic(free, &drops);
        assert!(catch_unwind(AssertUnwindSafe(|| handle.flush())).is_err());
        assert_eq!(drops.load(SeqCst), 1);
    }
}

/// Panics when it is dropped, with something that panics when that is dropped. What that throws is
/// never dropped, so it has no memory that would leak.
#[cfg(feature = "std")]
struct Throws;

#[cfg(feature = "std")]
struct Thrown;

#[cfg(feature = "std")]
impl Drop for Throws {
    fn drop(&mut self) {
        std::panic::panic_any(Thrown);
    }
}

#[cfg(feature = "std")]
impl Drop for Thrown {
    fn drop(&mut self) {
        std::panic::panic_any(());
    }
}

#[cfg(feature = "std")]
#[test]
fn what_a_destructor_throws_may_panic_in_turn() {
    for flushes in [true, false] {
        let collector = Collector::<Region>::new();
        let handle = collector.register();
        let drops = Arc::new(AtomicUsize::new(0));
        let guard = handle.pin();
        unsafe { guard.retire(Box::into_raw(Box::new(Counted(Arc::clone(&drops))))) };
        (0..2).for_each(|_| unsafe { guard.retire(Box::into_raw(Box::new(Throws))) });
        drop(guard);
        if flushes {
            let thrown = catch_unwind(AssertUnwindSafe(|| handle.flush())).unwrap_err();
            assert!(thrown.is::<Thrown>(), "not what the first one threw");
            std::mem::forget(thrown);
        } else {
            let left = catch_unwind(AssertUnwindSafe(|| drop(handle)));
            assert!(left.is_ok(), "a thread that leaves, and cannot unwind, panics");
        }
        assert_eq!(drops.load(SeqCst), 1);
    }
}
