//! What claims may say: what is wrong is named with its line.

use std::collections::BTreeSet;

use anyhow::anyhow;
use kovan_lab_base::data::{AXES, METRICS, MetricInfo, SOUND, STRICT, TrialId};
use kovan_lab_base::support::suggest::suggest;

use super::claim::{Claim, ClaimKind, MAX_CORES, Selector};
use super::fault::{Fault, at, require};
use super::language::Spec;
use super::limits::{check_name, check_text};
use super::literal::{Literal, ThreadCount};

impl Spec {
    pub(super) fn check_claims(&self) -> Result<(), Fault> {
        let mut ids = BTreeSet::new();
        for (place, claim) in self.claims.iter().enumerate() {
            let place = place.to_string();
            let outer = ["claims", &place];
            let checked = if ids.insert(&claim.id) {
                self.check_claim(claim)
            } else {
                let error = anyhow!("id: `{}` is taken; each claim has an id of its own", claim.id);
                Err(Fault::new(&["id"], error))
            };
            checked.map_err(|fault| fault.within(&outer, &format!("claim `{}`", claim.id)))?;
        }
        Ok(())
    }

    fn check_claim(&self, claim: &Claim) -> Result<(), Fault> {
        at("id", check_name("id", &claim.id))?;
        for (key, text) in [("says", &claim.says), ("where", &claim.place), ("paper", &claim.paper)]
        {
            at(key, check_text(key, text))?;
            require(key, !text.trim().is_empty(), || format!("{key}: is empty"))?;
        }
        check_keys(claim)?;
        check_limits(claim)?;
        self.check_metric(claim)?;
        for (keys, selector) in claim.selectors() {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            self.check_selector(selector).map_err(|fault| fault.within(&keys, &keys.join(" ")))?;
        }
        if let Some(axis) = &claim.across {
            let values = self.values_of(axis).map_err(|told| across(&told))?;
            require("across", values.len() > 1, || {
                format!("across: the axis `{axis}` has one value in this spec, so nothing differs")
            })?;
        }
        let cores = claim.needs.cores;
        require("needs", cores.is_none_or(|cores| (1..=MAX_CORES).contains(&cores)), || {
            format!("needs: cores: must be from 1 to {MAX_CORES}, but is {}", cores.unwrap_or(0))
        })
    }

    /// The metric, what it is divided by, and the role.
    fn check_metric(&self, claim: &Claim) -> Result<(), Fault> {
        let Some(metric) = claim.metric() else {
            let told = format!(
                "metric: a claim of the kind `{}` names one, as `throughput` or `unreclaimed_mean`",
                claim.kind.name()
            );
            return Err(Fault::new(&["kind"], anyhow!(told)));
        };
        let metrics = || METRICS.iter().map(|info| info.name).chain(["throughput"]);
        require("metric", MetricInfo::of(metric).is_some(), || {
            format!("metric: there is no metric `{metric}`; {}", suggest(metric, metrics()))
        })?;
        if let Some(per) = &claim.per {
            let axes = || AXES.iter().map(|info| info.name).filter(|name| is_number(name));
            require(
                "per",
                MetricInfo::of(per).is_some() || axes().any(|axis| axis == per),
                || {
                    let known: Vec<&str> = axes().chain(metrics()).collect();
                    let near = suggest(per, known.into_iter());
                    format!("per: there is no axis of numbers and no metric `{per}`; {near}")
                },
            )?;
        }
        let Some(role) = &claim.role else { return Ok(()) };
        let roles = || self.workloads.iter().flat_map(|w| &w.roles).map(|r| r.name.as_str());
        require("role", roles().any(|known| known == role), || {
            format!("role: no workload has a role `{role}`; {}", suggest(role, roles()))
        })?;
        let metrics = ["ops", "ops_per_second"];
        require("metric", metrics.contains(&metric) && claim.per.is_none(), || {
            format!(
                "metric: of a role there are {} only, without `per`, and not `{metric}`",
                metrics.join(" and ")
            )
        })
    }

    /// Each axis is there, and each value is one that some scale has.
    fn check_selector(&self, selector: &Selector) -> Result<(), Fault> {
        for (axis, values) in selector {
            let known = self.values_of(axis).map_err(|told| Fault::new(&[axis], anyhow!(told)))?;
            require(axis, !values.all().is_empty(), || format!("{axis}: the list is empty"))?;
            for (place, value) in values.all().iter().enumerate() {
                let told = |told: String| {
                    Fault::new(&[axis, &place.to_string()], anyhow!("{axis}: {told}"))
                };
                let text = normal(axis, value).map_err(told)?;
                if !known.contains(&text) {
                    let near = suggest(&text, known.iter().map(String::as_str));
                    let wrong = format!("no cell of this spec, at any scale, has `{text}`; {near}");
                    return Err(told(wrong));
                }
            }
        }
        Ok(())
    }

