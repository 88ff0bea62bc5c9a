//! What destructors of nodes may do.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use kovan_schemes::{Atomic, Domain, Handle, Reclaimer};

use crate::cases::{MANY, all_dropped_with, frees_meanwhile};
use crate::tracked::{Drops, Tracked};

/// A value whose destructor protects and retires in the domain it was retired in.
struct Chain<R: Reclaimer> {
    domain: std::sync::Weak<Domain<R>>,
    left: usize,
    _drops: Tracked,
    drops: Drops,
}

impl<R: Reclaimer> Drop for Chain<R> {
    fn drop(&mut self) {
        // While the domain itself is being dropped there is nothing to retire in any more.
        let Some(domain) = self.domain.upgrade() else { return };
        if self.left == 0 {
            return;
        }
        let handle = domain.register();
        let guard = handle.pin();
        let cell = Atomic::<Tracked, R>::null();
        let mut shield = guard.shield();
        assert!(guard.protect(&mut shield, &cell).is_null());
        let next = Chain {
            domain: self.domain.clone(),
            left: self.left - 1,
            _drops: self.drops.value(),
            drops: self.drops.clone(),
        };
        // SAFETY: never published.
        unsafe { guard.retire(guard.alloc(next).into_shared()) };
    }
}

pub(crate) fn a_destructor_may_protect_and_retire<R: Reclaimer>() {
    let (domain, drops) = (Arc::new(Domain::<R>::new()), Drops::default());
    let meter = domain.meter();
    let handle = domain.register();
    for _ in 0..200 {
        let guard = handle.pin();
        let chain = Chain {
            domain: Arc::downgrade(&domain),
            left: 5,
            _drops: drops.value(),
            drops: drops.clone(),
        };
        // SAFETY: never published.
        unsafe { guard.retire(guard.alloc(chain).into_shared()) };
    }
    for _ in 0..MANY {
        let guard = handle.pin();
        // SAFETY: never published.
        unsafe { guard.retire(guard.alloc(0_u64).into_shared()) };
    }
    drop(handle);
    drop(Arc::try_unwrap(domain).expect("no destructor runs now"));
    let totals = meter.totals();
    assert_eq!(totals.panicked, 0);
    if R::FACTS.frees_on_drop {
        assert_eq!(totals.freed, totals.retired);
        assert_eq!(totals.freed, (MANY + drops.count()) as u64);
    }
}

/// Destructors that each register a handle: as deep as a stack would not stand, if each ran inside the
/// one before.
pub(crate) fn handles_of_destructors_do_not_nest<R: Reclaimer>() {
    const LENGTH: usize = 10_000;
    let (domain, drops) = (Arc::new(Domain::<R>::new()), Drops::default());
    let handle = domain.register();
    let weak = Arc::downgrade(&domain);
    let chain =
        Chain { domain: weak, left: LENGTH - 1, _drops: drops.value(), drops: drops.clone() };
    retire(&handle, chain);
    for _ in 0..2 * LENGTH {
        if drops.count() < LENGTH {
            handle.flush();
        }
    }
    assert!(drops.count() == LENGTH || !frees_meanwhile::<R>(), "{}", drops.count());
}

/// A value whose destructor retires a node of another domain.
struct Elsewhere<R: Reclaimer>(Domain<R>);

impl<R: Reclaimer> Drop for Elsewhere<R> {
    fn drop(&mut self) {
        let handle = self.0.register();
        let guard = handle.pin();
        // SAFETY: never published.
        unsafe { guard.retire(guard.alloc(0_u64).into_shared()) };
        drop(guard);
        handle.flush();
    }
}

pub(crate) fn frees_are_counted_in_their_own_domain<R: Reclaimer>() {
    let (domain, other) = (Domain::<R>::new(), Domain::<R>::new());
    let handle = domain.register();
    for _ in 0..MANY {
        let guard = handle.pin();
        let value = Elsewhere(other.clone());
        // SAFETY: never published.
        unsafe { guard.retire(guard.alloc(value).into_shared()) };
    }
    let meters = [domain.meter(), other.meter()];
    drop(handle);
    drop(domain);
    drop(other);
    if R::FACTS.frees_on_drop {
        for totals in meters.map(|meter| meter.totals()) {
            assert_eq!(totals.retired, MANY as u64, "{}: {totals:?}", R::FACTS.name);
            assert_eq!(totals.freed, MANY as u64, "{}: {totals:?}", R::FACTS.name);
        }
    }
}

pub(crate) fn a_panicking_destructor_loses_nothing_else<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let meter = domain.meter();
    let handle = domain.register();
    for i in 0..100 {
        let guard = handle.pin();
        let value = if i % 25 == 10 { drops.panicking() } else { drops.value() };
        // SAFETY: never published.
        unsafe { guard.retire(guard.alloc(value).into_shared()) };
    }
    drop(handle);
    all_dropped_with(domain, &drops, 100);
    assert!(meter.totals().panicked == 4 || !R::FACTS.frees_on_drop);
}

thread_local! {
    /// What the destructor of the next [`Trigger`] does.
    static THEN: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// A value whose destructor does what its thread has prepared.
struct Trigger(#[expect(dead_code, reason = "its drop counts")] Tracked);

impl Drop for Trigger {
    fn drop(&mut self) {
        if let Some(then) = THEN.take() {
            then();
        }
    }
}

fn retire<R: Reclaimer, T: Send + 'static>(handle: &Handle<R>, value: T) {
    let guard = handle.pin();
    // SAFETY: never published.
    unsafe { guard.retire(guard.alloc(value).into_shared()) };
}

/// A collector of the whole process gives a node back in calls of any domain. Here that is another
/// one; a call of the node's own domain then frees it, and its destructor retires more by the same handle.
/// What it retires is out when its domain ends, or is back.
pub(crate) fn a_destructor_may_retire_beside_another_domain<R: Reclaimer>() {
    const NODES: usize = 38;
    for held in [true, false] {
        let (other, domain, drops) = (Domain::<R>::new(), Domain::<R>::new(), Drops::default());
        let holder = other.register();
        let turn = || {
            for _ in 0..100 {
                drop(holder.pin());
                holder.flush();
            }
        };
        let handle = Rc::new(domain.register());
        let (by, values) = (Rc::clone(&handle), drops.clone());
        THEN.set(Some(Box::new(move || {
            (0..NODES).for_each(|_| retire(&by, values.value()));
        })));
        retire(&handle, Trigger(drops.value()));
        turn();
        let guard = held.then(|| holder.pin());
        drop(handle.pin());
        handle.flush();
        // If others hold the node, its destructor does nothing when it runs.
        let made = if THEN.take().is_none() { 1 + NODES } else { 1 };
        if !held {
            turn();
            handle.flush();
        }
        drop(handle);
        drop(domain);
        drop(guard);
        turn();
        assert!(drops.count() == made || !R::FACTS.frees_on_drop, "{} of {made}", drops.count());
    }
}
