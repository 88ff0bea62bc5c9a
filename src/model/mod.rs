//! Model checks of the protocol: loom explores the interleavings and the reorderings that the
//! memory model allows. `ci/models` runs them. Every node holds a cell that readers read and its
//! end writes, so a read that a free does not wait for is a failure, as is a node that is freed
//! twice or never.

mod litmus;
mod queue;
mod robust;
mod shields;
mod slot;
mod threads;

use std::boxed::Box;
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::node::Entry;
use crate::sync::{AtomicPtr, Ordering};
use crate::{Collector, Free, Guard, Handle, Mode, Reclaimable, RetiredNode};

/// How the nodes of a model are retired.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Without a header: a robust guard protects the address.
    Plain,
    /// Another node stands for it, which has a header and which no reader has loaded: a robust guard
    /// protects it by the era.
    Proxy,
}

/// Freed once; readers before that.
struct Node {
    freed: UnsafeCell<u32>,
    header: Option<RetiredNode>,
    /// The node that is retired in place of this one, or null.
    proxy: *mut Node,
    /// The node that the end of this one ends, too, or null.
    child: AtomicPtr<Node>,
    /// What else its end does.
    at_end: Mutex<Option<Box<dyn FnOnce()>>>,
}

// SAFETY: loom checks every access to the cell; the rest does not change but for the mutex.
unsafe impl Sync for Node {}

// SAFETY: `dealloc` does not panic where the protocol is right; the header is made before the node
// is published, where there is one that is asked for.
unsafe impl Reclaimable for Node {
    fn retired_node(&self) -> &RetiredNode {
        self.header.as_ref().expect("only nodes with a header are asked")
    }
    fn retired_node_mut(&mut self) -> &mut RetiredNode {
        self.header.as_mut().expect("only nodes with a header are asked")
    }
    /// Nodes stay allocated for the whole execution.
    unsafe fn dealloc(pointer: *mut Self) {
        // SAFETY: nodes stay allocated; loom reports an access that races with this one.
        let node = unsafe { &*pointer };
        node.freed.with_mut(|freed| unsafe { *freed += 1 });
        if let Some(act) = node.at_end.lock().expect("no panics").take() {
            act();
        }
        let child = node.child.load(Ordering::Relaxed);
        if !child.is_null() {
            // SAFETY: the node's own.
            unsafe { Self::dealloc(child) };
        }
    }
}

/// What the threads of a model share.
struct World<M: Mode> {
    collector: Collector<M>,
    source: AtomicPtr<Node>,
    /// More places, where a model needs them; null if not.
    more: [AtomicPtr<Node>; 2],
    kind: Kind,
    /// Handles whose threads leave at the end only, where how they leave is not what is shown.
    handles: Mutex<Vec<Handle<M>>>,
    /// Kept until the end of the execution.
    nodes: Mutex<Vec<Box<Node>>>,
}

// SAFETY: nodes stay where they are until the end of the execution.
unsafe impl<M: Mode> Sync for World<M> {}
// SAFETY: as above.
unsafe impl<M: Mode> Send for World<M> {}

impl<M: Mode> World<M> {
    /// A world whose collector publishes every node at once.
    fn new(kind: Kind) -> Arc<Self> {
        Self::with_batches_of(1, kind)
    }

    fn with_batches_of(nodes: usize, kind: Kind) -> Arc<Self> {
        let world = Self {
            collector: Collector::builder().batch(nodes).free(Free::Amortised(1)).build(),
            source: AtomicPtr::new(std::ptr::null_mut()),
            more: [(); 2].map(|()| AtomicPtr::new(std::ptr::null_mut())),
            kind,
            handles: Mutex::default(),
            nodes: Mutex::default(),
        };
        world.source.store(world.node(), Ordering::Release);
        Arc::new(world)
    }

    fn make(&self, header: bool, proxy: *mut Node) -> *mut Node {
        let node = Box::new(Node {
            freed: UnsafeCell::new(0),
            header: header.then(RetiredNode::new),
            proxy,
            child: AtomicPtr::new(std::ptr::null_mut()),
            at_end: Mutex::default(),
        });
        let pointer = std::ptr::from_ref(&*node).cast_mut();
        self.nodes.lock().expect("no panics").push(node);
        pointer
    }

