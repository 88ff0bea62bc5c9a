//! Every structure by the name users type, paired with every scheme.

use std::error::Error;
use std::fmt;

use kovan_schemes::{Facts, Reclaimer, Strength, schemes};

use crate::structure::{Content, Structure, StructureFacts};

/// Work to do with one pair of a scheme and a structure, chosen by name.
pub trait Visitor {
    /// What the work yields.
    type Output;
    /// Does it.
    fn visit<R: Reclaimer, S: Structure<R>>(self) -> Self::Output;
}

/// Why there is no such pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DispatchError {
    /// No scheme has this name.
    UnknownScheme(String),
    /// No structure has this name.
    UnknownStructure(String),
    /// The structure is not sound with the scheme.
    Refused {
        /// Why, in a sentence.
        reason: String,
    },
}

/// A scheme and a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The name of the scheme.
    pub scheme: &'static str,
    /// The name of the structure.
    pub structure: &'static str,
    /// Says whether the structure is sound with the scheme.
    pub allowed: bool,
    /// Why it is, or is not, in a sentence.
    pub reason: String,
}

/// Calls `$callback!` with the schemes and the rows, followed by the caller's own arguments. A row is a structure
/// of this crate with the types of its elements, where `V` is that of its values, and the strength it
/// needs (`any` or `region`).
#[macro_export]
macro_rules! for_each_structure {
    ([$($schemes:tt)*] $callback:ident $($arguments:tt)*) => {
        $callback! {
            [$($schemes)*]
            {
                TreiberStack(V): any,
                EliminationStack(V): any,
                MsQueue(V): any,
                DoubleLinkQueue(V): any,
                SegmentQueue(V): any,
                MichaelList(u64, V): any,
                FixedHashMap(u64, V): any,
                FixedHashMapHarris(u64, V): any,
                HarrisList(u64, V): region,
                HarrisListScot(u64, V): any,
                SkipList(u64, V): any,
                Bonsai(u64, V): any,
                EllenTree(u64, V): any,
                NmTree(u64, V): any,
            }
            $($arguments)*
        }
    };
}

macro_rules! define_witness {
    ([$scheme:ident : region, $($rest:tt)*]) => {
        /// A structure's facts do not depend on the scheme. This one is strong enough for all:
        /// the first of strength region.
        type Witness = schemes::$scheme;
    };
    ([$scheme:ident : $weaker:ident, $($rest:tt)*]) => { define_witness! { [$($rest)*] } };
}
kovan_schemes::for_each_scheme!(define_witness);

/// Visits the pair where it is sound; where it is not, its type must not even be named.
macro_rules! visit_if_sound {
    (any $strength:ident $($pair:tt)*) => { visit_if_sound!(@yes $($pair)*) };
    (region region $($pair:tt)*) => { visit_if_sound!(@yes $($pair)*) };
    (region $weaker:ident $visitor:ident $scheme:ident $structure:ident($($element:ty),*)) => {
        Err(DispatchError::Refused {
            reason: reason(
                &<schemes::$scheme as Reclaimer>::FACTS,
                &<crate::$structure<$($element,)* Witness> as Structure<Witness>>::FACTS,
            ),
        })
    };
    (@yes $visitor:ident $scheme:ident $structure:ident($($element:ty),*)) => {
        Ok($visitor.visit::<schemes::$scheme, crate::$structure<$($element,)* schemes::$scheme>>())
    };
}

/// Returns what the visitor made of the structure named `$name`, if there is one.
macro_rules! try_structures {
    (
        $scheme:ident $strength:ident $name:ident $visitor:ident
        { $($structure:ident($($element:ty),*): $needs:ident,)* }
    ) => {
        $(if $name == <crate::$structure<$($element,)* Witness> as Structure<Witness>>::FACTS.name {
            return visit_if_sound!($needs $strength $visitor $scheme $structure($($element),*));
        })*
    };
}

