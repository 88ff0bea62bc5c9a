//! The checks that are of a scheme alone, compiled for each.

use kovan_schemes::{Reclaimer, schemes};

use super::budget::{Budget, Failure};
use super::check::Check;
use super::{destructors, litmus};

type Run = fn(&Budget) -> Result<String, Failure>;

/// What is checked of a scheme, but for the script of `optimistic`, which may read freed memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfScheme {
    litmus: Run,
    destructors: Run,
}

impl OfScheme {
    /// The checks of this scheme.
    pub(super) fn of<R: Reclaimer>() -> Self {
        Self { litmus: litmus::check::<R>, destructors: destructors::check::<R> }
    }

    /// A check of a scheme alone; `None` for any other.
    pub(super) fn get(&self, check: Check) -> Option<Run> {
        match check {
            Check::Litmus => Some(self.litmus),
            Check::Destructors => Some(self.destructors),
            _ => None,
        }
    }
}

macro_rules! all {
    ([$($scheme:ident : $strength:ident,)*]) => {
        /// The names of all schemes, and the checks of each.
        pub(super) fn all() -> Vec<(&'static str, OfScheme)> {
            vec![$((
                <schemes::$scheme as Reclaimer>::FACTS.name,
                OfScheme::of::<schemes::$scheme>(),
            )),*]
        }
    };
}
kovan_schemes::for_each_scheme!(all);
