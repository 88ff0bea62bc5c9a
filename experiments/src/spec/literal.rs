//! Values in specs: numbers, texts and thread counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More threads than this in a cell is a mistake.
pub(crate) const MAX_THREADS: u32 = 1024;

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Literal {
    /// A whole number.
    Whole(u64),
    /// Another number.
    Real(f64),
    /// A text.
    Text(String),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What is measured once more by the method of published harnesses.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "must be true, false, or a list of schemes")]
pub(crate) enum Strict {
    /// Everything or nothing.
    All(bool),
    /// The cells of these schemes.
    Of(Vec<String>),
}

impl Default for Strict {
    fn default() -> Self {
        Self::All(false)
    }
}

impl Strict {
    /// Returns whether there is such a cell.
    pub(crate) fn is_asked_for(&self) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Of(schemes) => !schemes.is_empty(),
        }
    }

    /// Returns whether the cells of a scheme are measured so.
    pub(crate) fn is_of(&self, scheme: &str) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Of(schemes) => schemes.iter().any(|name| name == scheme),
        }
    }

    /// The schemes that are named.
    pub(super) fn schemes(&self) -> Option<&[String]> {
        match self {
            Self::All(_) => None,
            Self::Of(schemes) => Some(schemes),
        }
    }
}

/// A number of threads, which may depend on the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ThreadCount {
    /// So many.
    Fixed(u32),
    /// So many times the hardware threads: `"HW"`, `"1.25HW"`, `"HW/2"`.
    PerProcessor(f64),
}

impl ThreadCount {
    /// The number on a machine with so many hardware threads; at least one.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive and small.
    pub(crate) fn resolve(self, processors: u32) -> u32 {
        match self {
            Self::Fixed(count) => count,
            Self::PerProcessor(factor) => {
                ((f64::from(processors) * factor).round() as u32).clamp(1, MAX_THREADS)
            }
        }
    }
}

impl fmt::Display for ThreadCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(count) => write!(f, "{count}"),
            Self::PerProcessor(factor) => write!(f, "{factor}HW"),
        }
    }
}

impl FromStr for ThreadCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told =
            || format!("`{text}` is not a thread count; write for example 1, HW, HW/2 or 1.25HW");
        let Some((before, after)) = text.split_once("HW") else {
            return text.parse().map(Self::Fixed).map_err(|_| told());
        };
        let factor = |text: &str| text.trim().parse::<f64>().ok();
        let times = if before.is_empty() { Some(1.0) } else { factor(before) };
        let part = match after.strip_prefix('/') {
            Some(part) => factor(part).map(|part| 1.0 / part),
            None => after.is_empty().then_some(1.0),
        };
        let whole = times.zip(part).map(|(times, part)| times * part);
        let fits = whole.filter(|factor| (0.001..=1000.0).contains(factor));
        fits.map(Self::PerProcessor).ok_or_else(told)
    }
}

impl Serialize for ThreadCount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(count) => serializer.serialize_u32(*count),
            Self::PerProcessor(_) => serializer.serialize_str(&self.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for ThreadCount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Literal::deserialize(deserializer)? {
            Literal::Whole(count) => {
                // What is too large is told with the others that are.
                Ok(Self::Fixed(u32::try_from(count).unwrap_or(u32::MAX)))
            }
            other => other.to_string().parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_counts_may_depend_on_the_machine() {
        let on =
            |text: &str, processors| text.parse::<ThreadCount>().map(|c| c.resolve(processors));
        assert_eq!(on("3", 8), Ok(3));
        assert_eq!(["HW", "1.25HW", "HW/2", "2HW"].map(|text| on(text, 8)), [8, 10, 4, 16].map(Ok));
        assert_eq!(on("HW/4", 2), Ok(1), "at least one");
        for wrong in ["", "x", "-1", "HWx", "HW/0", "-1HW", "1.5", "HW/", "nanHW"] {
            assert!(on(wrong, 2).is_err_and(|told| told.contains("1.25HW")), "{wrong}");
        }
    }
}
