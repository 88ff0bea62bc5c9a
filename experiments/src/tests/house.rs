//! How the modules depend on each other: arrows go down only, and no file is part of a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A crate of the lab.
struct House {
    /// Its folder, from the one of the lab.
    folder: &'static str,
    /// Its parts from the top to the bottom. Each may use those that stand after it. A new part has a place here.
    layers: &'static [&'static str],
    /// So many arrows are found at least.
    arrows: usize,
}

/// The crates stand from the top to the bottom. Cargo sees that none of them uses one before it.
const HOUSES: [House; 3] = [
    House {
        folder: "src",
        layers: &[
            "commands",
            "verify",
            "report",
            "claims",
            "runner",
            "results",
            "arguments",
            "plan",
            "spec",
            "system",
        ],
        arrows: 100,
    },
    House { folder: "worker/src", layers: &["checks", "trial"], arrows: 50 },
    House { folder: "base/src", layers: &["data", "system", "support"], arrows: 10 },
];

/// A file by the path of its module, for example `["runner", "child"]`; the crate itself is empty.
type Module = Vec<String>;

/// Files with what they use, each with the text that says so.
type Arrows = BTreeMap<Module, BTreeMap<Module, String>>;

/// All source files but those of tests.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && name != "tests" {
            files(&entry, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "main.rs" {
            found.push(entry);
        }
    }
}

fn module_of(root: &Path, file: &Path) -> Module {
    let inside = file.strip_prefix(root).expect("below the root").with_extension("");
    let mut module: Module =
        inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

/// The code without comments and without its unit tests.
fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines();
    lines.map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The paths of a `use` tree, for example `a::{b, c::{d, self}}`.
fn expand(tree: &str, before: &[String], paths: &mut Vec<Module>) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, Some(group.trim_end().trim_end_matches('}'))),
        None => (tree, None),
    };
    let mut path = before.to_vec();
    let head = head.split(" as ").next().unwrap_or_default();
    path.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(String::from));
    let Some(group) = group else { return paths.push(path) };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = group[start..at].trim();
                if !item.is_empty() {
                    // The braces of the item itself are whole.
                    expand(item, &path, paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// All paths in a text that may name a module: those of `use`, and others that begin in this crate.
fn paths_of(code: &str) -> Vec<Module> {
    let mut paths = Vec::new();
    for statement in code.split("use ").skip(1) {
        if let Some((tree, _)) = statement.split_once(';') {
            expand(&tree.replace('\n', " "), &[], &mut paths);
        }
    }
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let end = code[at..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let text = &code[at..at + end.unwrap_or(code.len() - at)];
        // The trees of `use` are read above, and what stands behind `::` is in the middle of a path.
        if !text.ends_with("::") && !code[..at].ends_with("::") {
            paths.push(text.split("::").map(String::from).collect());
        }
    }
    paths
}

/// The file that a path leads to, if it is one of this crate.
fn resolve(from: &Module, path: &[String], all: &BTreeSet<Module>) -> Option<Module> {
    let mut at: Module = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" | "self" => from.clone(),
        child if all.contains(&[&from[..], &[child.to_string()]].concat()) => from.clone(),
        _ => return None,
    };
    for part in path.iter().skip_while(|part| *part == "crate" || *part == "self") {
        if part == "super" {
            at.pop();
            continue;
        }
        at.push(part.clone());
        if !all.contains(&at) {
            at.pop();
            break;
        }
    }
    (at != *from && !at.is_empty()).then_some(at)
}

fn arrows(house: &House) -> Arrows {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(house.folder);
    let mut found = Vec::new();
    files(&root, &mut found);
    let all: BTreeSet<Module> = found.iter().map(|file| module_of(&root, file)).collect();
    let mut arrows = Arrows::new();
    for file in &found {
        let from = module_of(&root, file);
        let code = code_of(&fs::read_to_string(file).expect("text"));
        for path in paths_of(&code) {
            if let Some(to) = resolve(&from, &path, &all) {
                arrows.entry(from.clone()).or_default().insert(to, path.join("::"));
            }
        }
    }
    arrows
}

/// A circle that a file is part of, as the files on it.
fn circle(from: &Module, arrows: &Arrows) -> Option<Vec<String>> {
    let mut ways: Vec<Vec<&Module>> = vec![vec![from]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in arrows.get(*way.last()?).into_iter().flat_map(BTreeMap::keys) {
            if next == from {
                return Some(way.iter().map(|module| module.join("::")).collect());
            }
            if seen.insert(next) {
                ways.push([&way[..], &[next]].concat());
            }
        }
    }
    None
}

/// The arrows of a crate that go up.
fn wrong(house: &House) -> Vec<String> {
    let place = |module: &Module| {
        let part = module.first().map_or("", String::as_str);
        let place = house.layers.iter().position(|layer| *layer == part);
        place.unwrap_or_else(|| panic!("`{part}` has no place among the layers"))
    };
    let mut wrong = Vec::new();
    for (from, all) in arrows(house).iter().filter(|(from, _)| !from.is_empty()) {
        for (to, said) in all.iter().filter(|(to, _)| place(to) < place(from)) {
            wrong.push(format!("{} uses {} ({said})", from.join("::"), to.join("::")));
        }
    }
    wrong
}

#[test]
fn arrows_go_down_only() {
    let wrong: Vec<String> = HOUSES.iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "these arrows go up:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_is_part_of_a_circle() {
    for house in HOUSES {
        let arrows = arrows(&house);
        let count = arrows.values().map(BTreeMap::len).sum::<usize>();
        assert!(count > house.arrows, "{}: {count} arrows are found", house.folder);
        let circles: BTreeSet<String> = arrows
            .keys()
            .filter_map(|from| circle(from, &arrows))
            .map(|circle| circle.join(" -> "))
            .collect();
        let circles: Vec<String> = circles.into_iter().collect();
        assert!(circles.is_empty(), "{}: circles:\n{}", house.folder, circles.join("\n"));
    }
}

#[test]
fn a_tree_of_uses_is_read_whole() {
    let of =
        |text: &str| -> Vec<String> { paths_of(text).iter().map(|path| path.join("::")).collect() };
    assert_eq!(of("use a::{b, c::{d, self}, e as f};"), ["a::b", "a::c::d", "a::c::self", "a::e"]);
    assert_eq!(of("let x = crate::a::b(1);"), ["crate::a::b"]);
}
