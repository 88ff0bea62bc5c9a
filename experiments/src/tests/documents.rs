//! Documents that are written from the registries, and tests that hold them against the truth.
//!
//! `KOVAN_BLESS=1 cargo test -p kovan-lab --lib documents` writes them anew.

use std::fmt::Write;

use kovan_lab_base::support::table::plain;
use kovan_structures::registry::{matrix, structures};
use serde_json::json;

use super::{holds, repository};

/// `docs/MATRIX.md`.
// Writing to a string does not fail, so results are ignored.
fn matrix_document() -> String {
    let (schemes, structures, pairs) = (kovan_schemes::registry::all(), structures(), matrix());
    let allowed = pairs.iter().filter(|pair| pair.allowed).count();
    let mut text = format!(
        "# Every scheme with every structure\n\n\
         Written from the registries; `KOVAN_BLESS=1 cargo test -p kovan-lab --lib documents` writes it\n\
         anew, and the same test fails where it is not true. `kovan-lab list matrix` prints the same.\n\n\
         {allowed} of {} pairs are allowed ({} %). A refused pair does not compile. Each structure names the\n\
         weakest protection that it is sound with, each scheme the protection it gives: `pointer`, then\n\
         `guard`, then `region`, each including the ones before it.\n\n",
        pairs.len(),
        allowed * 100 / pairs.len().max(1),
    );
    let strength = |strength| plain(&json!(strength));
    text.push_str("| scheme | gives |");
    for facts in &structures {
        let _ = write!(text, " `{}` ({}) |", facts.name, strength(facts.needs));
    }
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(structures.len()));
    for scheme in &schemes {
        let _ = write!(text, "| `{}` | {} |", scheme.name, strength(scheme.strength));
        for pair in pairs.iter().filter(|pair| pair.scheme == scheme.name) {
            text.push_str(if pair.allowed { " yes |" } else { " refused |" });
        }
        text.push('\n');
    }
    text.push_str("\n## Why pairs are refused\n\n| scheme | structure | reason |\n|---|---|---|\n");
    for pair in pairs.iter().filter(|pair| !pair.allowed) {
        let _ = writeln!(text, "| `{}` | `{}` | {} |", pair.scheme, pair.structure, pair.reason);
    }
    text
}

#[test]
fn the_matrix_is_as_the_registries_say() {
    holds("docs/MATRIX.md", &matrix_document());
}

#[test]
fn every_pair_is_in_the_matrix_with_a_reason() {
    let pairs = matrix();
    assert_eq!(pairs.len(), kovan_schemes::registry::all().len() * structures().len());
    assert!(pairs.iter().all(|pair| !pair.reason.is_empty()));
    let text = matrix_document();
    for pair in pairs.iter().filter(|pair| !pair.allowed) {
        assert!(text.contains(&format!("| `{}` | `{}` | ", pair.scheme, pair.structure)));
    }
}

/// All keys of an object and of the objects in it.
fn keys_of(value: &serde_json::Value) -> Vec<String> {
    let Some(object) = value.as_object() else { return Vec::new() };
    object.iter().flat_map(|(key, value)| [vec![key.clone()], keys_of(value)].concat()).collect()
}

#[test]
fn every_column_and_key_is_in_format() {
    use crate::plan::{Overrides, Plan};
    use crate::results::manifest::Manifest;
    use crate::spec::{ScaleName, embedded};
    use kovan_lab_base::data::{Further, Time};

    let text = std::fs::read_to_string(repository("docs/FORMAT.md")).expect("docs/FORMAT.md");
    let source = embedded().expect("valid").remove(0);
    let further = Further { budget: Some(Time(60.0)), ..Further::default() };
    let overrides = Overrides { further, ..Overrides::default() };
    let plan = Plan::new(&source, ScaleName::Smoke, &overrides).expect("a plan");
    let manifest = Manifest::new(&source, &plan, &overrides).expect("a manifest");
    let keys = keys_of(&serde_json::to_value(&manifest).expect("json"));
    let columns = crate::results::columns();
    let missing: Vec<String> =
        columns.into_iter().chain(keys).filter(|key| !text.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/FORMAT.md does not say what these are: {missing:?}");
}

#[test]
fn the_experiment_of_the_readme_is_one() {
    use crate::plan::{Overrides, Plan};
    use crate::spec::{ScaleName, parse};

    let path = repository("README.md");
    let text = std::fs::read_to_string(path).expect("README.md");
    let spec = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let source = parse("README.md", spec.expect("a spec")).expect("valid");
    let overrides = Overrides { processors: 2, ..Overrides::default() };
    let plan = Plan::new(&source, ScaleName::Laptop, &overrides).expect("a plan");
    assert_eq!(plan.trials.len(), 4 * 3 * 5, "schemes, periods and repeats");
}

#[test]
fn the_counts_of_the_readme_are_those_of_the_registries() {
    use crate::spec::embedded;

    let path = repository("README.md");
    let text = std::fs::read_to_string(path).expect("README.md").replace('\n', " ");
    let (specs, pairs) = (embedded().expect("valid"), matrix());
    let of_papers = specs.iter().filter(|source| !source.spec.claims.is_empty()).count();
    for count in [
        format!("{} reclamation schemes", kovan_schemes::registry::all().len()),
        format!("{} lock-free structures", structures().len()),
        format!("{} experiments are embedded, and {of_papers} of them", specs.len()),
        format!("{} pairs {} are", pairs.len(), pairs.iter().filter(|pair| pair.allowed).count()),
    ] {
        assert!(text.contains(&count), "README.md does not say: {count}");
    }
}
