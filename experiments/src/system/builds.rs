//! Which build of this program measured something.

use std::sync::OnceLock;

use kovan_harness::random::fnv;
use kovan_lab_base::system::machine::this_program;
use serde::{Deserialize, Serialize};

/// What was measured with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Build {
    version: String,
    /// The commit of the sources, where they were a git checkout.
    commit: Option<String>,
    /// It is true where the sources differed from the commit.
    dirty: Option<bool>,
    rustc: String,
    profile: String,
    rustflags: String,
    /// The features of this crate, separated by commas. Records of older versions lack them.
    features: Option<String>,
    /// FNV-1a of the program itself. Absent in records of older versions.
    pub(crate) binary_hash: Option<String>,
}

impl Build {
    /// This program.
    pub(crate) fn here() -> &'static Self {
        static HERE: OnceLock<Build> = OnceLock::new();
        HERE.get_or_init(|| {
            let program = this_program().and_then(std::fs::read);
            Self {
                version: env!("CARGO_PKG_VERSION").into(),
                commit: option_env!("KOVAN_LAB_COMMIT").map(Into::into),
                dirty: option_env!("KOVAN_LAB_DIRTY").map(|dirty| dirty == "true"),
                rustc: env!("KOVAN_LAB_RUSTC").into(),
                profile: env!("KOVAN_LAB_PROFILE").into(),
                rustflags: env!("KOVAN_LAB_RUSTFLAGS").into(),
                features: Some(env!("KOVAN_LAB_FEATURES").into()),
                binary_hash: program.ok().map(|bytes| format!("{:016x}", fnv(&bytes))),
            }
        })
    }

    /// Returns what people call it.
    pub(crate) fn name(&self) -> String {
        let commit = match &self.commit {
            Some(commit) => format!(", commit {}", short(commit)),
            None => String::new(),
        };
        let dirty = if self.dirty == Some(true) { " with changes" } else { "" };
        format!("kovan-lab {}{commit}{dirty}", self.version)
    }

    /// Returns whether the compiler optimised it, as far as its profile says.
    pub(crate) fn is_optimised(&self) -> bool {
        !cfg!(debug_assertions) && self.profile != "debug"
    }

    /// Returns its name and what compiled it, for reports.
    pub(crate) fn description(&self) -> String {
        format!("{}, {}, profile {}", self.name(), self.rustc, self.profile)
    }

    /// Returns whether both are the same program, as far as that is known.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.binary_hash.as_ref().zip(other.binary_hash.as_ref()).is_none_or(|(a, b)| a == b)
    }

    /// What differs from another build, which is this program; each as `what: there, here`.
    pub(crate) fn differences(&self, here: &Self) -> Vec<String> {
        let flag = |dirty: Option<bool>| match dirty {
            Some(true) => "with uncommitted changes",
            Some(false) => "without changes",
            None => "unknown",
        };
        let commit = |build: &Self| {
            build.commit.as_deref().map_or("unknown".into(), |commit| short(commit).to_string())
        };
        let text = |text: &str| if text.is_empty() { "none".into() } else { text.to_string() };
        let features = |build: &Self| build.features.as_deref().map_or("unknown".into(), text);
        let all = [
            ("version", self.version.clone(), here.version.clone()),
            ("commit", commit(self), commit(here)),
            ("sources", flag(self.dirty).into(), flag(here.dirty).into()),
            ("compiler", self.rustc.clone(), here.rustc.clone()),
            ("profile", self.profile.clone(), here.profile.clone()),
            ("RUSTFLAGS", text(&self.rustflags), text(&here.rustflags)),
            ("features", features(self), features(here)),
        ];
        let differ = all.into_iter().filter(|(_, there, here)| there != here);
        let lines: Vec<String> = differ
            .map(|(what, there, here)| format!("{what}: {there} there, {here} here"))
            .collect();
        if !lines.is_empty() {
            return lines;
        }
        let hash = |build: &Self| build.binary_hash.clone().unwrap_or_default();
        let (there, here) = (hash(self), hash(here));
        vec![format!("only the program file differs: hash {there} there, {here} here")]
    }
}

/// A commit in twelve digits.
fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// The commit of the sources in twelve digits, `-dirty` where they differed from it.
pub(crate) fn commit() -> String {
    let commit = option_env!("KOVAN_LAB_COMMIT").map_or("unknown", short);
    let dirty = option_env!("KOVAN_LAB_DIRTY") == Some("true");
    format!("{commit}{}", if dirty { "-dirty" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_with_both_values() {
        let one = Build {
            commit: Some("0123456789abcdef".into()),
            dirty: Some(false),
            rustc: "rustc 1".into(),
            binary_hash: Some("a".into()),
            ..Build::here().clone()
        };
        let same = Build { binary_hash: Some("b".into()), ..one.clone() };
        assert!(!one.is_same(&same));
        let said = one.differences(&same);
        assert_eq!(said, ["only the program file differs: hash a there, b here"]);
        let other = Build { rustc: "rustc 2".into(), dirty: Some(true), commit: None, ..same };
        let said = one.differences(&other).join("; ");
        for part in [
            "commit: 0123456789ab there, unknown here",
            "without changes there, with uncommitted changes here",
            "compiler: rustc 1 there, rustc 2 here",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let unknown = Build { binary_hash: None, ..other };
        assert!(one.is_same(&unknown), "records of older versions go on");
    }
}
