//! What the threads of a program share, and the oracle: every node that was retired is freed once,
//! not while a guard protects it, and at the latest with the collector.

use std::cell::Cell;
use std::prelude::v1::*;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::starve::starved;
use crate::node::Entry;
use crate::sync::{AtomicPtr, Ordering};
use crate::{Collector, Free, Guard, Handle, Mode, Reclaimable, RetiredNode};

/// What a node of a program is to the collector.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A node without a header.
    Plain,
    /// A node with a header.
    Headed,
    /// Retired by way of another node, which has a header, and ends it.
    ByProxy,
}

/// Not deallocated before the end, so that the oracle may look at it.
pub(super) struct Node<M: Mode> {
    world: *const World<M>,
    header: Option<RetiredNode>,
    /// The node that is retired in place of this one, or null.
    proxy: *mut Node<M>,
    /// The node that this one is the proxy of, or null.
    of: AtomicPtr<Node<M>>,
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

// SAFETY: the header is made before the node is published, where one is asked for; `dealloc` panics
// only where the protocol is wrong.
unsafe impl<M: Mode> Reclaimable for Node<M> {
    fn retired_node(&self) -> &RetiredNode {
        self.header.as_ref().expect("only nodes with a header are asked")
    }
    fn retired_node_mut(&mut self) -> &mut RetiredNode {
        self.header.as_mut().expect("only nodes with a header are asked")
    }
    unsafe fn dealloc(pointer: *mut Self) {
        // SAFETY: nodes stay allocated until the end.
        unsafe { free(pointer) };
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
            place.store(world.node(None), Ordering::Release);
        }
        world
    }

    /// Returns a node of any kind that the mode knows.
    pub(super) fn node(&self, child: Option<*mut Node<M>>) -> *mut Node<M> {
        let kind = match thread_rng().gen_range(0..3) {
            1 if M::ROBUST => Kind::Headed,
            2 if M::ROBUST => Kind::ByProxy,
            _ => Kind::Plain,
        };
        self.node_of(kind, child)
    }

    pub(super) fn node_of(&self, kind: Kind, child: Option<*mut Node<M>>) -> *mut Node<M> {
        let null = std::ptr::null_mut();
        if kind != Kind::ByProxy {
            return self.make(kind == Kind::Headed, null, child);
        }
        // The header is made before the node that it stands for is published.
        let proxy = self.make(true, null, None);
        let node = self.make(false, proxy, child);
        // SAFETY: nodes stay allocated until the end.
        unsafe { &*proxy }.of.store(node, Ordering::Relaxed);
        node
    }

    fn make(&self, header: bool, proxy: *mut Node<M>, child: Option<*mut Node<M>>) -> *mut Node<M> {
        let node = Box::into_raw(Box::new(Node {
            world: self,
            header: header.then(RetiredNode::new),
            proxy,
            of: AtomicPtr::new(std::ptr::null_mut()),
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
    pub(super) unsafe fn retire(&self, handle: &Handle<M>, node: *mut Node<M>) {
        // SAFETY: nodes stay allocated until the end.
        let shared = unsafe { &*node };
        assert_eq!(shared.retired.fetch_add(1, Relaxed), 0, "a program retires once");
        // SAFETY: null, or as above.
        if let Some(proxy) = unsafe { shared.proxy.as_ref() } {
            proxy.retired.fetch_add(1, Relaxed);
            handle.local().retire(Entry::reclaimable(shared.proxy));
        } else if shared.header.is_some() {
            handle.local().retire(Entry::reclaimable(node));
        } else {
            handle.local().retire(Entry::plain(node));
        }
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
        let mut live = live;
        // SAFETY: nodes are deallocated below.
        live.extend(live.clone().iter().filter_map(|&node| unsafe { (*node).child }));
        // SAFETY: as above.
        live.extend(live.clone().iter().map(|&node| unsafe { (*node).proxy }));
        for &pointer in &nodes {
            // SAFETY: nodes are deallocated below.
            let node = unsafe { &*pointer };
            let expected = u32::from(!live.contains(&pointer));
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
unsafe fn free<M: Mode>(node: *mut Node<M>) {
    // SAFETY: the caller's clause.
    let node = unsafe { &*node };
    assert_eq!(node.retired.load(Relaxed), 1, "freed, not retired");
    assert_eq!(node.freed.fetch_add(1, Relaxed), 0, "freed twice");
    let of = node.of.load(Ordering::Relaxed);
    if !of.is_null() {
        // SAFETY: a proxy stands for one node.
        unsafe { free(of) };
    }
    let Some(child) = node.child else { return };
    // SAFETY: its threads keep the world until the collector is dropped, when it is not used.
    let world = || unsafe { &*node.world };
    let retire = |handle: &Handle<M>| {
        let _guard = handle.pin();
        // SAFETY: only this destructor, which runs once, gives up the child.
        unsafe { world().retire(handle, child) };
    };
    match DESTRUCTOR.with(Cell::get) {
        // SAFETY: an actor takes the pointer back before its handle goes.
        May::Use(handle) => retire(unsafe { &*handle.cast::<Handle<M>>() }),
        May::Register => retire(&world().collector.register()),
        // SAFETY: nodes stay allocated until the end.
        May::Nothing => unsafe { end_by_hand(child) },
    }
}

/// # Safety
/// As [`free`]; nobody else will end it.
unsafe fn end_by_hand<M: Mode>(node: *mut Node<M>) {
    // SAFETY: the caller's clause.
    let node = unsafe { &*node };
    node.retired.fetch_add(1, Relaxed);
    node.freed.fetch_add(1, Relaxed);
    if !node.proxy.is_null() {
        // SAFETY: the caller's clause.
        unsafe { end_by_hand(node.proxy) };
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
            let new = self.world.node(None);
            self.section().replace(self, self.world.place(), new);
        });
    }

    /// As `replace`, with a node whose destructor retires another.
    pub(super) fn replace_with_parent(&self) {
        let child = self.world.node(None);
        let new = self.world.node(Some(child));
        self.section().replace(self, self.world.place(), new);
    }

    /// Publishes what is open here, and drains every slot.
    pub(super) fn drain(&self) {
        maybe_starved(|| self.handle.flush());
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

    /// Publishes a node, which the guard then protects, and retires the old one.
    pub(super) fn replace(
        &mut self,
        by: &Actor<'_, M>,
        place: &AtomicPtr<Node<M>>,
        new: *mut Node<M>,
    ) {
        // SAFETY: unlinked here, once.
        self.swap(place, new, |old| unsafe { by.world.retire(&by.handle, old) });
    }

    pub(super) fn swap(
        &mut self,
        place: &AtomicPtr<Node<M>>,
        new: *mut Node<M>,
        retire: impl FnOnce(*mut Node<M>),
    ) {
        if thread_rng().r#gen() {
            self.guard.announce(new);
        } else {
            self.guard.announce_aside(new);
        }
        let old = place.swap(new, Ordering::AcqRel);
        self.seen.push(new);
        if !old.is_null() {
            retire(old);
        }
        self.check();
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
