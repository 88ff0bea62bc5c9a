//! What must hold beside threads that stop, stay too long, or come and go. Robustness is checked
//! both ways: a scheme that claims it stays within its bound, and one that does not piles up, or
//! the test would measure nothing.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use kovan_schemes::{Atomic, BoundInput, Domain, Guard, Handle, Parameters, Reclaimer, Totals};

use crate::cases::{MANY, clear, piles_up, replace};
use crate::threads::{scoped, spawn};
use crate::tracked::{Drops, Tracked};

/// Checks what is unreclaimed of `retired` nodes.
fn check<R: Reclaimer>(claimed: bool, input: &BoundInput, retired: u64, totals: &Totals) {
    check_held::<R>(claimed, input, retired, retired, totals);
}

/// As [`check`], where a scheme that is not robust need not hold more than so many.
fn check_held<R: Reclaimer>(
    claimed: bool,
    input: &BoundInput,
    retired: u64,
    held: u64,
    totals: &Totals,
) {
    let (name, unreclaimed) = (R::FACTS.name, totals.unreclaimed());
    if claimed {
        let bound =
            R::bound(input, &Parameters::default()).expect("a robust scheme declares a bound");
        assert!(bound < retired, "{name}: {retired} nodes cannot break the bound of {bound}");
        assert!(unreclaimed <= bound, "{name}: {unreclaimed} unreclaimed, the bound is {bound}");
    } else if piles_up::<R>() {
        assert!(unreclaimed >= held / 10 * 9, "{name}: only {unreclaimed} unreclaimed");
    }
}

/// So many nodes that a robust scheme's bound could be broken.
fn enough<R: Reclaimer>(input: &BoundInput) -> u64 {
    R::bound(input, &Parameters::default()).map_or(100_000, |bound| 100_000.max(2 * bound))
}

pub(crate) fn a_reader_that_keeps_loading<R: Reclaimer>() {
    // One shield for all loads, or one for each, as operations make them; all in one guard.
    keeps_loading::<R>(false);
    keeps_loading::<R>(true);
}

fn keeps_loading<R: Reclaimer>(fresh: bool) {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (reader, writer, meter) = (domain.register(), domain.register(), domain.meter());
    let mut cell = Atomic::<Tracked, R>::null();
    replace(&cell, &writer.pin(), &drops);
    {
        let guard = reader.pin();
        let mut shield = guard.shield();
        let input = BoundInput { handles: 2, shields: 1, live: 1, ..BoundInput::default() };
        let retired = enough::<R>(&input);
        for _ in 0..retired / 2 {
            if fresh {
                shield = guard.shield();
            }
            let shared = guard.protect(&mut shield, &cell);
            // Twice: while the first is retired, the shield of `replace` protects it too.
            replace(&cell, &writer.pin(), &drops);
            replace(&cell, &writer.pin(), &drops);
            // SAFETY: protected by `guard` and `shield`.
            assert!(unsafe { shared.deref() }.is_some_and(Tracked::is_alive));
        }
        // A guard that protects by address holds what it has loaded, which is every other node.
        let claimed = R::FACTS.robust.long_reader;
        check_held::<R>(claimed, &input, retired, retired / 2, &meter.totals());
    }
    clear(&mut cell, &writer.pin());
}

pub(crate) fn a_shield_that_is_used_again_eras_later<R: Reclaimer>() {
    let (domain, others) = (Domain::<R>::new(), Drops::default());
    let (reader, writer) = (domain.register(), domain.register());
    let mut cell = Atomic::<Tracked, R>::null();
    let guard = reader.pin();
    let mut shield = guard.shield();
    for round in 1..=20 {
        let drops = Drops::default();
        replace(&cell, &writer.pin(), &drops);
        let shared = guard.protect(&mut shield, &cell);
        // So many that eras pass, and scans.
        for _ in 0..1000 {
            replace(&cell, &writer.pin(), &others);
        }
        writer.flush();
        assert_eq!(drops.count(), 0, "{}: dropped in round {round}", R::FACTS.name);
        // SAFETY: protected by `guard` and `shield`.
        assert!(unsafe { shared.deref() }.is_some_and(Tracked::is_alive));
    }
    drop(shield);
    drop(guard);
    clear(&mut cell, &writer.pin());
}

