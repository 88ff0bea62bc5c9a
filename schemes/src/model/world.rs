//! What the threads of a model share and do, and how its executions are explored.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;
use std::sync::{Arc, Mutex};

use loom::cell::UnsafeCell;
use loom::thread;

use crate::counters::{Cells, Registry, count_frees_in, count_frees_nowhere};
use crate::node::Node;
use crate::parameters::Parameters;
use crate::reclaimer::Reclaimer;
use crate::sync::{AtomicPtr, Ordering};

/// A value whose destructor writes what readers read. Its memory outlives it: see `Retired::free`.
struct Probe {
    /// Not dropped with the probe.
    freed: ManuallyDrop<UnsafeCell<u32>>,
}

// SAFETY: loom checks every access to the cell.
unsafe impl Send for Probe {}
// SAFETY: as above.
unsafe impl Sync for Probe {}

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: loom reports an access that races with this one.
        self.freed.with_mut(|freed| unsafe { *freed += 1 });
    }
}

impl Probe {
    fn new() -> Self {
        Self { freed: ManuallyDrop::new(UnsafeCell::new(0)) }
    }

    fn read(&self) {
        // SAFETY: loom reports an access that races with this one.
        self.freed.with(|freed| assert_eq!(unsafe { *freed }, 0, "read after free"));
    }
}

type Pointer<R> = *mut Node<Probe, <R as Reclaimer>::Header>;

/// What the threads of a model share: a domain, and places with a node each.
pub(super) struct World<R: Reclaimer> {
    scheme: R,
    places: [AtomicPtr<Node<Probe, R::Header>>; 2],
    /// All nodes. Their memory is kept until the end of the execution.
    nodes: Mutex<Vec<Pointer<R>>>,
    counters: Registry,
    /// The cells of all threads: those of a model are one to the system.
    cells: Arc<Cells>,
}

/// A thread of a model, registered.
pub(super) struct Member<'w, R: Reclaimer> {
    world: &'w World<R>,
    local: R::Local,
}

impl<R: Reclaimer> World<R> {
    pub(super) fn new() -> Arc<Self> {
        let counters = Registry::default();
        let cells = counters.register();
        count_frees_in(&cells);
        let place = || AtomicPtr::new(ptr::null_mut());
        let world = Self {
            scheme: R::new(&Parameters::default()),
            places: [place(), place()],
            nodes: Mutex::default(),
            counters,
            cells,
        };
        let maker = world.member();
        for place in &world.places {
            place.store(world.node(&maker.local), Ordering::Release);
        }
        drop(maker);
        Arc::new(world)
    }

    pub(super) fn member(&self) -> Member<'_, R> {
        // SAFETY: members borrow the world, which drops the scheme in `finish`.
        Member { world: self, local: unsafe { self.scheme.register() } }
    }

    fn node(&self, local: &R::Local) -> Pointer<R> {
        let node = Box::into_raw(Box::new(Node::new(self.scheme.header(local), Probe::new())));
        self.nodes.lock().expect("no panics").push(node);
        node
    }

    /// Runs a thread of the model.
    pub(super) fn spawn(
        self: &Arc<Self>,
        body: impl FnOnce(&Self) + 'static,
    ) -> thread::JoinHandle<()> {
        let world = Arc::clone(self);
        thread::spawn(move || body(&world))
    }

    /// The end: nobody is left, so all but the current nodes are freed, some with the domain.
    pub(super) fn finish(
        self: Arc<Self>,
        threads: impl IntoIterator<Item = thread::JoinHandle<()>>,
    ) {
        for thread in threads {
            thread.join().expect("no panic");
        }
        let world = Arc::into_inner(self).expect("threads are joined");
        drop(world.scheme);
        count_frees_nowhere();
        // A node's panic is caught where it is freed; so are loom's.
        assert_eq!(world.counters.totals().panicked, 0, "a free that races, or a second");
        drop(world.cells);
        let current = world.places.each_ref().map(|place| place.load(Ordering::Relaxed));
        for node in world.nodes.into_inner().expect("no panics") {
            let expected = u32::from(!current.contains(&node));
            // SAFETY: the memory is still there, and dropping the value has left the cell as it is.
            let freed = unsafe { &(*node).value.freed };
            // SAFETY: as above.
            freed.with(|freed| assert_eq!(unsafe { *freed }, expected, "times freed"));
            // SAFETY: from `Box::into_raw` in `node`; nobody else is left.
            drop(unsafe { Box::from_raw(node.cast::<MaybeUninit<Node<Probe, R::Header>>>()) });
        }
    }
}

impl<R: Reclaimer> Member<'_, R> {
    pub(super) fn pin(&self) -> R::Guard<'_> {
        self.world.scheme.pin(&self.local)
    }

    fn shield(&self) -> R::Shield<'_> {
        self.world.scheme.shield(&self.local)
    }

    /// Protects the node of a place.
    fn load<'l>(
        &self,
        guard: &R::Guard<'l>,
        shield: &mut R::Shield<'l>,
        place: usize,
    ) -> &ManuallyDrop<Probe> {
        let node = R::protect(guard, shield, &self.world.places[place], 0);
        // SAFETY: memory of nodes stays; loom reports a read that races with the free.
        unsafe { &*(&raw const (*node).value).cast() }
    }

    /// A section that reads the nodes of places, one after the other, with one shield.
    pub(super) fn section(&self, places: &[usize]) {
        let guard = self.pin();
        let mut shield = self.shield();
        for &place in places {
            self.load(&guard, &mut shield, place).read();
        }
        drop(shield);
    }

    /// A section that holds the nodes of both places, with a shield each.
    pub(super) fn hold(&self) {
        let guard = self.pin();
        let mut shields = [self.shield(), self.shield()];
        let mut place = 0..;
        let nodes = shields
            .each_mut()
            .map(|shield| self.load(&guard, shield, place.next().expect("endless")));
        for node in nodes {
            node.read();
        }
        drop(shields);
    }

    /// Replaces the node of a place and retires the old one.
    pub(super) fn replace(&self, place: usize) {
        let new = self.world.node(&self.local);
        let guard = self.pin();
        let old = self.world.places[place].swap(new, Ordering::AcqRel);
        // SAFETY: unlinked by the swap, once.
        unsafe { self.world.scheme.retire(&guard, old) };
    }

    /// Replaces the nodes of places, one after the other, and then flushes.
    pub(super) fn replace_and_flush(&self, places: &[usize]) {
        for &place in places {
            self.replace(place);
        }
        self.flush();
    }

    /// A birth that no node comes of: it moves the clock.
    pub(super) fn age(&self) {
        self.world.scheme.header(&self.local);
    }

    pub(super) fn flush(&self) {
        self.world.scheme.flush(&self.local);
    }
}

/// Explores all executions with at most so many preemptions; prints how many there were.
pub(super) fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    let executions = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        counter.fetch_add(1, Relaxed);
        body();
    });
    println!("{} executions", executions.load(Relaxed));
}
