//! sdd in the cells of one pointer. Its pointers own their nodes, so that a stack or a queue over it
//! is another program than over the rest: those cells are left out.

use std::hint::black_box;
use std::sync::atomic::Ordering;

use sdd::{AtomicOwned, Guard, Owned, Tag};

/// The name in tables.
pub const NAME: &str = "sdd";

/// The shared value.
pub type Shared = AtomicOwned<u64>;

/// One step, with a fresh random number.
pub type Step = fn(&Shared, u64);

/// With a value.
#[must_use]
pub fn new() -> Shared {
    AtomicOwned::new(0)
}

fn load(shared: &Shared, guard: &Guard) -> u64 {
    shared.load(Ordering::Acquire, guard).as_ref().copied().unwrap_or(0)
}

fn replace(shared: &Shared, value: u64) {
    // The old value is retired when its owner is dropped.
    drop(shared.swap((Some(Owned::new(value)), Tag::None), Ordering::AcqRel));
}

/// A step of the cell of that name, if it has one, and its operations.
#[must_use]
pub fn step(cell: &str) -> Option<(Step, u64)> {
    Some(match cell {
        "pin+unpin" => (
            |_, _| {
                black_box(&Guard::new());
            },
            1,
        ),
        "pin+load" => (
            |shared, _| {
                black_box(load(shared, &Guard::new()));
            },
            1,
        ),
        "one of 100 loads" => (
            |shared, _| {
                let guard = Guard::new();
                for _ in 0..100 {
                    black_box(load(shared, &guard));
                }
            },
            100,
        ),
        "swap+retire" => (
            |shared, random| {
                let _guard = Guard::new();
                replace(shared, random);
            },
            1,
        ),
        "read-heavy 95/5" => (
            |shared, random| {
                let guard = Guard::new();
                if random % 20 == 0 {
                    replace(shared, random);
                } else {
                    black_box(load(shared, &guard));
                }
            },
            1,
        ),
        _ => return None,
    })
}