pub(crate) fn loads_that_race_with_frees<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let cell = Atomic::<Tracked, R>::null();
    let stop = AtomicBool::new(false);
    replace(&cell, &domain.register().pin(), &drops);
    scoped(|scope| {
        for _ in 0..3 {
            spawn(scope, || {
                let handle = domain.register();
                while !stop.load(Ordering::Relaxed) {
                    let guard = handle.pin();
                    let mut shield = guard.shield();
                    for _ in 0..50 {
                        let shared = guard.protect(&mut shield, &cell);
                        // SAFETY: protected by `guard` and `shield`.
                        let alive = unsafe { shared.deref() }.is_some_and(Tracked::is_alive);
                        assert!(alive, "{}: a reader saw a freed node", R::FACTS.name);
                    }
                }
            });
        }
        let handle = domain.register();
        for _ in 0..200_000 {
            replace(&cell, &handle.pin(), &drops);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mut cell = cell;
    clear(&mut cell, &domain.register().pin());
}

pub(crate) fn a_stall_while_the_writer_keeps_its_guard<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (reader, writer, meter) = (domain.register(), domain.register(), domain.meter());
    let mut cell = Atomic::<Tracked, R>::null();
    let guard = writer.pin();
    for _ in 0..200 {
        replace(&cell, &guard, &drops);
    }
    let live = 1 + meter.totals().unreclaimed();
    let stalled = reader.pin();
    let mut shield = stalled.shield();
    let shared = stalled.protect(&mut shield, &cell);
    let input = BoundInput { handles: 1, stalled: 1, shields: 1, live, ..BoundInput::default() };
    let retired = enough::<R>(&input);
    for _ in 0..retired {
        replace(&cell, &guard, &drops);
    }
    drop(guard);
    for _ in 0..MANY {
        replace(&cell, &writer.pin(), &drops);
    }
    writer.flush();
    check::<R>(R::FACTS.robust.stalled, &input, retired, &meter.totals());
    // SAFETY: protected by `stalled` and `shield`.
    assert!(unsafe { shared.deref() }.is_some_and(Tracked::is_alive));
    drop(shield);
    drop(stalled);
    clear(&mut cell, &writer.pin());
}

pub(crate) fn a_retirer_that_lags_behind_the_readers<R: Reclaimer>() {
    let (domain, others) = (Domain::<R>::new(), Drops::default());
    let (reader, writer, third) = (domain.register(), domain.register(), domain.register());
    let mut cell = Atomic::<Tracked, R>::null();
    for round in 1..=20 {
        let drops = Drops::default();
        replace(&cell, &third.pin(), &drops);
        // The writer's guard is older than the reader's by what epochs and eras can move.
        let old_guard = writer.pin();
        third.flush();
        let guard = reader.pin();
        let mut shield = guard.shield();
        let shared = guard.protect(&mut shield, &cell);
        replace(&cell, &old_guard, &others);
        drop(old_guard);
        for _ in 0..300 {
            replace(&cell, &third.pin(), &others);
            drop(writer.pin());
        }
        third.flush();
        writer.flush();
        assert_eq!(drops.count(), 0, "{}: dropped in round {round}", R::FACTS.name);
        // SAFETY: protected by `guard` and `shield`.
        assert!(unsafe { shared.deref() }.is_some_and(Tracked::is_alive));
    }
    clear(&mut cell, &writer.pin());
}

pub(crate) fn threads_that_come_and_go_beside_a_stalled_one<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (reader, meter) = (domain.register(), domain.meter());
    let mut cell = Atomic::<Tracked, R>::null();
    replace(&cell, &reader.pin(), &drops);
    {
        let guard = reader.pin();
        let mut shield = guard.shield();
        let shared = guard.protect(&mut shield, &cell);
        let input =
            BoundInput { handles: 2, stalled: 1, shields: 1, live: 1, ..BoundInput::default() };
        let each = enough::<R>(&input) / 400 + 1;
        for _ in 0..200 {
            scoped(|scope| {
                for _ in 0..2 {
                    spawn(scope, || {
                        let handle = domain.register();
                        for _ in 0..each {
                            replace(&cell, &handle.pin(), &drops);
                        }
                    });
                }
            });
        }
        check::<R>(R::FACTS.robust.stalled, &input, 200 * 2 * each, &meter.totals());
        // SAFETY: protected by `guard` and `shield`.
        assert!(unsafe { shared.deref() }.is_some_and(Tracked::is_alive));
    }
    clear(&mut cell, &reader.pin());
}

