//! What is compiled for each pair.

use kovan_schemes::domain::Meter;
use kovan_schemes::{Domain, Guard, Handle, Reclaimer, Totals};
use kovan_structures::{Query, Structure};

use super::{Draws, Moves, Operations, Subject, Worker, draws, in_retire};

/// Structures in a domain.
pub(super) struct Real<R: Reclaimer, S: Structure<R>> {
    /// None after `finish`.
    structures: Vec<S>,
    domain: Domain<R>,
    meter: Meter,
}

impl<R: Reclaimer, S: Structure<R>> Real<R, S> {
    pub(super) fn new(structures: Vec<S>, domain: Domain<R>) -> Self {
        let meter = domain.meter();
        Self { structures, domain, meter }
    }
}

impl<R: Reclaimer, S: Structure<R>> Subject for Real<R, S> {
    fn join(&self) -> Box<dyn Worker + '_> {
        Box::new(Registered { structures: &self.structures, handle: self.domain.register() })
    }
    fn join_another(&self) -> Box<dyn Worker + '_> {
        Box::new(Registered { structures: &self.structures, handle: Domain::new().register() })
    }
    fn totals(&self) -> Totals {
        self.meter.totals()
    }
    fn contents(&mut self) -> Vec<u64> {
        self.structures.iter_mut().flat_map(S::contents).collect()
    }
    fn finish(mut self: Box<Self>) -> [Totals; 2] {
        let meter = self.meter.clone();
        self.structures.clear();
        let first = meter.totals();
        drop(self);
        [first, meter.totals()]
    }
}

struct Registered<'a, R: Reclaimer, S> {
    structures: &'a [S],
    handle: Handle<R>,
}

impl<R: Reclaimer, S: Structure<R>> Worker for Registered<'_, R, S> {
    fn pinned_all(&self, inside: &mut dyn FnMut(&[&dyn Operations])) {
        let guard = self.handle.pin();
        let pinned = |structure| Pinned { structure, guard: &guard };
        match self.structures {
            [one] => inside(&[&pinned(one)]),
            [one, two, three] => inside(&[&pinned(one), &pinned(two), &pinned(three)]),
            _ => unreachable!("there are one or three structures"),
        }
    }
    fn pinned(&self, inside: &mut dyn FnMut(&dyn Operations)) {
        inside(&Pinned { structure: &self.structures[0], guard: &self.handle.pin() });
    }
    fn draw(&self, draws: &mut Draws<'_>, moves: &mut Moves) {
        draws::block(&self.structures[0], &self.handle, draws, moves);
    }
    fn retire_one(&self, around: &mut dyn FnMut(&mut dyn FnMut())) {
        in_retire::one(&self.handle, around);
    }
    fn stop_in_retirement(
        &self,
        wait: &mut dyn FnMut(),
        is_over: &mut dyn FnMut() -> bool,
    ) -> bool {
        in_retire::until_stopped(&self.handle, wait, is_over)
    }
    fn totals(&self) -> Totals {
        self.handle.totals()
    }
    fn flush(&self) {
        self.handle.flush();
    }
}

/// A structure under a guard.
pub(super) struct Pinned<'a, 'h, R: Reclaimer, S> {
    pub(super) structure: &'a S,
    pub(super) guard: &'a Guard<'h, R>,
}

impl<R: Reclaimer, S: Structure<R>> Operations for Pinned<'_, '_, R, S> {
    fn insert(&self, key: u64) -> bool {
        self.structure.insert(self.guard, key)
    }
    fn remove(&self, key: u64) -> Option<u64> {
        self.structure.remove(self.guard, key)
    }
    fn contains(&self, key: u64) -> bool {
        self.structure.contains(self.guard, key)
    }
    fn hold_inside(&self, key: u64, inside: &mut dyn FnMut()) {
        self.structure.hold_inside(self.guard, key, inside);
    }
    fn put(&self, key: u64, value: u64) -> Option<Option<u64>> {
        self.structure.put(self.guard, key, value)
    }
    fn query(&self, query: Query) -> Option<Option<u64>> {
        self.structure.query(self.guard, query)
    }
    fn held(&self, key: u64, inside: &mut dyn FnMut()) -> Option<Option<u64>> {
        self.structure.held(self.guard, key, inside)
    }
    fn scan(&self, from: u64, count: u64, see: &mut dyn FnMut(u64)) -> bool {
        self.structure.scan(self.guard, from, count, see)
    }
    fn iterate(&self, see: &mut dyn FnMut(u64)) -> bool {
        self.structure.iterate(self.guard, see)
    }
}
