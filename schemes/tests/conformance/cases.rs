//! The promises, one function each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

use kovan_schemes::{
    Atomic, BoundInput, Domain, Guard, Node, Parameters, Reclaimer, Shared, Shield, Strength,
};

use crate::threads::{scoped, spawn};
use crate::tracked::{Drops, Tracked};

/// More than any scheme's batch or threshold, a few times over.
pub(crate) const MANY: usize = 5_000;

/// Returns whether the scheme says that it is unbounded, and not only that it promises no bound.
pub(crate) fn piles_up<R: Reclaimer>() -> bool {
    !R::FACTS.bound.starts_with("none")
}

/// Returns whether garbage is freed as it comes, whatever other domains of the process do meanwhile.
pub(crate) fn frees_meanwhile<R: Reclaimer>() -> bool {
    R::FACTS.frees_meanwhile && R::FACTS.frees_on_drop
}

/// Puts a new value into the cell and retires the old one.
pub(crate) fn replace<R: Reclaimer>(
    cell: &Atomic<Tracked, R>,
    guard: &Guard<'_, R>,
    drops: &Drops,
) {
    let mut shield = guard.shield();
    let mut new = guard.alloc(drops.value());
    loop {
        let old = guard.protect(&mut shield, cell);
        let shared = new.into_shared();
        if cell.compare_exchange(old, shared, guard).is_ok() {
            if !old.is_null() {
                // SAFETY: unlinked by the exchange above, which only one thread wins.
                unsafe { guard.retire(old) };
            }
            return;
        }
        // SAFETY: the exchange failed, so nobody else has seen it.
        new = unsafe { shared.into_owned() };
    }
}

/// Takes the last value out of the cell and retires it.
pub(crate) fn clear<R: Reclaimer>(cell: &mut Atomic<Tracked, R>, guard: &Guard<'_, R>) {
    let last = cell.load_exclusive();
    cell.store(Shared::null(), Ordering::Release);
    if !last.is_null() {
        // SAFETY: unlinked, and the caller holds the cell alone.
        unsafe { guard.retire(last) };
    }
}

/// Drops the domain and checks that all that was retired was dropped, where that is promised; where
/// it is not, more may be dropped later than is counted.
pub(crate) fn all_dropped_with<R: Reclaimer>(domain: Domain<R>, drops: &Drops, made: usize) {
    let meter = domain.meter();
    drop(domain);
    let totals = meter.totals();
    assert_eq!(totals.retired, made as u64);
    let dropped = drops.count() as u64;
    assert!(totals.freed <= dropped && dropped <= made as u64, "{dropped} destructors, {totals:?}");
    if R::FACTS.frees_on_drop {
        assert_eq!(totals.freed, made as u64, "freed when the domain was dropped");
    }
}

pub(crate) fn each_retired_node_is_dropped_exactly_once<R: Reclaimer>() {
    drops_each_once::<R>(&Parameters::default());
}

pub(crate) fn drops_each_once<R: Reclaimer>(parameters: &Parameters) {
    let (domain, drops) = (Domain::<R>::with(parameters), Drops::default());
    let handle = domain.register();
    for _ in 0..MANY {
        let guard = handle.pin();
        let node = guard.alloc(drops.value()).into_shared();
        // SAFETY: never published.
        unsafe { guard.retire(node) };
    }
    assert!(drops.count() <= MANY);
    drop(handle);
    all_dropped_with(domain, &drops, MANY);
}

pub(crate) fn a_protected_node_is_not_dropped<R: Reclaimer>() {
    // Whichever of the two registered first, and wherever a step of an era clock falls among the
    // nodes that are retired together.
    for (reader_first, unpublished) in [(true, 0), (false, 0), (false, 32), (true, 32)] {
        protected_is_not_dropped::<R>(reader_first, unpublished);
    }
}

fn protected_is_not_dropped<R: Reclaimer>(reader_first: bool, unpublished: usize) {
    let (domain, drops, others) = (Domain::<R>::new(), Drops::default(), Drops::default());
    let (one, two) = (domain.register(), domain.register());
    let (reader, writer) = if reader_first { (one, two) } else { (two, one) };
    let cell = Atomic::<Tracked, R>::null();
    for _ in 0..unpublished {
        let guard = writer.pin();
        guard.discard(guard.alloc(others.value()));
    }
    for _ in 0..80 {
        replace(&cell, &writer.pin(), &others);
    }
    replace(&cell, &writer.pin(), &drops);

    let guard = reader.pin();
    let mut shield = guard.shield();
    let protected = guard.protect(&mut shield, &cell);
    // The end of a nested section is not the end of the outer one.
    drop(reader.pin());
    {
        let guard = writer.pin();
        replace(&cell, &guard, &others);
    }
    for _ in 0..MANY {
        replace(&cell, &writer.pin(), &others);
    }
    writer.flush();
    assert_eq!(drops.count(), 0, "{}: dropped while protected", R::FACTS.name);
    // SAFETY: protected by `guard` and `shield`.
    assert!(unsafe { protected.deref() }.is_some_and(Tracked::is_alive));

    drop(shield);
    drop(guard);
    let mut cell = cell;
    clear(&mut cell, &writer.pin());
    drop((reader, writer));
    drop(domain);
    assert!(drops.count() == 1 || !R::FACTS.frees_on_drop);
}

