//! Changes of a checkout: all of them are written, or none.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use kovan_lab_base::support::output;

use super::edits::{At, insert};

/// Files that are only together in a checkout of this workspace.
const MARKS: [&str; 3] =
    ["schemes/src/registry.rs", "structures/src/registry.rs", "experiments/templates/scheme.rs"];

/// A checkout with what is to be changed in it.
#[derive(Debug)]
pub(super) struct Changes {
    root: PathBuf,
    /// The new files, and their texts.
    created: Vec<(&'static str, String, String)>,
    /// The texts before and after, by the paths of the files.
    edited: BTreeMap<&'static str, (String, String)>,
    /// What was inserted, in the order of the calls.
    inserted: Vec<(&'static str, String)>,
}

impl Changes {
    /// Finds the checkout that the current folder is in.
    pub(super) fn here() -> Result<Self> {
        let current = env::current_dir().context("cannot tell the current folder")?;
        let is_root = |dir: &&Path| MARKS.iter().all(|mark| dir.join(mark).is_file());
        let root = current.ancestors().find(is_root).map(Path::to_path_buf);
        let root = root.with_context(|| {
            format!(
                "{}: neither this folder nor one above it is a checkout of kovan's workspace, \
                 which has {}; change into one first",
                current.display(),
                MARKS[0]
            )
        })?;
        Ok(Self { root, created: Vec::new(), edited: BTreeMap::new(), inserted: Vec::new() })
    }

    /// Returns the text of a file as it will be.
    pub(super) fn text(&self, path: &'static str) -> Result<String> {
        if let Some((_, after)) = self.edited.get(path) {
            return Ok(after.clone());
        }
        let full = self.root.join(path);
        fs::read_to_string(&full).with_context(|| format!("cannot read {}", full.display()))
    }

    /// Adds a file, which must not be there, nor a folder of its name.
    pub(super) fn create(
        &mut self,
        folder: &'static str,
        module: &str,
        text: String,
    ) -> Result<()> {
        let path = format!("{folder}/{module}.rs");
        for taken in [&path, &format!("{folder}/{module}")] {
            ensure!(
                !self.root.join(taken).exists(),
                "{taken} is there already, and nothing is overwritten; choose another name"
            );
        }
        self.created.push((folder, path, text));
        Ok(())
    }

    /// Inserts `new` into a file.
    pub(super) fn insert(&mut self, path: &'static str, at: At, new: &str) -> Result<()> {
        let text = self.text(path)?;
        let after = insert(&text, at, new).with_context(|| {
            format!(
                "{path} is not as this program expects it, and nothing was changed; \
                 use a kovan-lab that was built from this checkout"
            )
        })?;
        self.edited.entry(path).or_insert_with(|| (text, String::new())).1 = after;
        let said = if let At::Import(list) = at {
            format!("{list} … {new} … }};")
        } else {
            new.into()
        };
        self.inserted.push((path, said));
        Ok(())
    }

    /// Lists the files with what is added to each.
    pub(super) fn told(&self) -> String {
        let mut told = String::new();
        // Writing to a string does not fail, so results are ignored.
        for (_, path, text) in &self.created {
            let _ = writeln!(told, "{path}: new, {} lines", text.lines().count());
        }
        let mut last = "";
        for (path, new) in &self.inserted {
            if *path != last {
                let _ = writeln!(told, "{path}:");
            }
            last = path;
            new.lines().for_each(|line| _ = writeln!(told, "  + {}", line.trim_start()));
        }
        told
    }

    /// Writes all files. If one cannot be written, those before it are as they were.
    pub(super) fn write(&self) -> Result<()> {
        let mut undo: Vec<Box<dyn Fn() + '_>> = Vec::new();
        let undone = |undo: Vec<Box<dyn Fn() + '_>>, error: anyhow::Error| {
            undo.iter().for_each(|step| step());
            Err(error.context("nothing was changed"))
        };
        for (_, path, text) in &self.created {
            let full = self.root.join(path);
            match create(&full, text) {
                Ok(()) => undo.push(Box::new(move || _ = fs::remove_file(&full))),
                Err(error) => return undone(undo, error),
            }
        }
        for (path, (before, after)) in &self.edited {
            let full = self.root.join(path);
            // What another program wrote meanwhile is not lost.
            let is_same = fs::read_to_string(&full).is_ok_and(|now| now == *before);
            let written = if is_same {
                output::replace_file(&full, after.as_bytes())
            } else {
                Err(anyhow!("{path} has changed meanwhile"))
            };
            match written {
                Ok(()) => {
                    undo.push(Box::new(move || _ = output::replace_file(&full, before.as_bytes())));
                }
                Err(error) => return undone(undo, error),
            }
        }
        Ok(())
    }
}

/// Writes a file that is not there yet.
fn create(path: &Path, text: &str) -> Result<()> {
    let mut file =
        File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
    if let Err(error) = file.write_all(text.as_bytes()) {
        let _ = fs::remove_file(path);
        bail!("cannot write {}: {error}", path.display());
    }
    Ok(())
}
