//! Records in the binary how it was built: the profile, the compiler, the versions of the peers.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::process::Command;
use std::{env, fs};

/// Packages whose versions go into the manifest of a record.
const LIBRARIES: [&str; 8] = [
    "arc-swap",
    "crossbeam-epoch",
    "haphazard",
    "kovan",
    "libmimalloc-sys",
    "mimalloc",
    "sdd",
    "seize",
];

fn main() {
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    set("PROFILE", &profile(Path::new(&out)).unwrap_or_else(|| "unknown".into()));
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    set("RUSTC", version.as_deref().unwrap_or("unknown").trim());
    let lock = fs::read_to_string("../Cargo.lock").unwrap_or_default();
    set("LIBRARIES", &libraries(&lock));
    for path in ["build.rs", "../Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env=KOVAN_BENCHES_{name}={value}");
}

/// Returns the name of the profile. The variable `PROFILE` has only `release` or `debug`, but the
/// output directory is `<target>/<profile>/build/<package>…`, where the profiles that are called
/// `dev` and `test` are in `debug`.
fn profile(out: &Path) -> Option<String> {
    let parts: Vec<_> = out
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let build = parts
        .windows(2)
        .rposition(|pair| pair[0] == "build" && pair[1].starts_with("kovan-benches"))?;
    parts.get(build.checked_sub(1)?).map(|name| (*name).to_owned())
}

/// Returns the versions that the lock file has from a registry, as `name version, …`. The workspace's
/// own packages have no source there.
fn libraries(lock: &str) -> String {
    let mut found = BTreeMap::<&str, Vec<&str>>::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            package.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix("= "))
        };
        let (Some(name), Some(version), Some(_)) =
            (field("name"), field("version"), field("source"))
        else {
            continue;
        };
        let name = name.trim_matches('"');
        if LIBRARIES.contains(&name) {
            found.entry(name).or_default().push(version.trim_matches('"'));
        }
    }
    let all: Vec<_> =
        found.iter().map(|(name, versions)| format!("{name} {}", versions.join(" and "))).collect();
    all.join(", ")
}
