//! What a record says of the machine and the programs that made it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::build;
use crate::command::{processor, processors};

/// The file beside the measurements.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// When the record was begun, in UTC.
    pub date: String,
    /// The commit of the sources.
    pub commit: String,
    /// True if the sources differ from the commit.
    pub modified: bool,
    /// The model of the processor.
    pub processor: String,
    /// The number of processors.
    pub processors: usize,
    /// The kernel and its version.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
    /// The C library, which has the system allocator.
    pub c_library: String,
    /// The versions of the other libraries.
    pub libraries: String,
    /// Milliseconds that each contender works per round.
    pub window_ms: u64,
}

/// What the sources of the programs are, below the root of the repository.
const SOURCES: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "src", "benches/Cargo.toml", "benches/build.rs", "benches/src"];

impl Manifest {
    /// Describes this machine and program. The working directory is in the repository.
    #[must_use]
    pub fn here(window_ms: u64) -> Self {
        let status = [["--no-optional-locks", "status", "--porcelain", "--"].as_slice(), &SOURCES];
        Self {
            date: output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            commit: output("git", &["rev-parse", "HEAD"]),
            modified: !output("git", &status.concat()).is_empty(),
            processor: processor(),
            processors: processors(),
            kernel: output("uname", &["-sr"]),
            rustc: build::RUSTC.into(),
            c_library: output("getconf", &["GNU_LIBC_VERSION"]),
            libraries: build::LIBRARIES.into(),
            window_ms,
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// The path, and why it is not a manifest.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))
    }

    /// Writes the manifest of a new record, or compares it with the one of a record that is to be
    /// continued.
    ///
    /// # Errors
    /// The path, and why it cannot be written, or what is not as it was.
    pub fn write_or_compare(&self, path: &Path) -> Result<(), String> {
        let name = path.display();
        if path.exists() {
            return match self.difference(&Self::read(path)?) {
                None => Ok(()),
                Some(what) => Err(format!(
                    "{name}: cannot be continued, because its {what} was another; choose a new name"
                )),
            };
        }
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(path, text + "\n").map_err(|error| format!("{name}: {error}"))
    }

    /// Names the first thing, the date apart, that is not the same.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let differences = [
            ("commit", self.commit != other.commit),
            ("state of the sources", self.modified != other.modified),
            ("processor", self.processor != other.processor),
            ("number of processors", self.processors != other.processors),
            ("kernel", self.kernel != other.kernel),
            ("compiler", self.rustc != other.rustc),
            ("C library", self.c_library != other.c_library),
            ("versions of libraries", self.libraries != other.libraries),
            ("window", self.window_ms != other.window_ms),
        ];
        differences.into_iter().find(|(_, differs)| *differs).map(|(what, _)| what)
    }
}

/// Returns what a command prints, or nothing if it fails.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.ok().filter(|output| output.status.success());
    text.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    #[test]
    fn a_record_is_continued_only_under_the_same_conditions() {
        let directory = std::env::temp_dir();
        let path = directory.join(format!("kovan-benches-{}-manifest.json", std::process::id()));
        let first = Manifest { date: "2000-01-01T00:00:00Z".into(), ..Manifest::here(40) };
        first.write_or_compare(&path).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), first);
        let later = Manifest { date: "2000-01-02T00:00:00Z".into(), ..first.clone() };
        later.write_or_compare(&path).unwrap();
        let other = Manifest { window_ms: 41, ..first };
        let error = other.write_or_compare(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(error.contains("its window was another"), "{error}");
    }
}