pub(crate) fn readers_never_see_a_freed_node<R: Reclaimer>() {
    readers_see_no_freed_node::<R>(&Parameters::default());
}

pub(crate) fn readers_see_no_freed_node<R: Reclaimer>(parameters: &Parameters) {
    let (domain, drops) = (Domain::<R>::with(parameters), Drops::default());
    let mut cell = Arc::new(Atomic::<Tracked, R>::null());
    let stop = Arc::new(AtomicBool::new(false));
    replace(&cell, &domain.register().pin(), &drops);
    scoped(|scope| {
        for _ in 0..2 {
            let (domain, cell, stop) = (&domain, &cell, &stop);
            spawn(scope, move || {
                let handle = domain.register();
                while !stop.load(Ordering::Relaxed) {
                    let guard = handle.pin();
                    let mut shield = guard.shield();
                    let shared = guard.protect(&mut shield, cell);
                    for _ in 0..20 {
                        // SAFETY: protected by `guard` and `shield`.
                        let alive = unsafe { shared.deref() }.is_some_and(Tracked::is_alive);
                        assert!(alive, "{}: a reader saw a freed node", R::FACTS.name);
                    }
                }
            });
        }
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (domain, cell, drops) = (&domain, &cell, &drops);
                spawn(scope, move || {
                    let handle = domain.register();
                    for _ in 0..4 * MANY {
                        replace(cell, &handle.pin(), drops);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let handle = domain.register();
    clear(Arc::get_mut(&mut cell).unwrap(), &handle.pin());
    drop(handle);
    all_dropped_with(domain, &drops, 8 * MANY + 1);
}

pub(crate) fn garbage_of_an_exited_thread_is_adopted<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    // More than the thread retires nodes.
    let others: Vec<_> = (0..20).map(|_| domain.register()).collect();
    let mut guards: Vec<_> = others.iter().map(kovan_schemes::Handle::pin).collect();
    scoped(|scope| {
        spawn(scope, || {
            let handle = domain.register();
            let guard = handle.pin();
            for _ in 0..10 {
                // SAFETY: never published.
                unsafe { guard.retire(guard.alloc(drops.value()).into_shared()) };
            }
        });
    });
    // Whichever is the last one, it holds them: here the first to register.
    while guards.len() > 1 {
        guards.pop();
        let held = R::FACTS.strength == Strength::Region;
        assert!(drops.count() == 0 || !held, "dropped under a guard that was there before");
    }
    drop(guards);
    drop(others);
    all_dropped_with(domain, &drops, 10);
}

pub(crate) fn two_hundred_short_lived_threads<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let cell = Arc::new(Atomic::<Tracked, R>::null());
    for _ in 0..50 {
        scoped(|scope| {
            for _ in 0..4 {
                spawn(scope, || {
                    let handle = domain.register();
                    for _ in 0..7 {
                        replace(&cell, &handle.pin(), &drops);
                    }
                });
            }
        });
    }
    let handle = domain.register();
    clear(Arc::into_inner(cell).as_mut().unwrap(), &handle.pin());
    drop(handle);
    all_dropped_with(domain, &drops, 200 * 7);
}

pub(crate) fn more_guards_than_a_batch_has_entries<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let handles: Vec<_> = (0..200).map(|_| domain.register()).collect();
    let guards: Vec<_> = handles.iter().map(kovan_schemes::Handle::pin).collect();
    let writer = domain.register();
    for _ in 0..MANY {
        let guard = writer.pin();
        // SAFETY: never published.
        unsafe { guard.retire(guard.alloc(drops.value()).into_shared()) };
    }
    if R::FACTS.strength == Strength::Region {
        assert_eq!(drops.count(), 0, "dropped under a guard that was there before");
    }
    drop(guards);
    drop((handles, writer));
    all_dropped_with(domain, &drops, MANY);
}

pub(crate) fn one_stalled_thread_stays_within_the_declared_bound<R: Reclaimer>() {
    a_stall_stays_within_the_bound::<R>(&Parameters::default());
}

pub(crate) fn a_stall_stays_within_the_bound<R: Reclaimer>(parameters: &Parameters) {
    let input = BoundInput { handles: 2, stalled: 1, shields: 1, live: 1, ..BoundInput::default() };
    let (domain, drops) = (Domain::<R>::with(parameters), Drops::default());
    let cell = Atomic::<Tracked, R>::null();
    replace(&cell, &domain.register().pin(), &drops);
    let started = Barrier::new(2);
    let (release, wait) = channel::<()>();
    // Twice the bound, or nothing could exceed it; and so many that the peak is seen.
    let retired = R::bound(&input, parameters).map_or(30_000, |bound| 30_000.max(2 * bound));
    let meter = domain.meter();
    let mut peak = 0;
    scoped(|scope| {
        let (domain, cell, started) = (&domain, &cell, &started);
        spawn(scope, move || {
            let handle = domain.register();
            let guard = handle.pin();
            let mut shield = guard.shield();
            let shared = guard.protect(&mut shield, cell);
            started.wait();
            wait.recv().unwrap_err();
            // SAFETY: protected by `guard` and `shield`.
            assert!(unsafe { shared.deref() }.is_some_and(Tracked::is_alive));
        });
        started.wait();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                spawn(scope, || {
                    let handle = domain.register();
                    for _ in 0..retired / 2 {
                        replace(cell, &handle.pin(), &drops);
                    }
                })
            })
            .collect();
        while !writers.iter().all(|w| w.is_finished()) {
            peak = peak.max(meter.totals().unreclaimed());
            thread::yield_now();
        }
        peak = peak.max(meter.totals().unreclaimed());
        drop(release);
    });
    match R::bound(&input, parameters) {
        Some(bound) => {
            assert!(R::FACTS.robust.stalled);
            assert!(peak <= bound, "{peak} unreclaimed, the bound is {bound}; {parameters:?}");
        }
        // Where no bound is claimed the stall must show, or the test measures nothing.
        None if piles_up::<R>() => {
            assert!(peak >= retired / 10 * 9, "only {peak} unreclaimed under a stall");
        }
        None => {}
    }
    let mut cell = cell;
    clear(&mut cell, &domain.register().pin());
}

