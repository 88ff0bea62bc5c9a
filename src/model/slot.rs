//! Models of one slot alone, with batches made by hand: few steps, so that three threads can be
//! explored. The owner, those that retire and a drainer are threads of their own; in the library a
//! drainer is a retirer whose fence may be much older than what it drains.

use std::boxed::Box;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::{check, join};
use crate::barrier;
use crate::batch::{Batch, Ended};
use crate::local::Local;
use crate::node::Entry;
use crate::open_batch::OpenBatch;
use crate::registry::Place;
use crate::sync::{AtomicPtr, Ordering, fence};
use crate::{Reclaimable, RetiredNode};

/// A node: the retirer marks it, then somebody frees it.
pub(super) struct Node {
    retired: UnsafeCell<u32>,
    freed: UnsafeCell<u32>,
}

impl Node {
    pub(super) fn new() -> Self {
        Self { retired: UnsafeCell::new(0), freed: UnsafeCell::new(0) }
    }

    pub(super) fn retire(&self) {
        self.retired.with_mut(|retired| unsafe { *retired += 1 });
    }

    /// Returns a batch with this node.
    pub(super) fn batch(&self) -> Box<Batch> {
        let open = OpenBatch::new();
        open.push(Entry::plain(std::ptr::from_ref(self).cast_mut()), Batch::new);
        open.take().expect("it has a node")
    }

    /// Every node that was retired was freed once.
    pub(super) fn expect_freed_once(&self) {
        let retired = self.retired.with(|retired| unsafe { *retired });
        self.freed.with(|freed| assert_eq!(unsafe { *freed }, retired, "times freed"));
    }
}

// SAFETY: `dealloc` does not panic where the protocol is right; nodes are plain.
unsafe impl Reclaimable for Node {
    fn retired_node(&self) -> &RetiredNode {
        unreachable!("without a header")
    }
    fn retired_node_mut(&mut self) -> &mut RetiredNode {
        unreachable!("without a header")
    }
    /// Nodes live as long as the stage.
    unsafe fn dealloc(pointer: *mut Self) {
        // SAFETY: as above; loom reports an access that races.
        let node = unsafe { &*pointer };
        node.retired.with(|retired| assert_eq!(unsafe { *retired }, 1, "freed, not retired"));
        node.freed.with_mut(|freed| unsafe { *freed += 1 });
        node.freed.with(|freed| assert_eq!(unsafe { *freed }, 1, "freed twice"));
    }
}

/// A slot with its owner, drainers, and places with a node each.
struct Stage {
    owner: Local,
    drainers: [Local; 2],
    places: [AtomicPtr<Node>; 2],
    nodes: [Node; 2],
}

// SAFETY: each local is used by one thread, but for its slot, which is made to be shared; loom
// checks every access to the cells.
unsafe impl Sync for Stage {}
// SAFETY: as above.
unsafe impl Send for Stage {}

/// How the owner left its slot before the model begins.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Inactive,
    Active,
}

impl Stage {
    fn new(start: Start) -> Arc<Self> {
        let place = || AtomicPtr::new(std::ptr::null_mut());
        let local = || Local::new(Place::NONE);
        let stage = Arc::new(Self {
            owner: local(),
            drainers: [local(), local()],
            places: [place(), place()],
            nodes: [Node::new(), Node::new()],
        });
        for (place, node) in stage.places.iter().zip(&stage.nodes) {
            place.store(std::ptr::from_ref(node).cast_mut(), Ordering::Release);
        }
        if start == Start::Active {
            stage.owner.slot.take_and_stay();
        }
        stage
    }

    fn spawn(self: &Arc<Self>, body: impl FnOnce(&Self) + 'static) -> thread::JoinHandle<()> {
        let stage = Arc::clone(self);
        thread::spawn(move || body(&stage))
    }

    /// One section of the owner, as `Guard` has it.
    fn section(&self, places: &[usize]) {
        let slot = &self.owner.slot;
        slot.pinned.enter();
        barrier::light();
        if !slot.is_quiet() {
            acknowledge(slot.take_and_stay());
        }
        for &place in places {
            // Relaxed: the node's cells were made before the threads.
            let node = self.places[place].load(Ordering::Relaxed);
            // SAFETY: nodes live as long as the stage; loom reports a read that races.
            if let Some(node) = unsafe { node.as_ref() } {
                node.freed.with(|freed| assert_eq!(unsafe { *freed }, 0, "read after free"));
            }
        }
        slot.pinned.leave();
    }

