//! Parameters of schemes and structures by the names that users type.

use anyhow::{Result, bail, ensure};
use kovan_lab_base::data::BUCKETS;
use kovan_schemes::Parameters;

/// Checks that there is such a parameter, and that it takes the value.
///
/// # Errors
/// If there is none, or its range does not have the value: what there is.
pub(super) fn check_parameter(name: &str, value: u64) -> Result<()> {
    let Some((owner, own)) = name.split_once('.') else {
        bail!(
            "parameter `{name}`: write SCHEME.NAME or STRUCTURE.NAME, for example `ibr.era_frequency`"
        );
    };
    let schemes = kovan_schemes::registry::all();
    if let Some(facts) = schemes.iter().find(|facts| facts.name == owner) {
        Parameters::of_scheme(facts, [(own, value)])?;
        return Ok(());
    }
    let structures = kovan_structures::registry::structures();
    let known = structures.iter().any(|facts| facts.name == owner);
    ensure!(known, "parameter `{name}`: `{owner}` is no scheme and no structure");
    let has_buckets = owner.starts_with("hash-map");
    ensure!(
        has_buckets && own == BUCKETS,
        "{owner}: there is no parameter `{own}`; {}",
        if has_buckets { "it has `buckets`" } else { "it has none" }
    );
    ensure!(
        (1..=1 << 30).contains(&value),
        "{owner}: `buckets` cannot be {value}; it takes 1 to 2^30"
    );
    Ok(())
}
