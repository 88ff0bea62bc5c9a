//! Model checks of the protocol: loom explores the interleavings and the reorderings that the
//! memory model allows. `ci/models` runs them. Every node holds a cell that readers read and its
//! destructor writes, so a read that a free does not wait for is a failure, as is a node that is
//! freed twice or never.

mod litmus;
mod slot;

use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::sync::{AtomicPtr, Ordering};
use crate::{Collector, Guard, Handle, Mode, Region, Robust};

/// Free once; readers before that.
struct Node {
    freed: UnsafeCell<u32>,
    birth: u64,
}

// SAFETY: loom checks every access to the cell.
unsafe impl Sync for Node {}

/// What the threads of a model share.
struct World<M: Mode> {
    collector: Collector<M>,
    source: AtomicPtr<Node>,
    /// Kept until the end of the execution.
    nodes: std::sync::Mutex<Vec<Box<Node>>>,
}

impl<M: Mode> World<M> {
    fn new() -> Arc<Self> {
        let world = Self {
            collector: Collector::new(),
            source: AtomicPtr::new(std::ptr::null_mut()),
            nodes: std::sync::Mutex::default(),
        };
        world.source.store(world.node(0), Ordering::Release);
        Arc::new(world)
    }

    fn node(&self, birth: u64) -> *mut Node {
        let node = Box::new(Node { freed: UnsafeCell::new(0), birth });
        let pointer = std::ptr::from_ref(&*node).cast_mut();
        self.nodes.lock().expect("no panics").push(node);
        pointer
    }

    /// Replaces the node and retires the old one.
    fn replace(&self, handle: &Handle<M>) {
        let new = self.node(handle.birth_era());
        let guard = handle.pin();
        let old = self.source.swap(new, Ordering::AcqRel);
        // SAFETY: `old` is unlinked by the swap, once.
        unsafe { self.retire(&guard, old) };
    }

    /// What a thread does that registers, retires one node and leaves.
    fn replace_once(&self) {
        let handle = self.collector.register();
        self.replace(&handle);
        handle.flush();
    }

    /// # Safety
    /// `node` is unlinked and retired once.
    unsafe fn retire(&self, guard: &Guard<M>, node: *mut Node) {
        // SAFETY: nodes stay allocated for the whole execution.
        let birth = unsafe { (*node).birth };
        // SAFETY: the caller's clause; the birth is of this collector.
        unsafe { guard.retire_with(node.cast(), free, birth) };
    }

    /// Reads the current node under a guard.
    fn read(&self, handle: &Handle<M>) {
        let guard = handle.pin();
        let node = guard.protect(&self.source, Ordering::Acquire);
        // SAFETY: nodes stay allocated; loom reports a read that races with the free.
        unsafe { &*node }.freed.with(|freed| assert_eq!(unsafe { *freed }, 0, "read after free"));
    }

    /// The end: nobody is left, so all but the current node are freed.
    fn finish(self: Arc<Self>) {
        let world = Arc::into_inner(self).expect("threads are joined");
        drop(world.collector);
        let current = world.source.load(Ordering::Relaxed);
        for node in world.nodes.into_inner().expect("no panics") {
            let expected = u32::from(!std::ptr::eq(&raw const *node, current));
            // SAFETY: nobody else is left.
            node.freed.with(|freed| assert_eq!(unsafe { *freed }, expected, "times freed"));
        }
    }
}

/// # Safety
/// `node` is a `Node` of a world that has not finished.
unsafe fn free(node: *mut ()) {
    // SAFETY: nodes stay allocated; loom reports an access that races with this one.
    unsafe { &*node.cast::<Node>() }.freed.with_mut(|freed| unsafe { *freed += 1 });
}

/// Explores all executions with at most so many preemptions; prints how many there were.
fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        body();
    });
    std::println!("{} executions", executions.load(std::sync::atomic::Ordering::Relaxed));
}

fn spawn<M: Mode>(
    world: &Arc<World<M>>,
    body: impl FnOnce(&World<M>) + 'static,
) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || body(&world))
}

/// A reader that pins for the first time, and again, against a retirer that drains it.
fn pin_against_retire<M: Mode>() {
    check(4, || {
        let world = World::<M>::new();
        let reader = spawn(&world, |world| {
            let handle = world.collector.register();
            world.read(&handle);
            world.read(&handle);
        });
        let handle = world.collector.register();
        world.replace(&handle);
        handle.flush();
        drop(handle);
        reader.join().expect("no panic");
        world.finish();
    });
}

/// A reader that is the last to let go of a batch sends it home, to a retirer that pins, and leaves.
fn home_against_pin<M: Mode>() {
    check(3, || {
        let world = World::<M>::new();
        let handle = world.collector.register();
        world.read(&handle);
        let reader = spawn(&world, |world| {
            let handle = world.collector.register();
            world.read(&handle);
            world.read(&handle);
        });
        world.replace(&handle);
        handle.flush();
        world.read(&handle);
        drop(handle);
        reader.join().expect("no panic");
        world.finish();
    });
}

/// A reader that has a subscribed slot already, against a retirer that drains it.
fn pin_against_drain<M: Mode>() {
    check(4, || {
        let world = World::<M>::new();
        let handle = world.collector.register();
        world.read(&handle);
        let writer = spawn(&world, World::replace_once);
        world.read(&handle);
        drop(handle);
        writer.join().expect("no panic");
        world.finish();
    });
}

/// Two retirers push on one slot while its owner takes the list: links are cut and connected.
fn push_against_push<M: Mode>() {
    check(2, || {
        let world = World::<M>::new();
        let handle = world.collector.register();
        world.read(&handle);
        let writers = [(); 2].map(|()| spawn(&world, World::replace_once));
        world.read(&handle);
        drop(handle);
        for writer in writers {
            writer.join().expect("no panic");
        }
        world.finish();
    });
}

/// A slot changes hands while a retirer pushes on it.
fn push_against_exit<M: Mode>() {
    check(4, || {
        let world = World::<M>::new();
        let first = world.collector.register();
        world.read(&first);
        let writer = spawn(&world, World::replace_once);
        drop(first);
        let second = world.collector.register();
        world.read(&second);
        drop(second);
        writer.join().expect("no panic");
        world.finish();
    });
}

/// Two nodes replaced in turn while a reader whose era is behind reads: the second was born after
/// that era, so its batch skips the reader, unless the reader saw the clock move.
#[test]
fn birth_against_checked_load() {
    check(3, || {
        let world = World::<Robust>::new();
        let handle = world.collector.register();
        world.read(&handle);
        let writer = spawn(&world, |world| {
            let handle = world.collector.register();
            for _ in 0..2 {
                world.replace(&handle);
                handle.flush();
            }
        });
        let guard = handle.pin();
        // Relaxed: a robust load acquires by itself.
        let node = guard.protect(&world.source, Ordering::Relaxed);
        // SAFETY: nodes stay allocated; loom reports a read that races with the free.
        unsafe { &*node }.freed.with(|freed| assert_eq!(unsafe { *freed }, 0, "read after free"));
        drop(guard);
        drop(handle);
        writer.join().expect("no panic");
        world.finish();
    });
}

macro_rules! models {
    ($($name:ident),*) => {
        mod region {
            $(#[test] fn $name() { super::$name::<super::Region>(); })*
        }
        mod robust {
            $(#[test] fn $name() { super::$name::<super::Robust>(); })*
        }
    };
}
models!(
    pin_against_retire,
    home_against_pin,
    pin_against_drain,
    push_against_push,
    push_against_exit
);
