//! The suite must reject a scheme that frees at once.

use std::panic::catch_unwind;

use crate::common::FreesAtOnce;

#[test]
fn the_suite_catches_a_scheme_that_frees_at_once() {
    let result = catch_unwind(crate::cases::a_protected_node_is_not_dropped::<FreesAtOnce<1>>);
    let panic = result.expect_err("the suite accepted a scheme that protects nothing");
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("dropped while protected"), "caught for another reason: {text}");
}