pub(crate) fn births_of_threads_that_leave_count<R: Reclaimer>() {
    // No thread lives for as many births as a step of an era clock takes. If they were lost with the
    // thread, the clock would stand still, and the stalled reader hold all that is made after it.
    const EACH: u64 = 20;
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (reader, meter) = (domain.register(), domain.meter());
    let mut cell = Atomic::<Tracked, R>::null();
    replace(&cell, &reader.pin(), &drops);
    {
        let guard = reader.pin();
        let mut shield = guard.shield();
        let shared = guard.protect(&mut shield, &cell);
        let input =
            BoundInput { handles: 1, stalled: 1, shields: 1, live: 1, ..BoundInput::default() };
        let lives = enough::<R>(&input).div_ceil(EACH);
        let live = |_| {
            let handle = domain.register();
            for _ in 0..EACH {
                replace(&cell, &handle.pin(), &drops);
            }
            drop(handle);
            meter.totals()
        };
        let most = (0..lives).map(live).max_by_key(Totals::unreclaimed).expect("some lived");
        check::<R>(R::FACTS.robust.stalled, &input, lives * EACH, &most);
        // SAFETY: protected by `guard` and `shield`.
        assert!(unsafe { shared.deref() }.is_some_and(Tracked::is_alive));
    }
    clear(&mut cell, &reader.pin());
}

pub(crate) fn a_hundred_shields_at_once<R: Reclaimer>() {
    let (domain, others) = (Domain::<R>::new(), Drops::default());
    let (reader, writer) = (domain.register(), domain.register());
    let mut cells: Vec<_> = (0..100).map(|_| Atomic::<Tracked, R>::null()).collect();
    // Twice: the second time the shields are used ones.
    for round in 1..=2 {
        let drops = Drops::default();
        for cell in &cells {
            replace(cell, &writer.pin(), &drops);
        }
        let guard = reader.pin();
        let mut shields: Vec<_> = cells.iter().map(|_| guard.shield()).collect();
        let held: Vec<_> = cells
            .iter()
            .zip(&mut shields)
            .map(|(cell, shield)| guard.protect(shield, cell))
            .collect();
        for cell in &cells {
            replace(cell, &writer.pin(), &others);
        }
        for _ in 0..MANY {
            replace(&cells[0], &writer.pin(), &others);
        }
        writer.flush();
        assert_eq!(drops.count(), 0, "{}: dropped in round {round}", R::FACTS.name);
        // SAFETY: protected by `guard` and `shields`.
        assert!(held.iter().all(|s| unsafe { s.deref() }.is_some_and(Tracked::is_alive)));
        drop(shields);
    }
    for cell in &mut cells {
        clear(cell, &writer.pin());
    }
}

thread_local! {
    /// A handle that destructors find.
    static HANDLE: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

/// A value whose destructor retires the next, and flushes, by the handle of the thread that drops it.
struct Next<R: Reclaimer>(usize, std::marker::PhantomData<fn() -> R>);

impl<R: Reclaimer> Drop for Next<R> {
    fn drop(&mut self) {
        let handle = HANDLE.with_borrow(Clone::clone);
        let Some(handle) = handle.and_then(|h| h.downcast::<Handle<R>>().ok()) else { return };
        if self.0 > 0 {
            retire_next(&handle.pin(), self.0 - 1);
            handle.flush();
        }
    }
}

fn retire_next<R: Reclaimer>(guard: &Guard<'_, R>, left: usize) {
    // SAFETY: never published.
    unsafe { guard.retire(guard.alloc(Next::<R>(left, std::marker::PhantomData)).into_shared()) };
}

pub(crate) fn a_destructor_may_retire_through_the_handle_that_frees_it<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let handle = Rc::new(domain.register());
    HANDLE.set(Some(Rc::clone(&handle) as Rc<dyn Any>));
    // As deep as a stack would not stand, if each destructor ran inside the one before.
    retire_next(&handle.pin(), 100_000);
    for _ in 0..MANY {
        retire_next(&handle.pin(), 3);
    }
    handle.flush();
    HANDLE.set(None);
    drop(handle);
    drop(domain);
    let totals = meter.totals();
    assert_eq!(totals.panicked, 0);
    assert!(totals.freed == totals.retired || !R::FACTS.frees_on_drop, "{totals:?}");
}
