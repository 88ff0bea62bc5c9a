//! A scheme and a structure behind one type.
//!
//! Tests and checks measure nothing, so a virtual call per operation costs them nothing that matters. The one loop
//! that measures throughput stands here as well, [`Worker::draw`]: within a block of its operations nothing virtual
//! happens but for [`Further`] ones.

mod draws;
mod in_retire;
mod real;

use kovan_schemes::{BoundInput, Domain, Facts, Parameters, Reclaimer, Totals};
use kovan_structures::registry::Visitor;
use kovan_structures::{Query, Structure, StructureFacts};

pub use draws::{BLOCK, Draws, Further, Keys, Moves};

/// A scheme and a structure.
#[derive(Clone, Copy, Debug)]
pub struct ErasedPair {
    /// What the scheme declares.
    pub scheme: Facts,
    /// What the structure declares.
    pub structure: StructureFacts,
    make: fn(&Parameters, usize, usize) -> Box<dyn Subject>,
    bound: fn(&BoundInput, &Parameters) -> Option<u64>,
}

impl ErasedPair {
    /// Returns the pair of these types.
    #[must_use]
    pub fn of<R: Reclaimer, S: Structure<R>>() -> Self {
        Self {
            scheme: R::FACTS,
            structure: S::FACTS,
            make: |parameters, hint, structures| {
                let domain = Domain::<R>::with(parameters);
                let structures = (0..structures).map(|_| S::new(&domain, hint)).collect();
                Box::new(real::Real::new(structures, domain))
            },
            bound: R::bound,
        }
    }

    /// Makes an empty structure in a domain of its own, all of whose parameters have their defaults.
    #[must_use]
    pub fn make(&self, capacity_hint: usize) -> Box<dyn Subject> {
        self.make_with(&Parameters::default(), capacity_hint)
    }

    /// Makes an empty structure in a domain of its own, with these parameters.
    ///
    /// # Panics
    /// If the parameters are those of another scheme.
    #[must_use]
    pub fn make_with(&self, parameters: &Parameters, capacity_hint: usize) -> Box<dyn Subject> {
        (self.make)(parameters, capacity_hint, 1)
    }

    /// Makes three empty structures in one domain.
    #[must_use]
    pub fn make_three(&self, capacity_hint: usize) -> Box<dyn Subject> {
        (self.make)(&Parameters::default(), capacity_hint, 3)
    }

    /// Returns the bound that the scheme declares, with its parameters at their defaults.
    #[must_use]
    pub fn bound(&self, input: &BoundInput) -> Option<u64> {
        self.bound_with(input, &Parameters::default())
    }

    /// Returns the bound that the scheme declares, with these parameters.
    #[must_use]
    pub fn bound_with(&self, input: &BoundInput, parameters: &Parameters) -> Option<u64> {
        (self.bound)(input, parameters)
    }
}

/// Makes the pair that it visits.
#[derive(Clone, Copy, Debug)]
pub struct Find;

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
    fn pinned(&self, inside: &mut dyn FnMut(&dyn Operations));
    /// Does a block of operations on the first structure, each under a guard of its own, and counts what they moved.
    fn draw(&self, draws: &mut Draws<'_>, moves: &mut Moves);
    /// Retires a value that nobody has seen, under a guard of its own. `around` is given the retirement, and calls
    /// it; if it does not, the value leaks.
    fn retire_one(&self, around: &mut dyn FnMut(&mut dyn FnMut()));
    /// Retires values until one of them is freed within a retirement of this thread, and calls `wait` there, in the
    /// value's destructor. Returns whether that happened before `is_over` said that it is enough.
    fn stop_in_retirement(&self, wait: &mut dyn FnMut(), is_over: &mut dyn FnMut() -> bool)
    -> bool;
    /// Returns the counters of this thread.
    fn totals(&self) -> Totals;
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