    /// The values that an axis has in this spec, over all scales, as texts.
    fn values_of(&self, axis: &str) -> Result<Vec<String>, String> {
        let mut known: Vec<String> = match axis {
            "scheme" => self.schemes.clone().unwrap_or_else(|| {
                kovan_schemes::registry::all().iter().map(|facts| facts.name.into()).collect()
            }),
            "structure" => self.structures.clone().unwrap_or_else(|| {
                let all = kovan_structures::registry::structures();
                all.iter().map(|facts| facts.name.into()).collect()
            }),
            "workload" => self.workloads.iter().map(|workload| workload.name.clone()).collect(),
            "threads" => {
                let of_scales = self.scales_there().filter_map(|scale| scale.threads.as_ref());
                let all = of_scales.flatten().chain(&self.threads);
                all.map(ThreadCount::to_string).collect()
            }
            "stalled" => self.stalled_counts().iter().map(ToString::to_string).collect(),
            "adversary" => self.adversary_names(),
            "method" => {
                let strict = self.strict.is_asked_for().then(|| STRICT.to_string());
                [SOUND.to_string()].into_iter().chain(strict).collect()
            }
            "parameters" => {
                return Err("parameters: write each as SCHEME.NAME = VALUE, for example \
                            \"ibr.era_frequency\" = 110"
                    .into());
            }
            _ => self.values_of_other(axis)?,
        };
        known.sort();
        known.dedup();
        Ok(known)
    }

    /// The same of an axis that has no key of its own.
    fn values_of_other(&self, axis: &str) -> Result<Vec<String>, String> {
        let is_parameter = axis.contains('.');
        if !is_parameter && !AXES.iter().any(|info| info.name == axis) {
            let axes = AXES.iter().map(|info| info.name);
            return Err(format!("there is no axis `{axis}`; {}", suggest(axis, axes)));
        }
        let of_scales = self.scales_there().filter_map(|scale| scale.axes.get(axis));
        let swept = of_scales.chain(self.axes.get(axis)).flatten();
        let mut known = swept.map(|value| normal(axis, value)).collect::<Result<Vec<_>, _>>()?;
        match axis {
            _ if is_parameter => {
                known.extend(self.parameters.get(axis).map(ToString::to_string));
                if known.is_empty() {
                    return Err(format!(
                        "{axis}: this spec sets no such parameter, so no cell is chosen by it; \
                         [axes] or [parameters] would"
                    ));
                }
            }
            "key_range" if known.is_empty() => {
                known.extend(self.workloads.iter().map(|workload| workload.key_range.to_string()));
            }
            "seconds" => {
                let windows = self.scales_there().map(|scale| scale.seconds.to_string());
                known.extend(windows);
            }
            "period_ms" => {
                let own = self.adversaries.iter().filter_map(|adversary| adversary.period_ms);
                known.extend(own.chain([0]).map(|period| period.to_string()));
            }
            _ if known.is_empty() => {
                let usual = TrialId::default().get(axis).map(|value| value.text);
                known.extend(usual);
            }
            _ => {}
        }
        Ok(known)
    }

    fn stalled_counts(&self) -> BTreeSet<u32> {
        let of_scales = self.scales_there().filter_map(|scale| scale.stalled.as_ref());
        let mut counts: BTreeSet<u32> =
            of_scales.chain(self.stalled.as_ref()).flatten().copied().collect();
        counts.extend(self.adversaries.iter().filter_map(|adversary| adversary.count));
        if counts.iter().all(|count| *count == 0) {
            counts.insert(u32::from(!self.adversaries.is_empty()));
        }
        counts
    }

    fn adversary_names(&self) -> Vec<String> {
        let counts = self.stalled_counts();
        let none = (counts.contains(&0) || self.adversaries.is_empty()).then_some("none");
        let stalls = self.adversaries.is_empty() && counts.iter().any(|count| *count > 0);
        let own = self.adversaries.iter().map(|adversary| adversary.name.as_str());
        let all = own.chain(none).chain(stalls.then_some("stalled"));
        all.map(String::from).collect()
    }

    fn scales_there(&self) -> impl Iterator<Item = &super::language::Scale> {
        self.scales.all().into_iter().filter_map(|(_, scale)| scale.as_ref())
    }
}

