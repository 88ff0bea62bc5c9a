//! Threads that leave: what their last destructors may do, and what they leave to others.
#![cfg(feature = "std")] // The default collector.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::cell::RefCell;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

mod common;

use common::{Counted, scaled, turn};
use kovan::{Atom, AtomGuard, AtomOption, Collector, Guard, Mode, Region, RetiredNode, Robust};

/// Long enough for a busy machine. Nothing here waits for it unless it fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `body` on a thread of its own, and waits until that thread has left.
fn until_it_leaves(body: impl FnOnce() + Send + 'static) {
    let (left, wait) = channel();
    let thread = thread::spawn(body);
    thread::spawn(move || left.send(thread.join()));
    wait.recv_timeout(PATIENCE).expect("the thread does not leave").unwrap();
}

/// Asserts that no registration of the default collector is left but those of the threads that run
/// tests.
fn assert_registrations_are_given_back() {
    let stats = kovan::collector().stats();
    assert!(stats.threads <= 16, "registrations are left: {stats:?}");
}

/// Safe code only: a destructor that runs while its thread leaves keeps a guard in a thread-local that
/// is destroyed later. The guard goes on to protect.
mod a_guard_kept_at_exit {
    use super::*;

    struct Step {
        cell: AtomOption<Counted>,
        kept: Barrier,
        replaced: Barrier,
        /// Drops that were seen under the guard.
        seen: AtomicUsize,
        drops: Arc<AtomicUsize>,
    }

    /// They live as long as the process: so long may a thread keep a guard of one.
    static STEPS: Mutex<Vec<&Step>> = Mutex::new(Vec::new());

    /// Uses what was kept when it is destroyed.
    struct Keep(RefCell<Option<(&'static Step, AtomGuard<'static, Counted>)>>);

    impl Drop for Keep {
        fn drop(&mut self) {
            if let Some((step, guard)) = self.0.borrow_mut().take() {
                step.kept.wait();
                step.replaced.wait();
                step.seen.store(guard.0.load(SeqCst), SeqCst);
            }
        }
    }

    thread_local! {
        static KEEP: Keep = const { Keep(RefCell::new(None)) };
    }

    /// Keeps a guard when it is dropped.
    struct Trigger(Option<&'static Step>);

    impl Drop for Trigger {
        fn drop(&mut self) {
            let Some(step) = self.0 else { return };
            let kept = KEEP.try_with(|keep| {
                *keep.0.borrow_mut() = step.cell.load().map(|guard| (step, guard));
            });
            if kept.is_err() {
                // Destroyed already: nobody will use a guard.
                step.kept.wait();
                step.replaced.wait();
            }
        }
    }

    #[test]
    fn protects() {
        let _turn = turn();
        let mut kept = 0;
        // The order in which thread-locals are destroyed follows that of their first uses.
        for keep_first in [true, false] {
            let drops = Arc::new(AtomicUsize::new(0));
            let step: &'static Step = Box::leak(Box::new(Step {
                cell: AtomOption::none(),
                kept: Barrier::new(2),
                replaced: Barrier::new(2),
                seen: AtomicUsize::new(usize::MAX),
                drops: Arc::clone(&drops),
            }));
            STEPS.lock().unwrap().push(step);
            // By a thread that leaves, so that its open batch is handed in.
            thread::spawn(|| step.cell.store_some(Counted(Arc::clone(&step.drops))))
                .join()
                .unwrap();
            let leaving = thread::spawn(move || {
                if keep_first {
                    KEEP.with(|_| ());
                }
                let atom = Atom::new(Trigger(None));
                if !keep_first {
                    KEEP.with(|_| ());
                }
                // The first one with a step is in the open batch until the thread leaves.
                atom.store(Trigger(Some(step)));
                atom.store(Trigger(None));
            });
            step.kept.wait();
            step.cell.store_none();
            for _ in 0..20 {
                kovan::flush();
            }
            step.replaced.wait();
            leaving.join().unwrap();
            let seen = step.seen.load(SeqCst);
            if seen != usize::MAX {
                kept += 1;
                assert_eq!(seen, 0, "dropped under a guard");
            }
            for _ in 0..1000 {
                kovan::flush();
                if drops.load(SeqCst) == 1 {
                    break;
                }
                thread::yield_now();
            }
            assert_eq!(drops.load(SeqCst), 1);
        }
        assert!(kept > 0, "no order of the thread-locals keeps a guard");
        assert_registrations_are_given_back();
    }
}

