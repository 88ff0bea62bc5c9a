//! The commands in documents for users are commands of this program.

use std::fs;
use std::path::PathBuf;

use crate::commands::parses;

/// The documents that show commands to be typed.
fn documents() -> Vec<PathBuf> {
    let root = super::repository("");
    let guides = fs::read_dir(root.join("docs/guides")).expect("docs/guides");
    let guides = guides.map(|entry| entry.expect("an entry").path());
    let all =
        ["README.md", "docs/ADDING.md", "docs/CLUSTER.md", "docs/FORMAT.md", "notebooks/README.md"];
    all.map(|name| root.join(name)).into_iter().chain(guides).collect()
}

/// The lines of the shell blocks of a text, those that go on with a backslash as one.
fn lines_of_shell(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let joined = blocks.map(|block| block.replace("\\\n", " "));
    joined.flat_map(|block| block.lines().map(str::to_string).collect::<Vec<_>>()).collect()
}

/// The words of a line, as a shell has them, up to a comment or the next command.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quote = !quote;
                word.get_or_insert_default();
            }
            '#' | '|' | '&' | '>' if !quote && word.is_none() => break,
            ' ' if !quote => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The arguments of a line that runs this program.
fn arguments(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    match words.first().map(String::as_str)? {
        "kovan-lab" | "target/release/kovan-lab" => Some(words[1..].to_vec()),
        "cargo" => {
            let end = words.iter().position(|word| word == "--")?;
            let is_ours = words[1] == "run"
                && !words[..end].iter().any(|word| word == "-p" || word == "--example");
            is_ours.then(|| words[end + 1..].to_vec())
        }
        _ => None,
    }
}

#[test]
fn each_command_in_a_document_is_one() {
    let mut found = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("text");
        for line in lines_of_shell(&text) {
            if let Some(arguments) = arguments(&line) {
                let parsed = parses(&arguments);
                assert_eq!(parsed, Ok(()), "{}: {line}", document.display());
                found += 1;
            }
        }
    }
    assert!(found > 30, "{found} commands are found");
}

#[test]
fn a_line_is_read_as_a_shell_reads_it() {
    let of = |line: &str| arguments(line).map(|words| words.join("_"));
    assert_eq!(
        of("cargo run --release -- run x --scheme '^(a|b)$'  # why").as_deref(),
        Some("run_x_--scheme_^(a|b)$")
    );
    assert_eq!(of("kovan-lab man | man -l -").as_deref(), Some("man"));
    assert_eq!(of("cargo run -p kovan-benches -- x"), None);
    assert_eq!(of("cargo test -- run"), None);
    assert!(
        parses(&["rum".into()]).is_err()
            && parses(&["run".into(), "x".into(), "--al".into()]).is_err()
    );
}
