//! Experiment specifications: TOML files, embedded in the binary or read from a path.

mod actors;
mod check;
mod claim;
#[cfg(test)]
mod claim_tests;
mod claims;
mod fault;
mod language;
mod limits;
mod literal;
mod parameters;
mod unknown;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Error, Result, bail, ensure};
use kovan_lab_base::support::output::one_line;
use kovan_lab_base::support::suggest::{our_name, suggest};

pub(crate) use claim::{Claim, ClaimKind, Class, Selector, Values};
pub(crate) use language::{Axes, Scale, ScaleName, Spec};
pub(crate) use limits::{check_counts, check_further, check_repeats, check_seconds, check_threads};
pub(crate) use literal::{Literal, ThreadCount};

/// The specifications in the binary: file name and text.
const EMBEDDED: &[(&str, &str)] = &[
    ("specs/stalled-threads.toml", include_str!("../../specs/stalled-threads.toml")),
    ("specs/throughput.toml", include_str!("../../specs/throughput.toml")),
    ("specs/puts.toml", include_str!("../../specs/puts.toml")),
    ("specs/key-range.toml", include_str!("../../specs/key-range.toml")),
    ("specs/harris-against-michael.toml", include_str!("../../specs/harris-against-michael.toml")),
    ("specs/stall-and-recovery.toml", include_str!("../../specs/stall-and-recovery.toml")),
    ("specs/long-readers.toml", include_str!("../../specs/long-readers.toml")),
    ("specs/run-length.toml", include_str!("../../specs/run-length.toml")),
    ("specs/batch-sweep.toml", include_str!("../../specs/batch-sweep.toml")),
    ("specs/latency.toml", include_str!("../../specs/latency.toml")),
    ("specs/ycsb.toml", include_str!("../../specs/ycsb.toml")),
    ("specs/allocators.toml", include_str!("../../specs/allocators.toml")),
    ("specs/naps.toml", include_str!("../../specs/naps.toml")),
    ("specs/delayed-worker.toml", include_str!("../../specs/delayed-worker.toml")),
    ("specs/churn.toml", include_str!("../../specs/churn.toml")),
    ("specs/memory-anchors.toml", include_str!("../../specs/memory-anchors.toml")),
    ("specs/oversubscription.toml", include_str!("../../specs/oversubscription.toml")),
    ("specs/value-size.toml", include_str!("../../specs/value-size.toml")),
    ("specs/ibr18.toml", include_str!("../../specs/ibr18.toml")),
    ("specs/hyaline21-stall.toml", include_str!("../../specs/hyaline21-stall.toml")),
    ("specs/scot26-list.toml", include_str!("../../specs/scot26-list.toml")),
    ("specs/hyaline21-write.toml", include_str!("../../specs/hyaline21-write.toml")),
    ("specs/wfe20-map.toml", include_str!("../../specs/wfe20-map.toml")),
    ("specs/crystalline24-map.toml", include_str!("../../specs/crystalline24-map.toml")),
    ("specs/he17.toml", include_str!("../../specs/he17.toml")),
    ("specs/debra15.toml", include_str!("../../specs/debra15.toml")),
    ("specs/nbr21-delayed.toml", include_str!("../../specs/nbr21-delayed.toml")),
    ("specs/pebr20-noncoop.toml", include_str!("../../specs/pebr20-noncoop.toml")),
    ("specs/hyaline21-read.toml", include_str!("../../specs/hyaline21-read.toml")),
    ("specs/crystalline24-queue.toml", include_str!("../../specs/crystalline24-queue.toml")),
    ("specs/wfe20-queue.toml", include_str!("../../specs/wfe20-queue.toml")),
    ("specs/scot26-tree.toml", include_str!("../../specs/scot26-tree.toml")),
    ("specs/immut25.toml", include_str!("../../specs/immut25.toml")),
    ("specs/immut25-tree.toml", include_str!("../../specs/immut25-tree.toml")),
    ("specs/circ24-control.toml", include_str!("../../specs/circ24-control.toml")),
    ("specs/pop25-long.toml", include_str!("../../specs/pop25-long.toml")),
    ("specs/af24.toml", include_str!("../../specs/af24.toml")),
    ("specs/tuned-alike.toml", include_str!("../../specs/tuned-alike.toml")),
    ("specs/idle-threads.toml", include_str!("../../specs/idle-threads.toml")),
    ("specs/brcu24-long.toml", include_str!("../../specs/brcu24-long.toml")),
    ("specs/kovan-readme.toml", include_str!("../../specs/kovan-readme.toml")),
    ("specs/wide.toml", include_str!("../../specs/wide.toml")),
    ("specs/bigdrop.toml", include_str!("../../specs/bigdrop.toml")),
    ("specs/naive.toml", include_str!("../../specs/naive.toml")),
];

