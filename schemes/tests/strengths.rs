//! What a scheme says of its strength is what the compiler knows of it, for every scheme.
//!
//! A structure that needs a strength asks for the marker trait, so a pair that is refused does not
//! compile exactly if the markers, the facts and the registry agree.
#![cfg(not(kovan_loom))]

use std::marker::PhantomData;

use kovan_schemes::{GuardProtection, Reclaimer, RegionProtection, Strength, schemes};

/// Tells whether a type has the markers: the constants of the type itself go before those of the traits,
/// and exist only where the type has the marker.
struct Probe<R>(PhantomData<R>);

trait Unmarked {
    const GUARD: bool = false;
    const REGION: bool = false;
}
impl<R> Unmarked for Probe<R> {}

/// A marker each, as both constants of one type would need both.
struct GuardProbe<R>(PhantomData<R>);
impl<R> Unmarked for GuardProbe<R> {}
impl<R: GuardProtection> GuardProbe<R> {
    const GUARD: bool = true;
}
impl<R: RegionProtection> Probe<R> {
    const REGION: bool = true;
}

macro_rules! every_scheme {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn facts_markers_and_registry_agree() {
            $({
                type Scheme = schemes::$scheme;
                let facts = <Scheme as Reclaimer>::FACTS;
                let marked = (GuardProbe::<Scheme>::GUARD, Probe::<Scheme>::REGION);
                let declared = (facts.strength >= Strength::Guard, facts.strength >= Strength::Region);
                assert_eq!(marked, declared, "{}: its markers and its facts", facts.name);
                let row = match stringify!($strength) {
                    "pointer" => Strength::Pointer,
                    "guard" => Strength::Guard,
                    _ => Strength::Region,
                };
                assert_eq!(row, facts.strength, "{}: its row in the registry", facts.name);
            })*
        }

        /// Traversals swap shields at each step. With more words, loads overlap stores of other words, which stalls
        /// the processor: a list over `crystalline` had two thirds of its throughput.
        #[test]
        fn shields_have_at_most_two_words() {
            $({
                type Scheme = schemes::$scheme;
                let words = size_of::<<Scheme as Reclaimer>::Shield<'static>>() / size_of::<usize>();
                assert!(words <= 2, "{}: {words} words", <Scheme as Reclaimer>::FACTS.name);
            })*
        }
    };
}
kovan_schemes::for_each_scheme!(every_scheme);