pub(crate) fn the_counters_balance<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let meter = domain.meter();
    let handle = domain.register();
    let mut cell = Atomic::<Tracked, R>::null();
    for _ in 0..MANY {
        replace(&cell, &handle.pin(), &drops);
    }
    let guard = handle.pin();
    guard.discard(guard.alloc(drops.value()));
    let totals = meter.totals();
    assert_eq!(totals.allocated, MANY as u64 + 1);
    assert_eq!(totals.retired, MANY as u64 - 1);
    assert_eq!((totals.live(), totals.dropped), (1, 1));
    assert_eq!(
        totals.allocated - totals.dropped,
        totals.live() + totals.unreclaimed() + totals.freed
    );
    // The writer retires under its own guard, so a scheme that never frees would show here.
    assert_eq!(totals.freed + 1, drops.count() as u64);
    clear(&mut cell, &guard);
    drop(guard);
    drop(handle);
    drop(domain);
    let totals = meter.totals();
    assert_eq!((totals.live(), totals.retired), (0, MANY as u64));
    assert!(totals.freed == MANY as u64 || !R::FACTS.frees_on_drop);
}

/// Allocates a node of `BYTES` bytes beside its header, protects it with `shield`, and retires it.
fn retire_held<'h, R: Reclaimer, const BYTES: usize>(
    guard: &Guard<'h, R>,
    shield: &mut Shield<'h, R>,
) -> u64 {
    let cell = Atomic::<[u8; BYTES], R>::new(guard.alloc([0; BYTES]).into_shared());
    let node = guard.protect(shield, &cell);
    // SAFETY: allocated above, and retired once; the cell, which alone leads to it, is this function's.
    unsafe { guard.retire(node) };
    size_of::<Node<[u8; BYTES], R::Header>>() as u64
}

pub(crate) fn bytes_are_counted_as_nodes_are<R: Reclaimer>() {
    const EACH: usize = 100;
    let domain = Domain::<R>::new();
    let (meter, handle) = (domain.meter(), domain.register());
    let guard = handle.pin();
    let mut shields: Vec<_> = (0..2 * EACH).map(|_| guard.shield()).collect();
    let (mut bytes, mut nodes) = (0, 0);
    for pair in shields.chunks_mut(2) {
        bytes += retire_held::<R, 8>(&guard, &mut pair[0]);
        bytes += retire_held::<R, 1000>(&guard, &mut pair[1]);
        nodes += 2;
        let totals = meter.totals();
        // The guard and the shields hold all of them.
        assert_eq!((totals.unreclaimed(), totals.unreclaimed_bytes()), (nodes, bytes));
    }
    assert_eq!(handle.totals().retired_bytes, bytes);
    guard.discard(guard.alloc([0_u8; 24]));
    drop(shields);
    drop(guard);
    drop(handle);
    drop(domain);
    let totals = meter.totals();
    assert_eq!(totals.retired_bytes, bytes, "a node that is discarded is not retired");
    // Other tests' guards may hold what a collector of the process has.
    if R::FACTS.frees_on_drop || totals.freed == nodes {
        assert_eq!((totals.freed_bytes, totals.unreclaimed_bytes()), (bytes, 0));
    } else if !R::FACTS.frees_meanwhile {
        assert_eq!((totals.freed_bytes, totals.unreclaimed_bytes()), (0, bytes));
    }
}
