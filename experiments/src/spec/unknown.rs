//! Keys that no workload and no role has. (Their types flatten a mix, so the reader of TOML cannot refuse them.)

use anyhow::{Error, anyhow};
use kovan_lab_base::data::{Mix, Prefill, PrefillOrder, Role, Workload};
use kovan_lab_base::support::suggest::suggest;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::line_at;

/// Other names of keys, which are read as well.
const ALIASES: [&str; 3] = ["push", "pop", "get"];

/// The keys of workloads and those of roles.
fn known() -> [Vec<String>; 2] {
    let role = Role { name: String::new(), share: 1, mix: Mix::default() };
    let workload = Workload {
        name: String::new(),
        key_range: 2,
        prefill: Prefill::Keys(0),
        prefill_order: PrefillOrder::Shuffled,
        prefill_threads: 1,
        roles: vec![role.clone()],
        mix: Mix::default(),
    };
    let keys = |value: Value| {
        let own = value.as_object().into_iter().flatten().map(|(key, _)| key.clone());
        own.chain(ALIASES.map(String::from)).collect()
    };
    let json = |value: serde_json::Result<Value>| keys(value.unwrap_or_default());
    [json(serde_json::to_value(&workload)), json(serde_json::to_value(&role))]
}

/// The tables of a list.
fn tables<'t, 'a>(list: Option<&'t Spanned<DeValue<'a>>>) -> Vec<&'t DeTable<'a>> {
    let items = list.and_then(|list| list.get_ref().as_array()).into_iter().flatten();
    items.filter_map(|item| item.get_ref().as_table()).collect()
}

/// A line about the first key that is unknown.
pub(super) fn unknown_key(file: &str, text: &str) -> Option<Error> {
    let root = DeTable::parse(text).ok()?;
    let [of_workloads, of_roles] = known();
    let refuse = |table: &DeTable<'_>, known: &[String]| {
        let (key, _) = table.iter().find(|(key, _)| !known.iter().any(|k| k == key.get_ref()))?;
        let line = line_at(text, key.span().start);
        let near = suggest(key.get_ref(), known.iter().map(String::as_str));
        Some(anyhow!("{file}:{line}: unknown key `{}`; {near}", key.get_ref()))
    };
    for workload in tables(root.get_ref().get("workloads")) {
        let wrong = refuse(workload, &of_workloads).or_else(|| {
            tables(workload.get("roles")).iter().find_map(|role| refuse(role, &of_roles))
        });
        if wrong.is_some() {
            return wrong;
        }
    }
    None
}
