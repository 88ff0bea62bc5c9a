//! Records in the binary, for the manifest of each run: compiler, flags, profile, commit.

use std::path::Path;
use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = output(&rustc, &["--version"]).unwrap_or_else(|| "unknown".into());
    set("RUSTC", &version);
    set("PROFILE", &std::env::var("PROFILE").unwrap_or_else(|_| "unknown".into()));
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    set("RUSTFLAGS", &flags.replace('\u{1f}', " "));
    set("FEATURES", &features());
    // Absent in a source archive.
    if let Some(commit) = output("git", &["rev-parse", "HEAD"]) {
        set("COMMIT", &commit);
        // Without locks: a refreshed index would be a change, and the next build start anew.
        let changes = output("git", &["--no-optional-locks", "status", "--porcelain"]);
        set("DIRTY", &(changes.as_deref() != Some("")).to_string());
    }
    let watched = ["../Cargo.lock", "../src", "../schemes", "../structures", "../.git/index"];
    for path in watched.into_iter().filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    for path in ["build.rs", "src", "base", "harness", "worker", "specs", "templates", "Cargo.toml"]
    {
        println!("cargo::rerun-if-changed={path}");
    }
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env=KOVAN_LAB_{name}={value}");
}

/// The features of this crate that are on, separated by commas.
fn features() -> String {
    let names = std::env::vars().filter_map(|(name, _)| {
        let feature = name.strip_prefix("CARGO_FEATURE_")?;
        Some(feature.to_lowercase().replace('_', "-"))
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.join(",")
}

/// What a command prints, or nothing if it fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().into())
}
