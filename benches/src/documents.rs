//! Documents whose tables are written from the newest record.
//!
//! A table stands between a line `<!-- table:NAME -->` and the next line `<!-- end -->`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::Manifest;
use crate::records::{Records, csv_of};
use crate::tables::{Record, table};

/// The documents with tables, below the root of the repository.
pub const DOCUMENTS: [&str; 2] = ["README.md", "docs/RESULTS.md"];
/// The directory with the records.
pub const RECORDS: &str = "docs/results";

const BEGIN: &str = "<!-- table:";
const END: &str = "<!-- end -->";

/// Reads the newest record of a directory, by the date in its manifest and then by its name. There is
/// none if the directory is empty or is not there.
///
/// # Errors
/// The file that cannot be read, and why.
pub fn newest(directory: &Path) -> Result<Option<Record>, String> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(None) };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|it| it == "json")) {
        found.push((Manifest::read(&path)?, path));
    }
    let newest = found
        .into_iter()
        .max_by(|(a, path_a), (b, path_b)| (&a.date, path_a).cmp(&(&b.date, path_b)));
    let Some((manifest, path)) = newest else { return Ok(None) };
    let records = Records::read(&csv_of(&path))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Some(Record { name, manifest, records }))
}

/// Returns a document with its tables written anew.
///
/// # Errors
/// The line of a table that is not there or does not end.
pub fn rewritten(document: &str, record: Option<&Record>) -> Result<String, String> {
    let mut text = String::new();
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        text += line;
        text.push('\n');
        let Some(name) = line.strip_prefix(BEGIN) else { continue };
        let at = format!("line {}", number + 1);
        let name =
            name.strip_suffix(" -->").ok_or_else(|| format!("{at}: no ` -->` at its end"))?;
        let table = table(name, record).ok_or_else(|| format!("{at}: no table {name}"))?;
        // Blank lines around a table, which Markdown wants.
        text += &format!("\n{table}\n{END}\n");
        if !lines.any(|(_, line)| line == END) {
            return Err(format!("{at}: no {END} after it"));
        }
    }
    Ok(text)
}

/// A document that is not what is written from the newest record.
#[derive(Debug)]
pub struct Outdated {
    /// Where it is.
    pub path: PathBuf,
    /// What it should be.
    pub text: String,
}

/// Returns the documents below `root` that are not what is written from the newest record.
///
/// # Errors
/// The file that cannot be read, and why.
pub fn outdated(root: &Path) -> Result<Vec<Outdated>, String> {
    let record = newest(&root.join(RECORDS))?;
    let mut all = Vec::new();
    for document in DOCUMENTS {
        let path = root.join(document);
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let there = fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let text = rewritten(&there, record.as_ref()).map_err(|error| failed(&error))?;
        if text != there {
            all.push(Outdated { path, text });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::rewritten;
    use crate::tables::NOTHING;
    use crate::testing::record;

    const DOCUMENT: &str = "before\n<!-- table:record -->\nold\n<!-- end -->\nafter\n";

    #[test]
    fn only_tables_change() {
        let text = rewritten(DOCUMENT, None).unwrap();
        let expected =
            format!("before\n<!-- table:record -->\n\n{NOTHING}\n\n<!-- end -->\nafter\n");
        assert_eq!(text, expected);
        assert_eq!(rewritten(&text, None).unwrap(), text);
        let record = record();
        let written = rewritten(&text, Some(&record)).unwrap();
        assert!(written.contains("\nRecord `made-up` of 2000-01-01: a processor, 2 processors"));
        assert!(written.ends_with("\n<!-- end -->\nafter\n"));
        assert_eq!(rewritten(&written, None).unwrap(), text);
    }

    #[test]
    fn a_marker_that_is_not_right_is_an_error() {
        for (document, error) in [
            ("<!-- table:another -->\n<!-- end -->\n", "line 1: no table another"),
            ("\n<!-- table:record -->\n", "line 2: no <!-- end --> after it"),
            ("<!-- table:record\n<!-- end -->\n", "line 1: no ` -->` at its end"),
        ] {
            assert_eq!(rewritten(document, None).unwrap_err(), error);
        }
    }
}
