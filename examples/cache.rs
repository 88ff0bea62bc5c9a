//! A value that is computed when it is first asked for, and again after it was invalidated, without `unsafe`.
//!
//! Readers never wait. Threads that find the cache empty at the same time each compute the value; the first one
//! publishes it, and the others drop theirs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kovan::{AtomGuard, AtomOption};

/// A table of squares, which stands for anything that is expensive to make.
struct Squares(Vec<u64>);

struct Cache {
    table: AtomOption<Squares>,
    /// Number of times that the table was computed.
    computed: AtomicUsize,
}

impl Cache {
    const fn new() -> Self {
        Self { table: AtomOption::none(), computed: AtomicUsize::new(0) }
    }

    /// Returns the table, which stays valid while the guard lives.
    fn get(&self) -> AtomGuard<'_, Squares> {
        loop {
            if let Some(table) = self.table.load() {
                return table;
            }
            // An error gives back the table that was not needed: another thread has published one.
            if let Ok(table) = self.table.compare_and_swap(None, self.compute()) {
                return table;
            }
        }
    }

    /// Empties the cache. Guards of earlier loads keep what they have.
    fn invalidate(&self) {
        self.table.store_none();
    }

    fn compute(&self) -> Squares {
        self.computed.fetch_add(1, Ordering::Relaxed);
        Squares((0..1000).map(|number| number * number).collect())
    }
}

fn main() {
    let cache = Cache::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..1000 {
                    assert_eq!(cache.get().0[number], (number * number) as u64);
                }
            });
        }
        for _ in 0..10 {
            let held = cache.get();
            cache.invalidate();
            // Still readable: this guard protects it.
            assert_eq!(held.0[31], 961);
            drop(held);
            thread::yield_now();
        }
    });
    println!("the table was computed {} times", cache.computed.load(Ordering::Relaxed));
    println!("the cache is {} now", if cache.table.is_some() { "filled" } else { "empty" });
}
