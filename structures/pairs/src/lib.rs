//! Pairs of a scheme and a structure behind one type.
//!
//! Tests and checks measure nothing, so a virtual call per operation costs nothing that matters. Compiled for
//! each of hundreds of pairs they would take minutes to build; here the operations of each pair are compiled
//! once, and what uses them is compiled once too.

use kovan_schemes::domain::Meter;
use kovan_schemes::{
    BoundInput, Domain, Facts, Guard, Handle, Parameters, Payload, Reclaimer, Totals,
};
use kovan_structures::registry::{self, DispatchError, Visitor};
use kovan_structures::{Query, Structure, StructureFacts};

/// A scheme and a structure.
#[derive(Clone, Copy, Debug)]
pub struct ErasedPair {
    /// What the scheme declares.
    pub scheme: Facts,
    /// What the structure declares.
    pub structure: StructureFacts,
    make: fn(usize, usize) -> Box<dyn Subject>,
    bound: fn(&BoundInput) -> Option<u64>,
}

impl ErasedPair {
    /// Returns the pair of these types.
    #[must_use]
    pub fn of<R: Reclaimer, S: Structure<R>>() -> Self {
        Self {
            scheme: R::FACTS,
            structure: S::FACTS,
            make: |hint, structures| {
                let domain = Domain::<R>::new();
                let structures = (0..structures).map(|_| S::new(&domain, hint)).collect();
                let meter = domain.meter();
                Box::new(Real { structures, domain, meter })
            },
            bound: |input| R::bound(input, &Parameters::default()),
        }
    }

    /// Returns the pair of these names. Its values are of the same type as those that the lab measures.
    ///
    /// # Errors
    /// If there is no such scheme or structure, or the structure is not sound with the scheme.
    pub fn find(scheme: &str, structure: &str) -> Result<Self, DispatchError> {
        registry::dispatch::<Payload, _>(scheme, structure, Find)
    }

    /// Returns every allowed pair, in the order of the registries.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let allowed = registry::matrix().into_iter().filter(|pair| pair.allowed);
        allowed.filter_map(|pair| Self::find(pair.scheme, pair.structure).ok()).collect()
    }

    /// Makes an empty structure in a domain of its own.
    #[must_use]
    pub fn make(&self, capacity_hint: usize) -> Box<dyn Subject> {
        (self.make)(capacity_hint, 1)
    }

    /// Makes three empty structures in one domain.
    #[must_use]
    pub fn make_three(&self, capacity_hint: usize) -> Box<dyn Subject> {
        (self.make)(capacity_hint, 3)
    }

    /// Returns the bound that the scheme declares, with its parameters at their defaults.
    #[must_use]
    pub fn bound(&self, input: &BoundInput) -> Option<u64> {
        (self.bound)(input)
    }
}

struct Find;

impl Visitor for Find {
    type Output = ErasedPair;
    fn visit<R: Reclaimer, S: Structure<R>>(self) -> ErasedPair {
        ErasedPair::of::<R, S>()
    }
}

/// A structure in a domain, or three.
pub trait Subject: Sync {
    /// Registers the calling thread.
    fn join(&self) -> Box<dyn Worker + '_>;
    /// Registers the calling thread with another domain, whose guards every operation must refuse.
    fn join_another(&self) -> Box<dyn Worker + '_>;
    /// Returns the counters of the domain.
    fn totals(&self) -> Totals;
    /// Returns all keys of the first structure, as [`Structure::contents`], then those of the others.
    fn contents(&mut self) -> Vec<u64>;
    /// Drops the structures, then the domain; returns the counters after each.
    fn finish(self: Box<Self>) -> [Totals; 2];
}

/// A registered thread.
pub trait Worker {
    /// Runs `inside` under one guard, with the structures.
    fn pinned_all(&self, inside: &mut dyn FnMut(&[&dyn Operations]));
    /// Runs `inside` under one guard, with the first structure.
    fn pinned(&self, inside: &mut dyn FnMut(&dyn Operations)) {
        self.pinned_all(&mut |on| inside(on[0]));
    }
    /// Tries to reclaim.
    fn flush(&self);
}

/// The operations of a structure under a guard.
pub trait Operations {
    /// See [`Structure::insert`].
    fn insert(&self, key: u64) -> bool;
    /// See [`Structure::remove`].
    fn remove(&self, key: u64) -> Option<u64>;
    /// See [`Structure::contains`].
    fn contains(&self, key: u64) -> bool;
    /// See [`Structure::hold_inside`].
    fn hold_inside(&self, key: u64, inside: &mut dyn FnMut());
    /// See [`Structure::put`].
    fn put(&self, key: u64, value: u64) -> Option<Option<u64>>;
    /// See [`Structure::query`].
    fn query(&self, query: Query) -> Option<Option<u64>>;
    /// See [`Structure::held`].
    fn held(&self, key: u64, inside: &mut dyn FnMut()) -> Option<Option<u64>>;
    /// See [`Structure::scan`].
    fn scan(&self, from: u64, count: u64, see: &mut dyn FnMut(u64)) -> bool;
    /// See [`Structure::iterate`].
    fn iterate(&self, see: &mut dyn FnMut(u64)) -> bool;
}

struct Real<R: Reclaimer, S: Structure<R>> {
    /// None after `finish`.
    structures: Vec<S>,
    domain: Domain<R>,
    meter: Meter,
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
    fn flush(&self) {
        self.handle.flush();
    }
}

struct Pinned<'a, 'h, R: Reclaimer, S> {
    structure: &'a S,
    guard: &'a Guard<'h, R>,
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
