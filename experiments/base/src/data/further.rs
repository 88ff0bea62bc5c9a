//! Repeats beyond those that are planned: until the results are narrow enough, or the time is spent.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::support::numbers::{share, time};

/// The most repeats of a cell where nothing else is said.
pub(super) const MOST_REPEATS: u32 = 100;

/// A number, or a text that says one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl Written {
    fn text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

macro_rules! written {
    ($(#[$doc:meta])* $name:ident, $read:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = Written::deserialize(from)?.text();
                $read(&text).map(Self).map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                $read(text).map(Self)
            }
        }
    };
}

written! {
    /// A part of a whole, written as `5%` or `0.05`.
    Share, share
}
written! {
    /// A length of time in seconds, written as `90`, `90s`, `10m` or `2h`.
    Time, time
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As it was typed, and not as its nearest binary number.
        write!(f, "{} %", (self.0 * 1e8).round() / 1e6)
    }
}

/// What asks for repeats beyond those that are planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Further {
    /// The largest half width of an interval, as a part of its middle, with which nothing more is measured.
    pub until_narrow: Option<Share>,
    /// The time of all sessions of the run together, after which no further block begins.
    pub budget: Option<Time>,
    /// The most repeats of a cell; absent: 100.
    pub most_repeats: Option<u32>,
}

impl Further {
    /// Returns what is said here, and where nothing is said, what others say.
    pub fn or(self, others: Self) -> Self {
        Self {
            until_narrow: self.until_narrow.or(others.until_narrow),
            budget: self.budget.or(others.budget),
            most_repeats: self.most_repeats.or(others.most_repeats),
        }
    }

    /// Returns whether there are further repeats at all.
    pub fn is_asked(&self) -> bool {
        self.until_narrow.is_some() || self.budget.is_some()
    }

    /// Returns the most repeats of a cell.
    pub fn most(&self) -> u32 {
        self.most_repeats.unwrap_or(MOST_REPEATS)
    }
}

/// Why no further repeat was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// All intervals are narrow enough.
    Narrow,
    /// The time is spent, or does not suffice for another block.
    Budget,
    /// There are as many repeats as are allowed.
    MostRepeats,
}

/// A cell whose interval is wider than was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wide {
    /// The cell, without its repeat.
    pub cell: String,
    /// Half of the width of its interval, as a part of the middle; absent: there are too few values for one.
    pub half_width: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_read() {
        let read = |text: &str| serde_json::from_str::<Further>(text);
        let further = read(r#"{"until_narrow": "5%", "budget": "10m"}"#).expect("read");
        assert_eq!((further.until_narrow, further.budget), (Some(Share(0.05)), Some(Time(600.0))));
        let again = serde_json::to_string(&further).expect("written");
        assert_eq!(read(&again).expect("read"), further);
        assert_eq!(
            read(r#"{"until_narrow": "0.07%"}"#)
                .map(|of| of.until_narrow.map(|of| of.to_string()))
                .ok()
                .flatten()
                .as_deref(),
            Some("0.07 %")
        );
        assert!(further.is_asked() && !Further::default().is_asked());
        let wrong = read(r#"{"until_narrow": "much"}"#).expect_err("refused").to_string();
        assert!(wrong.contains("5%"), "{wrong}");
        assert!(read(r#"{"budget": "soon"}"#).is_err());
    }

    #[test]
    fn what_is_said_here_comes_first() {
        let spec = Further { until_narrow: Some(Share(0.1)), most_repeats: Some(9), budget: None };
        let command = Further { until_narrow: Some(Share(0.05)), ..Further::default() };
        let both = command.or(spec);
        assert_eq!((both.until_narrow, both.most()), (Some(Share(0.05)), 9));
        assert_eq!(Further::default().most(), MOST_REPEATS);
    }
}
