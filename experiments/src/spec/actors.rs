//! What may be said of workloads and adversaries.

use std::collections::BTreeSet;

use anyhow::anyhow;
use kovan_lab_base::data::{Adversary, AdversaryKind, Manner, Mix, Point, Prefill, Workload};
use kovan_lab_base::system::stop;

use super::fault::{Fault, at, at_item, require};
use super::limits::{check_name, check_value, counts};
use super::literal::MAX_THREADS;

/// A workload and its roles.
pub(super) fn check_workload(workload: &Workload, range_is_axis: bool) -> Result<(), Fault> {
    at("name", check_name("name", &workload.name))?;
    let Workload { key_range, prefill, .. } = workload;
    require("key_range", range_is_axis || (2..=100_000_000).contains(key_range), || {
        format!("key_range: must be from 2 to 100000000, but is {key_range}")
    })?;
    match prefill {
        Prefill::Keys(keys) => require("prefill", range_is_axis || keys <= key_range, || {
            format!("prefill: {keys} distinct keys do not fit a key_range of {key_range}")
        })?,
        Prefill::Share(share) => require("prefill", (0.0..=1.0).contains(share), || {
            format!("prefill: a share of the key range is from 0 to 1, but this is {share}")
        })?,
    }
    require("prefill_threads", (1..=MAX_THREADS).contains(&workload.prefill_threads), || {
        format!(
            "prefill_threads: must be from 1 to {MAX_THREADS}, but is {}",
            workload.prefill_threads
        )
    })?;
    if workload.roles.is_empty() {
        return check_mix(&workload.mix);
    }
    let mut names = BTreeSet::new();
    for (place, role) in workload.roles.iter().enumerate() {
        let (place, name) = (place.to_string(), &role.name);
        let checked = at("name", check_name("name", name))
            .and_then(|()| {
                require("name", names.insert(name), || format!("roles: `{name}` is listed twice"))
            })
            .and_then(|()| {
                require("share", (1..=MAX_THREADS).contains(&role.share), || {
                    format!("share: must be from 1 to {MAX_THREADS}, but is {}", role.share)
                })
            })
            .and_then(|()| check_mix(&role.mix));
        checked.map_err(|fault| fault.within(&["roles", &place], &format!("role `{name}`")))?;
    }
    Ok(())
}

fn check_mix(mix: &Mix) -> Result<(), Fault> {
    let sum: u64 = mix.weights().iter().map(|weight| u64::from(*weight)).sum();
    require("insert", (1..=1_000_000).contains(&sum), || {
        format!(
            "the weights of the operations must add to 1 or more, and at most 1000000, but add to {sum}"
        )
    })?;
    let share = |key: &str, value: f64, least: f64| {
        require(key, (least..=1.0).contains(&value), || {
            format!("{key}: must be from {least} to 1, but is {value}")
        })
    };
    share("from", mix.from, 0.0)?;
    share("to", mix.to, 0.0)?;
    require("to", mix.from < mix.to, || {
        format!("to: must be above `from`, which is {}, but is {}", mix.from, mix.to)
    })?;
    share("hot_keys", mix.hot_keys, 0.0)?;
    share("hot_operations", mix.hot_operations, 0.0)?;
    require("theta", mix.theta > 0.0 && mix.theta <= 10.0, || {
        format!("theta: must be above 0 and at most 10, but is {}", mix.theta)
    })?;
    require("scan_keys", (1..=100_000_000).contains(&mix.scan_keys), || {
        format!("scan_keys: must be from 1 to 100000000, but is {}", mix.scan_keys)
    })?;
    require("operations_per_guard", (1..=64).contains(&mix.operations_per_guard), || {
        format!("operations_per_guard: must be from 1 to 64, but is {}", mix.operations_per_guard)
    })?;
    require("pause_in_guard_us", mix.pause_in_guard_us <= 1_000_000, || {
        format!("pause_in_guard_us: must be from 0 to 1000000, but is {}", mix.pause_in_guard_us)
    })
}

/// An adversary.
pub(super) fn check_adversary(adversary: &Adversary, period_is_axis: bool) -> Result<(), Fault> {
    at("name", check_name("name", &adversary.name))?;
    let (from, until) = (adversary.from.unwrap_or(0.0), adversary.until.unwrap_or(1.0));
    require("from", (0.0..1.0).contains(&from), || {
        format!("from: a part of the window, from 0 to less than 1, but is {from}")
    })?;
    require("until", from < until && until <= 1.0, || {
        format!("until: a part of the window, above `from` ({from}) and at most 1, but is {until}")
    })?;
    if let Some(count) = adversary.count {
        at_item("count", counts("count", &[count], 1))?;
    }
    let needs_period = matches!(adversary.kind, AdversaryKind::Nap | AdversaryKind::Churn);
    require("kind", !needs_period || period_is_axis || adversary.period_ms.is_some(), || {
        "kind: it needs `period_ms`, here or in [axes]".into()
    })?;
    if let Some(period) = adversary.period_ms {
        let told = |error| Fault::new(&["period_ms"], anyhow!("period_ms: {error}"));
        check_value("period_ms", &period.to_string()).map_err(told)?;
    }
    check_stop(adversary)?;
    let stops = adversary.kind == AdversaryKind::Stalled;
    require("at", !stops || adversary.at != Point::Outside, || {
        "at: a stalled thread is inside of a guard; the kind `idle` stops outside".into()
    })
}

/// Where and how its threads stop, together.
fn check_stop(adversary: &Adversary) -> Result<(), Fault> {
    let Adversary { kind, at, how, .. } = adversary;
    let is_signal = *how == Manner::Stopped;
    require("how", !is_signal || stop::IS_POSSIBLE, || {
        "how: `stopped` needs signals to one thread as Linux has them; `parked` works everywhere"
            .into()
    })?;
    require("how", !is_signal || *kind == AdversaryKind::Stalled, || {
        "how: a signal stops threads of the kind `stalled` only".into()
    })?;
    let signal_places = [Point::Inside, Point::InRetire, Point::Anywhere];
    require("at", !is_signal || signal_places.contains(at), || {
        "at: a signal stops a thread `inside` of an operation, `in-retire` or `anywhere`".into()
    })?;
    require("at", is_signal || *at != Point::Anywhere, || {
        "at: only a signal stops a thread `anywhere`: how = \"stopped\"".into()
    })?;
    let stops = [AdversaryKind::Stalled, AdversaryKind::Nap, AdversaryKind::Delayed];
    require("at", *at != Point::InRetire || stops.contains(kind), || {
        "at: `in-retire` is for the kinds `stalled`, `nap` and `delayed`".into()
    })
}