    /// Unlinks a node and retires it in a batch of its own, as `Local::publish_open` has it.
    fn retire(&self, place: usize) {
        let node = self.places[place].swap(std::ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: unlinked here, once; loom reports an access that races.
        let node = unsafe { &*node };
        node.retire();
        let batch = Box::into_raw(node.batch());
        let batch = Batch::share(batch, 1, std::ptr::null());
        fence(Ordering::SeqCst);
        let mut pushed = 0;
        if self.owner.slot.is_active() {
            // SAFETY: not submitted yet, so not freed.
            let link = &unsafe { &*batch }.links()[0];
            if let Some(left) = self.owner.slot.push(link) {
                pushed = 1;
                acknowledge(left);
            }
        }
        // SAFETY: submitted once, here.
        if unsafe { Batch::submit(batch, pushed) } {
            let mut ended = Ended::default();
            // SAFETY: all links were acknowledged.
            ended.add(unsafe { Batch::unshare(batch) });
            destroy(ended);
        }
    }

    fn drain(&self, drainer: usize) {
        let mut ended = Ended::default();
        self.drainers[drainer].drain(&self.owner, &mut ended);
        destroy(ended);
    }

    /// The owner leaves.
    fn leave(&self) {
        acknowledge(self.owner.slot.take_and_deactivate());
    }

    /// The end: what waits in the slot is taken, and every retired node was freed once.
    fn finish(self: Arc<Self>) {
        self.leave();
        let stage = Arc::into_inner(self).expect("threads are joined");
        stage.nodes.iter().for_each(Node::expect_freed_once);
    }
}

fn acknowledge(list: *mut crate::batch::Link) {
    let mut ended = Ended::default();
    // SAFETY: the slot gave the list to this thread alone.
    unsafe { ended.acknowledge_all(list) };
    destroy(ended);
}

fn destroy(mut ended: Ended) {
    while let Some(mut batch) = ended.free.take() {
        for at in (0..batch.len).rev() {
            // SAFETY: retired once, and every link of the batch was acknowledged.
            unsafe { batch.pop(at).free() };
        }
    }
}

/// A drain by a thread whose last fence is older than the batch: only its own barrier and its look
/// at `pinned` protect the owner.
fn drain_by_a_third(start: Start, preemptions: usize) {
    check(preemptions, move || {
        let stage = Stage::new(start);
        let threads = [stage.spawn(|s| s.retire(0)), stage.spawn(|s| s.drain(0))];
        stage.section(&[0]);
        join(threads);
        stage.finish();
    });
}

#[test]
fn drain_of_an_active_slot() {
    drain_by_a_third(Start::Active, 4);
}

#[test]
fn drain_of_an_inactive_slot() {
    drain_by_a_third(Start::Inactive, 4);
}

/// A drain ends while the owner pins again and others retire what it reads then.
#[test]
fn drain_against_two_sections() {
    check(3, || {
        let stage = Stage::new(Start::Active);
        let drain = |s: &Stage| {
            s.retire(0);
            s.drain(0);
        };
        let threads = [stage.spawn(drain), stage.spawn(|s| s.retire(1))];
        stage.section(&[1]);
        stage.section(&[0, 1]);
        join(threads);
        stage.finish();
    });
}

/// Two drainers take one list after the other, and each takes back its own mark only.
#[test]
fn drain_against_drain() {
    check(3, || {
        let stage = Stage::new(Start::Active);
        stage.retire(0);
        let second = |s: &Stage| {
            s.retire(1);
            s.drain(1);
        };
        let threads = [stage.spawn(|s| s.drain(0)), stage.spawn(second)];
        stage.section(&[1]);
        join(threads);
        stage.finish();
    });
}

/// Two drains by two threads, and an owner that leaves.
#[test]
fn drain_against_leave() {
    check(3, || {
        let stage = Stage::new(Start::Active);
        let threads = [0, 1].map(|number| {
            stage.spawn(move |s| {
                s.retire(number);
                s.drain(number);
            })
        });
        stage.section(&[0]);
        stage.leave();
        join(threads);
        stage.finish();
    });
}

/// Two pushes while the owner, that has read both nodes, takes the list between a swap and its
/// connection: the rest of the list is left to the pusher.
#[test]
fn cut_against_connect() {
    check(3, || {
        let stage = Stage::new(Start::Active);
        let threads = [0, 1].map(|place| stage.spawn(move |s| s.retire(place)));
        stage.section(&[0, 1]);
        stage.section(&[]);
        join(threads);
        stage.finish();
    });
}

/// A drain puts a list back while the owner leaves and a push is undone: no list is lost.
#[test]
fn put_back_against_leave() {
    check(3, || {
        let stage = Stage::new(Start::Active);
        stage.retire(0);
        let threads = [stage.spawn(|s| s.drain(0)), stage.spawn(|s| s.retire(1))];
        stage.section(&[]);
        stage.leave();
        join(threads);
        stage.finish();
    });
}
