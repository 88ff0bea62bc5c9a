//! Links between the pages of the repository: each leads to a file that is there, and to a heading in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::repository;

/// The Markdown files of the repository's own folders.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders: Vec<_> =
        ["docs", "src", "notebooks", "examples", "benches"].map(repository).into();
    folders.push(repository(""));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry"))
        {
            let path = entry.path();
            if path.is_dir() && folder != repository("") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The page without its blocks of code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The anchor that a heading has where the repository is shown.
fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(kept).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    prose(page).lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// What the links of a page lead to, but for those to other sites and to items of the code.
fn targets(page: &str) -> Vec<String> {
    let text = prose(page);
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let is_path = |target: &&str| !target.contains("://") && !target.contains("::");
    ends.filter(is_path).map(str::to_owned).collect()
}

/// The links of this page that lead nowhere.
fn broken(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a page");
    let leads = |target: &String| {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let file = match file {
            "" => path.to_owned(),
            file => path.with_file_name(file),
        };
        let is_there = |page: String| heading.is_empty() || anchors(&page).contains(heading);
        match fs::read_to_string(&file) {
            Ok(page) if file.extension().is_some_and(|end| end == "md") => is_there(page),
            _ => file.exists(),
        }
    };
    targets(&text).into_iter().filter(|target| !leads(target)).collect()
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    assert!(pages.len() > 20, "{pages:?}");
    // The guide's pages are shown by rustdoc, which checks their links.
    let guide = repository("src/guide");
    let broken: Vec<_> = pages
        .iter()
        .filter(|page| !page.starts_with(&guide))
        .map(|page| (page, broken(page)))
        .filter(|(_, links)| !links.is_empty())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn anchors_are_those_of_headings() {
    assert_eq!(anchor("## `samples.csv`"), "samplescsv");
    assert_eq!(anchor("### Why it is sound, and what for?"), "why-it-is-sound-and-what-for");
    assert_eq!(
        targets("[a](b.md#c) ```[x](y)``` [d](https://e.f) ![g](h.svg)"),
        ["b.md#c", "h.svg"]
    );
}
