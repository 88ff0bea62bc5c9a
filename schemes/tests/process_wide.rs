//! The schemes whose collector is of the whole process, alone in a process of their own. One test,
//! so that nothing else holds their nodes.
#![cfg(not(kovan_loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use kovan_schemes::schemes::{KovanUpstream, Sdd, Seize};
use kovan_schemes::{Domain, Handle, Reclaimer};

const NODES: u64 = 3_000;

/// Counts its drop.
struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn retire<R: Reclaimer>(handle: &Handle<R>, drops: &Arc<AtomicU64>, nodes: u64) {
    for _ in 0..nodes {
        let guard = handle.pin();
        let node = guard.alloc(Counted(Arc::clone(drops))).into_shared();
        // SAFETY: never published.
        unsafe { guard.retire(node) };
    }
}

fn a_domain_alone_frees_everything_when_it_is_dropped<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Arc::default());
    let meter = domain.meter();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| retire(&domain.register(), &drops, NODES));
        }
    });
    // Held while the handle goes, so that only the domain is left to free them.
    let other = Domain::<R>::new();
    let holder = other.register();
    let guard = holder.pin();
    retire(&domain.register(), &drops, NODES);
    drop(guard);
    drop(domain);
    let totals = meter.totals();
    assert_eq!(totals.freed, totals.retired, "{}", R::FACTS.name);
    assert_eq!(drops.load(Ordering::Relaxed), 4 * NODES);
}

fn a_domain_frees_in_its_own_calls_only<R: Reclaimer>() {
    let (one, other) = (Domain::<R>::new(), Domain::<R>::new());
    let (handle, mover) = (one.register(), other.register());
    let drops = Arc::default();
    retire(&handle, &drops, NODES);
    let (before, meter) = (one.meter().totals(), one.meter());
    retire(&mover, &Arc::default(), 10 * NODES);
    mover.flush();
    assert_eq!(meter.totals(), before, "{}: counted by a call of another domain", R::FACTS.name);
    assert_eq!(before.freed, drops.load(Ordering::Relaxed));
    handle.flush();
    handle.flush();
    drop((handle, mover));
    drop((one, other));
    assert_eq!(meter.totals().freed, NODES);
}

fn nodes_that_another_domain_holds_are_freed_later_and_not_counted<R: Reclaimer>() {
    let (one, other) = (Domain::<R>::new(), Domain::<R>::new());
    let drops = Arc::default();
    let holder = other.register();
    let (handle, meter) = (one.register(), one.meter());
    let guard = holder.pin();
    retire(&handle, &drops, NODES);
    drop(handle);
    drop(one);
    let totals = meter.totals();
    assert!(totals.freed < NODES, "{}: freed under a guard", R::FACTS.name);
    assert_eq!(totals.freed, drops.load(Ordering::Relaxed));
    drop(guard);
    for _ in 0..10 {
        retire(&holder, &Arc::default(), 200);
        holder.flush();
    }
    assert_eq!(drops.load(Ordering::Relaxed), NODES, "{}", R::FACTS.name);
    assert_eq!(meter.totals(), totals, "{}: counted after the domain", R::FACTS.name);
}

/// A value whose destructor retires the next by a handle of its own.
struct Chain<R: Reclaimer> {
    domain: Domain<R>,
    left: u64,
    drops: Arc<AtomicU64>,
}

impl<R: Reclaimer> Drop for Chain<R> {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
        if self.left > 0 {
            let Self { domain, left, drops } = self;
            chain(&domain.register(), *left - 1, drops);
        }
    }
}

fn chain<R: Reclaimer>(handle: &Handle<R>, left: u64, drops: &Arc<AtomicU64>) {
    let guard = handle.pin();
    let value = Chain { domain: handle.domain().clone(), left, drops: Arc::clone(drops) };
    // SAFETY: never published.
    unsafe { guard.retire(guard.alloc(value).into_shared()) };
}

/// As deep as a stack would not stand, if each destructor ran inside the one before.
fn handles_of_destructors_do_not_nest<R: Reclaimer>() {
    const LENGTH: u64 = 20_000;
    let (domain, drops) = (Domain::<R>::new(), Arc::default());
    let handle = domain.register();
    chain(&handle, LENGTH - 1, &drops);
    while drops.load(Ordering::Relaxed) < LENGTH {
        handle.flush();
    }
}

fn all<R: Reclaimer>() {
    a_domain_alone_frees_everything_when_it_is_dropped::<R>();
    a_domain_frees_in_its_own_calls_only::<R>();
    nodes_that_another_domain_holds_are_freed_later_and_not_counted::<R>();
    handles_of_destructors_do_not_nest::<R>();
}

#[test]
fn collectors_of_the_process() {
    all::<Sdd>();
    all::<KovanUpstream>();
    handles_of_destructors_do_not_nest::<Seize>();
}
