//! The tables in the documents are those of the newest record.

use std::path::Path;

use kovan_benches::documents::outdated;

#[test]
fn the_tables_are_those_of_the_newest_record() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let paths: Vec<_> = outdated(&root).unwrap().into_iter().map(|it| it.path).collect();
    assert!(
        paths.is_empty(),
        "{paths:?}: `cargo run --release -p kovan-benches --bin tables` writes them"
    );
}
