//! What a collector can be told.

use core::marker::PhantomData;

use crate::collector::Collector;
use crate::mode::{DefaultMode, Mode};

/// How soon nodes are freed once no guard can hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// Per `retire` one node for each batch that waits, at most so many, and at least one, those of
    /// four retirements together; per `pin` a batch and an eighth of what piled up. No pin or
    /// retirement runs a burst of destructors, and a thread that retires as much as it allocates gives
    /// its allocator as much as it takes (Kim, Brown & Singh, *Are Your Epochs Too Epic?*, PPoPP 2024).
    /// The default, with 2.
    Amortised(usize),
    /// All of them, in the `pin`, `retire` or `flush` that finds them.
    AtOnce,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// Nodes per batch. A flush costs a fence and a push per active slot, shared by this many nodes.
    pub(crate) batch: usize,
    /// Nodes freed per retirement. By default more than one, so that what waits becomes less.
    pub(crate) frees: usize,
}

const DEFAULT: Config = Config { batch: 64, frees: 2 };

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
        Self { config: DEFAULT, mode: PhantomData }
    }

    /// Nodes per batch, at least 1; 64 if not said. A smaller batch holds less, and costs its
    /// fence and pushes more often.
    pub fn batch(mut self, nodes: usize) -> Self {
        self.config.batch = nodes.max(1);
        self
    }

    /// How soon nodes are freed; at most two per retirement if not said.
    pub fn free(mut self, free: Free) -> Self {
        self.config.frees = match free {
            Free::Amortised(nodes) => nodes.max(1),
            Free::AtOnce => usize::MAX,
        };
        self
    }

    /// The collector.
    #[must_use]
    pub fn build(self) -> Collector<M> {
        Collector::with(self.config)
    }
}
