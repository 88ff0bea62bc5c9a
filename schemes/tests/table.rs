//! The table in `docs/SCHEMES.md` says what the schemes' facts say. `KOVAN_BLESS=1` rewrites it.
#![cfg(not(kovan_loom))]

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use kovan_schemes::{Facts, Parameter, Progress, Strength, registry};

const BEGIN: &str =
    "<!-- Generated from the facts: KOVAN_BLESS=1 cargo test -p kovan-schemes -->\n";
const END: &str = "<!-- End of the generated part. -->\n";

fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Pointer => "pointer",
        Strength::Guard => "guard",
        Strength::Region => "region",
    }
}

fn progress(progress: Progress) -> &'static str {
    match progress {
        Progress::WaitFree => "wait-free",
        Progress::LockFree => "lock-free",
        Progress::Blocking => "blocking",
    }
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn parameters(facts: &Facts) -> String {
    let fixed = if facts.constants.is_empty() { "" } else { "fixed: " };
    let parts = [facts.defaults(), format!("{fixed}{}", facts.constants)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn parameter_rows(table: &mut String, facts: &Facts) {
    for Parameter { name, unit, default, min, max, description, source } in facts.parameters {
        let scheme = facts.name;
        writeln!(
            table,
            "| `{scheme}` | `{name}` | {default} | {min} to {max} | {unit} | {description} | {source} |"
        )
        .unwrap();
    }
}

fn row(table: &mut String, facts: &Facts) {
    // The version of our own code is that of the workspace, and would only make the table stale.
    let own = facts.version.ends_with(env!("CARGO_PKG_VERSION"));
    let cells = [
        format!("`{}`", facts.name),
        if own { "here".into() } else { facts.version.into() },
        strength(facts.strength).into(),
        format!("{} / {}", progress(facts.load), progress(facts.retire)),
        format!("{} / {}", yes(facts.robust.stalled), yes(facts.robust.long_reader)),
        facts.bound.into(),
        parameters(facts),
        yes(facts.frees_on_drop).into(),
        facts.paper.into(),
    ];
    writeln!(table, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")).unwrap();
}

fn table() -> String {
    let mut table = String::from(
        "| scheme | by | protects | progress: load / retire | bounded beside: stalled / long reader \
         | unreclaimed nodes at most | parameters | drop frees all | source |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for facts in registry::all() {
        row(&mut table, &facts);
    }
    table += "\n| scheme | parameter | default | range | unit | what it does | source |\n\
              |---|---|---|---|---|---|---|\n";
    for facts in registry::all() {
        parameter_rows(&mut table, &facts);
    }
    table
}

#[test]
fn the_table_of_the_documentation_is_that_of_the_facts() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/SCHEMES.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("the marker before the table") + BEGIN.len();
    let end = text.find(END).expect("the marker after the table");
    if env::var_os("KOVAN_BLESS").is_some() {
        fs::write(&path, format!("{}{}{}", &text[..begin], table(), &text[end..])).unwrap();
    } else {
        let table = table();
        let stale = text[begin..end].lines().zip(table.lines()).find(|(is, should)| is != should);
        assert_eq!(stale, None, "docs/SCHEMES.md is stale; bless it");
        assert_eq!(text[begin..end].len(), table.len(), "docs/SCHEMES.md is stale; bless it");
    }
}
