//! What a collector can be told.

use core::marker::PhantomData;

use crate::batch::CAPACITY;
use crate::collector::Collector;
use crate::mode::{DefaultMode, Mode};

/// How soon nodes are freed once no guard can hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// After every seventh retirement, and after each that fills a batch: seven nodes for each batch
    /// that waits, but at most seven times this number, which is at least one. A pin that finds
    /// batches to acknowledge frees at most 64 nodes. So with the default, which is 2, no retirement
    /// runs more than 14 destructors, and no pin more than 64; what piled up behind a long guard is
    /// paid off in these steps, or by a flush. Where destructors retire in turn, a retirement runs up
    /// to 64, or seven times this number if that is more. A thread that retires as much as it
    /// allocates gives its allocator as much as it takes (Kim, Brown & Singh, *Are Your Epochs Too
    /// Epic?*, PPoPP 2024).
    Amortised(usize),
    /// All of them, in the `pin`, `retire` or `flush` that finds them. There is no bound on their
    /// number then.
    AtOnce,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// Nodes per batch. To publish one costs a fence and a push per active slot, shared by this
    /// many nodes.
    pub(crate) batch: usize,
    /// Nodes freed per retirement. By default more than one, so that what waits becomes less.
    pub(crate) frees: usize,
    /// Says whether guards publish what they load.
    pub(crate) robust: bool,
}

impl Config {
    /// The value of `frees` that means everything.
    pub(crate) const AT_ONCE: usize = usize::MAX;
    /// Returns the default configuration.
    pub(crate) const fn new(robust: bool) -> Self {
        Self { batch: CAPACITY, frees: 2, robust }
    }
}

/// Makes a [`Collector`] with other parameters than the default ones; see
/// [`Collector::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use = "`build` makes the collector"]
pub struct Builder<M: Mode = DefaultMode> {
    config: Config,
    mode: PhantomData<fn() -> M>,
}

impl<M: Mode> Builder<M> {
    pub(crate) const fn new() -> Self {
        Self { config: Config::new(M::ROBUST), mode: PhantomData }
    }

    /// Sets the nodes per batch, from 1 to 64; 64 if not said. What is out of that range counts as
    /// the end of it. A smaller batch holds less, and costs its fence and pushes more often.
    pub fn batch(mut self, nodes: usize) -> Self {
        self.config.batch = nodes.clamp(1, CAPACITY);
        self
    }

    /// Sets how soon nodes are freed; at most two per retirement if not said.
    pub fn free(mut self, free: Free) -> Self {
        self.config.frees = match free {
            Free::Amortised(nodes) => nodes.clamp(1, CAPACITY),
            Free::AtOnce => Config::AT_ONCE,
        };
        self
    }

    /// Returns the collector.
    #[must_use]
    pub fn build(self) -> Collector<M> {
        Collector::with(self.config)
    }
}