fn across(told: &str) -> Fault {
    Fault::new(&["across"], anyhow!("across: {told}"))
}

/// Returns whether the values of an axis are numbers.
fn is_number(axis: &str) -> bool {
    TrialId::default().get(axis).is_some_and(|value| value.number.is_some())
}

/// The text of a value as cells have it; an error says what would be right.
fn normal(axis: &str, value: &Literal) -> Result<String, String> {
    let text = value.to_string();
    if axis == "threads" {
        return text.parse().map(|count: ThreadCount| count.to_string());
    }
    if axis.contains('.') {
        let number: Result<u64, _> = text.parse();
        return number
            .map(|number| number.to_string())
            .map_err(|_| format!("`{text}` is not a whole number"));
    }
    let mut id = TrialId::default();
    id.set(axis, &text)?;
    Ok(id.get(axis).map_or(text, |value| value.text))
}

/// Each kind has keys of its own.
fn check_keys(claim: &Claim) -> Result<(), Fault> {
    use ClaimKind::{Bound, Flat, Growth, Jump, Order, Ratio, Value};
    let kind = claim.kind;
    let limits: &[ClaimKind] = &[Ratio, Value];
    // A key, whether it is there, the kinds that must have it, and those that may.
    let keys: [(&str, bool, &[ClaimKind], &[ClaimKind]); 9] = [
        ("over", claim.over.is_some(), &[Ratio, Jump], &[]),
        ("against", claim.against.is_some(), &[], &[Ratio]),
        ("order", claim.order.is_some(), &[Order], &[]),
        ("across", claim.across.is_some(), &[Flat], &[]),
        ("class", claim.class.is_some(), &[Growth], &[]),
        ("of", !claim.of.is_empty(), &[], &[Ratio, Jump, Growth, Flat, Value, Bound]),
        ("least", claim.least.is_some(), &[Jump], limits),
        ("most", claim.most.is_some(), &[Flat], &[Ratio, Value, Bound]),
        ("together", claim.together, &[], &[Ratio, Jump, Value]),
    ];
    for (key, is_there, must, may) in keys {
        let wanted = must.contains(&kind);
        require("kind", is_there || !wanted, || {
            format!("{key}: a claim of the kind `{}` needs it", kind.name())
        })?;
        require(key, !is_there || wanted || may.contains(&kind), || {
            let those: Vec<&str> = must.iter().chain(may).map(|kind| kind.name()).collect();
            format!("{key}: is for claims of the kind {}, not `{}`", those.join(", "), kind.name())
        })?;
    }
    let is_declared = claim.metric().is_some_and(|metric| {
        ["unreclaimed_peak", "unreclaimed_mean", "unreclaimed_end"].contains(&metric)
    });
    require("metric", kind != Bound || claim.most.is_some() || is_declared, || {
        "metric: schemes declare bounds of unreclaimed nodes only; of other metrics `most` says the bound".into()
    })?;
    let limited = claim.least.is_some() || claim.most.is_some();
    require("kind", limited || !limits.contains(&kind), || {
        format!("least: a claim of the kind `{}` needs `least`, `most`, or both", kind.name())
    })?;
    let count = claim.order.as_ref().map_or(2, Vec::len);
    require("order", (2..=64).contains(&count), || {
        format!("order: must have from 2 to 64 entries, but has {count}")
    })
}

/// What is allowed.
fn check_limits(claim: &Claim) -> Result<(), Fault> {
    for (key, limit) in [("least", claim.least), ("most", claim.most)] {
        require(key, limit.is_none_or(f64::is_finite), || format!("{key}: must be a number"))?;
    }
    if let (Some(least), Some(most)) = (claim.least, claim.most) {
        require("most", least <= most, || {
            format!("most: must be at least `least`, which is {least}, but is {most}")
        })?;
    }
    let factor = |key: &str, limit: Option<f64>| {
        require(key, limit.is_none_or(|limit| limit > 1.0), || {
            let what = if key == "least" { "a jump" } else { "the largest over the smallest" };
            let limit = limit.unwrap_or(0.0);
            format!("{key}: {what} is a factor above 1, but this is {limit}")
        })
    };
    match claim.kind {
        ClaimKind::Jump => factor("least", claim.least)?,
        ClaimKind::Flat => factor("most", claim.most)?,
        _ => {}
    }
    let tolerance = claim.tolerance;
    require("tolerance", tolerance.is_finite() && tolerance >= 0.0, || {
        format!("tolerance: must be 0 or more, but is {tolerance}")
    })
}