/// More bytes than this are no spec.
const LARGEST: u64 = 1 << 20;

/// A spec and the text it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The file, for messages.
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: String,
    /// Its meaning.
    pub(crate) spec: Spec,
}

impl Source {
    /// What is wrong with the claim of a number, with its line.
    pub(crate) fn wrong_claim(&self, place: usize, error: Error) -> Error {
        let name = self.spec.claims.get(place).map_or("", |claim| claim.id.as_str());
        let fault = fault::Fault::new(&[], error);
        fault
            .within(&["claims", &place.to_string()], &format!("claim `{name}`"))
            .in_file(&self.file, &self.text)
    }
}

/// All embedded specs.
pub(crate) fn embedded() -> Result<Vec<Source>> {
    EMBEDDED.iter().map(|(file, text)| parse(file, text)).collect()
}

/// The spec of a name, or in the file of a path.
pub(crate) fn find(name: &str) -> Result<Source> {
    let embedded = embedded()?;
    if let Some(source) = embedded.iter().find(|source| source.spec.name == name) {
        return Ok(source.clone());
    }
    let path = Path::new(name);
    let is_path = path.extension().is_some_and(|ext| ext == "toml") || path.exists();
    if is_path || name.contains('/') {
        let text = read(path).with_context(|| format!("cannot read spec {name}"))?;
        return parse(name, &text);
    }
    let known = embedded.iter().map(|source| source.spec.name.as_str());
    bail!("unknown experiment `{name}`, and no such file; {}", suggest(name, known));
}

/// The specs of several names or paths, all of them before anything is done with the first one.
///
/// # Errors
/// As for [`find`], and if two are the same experiment.
pub(crate) fn find_all(names: &[String]) -> Result<Vec<Source>> {
    let mut seen = BTreeSet::new();
    let sources: Vec<Source> = names.iter().map(|name| find(name)).collect::<Result<_>>()?;
    for source in &sources {
        let name = &source.spec.name;
        ensure!(seen.insert(name), "experiment `{name}` is named twice");
    }
    Ok(sources)
}

fn read(path: &Path) -> Result<String> {
    ensure!(!path.is_dir(), "it is a folder; a spec is a TOML file");
    let mut text = String::new();
    File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    ensure!(
        text.len() as u64 <= LARGEST,
        "it has more than {LARGEST} bytes; a spec is a TOML file"
    );
    Ok(text)
}

/// Reads and checks a spec; errors name the file, the line and the key.
pub(crate) fn parse(file: &str, text: &str) -> Result<Source> {
    let mut spec: Spec = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| fault::line_at(text, span.start));
        anyhow::anyhow!("{file}:{line}: {}", one_line(error.message()))
    })?;
    // Papers have other names for some schemes.
    for scheme in spec.schemes.iter_mut().flatten() {
        if let Some(ours) = our_name(scheme) {
            *scheme = ours.into();
        }
    }
    spec.claims.iter_mut().for_each(Claim::understand_names);
    if let Some(error) = unknown::unknown_key(file, text) {
        return Err(error);
    }
    spec.check().map_err(|fault| fault.in_file(file, text))?;
    Ok(Source { file: file.into(), text: text.into(), spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_specs_are_valid_and_named_after_their_files() {
        for source in embedded().expect("valid") {
            assert_eq!(source.file, format!("specs/{}.toml", source.spec.name));
            for scale in [ScaleName::Smoke, ScaleName::Laptop, ScaleName::Paper] {
                source.spec.scale(scale).expect("present");
            }
        }
    }

    #[test]
    fn the_names_of_papers_are_understood() {
        let text = include_str!("../../specs/stalled-threads.toml").replace("\"epoch\"", "\"EBR\"");
        let schemes = parse("x.toml", &text).expect("valid").spec.schemes.expect("named");
        assert!(schemes.contains(&"epoch".to_string()), "{schemes:?}");
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line() {
        let text = include_str!("../../specs/throughput.toml").replace("citation", "citaton");
        let error = format!("{:#}", parse("x.toml", &text).expect_err("misspelt"));
        assert!(error.starts_with("x.toml:3: unknown field `citaton`"), "{error}");
    }
}
