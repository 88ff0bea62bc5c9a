//! The part of a plan that one machine measures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More parts than this are a mistake.
const MOST: u32 = 10_000;

/// The I-th of N parts of a plan, written as `2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// Returns its number, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Returns how many shards there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Returns it as a part of a folder's name.
    pub fn folder(self) -> String {
        format!("{}-of-{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            let read = |part: &str| part.trim().parse::<u32>().ok();
            Some((read(number)?, read(of)?))
        });
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) && of <= MOST => {
                Ok(Self { number, of })
            }
            Some((number, of)) if of > 0 && of <= MOST => {
                Err(format!("there is no shard {number} of {of}; they are 1/{of} to {of}/{of}"))
            }
            Some((_, of)) => Err(format!("{of} shards; there can be 1 to {MOST}")),
            None => Err("not a shard; write I/N, for example 2/4 for the second of four".into()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl TryFrom<String> for Shard {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        let shard: Shard = "2/4".parse().expect("a shard");
        assert_eq!((shard.number(), shard.of(), shard.to_string()), (2, 4, "2/4".into()));
        for (text, told) in [
            ("0/4", "there is no shard 0 of 4; they are 1/4 to 4/4"),
            ("5/4", "there is no shard 5 of 4"),
            ("1/0", "0 shards; there can be 1 to 10000"),
            ("1/10001", "10001 shards; there can be 1 to 10000"),
            ("2", "write I/N, for example 2/4"),
            ("-1/4", "write I/N"),
            ("a/b", "write I/N"),
        ] {
            let error = text.parse::<Shard>().expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
