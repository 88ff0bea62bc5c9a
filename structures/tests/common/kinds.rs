//! Schemes of each kind.

/// Calls a macro with a scheme of each kind, and more: code for every scheme takes minutes to compile. One
/// protects a region; the others have intervals, hazards, eras and logged addresses.
#[allow(unused_macros, reason = "not every test file has it")]
macro_rules! for_each_kind {
    ($call:ident [$($more:tt)*] $($rest:tt)*) => {
        $call! {
            [
                Debra: region,
                Ibr: guard,
                HpNaive: pointer,
                HazardEras: pointer,
                KovanRobust: guard,
                $($more)*
            ] $($rest)*
        }
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use for_each_kind;