    /// Returns a node of the world's kind.
    fn node(&self) -> *mut Node {
        if self.kind == Kind::Plain {
            return self.make(false, std::ptr::null_mut());
        }
        // The header is made before what its node stands for is published.
        let proxy = self.make(true, std::ptr::null_mut());
        let node = self.make(false, proxy);
        // SAFETY: nodes stay allocated for the whole execution.
        unsafe { &*proxy }.child.store(node, Ordering::Relaxed);
        node
    }

    /// Replaces the node and retires the old one.
    fn replace(&self, handle: &Handle<M>) {
        self.replace_by(handle, &self.source, self.node());
    }

    fn replace_by(&self, handle: &Handle<M>, place: &AtomicPtr<Node>, new: *mut Node) {
        let old = place.swap(new, Ordering::AcqRel);
        // SAFETY: `old` is unlinked by the swap, once.
        unsafe { self.retire(handle, old) };
    }

    /// # Safety
    /// `node` is unlinked and retired once.
    unsafe fn retire(&self, handle: &Handle<M>, node: *mut Node) {
        // SAFETY: nodes stay allocated for the whole execution.
        let proxy = unsafe { &*node }.proxy;
        handle.local().retire(if proxy.is_null() {
            Entry::plain(node)
        } else {
            Entry::reclaimable(proxy)
        });
    }

    /// What a thread does that registers, retires one node and leaves.
    fn replace_once(&self) {
        self.replace(&self.collector.register());
    }

    /// Reads the current node under a guard.
    fn read(&self, handle: &Handle<M>) {
        let guard = handle.pin();
        see(self.load(&guard));
    }

    fn load(&self, guard: &Guard<M>) -> *mut Node {
        // Relaxed: a guard acquires what it loads by itself.
        guard.protect(&self.source, Ordering::Relaxed)
    }

    /// The end: nobody is left, so all but the current nodes are freed.
    fn finish(self: Arc<Self>) {
        let world = Arc::into_inner(self).expect("threads are joined");
        drop(world.handles.into_inner().expect("no panics"));
        drop(world.collector);
        let mut live: Vec<_> =
            world.more.iter().map(|place| place.load(Ordering::Relaxed)).collect();
        live.push(world.source.load(Ordering::Relaxed));
        for &node in &live.clone() {
            // SAFETY: null, or a node that stays allocated.
            live.extend(unsafe { node.as_ref() }.map(|node| node.proxy));
        }
        for node in world.nodes.into_inner().expect("no panics") {
            let expected = u32::from(!live.contains(&std::ptr::from_ref(&*node).cast_mut()));
            // SAFETY: nobody else is left.
            node.freed.with(|freed| assert_eq!(unsafe { *freed }, expected, "times freed"));
        }
    }
}

/// Reads a node that a guard protects.
fn see(node: *mut Node) {
    // SAFETY: nodes stay allocated; loom reports a read that races with the free.
    unsafe { &*node }.freed.with(|freed| assert_eq!(unsafe { *freed }, 0, "read after free"));
}

/// Explores all executions with at most so many preemptions; prints how many there were.
fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.check(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        body();
    });
    let test = std::thread::current();
    let executions = executions.load(std::sync::atomic::Ordering::Relaxed);
    std::println!("{}: {executions} executions", test.name().unwrap_or_default());
}

fn spawn<M: Mode>(
    world: &Arc<World<M>>,
    body: impl FnOnce(&World<M>) + 'static,
) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || body(&world))
}

/// As [`spawn`], for a thread that is registered already, and leaves at the end only.
fn spawn_with_handle<M: Mode>(
    world: &Arc<World<M>>,
    body: impl FnOnce(&World<M>, &Handle<M>) + 'static,
) -> thread::JoinHandle<()> {
    let handle = world.collector.register();
    spawn(world, |world| {
        body(world, &handle);
        world.handles.lock().expect("no panics").push(handle);
    })
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("no panic");
    }
}
