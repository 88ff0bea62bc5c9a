//! What is freed where nobody stalls, when, and by whom.

use kovan_schemes::{Atomic, Domain, Reclaimer};

use crate::cases::{MANY, clear, frees_meanwhile, replace};
use crate::threads::{scoped, spawn};
use crate::tracked::{Drops, Tracked};

pub(crate) fn without_a_stall_garbage_is_freed_as_it_comes<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (handle, other, meter) = (domain.register(), domain.register(), domain.meter());
    drop(other.pin());
    other.flush();
    let mut cell = Atomic::<Tracked, R>::null();
    for _ in 0..10 * MANY {
        replace(&cell, &handle.pin(), &drops);
    }
    let totals = meter.totals();
    let expected = if frees_meanwhile::<R>() { totals.retired / 10 * 9 } else { 0 };
    assert!(totals.freed >= expected, "{}: {totals:?}", R::FACTS.name);
    clear(&mut cell, &handle.pin());
}

/// One handle retires, and another one only reads, for a while or for as long as many retirements take.
pub(crate) fn who_frees_is_as_declared<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (writer, reader) = (domain.register(), domain.register());
    let mut cell = Atomic::<Tracked, R>::null();
    replace(&cell, &writer.pin(), &drops);
    for round in 0..MANY {
        let guard = reader.pin();
        let mut shield = guard.shield();
        guard.protect(&mut shield, &cell);
        let retired = if round % 1_000 == 0 { MANY } else { 1 };
        (0..retired).for_each(|_| replace(&cell, &writer.pin(), &drops));
        drop((shield, guard));
        reader.flush();
    }
    let freed = reader.totals().freed;
    // Other domains of the process may hold up a scheme that has one state for all of them.
    let is_certain = freed > 0 || frees_meanwhile::<R>();
    let is_declared = !is_certain || R::FACTS.frees_others == (freed > 0);
    assert!(is_declared, "{}: {freed} by the reader", R::FACTS.name);
    clear(&mut cell, &writer.pin());
}

/// Nobody stalls, and nobody stays.
pub(crate) fn handles_that_leave_soon<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (meter, mut cell) = (domain.meter(), Atomic::<Tracked, R>::null());
    for _ in 0..MANY {
        let handle = domain.register();
        (0..10).for_each(|_| replace(&cell, &handle.pin(), &drops));
    }
    let totals = meter.totals();
    let expected = if frees_meanwhile::<R>() { totals.retired / 10 * 9 } else { 0 };
    assert!(totals.freed >= expected, "{}: {totals:?}", R::FACTS.name);
    clear(&mut cell, &domain.register().pin());
}

pub(crate) fn garbage_of_exited_threads_is_freed_by_those_who_stay<R: Reclaimer>() {
    let (domain, left, drops) = (Domain::<R>::new(), Drops::default(), Drops::default());
    let handle = domain.register();
    for _ in 0..20 {
        scoped(|scope| {
            spawn(scope, || {
                let handle = domain.register();
                let guard = handle.pin();
                for _ in 0..10 {
                    // SAFETY: never published.
                    unsafe { guard.retire(guard.alloc(left.value()).into_shared()) };
                }
            });
        });
    }
    let mut cell = Atomic::<Tracked, R>::null();
    for _ in 0..MANY {
        replace(&cell, &handle.pin(), &drops);
    }
    handle.flush();
    // Others hold what is promised to nobody.
    assert!(left.count() == 200 || !frees_meanwhile::<R>(), "{}", R::FACTS.name);
    clear(&mut cell, &handle.pin());
}
