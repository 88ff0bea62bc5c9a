//! What every scheme must do, instantiated from the registry.
//!
//! `cases` holds one generic function per promise; the macro below makes a test of each for each
//! scheme, so that a new registry row is tested without an edit here. `broken` shows that the
//! suite catches a scheme that frees at once.

mod broken;
mod cases;
mod tracked;

macro_rules! conformance {
    ([$($scheme:ident : $strength:ident,)*]) => {$(
        #[allow(non_snake_case)]
        mod $scheme {
            use kovan_schemes::schemes::$scheme as Scheme;

            #[test]
            fn each_retired_node_is_dropped_exactly_once() {
                crate::cases::each_retired_node_is_dropped_exactly_once::<Scheme>();
            }
            #[test]
            fn a_protected_node_is_not_dropped() {
                crate::cases::a_protected_node_is_not_dropped::<Scheme>();
            }
            #[test]
            fn readers_never_see_a_freed_node() {
                crate::cases::readers_never_see_a_freed_node::<Scheme>();
            }
            #[test]
            fn garbage_of_an_exited_thread_is_adopted() {
                crate::cases::garbage_of_an_exited_thread_is_adopted::<Scheme>();
            }
            #[test]
            fn a_destructor_may_protect_and_retire() {
                crate::cases::a_destructor_may_protect_and_retire::<Scheme>();
            }
            #[test]
            fn a_panicking_destructor_loses_nothing_else() {
                crate::cases::a_panicking_destructor_loses_nothing_else::<Scheme>();
            }
            #[test]
            fn two_hundred_short_lived_threads() {
                crate::cases::two_hundred_short_lived_threads::<Scheme>();
            }
            #[test]
            fn more_guards_than_a_batch_has_entries() {
                crate::cases::more_guards_than_a_batch_has_entries::<Scheme>();
            }
            #[test]
            fn one_stalled_thread_stays_within_the_declared_bound() {
                crate::cases::one_stalled_thread_stays_within_the_declared_bound::<Scheme>();
            }
            #[test]
            fn the_counters_balance() {
                crate::cases::the_counters_balance::<Scheme>();
            }
        }
    )*};
}
kovan_schemes::for_each_scheme!(conformance);
