//! What each collector holds under each adversary: the rows of the table in `docs/ADVERSARIES.md`.
//! Sizes are in nodes. `KOVAN_STRESS` (default 1) multiplies the length of each run.
#![cfg(feature = "std")] // `quiesce` needs a clock.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

mod common;

use common::{scaled, turn};
use kovan::{Collector, Handle, Mode, Reclaimable, Region, RetiredNode, Robust};

/// Nodes per phase of a run.
const PHASE: usize = 60_000;

fn phase() -> usize {
    scaled(PHASE)
}

/// What a collector holds for its own threads while nothing is in its way: open batches, lists
/// between two drains, what waits to be freed.
const AT_WORK: usize = 4096;

struct Node {
    value: u64,
}

/// What is in a node that is not dropped.
const ALIVE: u64 = 0x5EED_0F11_FE00_0001;

static LIVE: AtomicUsize = AtomicUsize::new(0);

impl Node {
    fn new() -> *mut Self {
        LIVE.fetch_add(1, SeqCst);
        Box::into_raw(Box::new(Self { value: ALIVE }))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.value = 0;
        LIVE.fetch_sub(1, SeqCst);
    }
}

struct World<M: Mode> {
    collector: Collector<M>,
    cell: AtomicPtr<Node>,
}

impl<M: Mode> World<M> {
    fn new() -> Self {
        let world = Self { collector: Collector::new(), cell: AtomicPtr::default() };
        world.cell.store(Node::new(), SeqCst);
        world
    }

    /// Replaces the node so many times. Returns how many nodes are unreclaimed after it.
    fn churn(&self, handle: &Handle<M>, times: usize) -> usize {
        for _ in 0..times {
            let new = Node::new();
            let guard = handle.pin();
            let old = self.cell.swap(new, SeqCst);
            unsafe { guard.retire(old) };
        }
        LIVE.load(SeqCst) - 1
    }

    /// Unreclaimed nodes after each of four phases of a fresh thread's work.
    fn phases(&self) -> Vec<usize> {
        let handle = self.collector.register();
        let held = (0..4).map(|_| self.churn(&handle, phase())).collect();
        println!("unreclaimed after each phase of {}: {held:?}", phase());
        held
    }
}

impl<M: Mode> Drop for World<M> {
    fn drop(&mut self) {
        drop(unsafe { Box::from_raw(*self.cell.get_mut()) });
    }
}

/// Runs `body` with a fresh world and `count` threads that do `adverse` until it is over.
fn against<M: Mode>(
    count: usize,
    adverse: impl Fn(&World<M>, &Handle<M>, &Sender<()>, &AtomicBool) + Sync,
    body: impl FnOnce(&World<M>),
) {
    let _turn = turn();
    let world = World::new();
    let over = AtomicBool::new(false);
    let (ready, wait): (Sender<()>, Receiver<()>) = channel();
    thread::scope(|scope| {
        for _ in 0..count {
            let (world, over, adverse, ready) = (&world, &over, &adverse, ready.clone());
            scope.spawn(move || adverse(world, &world.collector.register(), &ready, over));
        }
        (0..count).for_each(|_| wait.recv().unwrap());
        // However the body ends, the others end too.
        let end = End(&over);
        body(&world);
        drop(end);
    });
    let collector = world.collector.clone();
    drop(world);
    drop(collector);
    assert_eq!(LIVE.load(SeqCst), 0, "something was never freed");
}

struct End<'a>(&'a AtomicBool);
impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

fn wait_for(over: &AtomicBool) {
    while !over.load(SeqCst) {
        thread::yield_now();
    }
}

fn assert_flat(held: &[usize], bound: usize) {
    println!("unreclaimed at most: {:?}", held.iter().max());
    assert!(held.iter().all(|&held| held <= bound), "unreclaimed: {held:?}, bound: {bound}");
}

/// Stops inside a guard, after a load.
fn stall<M: Mode>(world: &World<M>, handle: &Handle<M>, ready: &Sender<()>, over: &AtomicBool) {
    let guard = handle.pin();
    guard.protect(&world.cell, SeqCst);
    ready.send(()).unwrap();
    wait_for(over);
}

fn idle<M: Mode>(_: &World<M>, handle: &Handle<M>, ready: &Sender<()>, over: &AtomicBool) {
    drop(handle.pin());
    ready.send(()).unwrap();
    wait_for(over);
}