macro_rules! define_dispatch_over {
    ($(#[$doc:meta])* $dispatch:ident [$($scheme:ident : $strength:ident,)*] $rows:tt) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// If there is no such scheme or structure, or the structure is not sound with the scheme.
        pub fn $dispatch<V: Content, W: Visitor>(
            scheme: &str,
            structure: &str,
            visitor: W,
        ) -> Result<W::Output, DispatchError> {
            $(if scheme == <schemes::$scheme as Reclaimer>::FACTS.name {
                try_structures! { $scheme $strength structure visitor $rows }
                return Err(DispatchError::UnknownStructure(structure.to_owned()));
            })*
            Err(DispatchError::UnknownScheme(scheme.to_owned()))
        }
    };
}

/// Divides the schemes: those of strength region, and the others.
macro_rules! define_dispatch {
    ([$scheme:ident : region, $($rest:tt)*] [$($region:tt)*] $shielded:tt $rows:tt) => {
        define_dispatch! { [$($rest)*] [$($region)* $scheme: region,] $shielded $rows }
    };
    ([$scheme:ident : $weaker:ident, $($rest:tt)*] $region:tt [$($shielded:tt)*] $rows:tt) => {
        define_dispatch! { [$($rest)*] $region [$($shielded)* $scheme: $weaker,] $rows }
    };
    ([] $region:tt $shielded:tt $rows:tt) => {
        define_dispatch_over! {
            /// As [`dispatch`], with the schemes of strength region only.
            dispatch_region $region $rows
        }
        define_dispatch_over! {
            /// As [`dispatch`], with the schemes of all other strengths only.
            dispatch_shielded $shielded $rows
        }
        define_facts! { $rows }
    };
    ([$($schemes:tt)*] $rows:tt) => { define_dispatch! { [$($schemes)*] [] [] $rows } };
}

/// Says whether this is the name of a scheme of strength region.
#[must_use]
pub fn is_region(scheme: &str) -> bool {
    let mut all = kovan_schemes::registry::all().into_iter();
    all.any(|facts| facts.name == scheme && facts.strength == Strength::Region)
}

/// Calls the visitor with the scheme and the structure of these names, which holds values of type `V`. Whoever names
/// another type compiles all pairs again.
///
/// # Errors
/// If there is no such scheme or structure, or the structure is not sound with the scheme.
pub fn dispatch<V: Content, W: Visitor>(
    scheme: &str,
    structure: &str,
    visitor: W,
) -> Result<W::Output, DispatchError> {
    if is_region(scheme) {
        dispatch_region::<V, W>(scheme, structure, visitor)
    } else {
        dispatch_shielded::<V, W>(scheme, structure, visitor)
    }
}

macro_rules! define_facts {
    ({ $($structure:ident($($element:ty),*): $needs:ident,)* }) => {
        /// The facts of every structure, in the order of the registry.
        #[must_use]
        pub fn structures() -> Vec<StructureFacts> {
            // Facts do not depend on the values.
            type V = u64;
            vec![$(<crate::$structure<$($element,)* Witness> as Structure<Witness>>::FACTS),*]
        }
    };
}
kovan_schemes::for_each_scheme!(for_each_structure define_dispatch);

/// Every scheme with every structure, in the order of the registries.
#[must_use]
pub fn matrix() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for scheme in kovan_schemes::registry::all() {
        for structure in structures() {
            pairs.push(Pair {
                scheme: scheme.name,
                structure: structure.name,
                allowed: scheme.strength >= structure.needs,
                reason: reason(&scheme, &structure),
            });
        }
    }
    pairs
}

fn reason(scheme: &Facts, structure: &StructureFacts) -> String {
    let allowed = scheme.strength >= structure.needs;
    let (scheme, structure, needs) = (scheme.name, structure.name, structure.needs);
    match needs {
        Strength::Pointer => {
            format!("{structure} shields each node before it reads it, which every scheme honours")
        }
        Strength::Guard | Strength::Region if allowed => {
            format!("{scheme} protects every node that {structure} can reach")
        }
        Strength::Guard => {
            format!("{structure} does not shield each node, and {scheme} protects no others")
        }
        Strength::Region => format!(
            "{structure} reads through unlinked nodes, and {scheme} does not protect what is behind them"
        ),
    }
}

impl fmt::Display for DispatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |names: Vec<&str>| names.join(", ");
        match self {
            Self::UnknownScheme(name) => {
                let all = kovan_schemes::registry::all();
                let names = join(all.iter().map(|facts| facts.name).collect());
                write!(f, "unknown scheme {name:?}; there are {names}")
            }
            Self::UnknownStructure(name) => {
                let names = join(structures().iter().map(|facts| facts.name).collect());
                write!(f, "unknown structure {name:?}; there are {names}")
            }
            Self::Refused { reason } => write!(f, "refused: {reason}"),
        }
    }
}

impl Error for DispatchError {}
