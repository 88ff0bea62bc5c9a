//! Models of one [`Slot`] alone, with batches made by hand: few steps, so that three threads can
//! be explored. The owner, those that retire and a drainer are threads of their own; in the
//! library a drainer is a retirer whose fence may be much older than what it drains.

use std::boxed::Box;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::check;
use crate::barrier;
use crate::batch::{self, Batch, Entry};
use crate::slot::Slot;
use crate::sync::{AtomicPtr, Ordering, fence};

/// A node: the retirer marks it, then somebody frees it.
struct Node {
    retired: UnsafeCell<u32>,
    freed: UnsafeCell<u32>,
}

/// A slot, and places with a node each.
struct Stage {
    slot: Slot,
    places: [AtomicPtr<Node>; 2],
    nodes: [Node; 2],
}

// SAFETY: the slot is made to be shared, and loom checks every access to the cells.
unsafe impl Sync for Stage {}
// SAFETY: as above.
unsafe impl Send for Stage {}

/// How the owner left its slot before the model begins.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Inactive,
    Subscribed,
}

impl Stage {
    fn new(start: Start) -> Arc<Self> {
        let node = || Node { retired: UnsafeCell::new(0), freed: UnsafeCell::new(0) };
        let place = || AtomicPtr::new(std::ptr::null_mut());
        let stage = Arc::new(Self {
            slot: Slot::new(std::ptr::null(), 1),
            places: [place(), place()],
            nodes: [node(), node()],
        });
        for (place, node) in stage.places.iter().zip(&stage.nodes) {
            place.store(std::ptr::from_ref(node).cast_mut(), Ordering::Release);
        }
        if start == Start::Subscribed {
            stage.slot.take(acknowledge);
        }
        stage
    }

    fn spawn(self: &Arc<Self>, body: impl FnOnce(&Self) + 'static) -> thread::JoinHandle<()> {
        let stage = Arc::clone(self);
        thread::spawn(move || body(&stage))
    }

    /// One section of the owner, as `Guard` has it.
    fn section(&self, places: &[usize]) {
        self.slot.pins.store(1, Ordering::Relaxed);
        barrier::light();
        if !self.slot.is_quiet() {
            self.slot.take(acknowledge);
        }
        for &place in places {
            // Relaxed: the node's cells were made before the threads.
            let node = self.places[place].load(Ordering::Relaxed);
            // SAFETY: nodes live as long as the stage; loom reports a read that races.
            if let Some(node) = unsafe { node.as_ref() } {
                node.freed.with(|freed| assert_eq!(unsafe { *freed }, 0, "read after free"));
            }
        }
        self.slot.pins.store(0, Ordering::Release);
    }

    /// Unlinks a node and retires it in a batch of its own, as `Local::close` has it.
    fn retire(&self, place: usize) {
        let node = self.places[place].swap(std::ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: unlinked here, once; loom reports an access that races.
        unsafe { &*node }.retired.with_mut(|retired| unsafe { *retired += 1 });
        let mut batch = Batch::new(1);
        batch.entries.push(Entry { pointer: node.cast(), free });
        let batch = Batch::share(batch, 1, &raw const self.slot);
        fence(Ordering::SeqCst);
        let mut pushed = 0;
        if self.slot.is_active() {
            // SAFETY: not submitted yet, so not freed.
            let link = &unsafe { &*batch }.links[0];
            if let Some(left) = self.slot.push(link) {
                pushed = 1;
                acknowledge(left);
            }
        }
        // SAFETY: submitted once, here.
        if unsafe { Batch::submit(batch, pushed) } {
            // SAFETY: all links were acknowledged.
            destroy(unsafe { Batch::unshare(batch) });
        }
    }

    /// The end: what waits in the slot is taken, and every retired node was freed once.
    fn finish(self: Arc<Self>) {
        self.slot.leave(acknowledge);
        let stage = Arc::into_inner(self).expect("threads are joined");
        for node in &stage.nodes {
            let retired = node.retired.with(|retired| unsafe { *retired });
            node.freed.with(|freed| assert_eq!(unsafe { *freed }, retired, "times freed"));
        }
    }
}

fn acknowledge(list: *mut batch::Link) {
    // SAFETY: the slot gave the list to this thread alone.
    unsafe { batch::acknowledge_all(list, destroy) };
}

fn destroy(batch: Box<Batch>) {
    for entry in batch.entries {
        // SAFETY: retired once, and every link of the batch was acknowledged.
        unsafe { (entry.free)(entry.pointer) };
    }
}

/// # Safety
/// `node` is a `Node` of a stage that has not finished.
unsafe fn free(node: *mut ()) {
    // SAFETY: nodes live as long as the stage; loom reports an access that races.
    let node = unsafe { &*node.cast::<Node>() };
    node.retired.with(|retired| assert_eq!(unsafe { *retired }, 1, "freed, not retired"));
    node.freed.with_mut(|freed| unsafe { *freed += 1 });
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("no panic");
    }
}

/// A drain by a thread whose last fence is older than the batch: only its own barrier and its look
/// at `pins` protect the owner.
fn drain_by_a_third(start: Start, preemptions: usize) {
    check(preemptions, move || {
        let stage = Stage::new(start);
        let threads = [stage.spawn(|s| s.retire(0)), stage.spawn(|s| s.slot.drain(acknowledge))];
        stage.section(&[0]);
        join(threads);
        stage.finish();
    });
}

#[test]
fn drain_of_a_subscribed_slot() {
    drain_by_a_third(Start::Subscribed, 4);
}

#[test]
fn drain_of_an_inactive_slot() {
    drain_by_a_third(Start::Inactive, 4);
}

/// A drain ends while the owner pins again and others retire what it reads then.
#[test]
fn drain_against_two_sections() {
    check(3, || {
        let stage = Stage::new(Start::Subscribed);
        let threads = [
            stage.spawn(|s| {
                s.retire(0);
                s.slot.drain(acknowledge);
            }),
            stage.spawn(|s| s.retire(1)),
        ];
        stage.section(&[1]);
        stage.section(&[0, 1]);
        join(threads);
        stage.finish();
    });
}

/// Two drains by two threads, and an owner that leaves.
#[test]
fn drain_against_leave() {
    check(3, || {
        let stage = Stage::new(Start::Subscribed);
        let threads = [0, 1].map(|place| {
            stage.spawn(move |s| {
                s.retire(place);
                s.slot.drain(acknowledge);
            })
        });
        stage.section(&[0]);
        stage.slot.leave(acknowledge);
        join(threads);
        stage.finish();
    });
}

/// Two pushes while the owner, that has read both nodes, takes the list between a swap and its
/// connection: the rest of the list is left to the pusher.
#[test]
fn cut_against_connect() {
    check(3, || {
        let stage = Stage::new(Start::Subscribed);
        let threads = [0, 1].map(|place| stage.spawn(move |s| s.retire(place)));
        stage.section(&[0, 1]);
        stage.section(&[]);
        join(threads);
        stage.finish();
    });
}

/// A drain puts a list back while the owner leaves and a push is undone: the slot must not stay
/// inactive with the list in it, or nobody would look for it.
#[test]
fn hand_over_against_undo() {
    check(5, || {
        let stage = Stage::new(Start::Subscribed);
        stage.retire(0);
        let threads = [stage.spawn(|s| s.slot.drain(acknowledge)), stage.spawn(|s| s.retire(1))];
        stage.section(&[]);
        stage.slot.leave(acknowledge);
        join(threads);
        assert!(!stage.slot.strands_a_list(), "a list in an inactive slot");
        stage.finish();
    });
}
