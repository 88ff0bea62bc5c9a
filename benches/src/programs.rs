//! The same program built in two ways, and run in turn: for what only a build can change.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use kovan_harness::random::XorShift;
use serde::Deserialize;

use crate::command::Failure;
use crate::contender::{Group, label};
use crate::statistics::median;

/// A directory for what `name` builds and measures, below cargo's.
#[must_use]
pub fn directory(name: &str) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from).join(name)
}

/// Builds a program of this crate below `directory`, with more arguments for cargo, and returns its
/// path. `toolchain` is cargo's first argument, as in `+nightly`; without one, the compiler of this
/// run.
///
/// # Errors
/// If cargo does not succeed.
pub fn build(
    program: &str,
    toolchain: Option<&str>,
    arguments: &[&str],
    directory: &Path,
) -> Result<PathBuf, Failure> {
    let mut cargo = Command::new("cargo");
    if let Some(toolchain) = toolchain {
        // A `cargo run` around this has set its own compiler.
        cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC").arg(toolchain);
    }
    cargo.args(["build", "--release", "-p", "kovan-benches", "--bin", program]);
    cargo.args(arguments).arg("--target-dir").arg(directory);
    succeed(&mut cargo, "cargo build")?;
    Ok(directory.join("release").join(program))
}

fn succeed(command: &mut Command, what: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|error| format!("{what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}").into()) }
}

/// The columns that files of measurements have in common.
#[derive(Deserialize)]
struct Measured {
    /// Only where contenders have groups.
    group: Option<String>,
    contender: String,
    ops_per_second: f64,
}

/// Runs a program that writes its measurements to `csv`, which `option` of it names, and returns the
/// throughput of `subject` over that of `yardstick`: the median of its rounds. The two are labels.
///
/// # Errors
/// If the program does not succeed, or its measurements cannot be read.
pub fn relative(
    program: &Path,
    arguments: &[&str],
    (option, csv): (&str, &Path),
    [subject, yardstick]: [&str; 2],
) -> Result<f64, Failure> {
    // The program may add to what an earlier run has left there.
    let _ = fs::remove_file(csv);
    let mut command = Command::new(program);
    command.args(arguments).arg(option).arg(csv).stdout(Stdio::null());
    succeed(&mut command, &program.display().to_string())?;
    let [mut rates, mut yard] = [Vec::new(), Vec::new()];
    let mut read = || -> Result<(), csv::Error> {
        for record in csv::Reader::from_path(csv)?.deserialize() {
            let Measured { group, contender, ops_per_second } = record?;
            let group = group.as_deref().and_then(Group::of).unwrap_or(Group::ThreadLocal);
            match label(group, &contender) {
                name if name == subject => rates.push(ops_per_second),
                name if name == yardstick => yard.push(ops_per_second),
                _ => {}
            }
        }
        Ok(())
    };
    read().map_err(|error| format!("{}: {error}", csv.display()))?;
    Ok(median(&rates.iter().zip(&yard).map(|(rate, yard)| rate / yard).collect::<Vec<_>>()))
}

/// Measures two programs once per round, which of them first being random; `measure` gets their
/// number.
///
/// # Errors
/// The first of `measure`.
pub fn in_turn(
    rounds: u16,
    mut measure: impl FnMut(usize) -> Result<f64, Failure>,
) -> Result<[Vec<f64>; 2], Failure> {
    let (mut results, mut draws) = ([Vec::new(), Vec::new()], XorShift::stream(0, 0, 0));
    for _ in 0..rounds {
        let first = draws.index(2);
        for which in [first, 1 - first] {
            results[which].push(measure(which)?);
        }
    }
    Ok(results)
}
