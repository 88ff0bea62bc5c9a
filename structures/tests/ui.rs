//! Pairs that are not sound do not compile.

#[test]
fn refused_pairs_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
