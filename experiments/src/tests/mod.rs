//! Tests of the whole library, which need its insides.

mod claims_page;
mod documents;
mod front_figure;
mod fuzz;
mod guides;
mod house;
mod links;

use std::path::{Path, PathBuf};

/// Returns a path below the root of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Checks that a file is as it is written from records or registries; `KOVAN_BLESS=1` writes it.
fn holds(path: &str, text: &str) {
    let file = repository(path);
    if std::env::var_os("KOVAN_BLESS").is_some() {
        std::fs::write(&file, text).expect("written");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "{path} is not as its sources say; KOVAN_BLESS=1 writes it");
}
