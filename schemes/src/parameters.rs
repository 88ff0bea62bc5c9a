//! The numbers of a scheme that can be set for each domain: thresholds, frequencies, batch sizes.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::facts::Facts;
use crate::reclaimer::Reclaimer;

/// The declaration of a number that a scheme lets one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// The name that users type.
    pub name: &'static str,
    /// What the value counts.
    pub unit: &'static str,
    /// The value of a domain that sets none. Where it grows by a rule, the description says so, and a
    /// value that is set does not grow, even if it is this one.
    pub default: u64,
    /// The least value that can be set.
    pub min: u64,
    /// The greatest value that can be set.
    pub max: u64,
    /// What the scheme does with it, in full sentences.
    pub description: &'static str,
    /// The paper and section that have it, by whatever name.
    pub source: &'static str,
}

/// The parameters of one domain: the values that were set. The others have their defaults, and
/// `Parameters::default()` sets none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Parameters {
    set: BTreeMap<&'static str, u64>,
}

/// A value that a scheme does not take. The message is one line, which names the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError(String);

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ParameterError {}

impl Parameters {
    /// Returns parameters of the scheme `R`.
    ///
    /// # Errors
    /// If the scheme has no parameter of a name, a value is out of its range, or a name comes twice.
    pub fn of<R: Reclaimer>(
        values: impl IntoIterator<Item = (impl AsRef<str>, u64)>,
    ) -> Result<Self, ParameterError> {
        Self::of_scheme(&R::FACTS, values)
    }

    /// As [`of`](Self::of), of the scheme with these facts.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    pub fn of_scheme(
        facts: &Facts,
        values: impl IntoIterator<Item = (impl AsRef<str>, u64)>,
    ) -> Result<Self, ParameterError> {
        let mut set = BTreeMap::new();
        for (name, value) in values {
            let declared = declaration(facts, name.as_ref())?;
            in_range(facts, declared, value)?;
            if set.insert(declared.name, value).is_some() {
                let scheme = facts.name;
                return Err(ParameterError(format!("{scheme}: `{}` is set twice", declared.name)));
            }
        }
        Ok(Self { set })
    }

    /// Checks that the scheme with these facts takes these parameters.
    ///
    /// # Errors
    /// If they were made for another scheme, which has other names or ranges.
    pub fn check(&self, facts: &Facts) -> Result<(), ParameterError> {
        self.set.iter().try_for_each(|(name, &value)| {
            declaration(facts, name).and_then(|declared| in_range(facts, declared, value))
        })
    }

    /// Returns the value of a parameter: what was set, or its default.
    #[must_use]
    pub fn value(&self, parameter: &Parameter) -> u64 {
        self.set.get(parameter.name).copied().unwrap_or(parameter.default)
    }

    /// Returns whether the parameter was set.
    #[must_use]
    pub fn is_set(&self, parameter: &Parameter) -> bool {
        self.set.contains_key(parameter.name)
    }

    /// Returns the value of every parameter that the scheme has, defaults included.
    #[must_use]
    pub fn values(&self, facts: &Facts) -> BTreeMap<&'static str, u64> {
        facts.parameters.iter().map(|declared| (declared.name, self.value(declared))).collect()
    }
}

fn declaration(facts: &Facts, name: &str) -> Result<&'static Parameter, ParameterError> {
    facts.parameters.iter().find(|declared| declared.name == name).ok_or_else(|| {
        let names: Vec<_> = facts.parameters.iter().map(|d| format!("`{}`", d.name)).collect();
        let has = if names.is_empty() { "none".into() } else { names.join(" and ") };
        ParameterError(format!("{}: there is no parameter `{name}`; it has {has}", facts.name))
    })
}

fn in_range(facts: &Facts, declared: &Parameter, value: u64) -> Result<(), ParameterError> {
    let Parameter { name, unit, min, max, .. } = declared;
    if (*min..=*max).contains(&value) {
        return Ok(());
    }
    let scheme = facts.name;
    Err(ParameterError(format!(
        "{scheme}: `{name}` cannot be {value}; it takes {min} to {max} {unit}"
    )))
}