/// Keeps one guard and keeps loading; with `refresh`, gives it back between loads.
fn read_long<M: Mode, const REFRESH: bool>(
    world: &World<M>,
    handle: &Handle<M>,
    ready: &Sender<()>,
    over: &AtomicBool,
) {
    let mut guard = handle.pin();
    guard.protect(&world.cell, SeqCst);
    ready.send(()).unwrap();
    while !over.load(SeqCst) {
        assert!(unsafe { &*guard.protect(&world.cell, SeqCst) }.value == ALIVE);
        if REFRESH {
            guard.refresh();
        }
        thread::yield_now();
    }
}

#[test]
fn stalled_threads_hold_everything_of_a_region_collector() {
    against::<Region>(2, stall, |world| {
        let held = world.phases();
        assert!(held[3] >= 4 * phase() - AT_WORK, "unreclaimed: {held:?}");
    });
}

#[test]
fn stalled_threads_hold_a_bounded_number_of_a_robust_collector() {
    against::<Robust>(4, stall, |world| assert_flat(&world.phases(), AT_WORK));
}

#[test]
fn idle_threads_hold_a_bounded_number() {
    fn case<M: Mode>() {
        // Per idle thread: a backlog until the drain; they share the batches.
        against::<M>(32, idle, |world| assert_flat(&world.phases(), AT_WORK));
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn a_long_reader_holds_everything_unless_it_refreshes() {
    fn case<M: Mode>() {
        against::<M>(1, read_long::<M, false>, |world| {
            let held = world.phases();
            // A robust collector's reader holds each node that it has loaded, so how many depends
            // on how often it runs: no lower bound.
            assert!(M::ROBUST || held[3] >= 4 * phase() - AT_WORK, "unreclaimed: {held:?}");
        });
        against::<M>(1, read_long::<M, true>, |world| {
            let handle = world.collector.register();
            // How much is held depends on how often the reader runs: wait for it to catch up.
            for _ in 0..4 {
                world.churn(&handle, phase() / 4);
                let left = handle.quiesce(std::time::Duration::from_secs(20));
                assert_eq!(left, Ok(()), "the reader refreshes, and yet nodes are held");
            }
        });
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn a_late_stall_under_a_long_guard_of_the_writer_holds_a_bounded_number() {
    // The writer keeps one guard while others retire and stall; what it holds ends with it.
    against::<Robust>(2, stall, |world| {
        let handle = world.collector.register();
        let long = handle.pin();
        world.churn(&handle, phase());
        drop(long);
        world.churn(&handle, phase());
        assert_flat(&[world.churn(&handle, phase())], AT_WORK);
    });
}

#[test]
fn a_stall_beside_short_lives_holds_a_bounded_number() {
    // Threads leave with batches that are not full.
    against::<Robust>(1, stall, |world| {
        let life = || world.churn(&world.collector.register(), 20);
        let held: Vec<_> = (0..phase() / 20).map(|_| life()).collect();
        assert_flat(&held, AT_WORK);
    });
}

#[test]
fn threads_that_come_and_go_leave_nothing_behind() {
    fn case<M: Mode>() {
        against::<M>(0, idle, |world| {
            let held: Vec<_> = (0..200)
                .map(|_| {
                    thread::scope(|scope| {
                        let work = || world.churn(&world.collector.register(), phase() / 200);
                        let both = [scope.spawn(work), scope.spawn(work)];
                        both.map(|thread| thread.join().unwrap())[1]
                    })
                })
                .collect();
            // One of the two may lose the processor inside a guard while the other does all its work.
            assert_flat(&held, AT_WORK + phase() / 100);
            assert!(world.collector.stats().threads <= 1, "threads that left are still there");
        });
    }
    case::<Region>();
    case::<Robust>();
}

#[test]
fn more_threads_than_processors_hold_a_bounded_number() {
    fn case<M: Mode>(bound: usize) {
        against::<M>(0, idle, |world| {
            let peak = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| {
                        let handle = world.collector.register();
                        for _ in 0..20 {
                            peak.fetch_max(world.churn(&handle, phase() / 200), SeqCst);
                        }
                    });
                }
            });
            println!("unreclaimed at most: {peak:?}");
            // A thread that loses the processor inside a guard holds what is retired meanwhile.
            assert!(peak.load(SeqCst) <= bound, "peak {}", peak.load(SeqCst));
        });
    }
    case::<Region>(16 * phase() / 10);
    case::<Robust>(16 * AT_WORK);
}