/// A node whose destructor gives up the next one.
struct Linked(AtomOption<Linked>, #[expect(dead_code, reason = "it counts")] Counted);

impl Drop for Linked {
    fn drop(&mut self) {
        self.0.store_none();
    }
}

fn chain(nodes: usize, drops: &Arc<AtomicUsize>) -> AtomOption<Linked> {
    (0..nodes).fold(AtomOption::none(), |next, _| {
        AtomOption::some(Linked(next, Counted(Arc::clone(drops))))
    })
}

/// Safe code only: a chain that is given up by a thread-local that is destroyed after the library's own
/// needs no stack frame and no registration for each node.
#[test]
fn a_chain_that_is_given_up_late_does_not_recurse() {
    let _turn = turn();
    struct Late(AtomOption<Linked>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.store_none();
        }
    }
    thread_local! {
        static LATE: RefCell<Late> = const { RefCell::new(Late(AtomOption::none())) };
    }
    let nodes = scaled(20_000);
    for late_first in [true, false] {
        let drops = Arc::new(AtomicUsize::new(0));
        let head = chain(nodes, &drops);
        until_it_leaves(move || {
            if late_first {
                LATE.with(|_| ());
            }
            drop(kovan::pin());
            LATE.with_borrow_mut(|late| late.0 = head);
        });
        // A part may have been left to others.
        for _ in 0..=nodes {
            if drops.load(SeqCst) == nodes {
                break;
            }
            kovan::flush();
        }
        assert_eq!(drops.load(SeqCst), nodes);
        assert_registrations_are_given_back();
    }
}

/// A destructor that always stores again does not keep its thread.
#[test]
fn a_thread_leaves_though_its_destructors_store_again() {
    let _turn = turn();
    static CELL: AtomOption<Again> = AtomOption::none();
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static OVER: AtomicUsize = AtomicUsize::new(0);
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            RUNS.fetch_add(1, SeqCst);
            if OVER.load(SeqCst) == 0 {
                CELL.store_some(Again);
            }
        }
    }
    until_it_leaves(|| {
        CELL.store_some(Again);
        CELL.store_some(Again);
    });
    assert!(RUNS.load(SeqCst) > 0, "no destructor ran");
    // What it has left goes on at the calls of others, until it is told to end.
    OVER.store(1, SeqCst);
    CELL.store_none();
    assert_registrations_are_given_back();
}

#[repr(C)]
struct Headed {
    header: RetiredNode,
    drops: Counted,
}

/// A guard holds many nodes of a thread that leaves: it leaves all the same, and what it has left is
/// freed when the guards have ended.
#[test]
fn a_thread_leaves_though_guards_hold_what_it_retired() {
    let _turn = turn();
    fn case<M: Mode>(hold: fn(&[AtomicPtr<Headed>], &[Guard<M>]), headed: bool) {
        const NODES: usize = 12_000;
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let places: Vec<_> = (0..NODES)
            .map(|_| {
                let (header, drops) = (RetiredNode::new(), Counted(Arc::clone(&drops)));
                AtomicPtr::new(Box::into_raw(Box::new(Headed { header, drops })))
            })
            .collect();
        let stalled = [collector.register(), collector.register()];
        let guards = [stalled[0].pin(), stalled[1].pin()];
        hold(&places, &guards);
        let writer = collector.clone();
        until_it_leaves(move || {
            let writer = writer.register();
            for place in &places {
                let node = place.load(SeqCst);
                if headed {
                    unsafe { writer.pin().retire_node(node) };
                } else {
                    unsafe { writer.pin().retire(node) };
                }
            }
        });
        assert_eq!((drops.load(SeqCst), collector.stats().threads), (0, 2));
        drop(guards);
        for _ in 0..100 {
            stalled[0].flush();
        }
        assert_eq!((drops.load(SeqCst), collector.stats().unreclaimed()), (NODES, 0));
    }
    fn one_load<M: Mode>(places: &[AtomicPtr<Headed>], guards: &[Guard<M>]) {
        guards[0].protect(&places[0], SeqCst);
    }
    fn half_each<M: Mode>(places: &[AtomicPtr<Headed>], guards: &[Guard<M>]) {
        for (place, guard) in places.iter().zip(guards.iter().cycle()) {
            guard.protect(place, SeqCst);
        }
    }
    case::<Region>(one_load, false);
    case::<Robust>(one_load, true);
    case::<Robust>(half_each, false);
    case::<Robust>(half_each, true);
}
