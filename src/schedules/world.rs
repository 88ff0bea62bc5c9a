//! What the threads of a program share, and the oracle: every node that was retired is freed once,
//! not while a guard protects it, and at the latest with the collector.

use std::cell::Cell;
use std::prelude::v1::*;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::starve::starved;
use crate::sync::{AtomicPtr, Ordering};
use crate::{Collector, Free, Guard, Handle, Mode};

/// Not deallocated before the end, so that the oracle may look at it.
pub(super) struct Node<M: Mode> {
    world: *const World<M>,
    birth: u64,
    /// Retired by the destructor of this node.
    child: Option<*mut Node<M>>,
    /// What was behind it when it was linked.
    pub(super) next: AtomicPtr<Node<M>>,
    retired: AtomicU32,
    freed: AtomicU32,
}

impl<M: Mode> Node<M> {
    fn check(&self) {
        assert_eq!(self.freed.load(Relaxed), 0, "read after free");
    }
}

pub(super) struct World<M: Mode> {
    pub(super) collector: Collector<M>,
    pub(super) places: [AtomicPtr<Node<M>>; 2],
    nodes: Mutex<Vec<*mut Node<M>>>,
}

// SAFETY: the pointers in it stay valid until `finish`, and nodes are only read, but for atomics.
unsafe impl<M: Mode> Sync for World<M> {}
// SAFETY: as above.
unsafe impl<M: Mode> Send for World<M> {}

impl<M: Mode> World<M> {
    /// A world whose collector has small batches, and frees soon or late.
    pub(super) fn any() -> Arc<Self> {
        let free = match thread_rng().gen_range(0..3) {
            0 => Free::AtOnce,
            nodes => Free::Amortised(nodes),
        };
        Self::new(thread_rng().gen_range(1..4), free)
    }

    pub(super) fn new(batch: usize, free: Free) -> Arc<Self> {
        let world = Arc::new(Self {
            collector: Collector::builder().batch(batch).free(free).build(),
            places: [(); 2].map(|()| AtomicPtr::new(std::ptr::null_mut())),
            nodes: Mutex::default(),
        });
        for place in &world.places {
            place.store(world.node(0, None), Ordering::Release);
        }
        world
    }

    pub(super) fn node(&self, birth: u64, child: Option<*mut Node<M>>) -> *mut Node<M> {
        let node = Box::into_raw(Box::new(Node {
            world: self,
            birth,
            child,
            next: AtomicPtr::new(std::ptr::null_mut()),
            retired: AtomicU32::new(0),
            freed: AtomicU32::new(0),
        }));
        self.nodes.lock().expect("no panic").push(node);
        node
    }

    /// A place, at random.
    pub(super) fn place(&self) -> &AtomicPtr<Node<M>> {
        &self.places[thread_rng().gen_range(0..self.places.len())]
    }

    /// # Safety
    /// `node` is unlinked and retired once.
    pub(super) unsafe fn retire(&self, guard: &Guard<M>, node: *mut Node<M>) {
        // SAFETY: nodes stay allocated until the end.
        let shared = unsafe { &*node };
        assert_eq!(shared.retired.fetch_add(1, Relaxed), 0, "a program retires once");
        // SAFETY: the caller's clause; the birth is of this collector.
        unsafe { guard.retire_with(node.cast(), free::<M>, shared.birth) };
    }

    /// Runs `body` in a thread of its own.
    pub(super) fn spawn(
        self: &Arc<Self>,
        body: impl FnOnce(&Self) + Send + 'static,
    ) -> thread::JoinHandle<()> {
        let world = Arc::clone(self);
        thread::spawn(move || body(&world))
    }

    /// Waits for the threads and drops the collector: then all is freed that was retired, and all
    /// was retired but what is still in its place, or behind something that is.
    pub(super) fn finish(self: Arc<Self>, threads: Vec<thread::JoinHandle<()>>) {
        for thread in threads {
            thread.join().expect("no panic");
        }
        DESTRUCTOR.with(|own| own.set(May::Nothing));
        let live: Vec<_> = self.places.iter().map(|place| place.load(Ordering::Relaxed)).collect();
        let nodes = std::mem::take(&mut *self.nodes.lock().expect("no panic"));
        let world = Arc::into_inner(self).expect("threads are joined");
        drop(world.collector);
        let is_live = |node| live.contains(&node);
        // SAFETY: nodes are deallocated below.
        let child_of_live: Vec<_> =
            live.iter().filter_map(|&node| unsafe { (*node).child }).collect();
        for &pointer in &nodes {
            // SAFETY: nodes are deallocated below.
            let node = unsafe { &*pointer };
            let expected = u32::from(!is_live(pointer) && !child_of_live.contains(&pointer));
            assert_eq!(node.freed.load(Relaxed), expected, "times freed");
        }
        for node in nodes {
            // SAFETY: came from `Box::into_raw` in `node`; nobody else is left.
            drop(unsafe { Box::from_raw(node) });
        }
    }
}

