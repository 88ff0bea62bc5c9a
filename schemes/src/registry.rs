//! Every scheme, a row each. The rows are all that the rest of the workspace knows of a scheme:
//! the conformance suite, the structures' registry and the lab are instantiated from them.

macro_rules! registry {
    ($d:tt $($module:ident :: $scheme:ident : $strength:ident,)*) => {
        /// The scheme types, one per row.
        pub mod schemes {
            $(pub use crate::$module::$scheme;)*
        }

        /// The facts of every scheme, in the order of the rows.
        #[must_use]
        pub fn all() -> Vec<crate::Facts> {
            vec![$(<schemes::$scheme as crate::Reclaimer>::FACTS),*]
        }

        /// Calls `$callback!` with `[Scheme: strength, …]`, the types of
        /// [`schemes`](crate::schemes), followed by the caller's own arguments.
        #[macro_export]
        macro_rules! for_each_scheme {
            ($d callback:ident $d($d arguments:tt)*) => {
                $d callback! { [$($scheme: $strength,)*] $d($d arguments)* }
            };
        }
    };
}

// One row per scheme: its file and type, and the strength of its protection (`pointer`, `guard`
// or `region`). A structure that needs more is refused before it is compiled. New rows come last,
// as the look of a scheme in figures follows from its place.
registry! {$
    kovan::Kovan: region,
    kovan::KovanRobust: guard,
    epoch::Epoch: region,
    hazard_pointer::HazardPointer: pointer,
    qsbr::Qsbr: region,
    debra::Debra: region,
    debra::DebraAf: region,
    hp::HpNaive: pointer,
    hp::HpAsym: pointer,
    hazard_eras::HazardEras: pointer,
    ibr::Ibr: guard,
    wfe::Wfe: pointer,
    seize::Seize: region,
    sdd::Sdd: region,
    kovan_upstream::KovanUpstream: guard,
    hyaline::Hyaline1: region,
    hyaline::Hyaline1S: guard,
    crystalline::Crystalline: pointer,
    leak::Leak: region,
    ebr_list::EbrList: region,
    token::Token: region,
    token::TokenAf: region,
    guard_count::GuardCount: region,
}
