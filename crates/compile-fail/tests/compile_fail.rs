//! A wrong use of an attribute is a compile error at the user's own word, and says what to write instead.
//!
//! Each file in `compile_fail/` is one mistake, or a few of a kind; the `.stderr` beside it is what the user reads.
//! After a change that is meant: `TRYBUILD=overwrite cargo test -p compile-fail`, and read the difference.

#[test]
fn a_wrong_use_says_what_to_do() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