/// What a destructor on this thread may do to retire.
#[derive(Clone, Copy)]
enum May {
    /// Use the handle of the [`Actor`] that is alive.
    Use(*const ()),
    Register,
    /// The collector is being dropped.
    Nothing,
}

shuttle::thread_local! {
    static DESTRUCTOR: Cell<May> = Cell::new(May::Register);
}

/// # Safety
/// `node` is a `Node<M>` of a world that has not finished.
unsafe fn free<M: Mode>(node: *mut ()) {
    // SAFETY: the caller's clause.
    let node = unsafe { &*node.cast::<Node<M>>() };
    assert_eq!(node.retired.load(Relaxed), 1, "freed, not retired");
    assert_eq!(node.freed.fetch_add(1, Relaxed), 0, "freed twice");
    let Some(child) = node.child else { return };
    // SAFETY: its threads keep the world until the collector is dropped, when it is not used.
    let world = || unsafe { &*node.world };
    let retire = |handle: &Handle<M>| {
        let guard = handle.pin();
        // SAFETY: only this destructor, which runs once, gives up the child.
        unsafe { world().retire(&guard, child) };
    };
    match DESTRUCTOR.with(Cell::get) {
        // SAFETY: an actor takes the pointer back before its handle goes.
        May::Use(handle) => retire(unsafe { &*handle.cast::<Handle<M>>() }),
        May::Register => retire(&world().collector.register()),
        May::Nothing => {
            // SAFETY: nodes stay allocated until the end.
            let child = unsafe { &*child };
            child.retired.fetch_add(1, Relaxed);
            child.freed.fetch_add(1, Relaxed);
        }
    }
}

/// One in four is a victim, if the schedule makes victims.
fn maybe_starved(body: impl FnOnce()) {
    if thread_rng().gen_ratio(1, 4) { starved(body) } else { body() }
}

/// A thread with a handle.
pub(super) struct Actor<'w, M: Mode> {
    pub(super) world: &'w World<M>,
    pub(super) handle: Box<Handle<M>>,
}

impl<'w, M: Mode> Actor<'w, M> {
    pub(super) fn new(world: &'w World<M>) -> Self {
        let handle = Box::new(world.collector.register());
        DESTRUCTOR.with(|own| own.set(May::Use((&raw const *handle).cast())));
        Self { world, handle }
    }

    pub(super) fn section(&self) -> Section<M> {
        Section { guard: self.handle.pin(), seen: Vec::new() }
    }

    /// One section that loads both places.
    pub(super) fn read(&self) {
        maybe_starved(|| {
            let mut section = self.section();
            for place in &self.world.places {
                section.load(place);
            }
        });
    }

    /// Replaces a node, and retires the old one.
    pub(super) fn replace(&self) {
        maybe_starved(|| {
            let new = self.world.node(self.handle.birth_era(), None);
            self.section().replace(self.world, self.world.place(), new);
        });
    }

    /// As `replace`, with a node whose destructor retires another.
    pub(super) fn replace_with_parent(&self) {
        let child = self.world.node(self.handle.birth_era(), None);
        let new = self.world.node(self.handle.birth_era(), Some(child));
        self.section().replace(self.world, self.world.place(), new);
    }

    /// Closes what is open here, and takes the lists of idle threads. Does not wait.
    pub(super) fn drain(&self) {
        maybe_starved(|| self.handle.local().drain_idle());
    }
}

impl<M: Mode> Drop for Actor<'_, M> {
    fn drop(&mut self) {
        DESTRUCTOR.with(|own| own.set(May::Register));
    }
}

/// A guard, and what was loaded under it.
pub(super) struct Section<M: Mode> {
    pub(super) guard: Guard<M>,
    seen: Vec<*const Node<M>>,
}

impl<M: Mode> Section<M> {
    pub(super) fn load(&mut self, place: &AtomicPtr<Node<M>>) -> *const Node<M> {
        // Relaxed: a robust load acquires by itself; and here nothing is reordered.
        let node = self.guard.protect(place, Ordering::Relaxed).cast_const();
        if !node.is_null() {
            self.seen.push(node);
        }
        self.check();
        node
    }

    pub(super) fn replace(&self, world: &World<M>, place: &AtomicPtr<Node<M>>, new: *mut Node<M>) {
        let old = place.swap(new, Ordering::AcqRel);
        if !old.is_null() {
            // SAFETY: unlinked here, once.
            unsafe { world.retire(&self.guard, old) };
        }
    }

    pub(super) fn check(&self) {
        for &node in &self.seen {
            // SAFETY: nodes stay allocated until the end.
            unsafe { &*node }.check();
        }
    }

    /// Ends the section and begins another.
    pub(super) fn refresh(&mut self) {
        self.check();
        if self.guard.refresh() {
            self.seen.clear();
        }
    }
}

impl<M: Mode> Drop for Section<M> {
    /// What was loaded is still there when the guard goes.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}