/// A node of a pool.
#[repr(C)]
struct Pooled {
    header: RetiredNode,
    value: AtomicUsize,
}

/// Nodes that nobody uses. A lock of its own: ThreadSanitizer sees nothing of the standard library's.
struct Pool {
    locked: AtomicBool,
    nodes: UnsafeCell<Vec<*mut Pooled>>,
}
unsafe impl Sync for Pool {}

static POOL: Pool = Pool { locked: AtomicBool::new(false), nodes: UnsafeCell::new(Vec::new()) };

impl Pool {
    fn with<O>(&self, body: impl FnOnce(&mut Vec<*mut Pooled>) -> O) -> O {
        while self.locked.swap(true, SeqCst) {
            thread::yield_now();
        }
        let output = body(unsafe { &mut *self.nodes.get() });
        self.locked.store(false, SeqCst);
        output
    }
}

/// The values of a node that may be read, and of one in the pool.
const PUBLISHABLE: usize = 1;
const IN_POOL: usize = 0;

impl Pooled {
    /// Takes a node out of the pool. Makes one, and counts it, where there is none.
    fn publishable(made: &AtomicUsize) -> *mut Self {
        let free = POOL.with(Vec::pop);
        let (header, value) = (RetiredNode::new(), AtomicUsize::new(PUBLISHABLE));
        match free {
            Some(node) => {
                unsafe { node.write(Self { header, value }) };
                node
            }
            None => {
                made.fetch_add(1, SeqCst);
                Box::into_raw(Box::new(Self { header, value }))
            }
        }
    }
}

unsafe impl Reclaimable for Pooled {
    fn retired_node(&self) -> &RetiredNode {
        &self.header
    }
    fn retired_node_mut(&mut self) -> &mut RetiredNode {
        &mut self.header
    }
    unsafe fn dealloc(node: *mut Self) {
        unsafe { &*node }.value.store(IN_POOL, SeqCst);
        POOL.with(|nodes| nodes.push(node));
    }
}

/// Readers that lose the processor inside of their guards, four for each processor, beside two writers
/// that publish nodes of a pool. Returns how many nodes the pool has come to need.
fn pool_beside_readers_that_do_not_run<M: Mode>(publications: usize) -> usize {
    let _turn = turn();
    let processors = thread::available_parallelism().map_or(2, usize::from);
    let collector = Collector::<M>::new();
    let (made, writing) = (AtomicUsize::new(0), AtomicUsize::new(2));
    let cell = AtomicPtr::new(Pooled::publishable(&made));
    thread::scope(|scope| {
        for _ in 0..4 * processors {
            scope.spawn(|| {
                let handle = collector.register();
                while writing.load(SeqCst) > 0 {
                    let guard = handle.pin();
                    let node = unsafe { &*guard.protect(&cell, SeqCst) };
                    thread::yield_now();
                    assert_eq!(node.value.load(SeqCst), PUBLISHABLE, "freed under a guard");
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let handle = collector.register();
                for _ in 0..publications / 2 {
                    let guard = handle.pin();
                    let old = cell.swap(Pooled::publishable(&made), SeqCst);
                    unsafe { guard.retire_reclaimable(old) };
                }
                writing.fetch_sub(1, SeqCst);
            });
        }
    });
    unsafe { Pooled::dealloc(cell.into_inner()) };
    let handle = collector.register();
    (0..10).for_each(|_| handle.flush());
    assert_eq!(collector.stats().unreclaimed(), 0);
    let nodes = POOL.with(std::mem::take);
    assert_eq!(nodes.len(), made.load(SeqCst), "a node is lost");
    for node in nodes {
        drop(unsafe { Box::from_raw(node) });
    }
    made.into_inner()
}

#[test]
fn readers_that_do_not_run_hold_little_of_a_robust_collector() {
    let publications = scaled(80_000);
    let region = pool_beside_readers_that_do_not_run::<Region>(publications);
    let robust = pool_beside_readers_that_do_not_run::<Robust>(publications);
    println!("nodes of the pool, of {publications} publications: {region} and {robust}");
    // What a region collector holds depends on how long its readers are away: no bound.
    assert!(robust < 8000, "{robust}");
}
