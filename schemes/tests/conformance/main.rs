//! What every scheme must do, instantiated from the registry.
//!
//! `cases` holds one generic function per promise; the macro below makes a test of each for each
//! scheme, so that a new registry row is tested without an edit here. `destructors` holds those about
//! what destructors do, `adversaries` those about threads that stall, stay or leave, `frees` those about
//! what is freed where nobody stalls, `parameters` those about what can be set. `broken` shows that the suite catches a scheme that frees at once.
#![cfg(not(kovan_loom))]

mod adversaries;
mod broken;
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod destructors;
mod frees;
mod parameters;
#[path = "../common/threads.rs"]
mod threads;
mod tracked;

/// A test for each function named.
macro_rules! tests {
    ($scheme:ty: $($module:ident::{$($case:ident),* $(,)?})*) => {$($(
        #[test]
        fn $case() {
            crate::$module::$case::<$scheme>();
        }
    )*)*};
}

macro_rules! conformance {
    ([$($scheme:ident : $strength:ident,)*] $place:ident) => {$(
        #[allow(non_snake_case)]
        mod $scheme {
            use kovan_schemes::$place::$scheme as Scheme;

            tests! { Scheme:
                cases::{
                    each_retired_node_is_dropped_exactly_once,
                    a_protected_node_is_not_dropped,
                    readers_never_see_a_freed_node,
                    garbage_of_an_exited_thread_is_adopted,
                    two_hundred_short_lived_threads,
                    more_guards_than_a_batch_has_entries,
                    one_stalled_thread_stays_within_the_declared_bound,
                    the_counters_balance,
                    bytes_are_counted_as_nodes_are,
                }
                destructors::{
                    a_destructor_may_protect_and_retire,
                    handles_of_destructors_do_not_nest,
                    a_panicking_destructor_loses_nothing_else,
                    frees_are_counted_in_their_own_domain,
                    a_destructor_may_retire_beside_another_domain,
                }
                adversaries::{
                    a_shield_that_is_used_again_eras_later,
                    loads_that_race_with_frees,
                    a_reader_that_keeps_loading,
                    a_stall_while_the_writer_keeps_its_guard,
                    a_retirer_that_lags_behind_the_readers,
                    threads_that_come_and_go_beside_a_stalled_one,
                    births_of_threads_that_leave_count,
                    a_hundred_shields_at_once,
                    a_destructor_may_retire_through_the_handle_that_frees_it,
                }
                frees::{
                    without_a_stall_garbage_is_freed_as_it_comes,
                    who_frees_is_as_declared,
                    handles_that_leave_soon,
                    garbage_of_exited_threads_is_freed_by_those_who_stay,
                }
                parameters::{
                    every_setting_frees_all,
                    every_setting_keeps_the_bound,
                    the_bound_follows_the_parameters,
                    every_parameter_has_an_effect,
                    what_is_not_declared_is_refused,
                }
            }
        }
    )*};
}
#[cfg(not(kovan_no_membarrier))]
kovan_schemes::for_each_scheme!(conformance schemes);
#[cfg(not(kovan_no_membarrier))]
conformance! { [WfePending: pointer,] variants }
// Without the process-wide barrier: those that use it (`ci/robust` names them too), as the others are what they are elsewhere.
#[cfg(kovan_no_membarrier)]
conformance! { [Kovan: region, KovanRobust: guard, HpAsym: pointer,] schemes }
