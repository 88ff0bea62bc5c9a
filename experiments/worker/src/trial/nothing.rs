//! A structure that holds nothing, whose operations do nothing: what is left is what the loop of a worker costs.

use std::hint::black_box;

use kovan_erased::{Draws, Moves, Operations, Worker};
use kovan_schemes::Totals;
use kovan_structures::Query;

/// The structure, the thread that is registered, and its guard.
pub(super) struct Nothing;

impl Worker for Nothing {
    fn pinned_all(&self, inside: &mut dyn FnMut(&[&dyn Operations])) {
        inside(&[self]);
    }
    fn pinned(&self, inside: &mut dyn FnMut(&dyn Operations)) {
        inside(self);
    }
    fn draw(&self, draws: &mut Draws<'_>, _: &mut Moves) {
        for at in 0..draws.count() {
            black_box(draws.draw(at));
        }
    }
    fn retire_one(&self, around: &mut dyn FnMut(&mut dyn FnMut())) {
        around(&mut || {});
    }
    fn stop_in_retirement(&self, _: &mut dyn FnMut(), _: &mut dyn FnMut() -> bool) -> bool {
        false
    }
    fn totals(&self) -> Totals {
        Totals::default()
    }
    fn flush(&self) {}
}

impl Operations for Nothing {
    fn insert(&self, key: u64) -> bool {
        black_box(key) == u64::MAX
    }
    fn remove(&self, key: u64) -> Option<u64> {
        black_box(key);
        None
    }
    fn contains(&self, key: u64) -> bool {
        black_box(key) == u64::MAX
    }
    fn hold_inside(&self, _: u64, inside: &mut dyn FnMut()) {
        inside();
    }
    fn put(&self, key: u64, _: u64) -> Option<Option<u64>> {
        Some(black_box(Some(key)))
    }
    fn query(&self, _: Query) -> Option<Option<u64>> {
        None
    }
    fn held(&self, _: u64, inside: &mut dyn FnMut()) -> Option<Option<u64>> {
        inside();
        None
    }
    fn scan(&self, from: u64, _: u64, _: &mut dyn FnMut(u64)) -> bool {
        black_box(from) == u64::MAX
    }
    fn iterate(&self, _: &mut dyn FnMut(u64)) -> bool {
        false
    }
}
