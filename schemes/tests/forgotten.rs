//! Guards, shields and handles that are never dropped: all that comes of it is memory that stays.
//! In a process of its own, as some collectors are of the process.
#![cfg(not(kovan_loom))]

#[path = "common/threads.rs"]
mod threads;

use std::any::Any;
use std::cell::RefCell;
use std::env;
use std::mem::forget;
use std::process::Command;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use kovan_schemes::{Atomic, Domain, Guard, Handle, Reclaimer, schemes};

use self::threads::{scoped, spawn};

const MANY: u64 = 2_000;
/// The variable that names the scheme for the child process.
const INSIDE: &str = "KOVAN_END_INSIDE";
const ALIVE: u64 = 0x6B6F_7661_6E21;

/// Counts its drop, which is its only one.
struct Counted {
    state: AtomicU64,
    drops: Arc<AtomicU64>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert_eq!(self.state.swap(0, Ordering::Relaxed), ALIVE, "dropped twice");
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

type Drops = Arc<AtomicU64>;

fn replace<R: Reclaimer>(cell: &Atomic<Counted, R>, guard: &Guard<'_, R>, drops: &Drops) {
    let value = Counted { state: AtomicU64::new(ALIVE), drops: Arc::clone(drops) };
    let new = guard.alloc(value).into_shared();
    let mut shield = guard.shield();
    let old = guard.protect(&mut shield, cell);
    assert!(cell.compare_exchange(old, new, guard).is_ok(), "one writer at a time");
    if !old.is_null() {
        // SAFETY: unlinked by the exchange.
        unsafe { guard.retire(old) };
    }
}

/// Retires what is left in a cell.
fn empty<R: Reclaimer>(domain: &Domain<R>, mut cell: Atomic<Counted, R>) {
    let handle = domain.register();
    // SAFETY: not null, and ours alone.
    unsafe { handle.pin().retire(cell.load_exclusive()) };
}

/// Protects what is in the cells with a shield each while the writer replaces it, many times.
fn hold<R: Reclaimer>(
    domain: &Domain<R>,
    cells: &[Atomic<Counted, R>],
    others: &Drops,
    forget_them: bool,
) {
    let (reader, writer) = (domain.register(), domain.register());
    let drops = Drops::default();
    for cell in cells {
        replace(cell, &writer.pin(), &drops);
    }
    let guard = reader.pin();
    let mut shields: Vec<_> = cells.iter().map(|_| guard.shield()).collect();
    let held: Vec<_> =
        cells.iter().zip(&mut shields).map(|(cell, shield)| guard.protect(shield, cell)).collect();
    for cell in cells.iter().chain(std::iter::repeat_n(&cells[0], MANY as usize)) {
        replace(cell, &writer.pin(), others);
    }
    writer.flush();
    assert_eq!(drops.load(Ordering::Relaxed), 0, "{}: dropped while protected", R::FACTS.name);
    for shared in held {
        // SAFETY: protected by its shield, or by the guard.
        let state = unsafe { shared.deref() }.map(|value| value.state.load(Ordering::Relaxed));
        assert_eq!(state, Some(ALIVE));
    }
    if forget_them {
        shields.into_iter().for_each(forget);
        forget(guard);
        // The handle goes on without them.
        for _ in 0..MANY {
            replace(&cells[0], &reader.pin(), others);
        }
    }
}

fn forgotten<R: Reclaimer>() {
    println!("{}", R::FACTS.name);
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let meter = domain.meter();
    let cells: Vec<_> = (0..20).map(|_| Atomic::null()).collect();
    // Later threads get what earlier ones did not give back.
    for forget_them in [false, true, true, false] {
        scoped(|scope| {
            spawn(scope, || hold(&domain, &cells, &drops, forget_them));
        });
    }
    scoped(|scope| {
        spawn(scope, || {
            let handle = domain.register();
            replace(&cells[0], &handle.pin(), &drops);
            forget(handle.pin());
        });
    });
    hold(&domain, &cells, &drops, true);
    // It is never dropped.
    forget(Domain::<R>::new().register());
    cells.into_iter().for_each(|cell| empty(&domain, cell));
    drop(domain);
    let totals = meter.totals();
    assert_eq!((totals.live(), totals.panicked), (0, 0), "{totals:?}");
    // Other crates' lose what was held, and the thread's garbage.
    let own = R::FACTS.version.starts_with("kovan-schemes") && R::FACTS.frees_on_drop;
    assert!(totals.freed == totals.retired || !own, "{totals:?}");
}

/// A thread ends, and has forgotten a guard. Another gets what a collector kept of it, and is protected.
fn an_heir_is_protected<R: Reclaimer>() {
    let (domain, drops) = (Domain::<R>::new(), Drops::default());
    let (writer, cell) = (domain.register(), Atomic::null());
    for _ in 0..3 {
        scoped(|scope| {
            spawn(scope, || {
                let handle = domain.register();
                forget(handle.pin());
            });
        });
        (0..50).for_each(|_| writer.flush());
        scoped(|scope| {
            spawn(scope, || hold(&domain, slice::from_ref(&cell), &drops, false));
        });
    }
    empty(&domain, cell);
}

thread_local! {
    static KEPT: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Handles and domains that go in the end of a thread, after what a collector keeps of it.
fn threads_keep_them<R: Reclaimer>() {
    let drops = Drops::default();
    for keep_handle in [false, true] {
        let work = || {
            // So that its destructor runs last.
            KEPT.with_borrow_mut(Vec::clear);
            let (domain, cell) = (Domain::<R>::new(), Atomic::null());
            let handle = domain.register();
            (0..MANY).for_each(|_| replace(&cell, &handle.pin(), &drops));
            empty(&domain, cell);
            let kept =
                if keep_handle { Box::new(handle) as Box<dyn Any> } else { Box::new(domain) };
            KEPT.with_borrow_mut(|all| all.push(kept));
        };
        scoped(|scope| spawn(scope, work).join().expect("it ends"));
    }
    assert!(drops.load(Ordering::Relaxed) == 2 * MANY || !R::FACTS.frees_on_drop);
}

macro_rules! every_scheme {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn what_is_forgotten_is_only_lost() {
            $(
                an_heir_is_protected::<schemes::$scheme>();
                threads_keep_them::<schemes::$scheme>();
                forgotten::<schemes::$scheme>();
            )*
        }
    };
}
kovan_schemes::for_each_scheme!(every_scheme);

/// A guard that lives on in a thread-local value would protect nothing, so the process ends.
#[test]
fn no_thread_ends_inside() {
    fn end_inside<R: Reclaimer>() {
        // So that its destructor runs last.
        KEPT.with_borrow_mut(Vec::clear);
        let handle: &'static Handle<R> = Box::leak(Box::new(Domain::<R>::new().register()));
        KEPT.with_borrow_mut(|all| all.push(Box::new(handle.pin())));
    }
    let schemes = [
        ("sdd", end_inside::<schemes::Sdd> as fn()),
        ("kovan-upstream", end_inside::<schemes::KovanUpstream>),
        ("seize", end_inside::<schemes::Seize>),
    ];
    if let Ok(name) = env::var(INSIDE) {
        let (_, end) = schemes.into_iter().find(|scheme| scheme.0 == name).expect("a scheme");
        return thread::spawn(end).join().expect("it does not come to that");
    }
    for (name, _) in schemes {
        let mut child = Command::new(env::current_exe().expect("a test has a file"));
        let child = child
            .args(["--exact", "--nocapture", "no_thread_ends_inside"])
            .env(INSIDE, name)
            .output();
        let output = child.expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains("ended inside of a guard"), "{text}");
    }
}
